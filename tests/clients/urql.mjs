// urql over HTTP, graphql-ws, graphql-sse and its own event stream: fragments, variables, user errors as data, the live
// loop on each way, pages.
import assert from 'node:assert/strict';
import test from 'node:test';

import { cacheExchange, Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

import { iterate } from './iterate.mjs';
import { authorization, example, freshKey, QUIET, send, socketUrl, token, url } from './server.mjs';
import { liveStory } from './story.mjs';

const MESSAGE = gql`
  fragment Urql_message on Message {
    id
    body
    status
  }
`;
const PAGE = gql`
  query Page($filter: MessageFilter, $first: Int!, $after: String) {
    messages(filter: $filter, first: $first, after: $after) {
      edges {
        node {
          ...Urql_message
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
  ${MESSAGE}
`;

const plain = (options = {}) =>
  new Client({
    url,
    exchanges: [cacheExchange, fetchExchange],
    fetchOptions: { headers: authorization },
    preferGetMethod: false,
    ...options,
  });

// urql over a client that speaks one of the subscription protocols.
const over = (client) =>
  plain({
    exchanges: [
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({ unsubscribe: client.subscribe(request, sink) }),
        }),
      }),
      fetchExchange,
    ],
  });

const subscribeBy = (client) => (query, variables, arrived) =>
  iterate((sink) => {
    const { unsubscribe } = client.subscription(query, variables).subscribe((result) => {
      if (result.error) sink.error(result.error);
      else sink.next(result);
    });
    return unsubscribe;
  }, arrived);

test('the live loop over graphql-ws', (t) => {
  const socket = createWsClient({ url: socketUrl(), webSocketImpl: WebSocket, connectionParams: { token } });
  t.after(() => socket.dispose());
  return liveStory(subscribeBy(over(socket)));
});

test('the live loop over graphql-sse', (t) => {
  const stream = createSseClient({ url: `${url}/stream`, headers: authorization });
  t.after(() => stream.dispose());
  return liveStory(subscribeBy(over(stream)));
});

test("the live loop over urql's own event stream", () =>
  liveStory(subscribeBy(plain({ url: `${url}/stream`, fetchSubscriptions: true }))));

test('queries by POST and by GET, with fragments and variables', async () => {
  const to = '+12065550156';
  const bodies = [];
  for (let n = 0; n < 3; n += 1) {
    bodies.unshift(`page ${freshKey()}`);
    await send(to, bodies[0]);
  }
  for (const preferGetMethod of [false, 'force']) {
    const client = plain({ preferGetMethod });
    const got = [];
    for (let after = null, more = true; more; ) {
      const { data, error } = await client.query(PAGE, { filter: { to: { eq: to } }, first: 2, after });
      assert.equal(error, undefined);
      got.push(...data.messages.edges.map(({ node }) => node.body));
      ({ hasNextPage: more, endCursor: after } = data.messages.pageInfo);
    }
    assert.deepEqual(got.slice(0, 3), bodies);
    assert.equal(new Set(got).size, got.length);
  }
});

test('a mutation answers user errors as data', async () => {
  const [mutation] = example('send').split('# What became');
  const [fragment] = example('send').match(/fragment [^]*/);
  const input = { to: { phoneNumber: QUIET }, idempotencyKey: freshKey() };
  const { data, error } = await plain().mutation(`${mutation}${fragment}`, { input });
  assert.equal(error, undefined);
  assert.equal(data.sendMessage.message, null);
  assert.equal(data.sendMessage.userErrors[0].code, 'EMPTY_MESSAGE');
});

test('a request error carries its code', async () => {
  const { error } = await plain().query('{ nonsense }', {});
  assert.equal(error.graphQLErrors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED');
});
