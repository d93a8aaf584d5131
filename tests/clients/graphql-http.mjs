// The audits of GraphQL over HTTP of the package `graphql-http`: MUST, SHOULD and MAY.
import assert from 'node:assert/strict';
import test from 'node:test';

import { serverAudits } from 'graphql-http';

import { url } from './server.mjs';

const audits = serverAudits({ url });

test('there are 61 audits', () => assert.equal(audits.length, 61));

for (const { id, name, fn } of audits) {
  test(`${id} ${name}`, async () => {
    const { status, reason } = await fn();
    assert.equal(status, 'ok', reason);
  });
}
