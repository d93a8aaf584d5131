// The server under test, as `scripts/clients` started it, and the plain HTTP requests that every script needs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const { SERVER_URL, SANDBOX_URL, TOKEN, OWNER_EMAIL, OWNER_PASSWORD } = process.env;
assert(SERVER_URL && SANDBOX_URL && TOKEN, 'run this by scripts/clients');

export const base = SERVER_URL;
export const sandbox = SANDBOX_URL;
export const token = TOKEN;
export const owner = { email: OWNER_EMAIL, password: OWNER_PASSWORD };
export const url = `${SERVER_URL}/graphql`;
export const authorization = { Authorization: `Bearer ${TOKEN}` };

// The address of a server, or of a cable to it, as sockets want it.
export const socketUrl = (address = url) => address.replace(/^http/, 'ws');

// The phone that answers every text, and one that only receives.
export const ECHO = '+12065550108';
export const QUIET = '+12065550100';

// A document of docs/examples, as a reader pastes it.
export const example = (name) => readFileSync(new URL(`house/docs/examples/${name}.graphql`, import.meta.url), 'utf8');

// One operation over HTTP; errors of any kind end the test.
export async function ask(query, variables, { operationName, headers = authorization } = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...headers },
    body: JSON.stringify({ query, variables, operationName }),
  });
  const { data, errors } = await answer.json();
  assert.deepEqual([answer.status, errors], [200, undefined]);
  for (const payload of Object.values(data)) assert.deepEqual(payload?.userErrors ?? [], []);
  return data;
}

let sent = 0;

// A key that no other call of this run has used.
export const freshKey = () => `${process.pid}-${Date.now()}-${(sent += 1)}`;

export async function send(to, body) {
  const input = { to: { phoneNumber: to }, body, idempotencyKey: freshKey() };
  const { sendMessage } = await ask(example('send'), { input }, { operationName: 'SendMutation' });
  return sendMessage.message.id;
}

// Waits, by asking, until the message has arrived; for what happens while no stream is open.
export async function delivered(id) {
  const query = 'query Status($id: ID!) { message(id: $id) { status } }';
  while ((await ask(query, { id })).message.status !== 'DELIVERED') await pause(50);
}

// A call of the sandbox's stage door.
export async function stage(path, body) {
  const request = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`${sandbox}/sandbox/${path}`, request);
  assert.equal(answer.ok, true, `${path}: ${answer.status}`);
  return answer.json();
}
