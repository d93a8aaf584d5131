// The package `graphql-ws` over /graphql: the live loop, resuming after a cut, subprotocols, refused tokens.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { lay } from './cable.mjs';
import { iterate } from './iterate.mjs';
import { authorization, example, socketUrl, token } from './server.mjs';
import { liveStory, resumeStory } from './story.mjs';

function connect(t, options = {}) {
  const client = createClient({
    url: socketUrl(),
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
    ...options,
  });
  t.after(() => client.dispose());
  return client;
}

const subscribeBy = (client) => (query, variables, arrived) =>
  iterate((sink) => client.subscribe({ query, variables }, sink), arrived);

const answersOf = (client, payload) => iterate((sink) => client.subscribe(payload, sink));

test('the live loop', (t) => liveStory(subscribeBy(connect(t))));

test('resuming by cursor after a cut', async (t) => {
  const cable = await lay(t);
  const client = connect(t, {
    url: socketUrl(cable.url),
    connectionParams: authorization,
    retryAttempts: 10,
    retryWait: () => cable.whole(),
  });
  await resumeStory(subscribeBy(client), cable);
});

test('queries use the same socket', async (t) => {
  const answers = answersOf(connect(t), { query: example('session'), operationName: 'SessionQuery' });
  const { value } = await answers.next();
  assert.match(value.data.viewer.organization.id, /^org_/);
  assert.equal((await answers.next()).done, true);
});

test('a request error is an error of its operation, and the socket goes on', async (t) => {
  const sockets = [];
  const client = connect(t, { lazy: false, on: { opened: (socket) => sockets.push(socket) } });
  const wrong = answersOf(client, { query: '{ nonsense }' });
  await assert.rejects(wrong.next(), ([{ extensions }]) => extensions.code === 'GRAPHQL_VALIDATION_FAILED');
  const { value } = await answersOf(client, { query: '{ __typename }' }).next();
  assert.deepEqual([value.data.__typename, sockets.length], ['Query', 1]);
});

test('a wrong token closes with 4403', async (t) => {
  const client = connect(t, { connectionParams: { token: 'wrong' } });
  await assert.rejects(answersOf(client, { query: '{ __typename }' }).next(), ({ code }) => code === 4403);
});

test('the legacy subprotocol alone is declined', async () => {
  const socket = new WebSocket(socketUrl(), ['graphql-ws']);
  const [, answer] = await once(socket, 'unexpected-response');
  assert.equal(answer.statusCode, 400);
  socket.on('error', () => {});
  socket.terminate();
});

for (const offer of [['graphql-ws', 'graphql-transport-ws'], ['graphql-transport-ws', 'graphql-ws']]) {
  test(`of ${offer.join(' and ')} the server takes graphql-transport-ws`, async (t) => {
    const socket = new WebSocket(socketUrl(), offer);
    t.after(() => socket.terminate());
    await once(socket, 'open');
    assert.equal(socket.protocol, 'graphql-transport-ws');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { token } }));
    const [message] = await once(socket, 'message');
    assert.equal(JSON.parse(message).type, 'connection_ack');
  });
}
