// The code of docs/webhooks.md that verifies signatures, as a partner pastes it, against what the server posts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';

import ts from 'typescript';

import { ask, freshKey } from './server.mjs';

const page = readFileSync(new URL('house/docs/webhooks.md', import.meta.url), 'utf8');
const code = (language) => page.match(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's'))[1];
const wrong = `whsec_${Buffer.alloc(32).toString('base64')}`;

// A partner's server: the first request that it gets.
async function received(t, trigger) {
  const server = createServer();
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = once(server, 'request');
  const secret = await trigger(`http://127.0.0.1:${server.address().port}/hooks`);
  const [request, response] = await asked;
  const body = Buffer.concat(await request.toArray()).toString();
  response.writeHead(204).end();
  return { secret, headers: request.headers, body };
}

async function endpoint(url) {
  const { createWebhookEndpoint } = await ask(
    `mutation Create($url: URL!) { createWebhookEndpoint(input: { url: $url, types: [CONTACT_UPDATED] }) {
      webhookEndpoint { id } secret userErrors { code message } } }`,
    { url },
  );
  return { id: createWebhookEndpoint.webhookEndpoint.id, secret: createWebhookEndpoint.secret };
}

test('both examples take what is genuine and refuse what is not', async (t) => {
  const externalId = freshKey();
  const hook = await received(t, async (url) => {
    const { id, secret } = await endpoint(url);
    t.after(() =>
      ask('mutation Delete($id: ID!) { deleteWebhookEndpoint(input: { id: $id }) { userErrors { code } } }', { id }),
    );
    await ask(
      'mutation Contact($input: UpsertContactInput!) { upsertContact(input: $input) { userErrors { code } } }',
      { input: { externalId, name: 'Zoë 李' } },
    );
    return secret;
  });

  const compiled = ts.transpile(code('typescript'), { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 });
  writeFileSync('verify.mjs', compiled);
  const { verify } = await import(new URL('verify.mjs', `file://${process.cwd()}/`));
  assert.equal(verify(hook.secret, hook.headers, hook.body).data.externalId, externalId);
  assert.throws(() => verify(wrong, hook.headers, hook.body), /not signed/);
  assert.throws(() => verify(hook.secret, hook.headers, `${hook.body} `), /not signed/);
  assert.throws(() => verify(hook.secret, hook.headers, hook.body, Date.now() + 600_000), /too old/);

  const script = `${code('python')}
import sys
told = json.load(sys.stdin)
try:
    print(verify(told["secret"], told["headers"], told["body"].encode())["data"]["externalId"])
except ValueError as error:
    print(error)
`;
  const python = (told) =>
    execFileSync('venv/bin/python', ['-c', script], { input: JSON.stringify(told), encoding: 'utf8' }).trim();
  assert.equal(python(hook), externalId);
  assert.equal(python({ ...hook, secret: wrong }), 'not signed by PhoneHub');
  assert.equal(python({ ...hook, body: `${hook.body} ` }), 'not signed by PhoneHub');
});
