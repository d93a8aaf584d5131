// The package `graphql-sse`, distinct connections mode, over /graphql/stream: the live loop, and resuming after a cut
// by the variable `after` and by the header that browsers send, `Last-Event-ID`.
import assert from 'node:assert/strict';
import test from 'node:test';

import { createClient } from 'graphql-sse';

import { lay } from './cable.mjs';
import { iterate } from './iterate.mjs';
import { authorization, example, url } from './server.mjs';
import { liveStory, resumeStory } from './story.mjs';

function connect(t, options = {}) {
  const client = createClient({ url: `${url}/stream`, headers: authorization, retryAttempts: 0, ...options });
  t.after(() => client.dispose());
  return client;
}

const subscribeBy = (client) => (query, variables, arrived) =>
  iterate((sink) => client.subscribe({ query, variables }, sink), arrived);

test('the live loop', (t) => liveStory(subscribeBy(connect(t))));

test('resuming by the variable `after` after a cut', async (t) => {
  const cable = await lay(t);
  const client = connect(t, { url: `${cable.url}/stream`, retryAttempts: 10, retry: () => cable.whole() });
  await resumeStory(subscribeBy(client), cable);
});

test('resuming by Last-Event-ID after a cut', async (t) => {
  const cable = await lay(t);
  const subscribe = (query, variables, arrived) => {
    const client = connect(t, {
      url: `${cable.url}/stream`,
      headers: () => (variables.after ? { ...authorization, 'Last-Event-ID': variables.after } : authorization),
      retryAttempts: 10,
      retry: () => cable.whole(),
    });
    return subscribeBy(client)(query, {}, arrived);
  };
  await resumeStory(subscribe, cable);
});

test('a query is answered and completed', async (t) => {
  const payload = { query: example('session'), operationName: 'SessionQuery' };
  const answers = iterate((sink) => connect(t).subscribe(payload, sink));
  const { value } = await answers.next();
  assert.match(value.data.viewer.organization.id, /^org_/);
  assert.equal((await answers.next()).done, true);
});
