// Apollo Client over HTTP and GraphQLWsLink: fragments, variables, user errors as data, the live loop, one cache entry
// an id, and Relay-style pages.
import assert from 'node:assert/strict';
import test from 'node:test';

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition, relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

import { iterate } from './iterate.mjs';
import { authorization, delivered, example, freshKey, QUIET, send, socketUrl, token, url } from './server.mjs';
import { liveStory } from './story.mjs';

const MESSAGE = gql`
  fragment Apollo_message on Message {
    id
    body
    status
  }
`;
const ONE = gql`
  query One($id: ID!) {
    message(id: $id) {
      ...Apollo_message
    }
  }
  ${MESSAGE}
`;
const PAGE = gql`
  query Page($filter: MessageFilter, $first: Int!, $after: String) {
    messages(filter: $filter, first: $first, after: $after) {
      edges {
        cursor
        node {
          ...Apollo_message
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

function connect(t) {
  const socket = createClient({ url: socketUrl(), webSocketImpl: WebSocket, connectionParams: { token } });
  t.after(() => socket.dispose());
  const client = new ApolloClient({
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { messages: relayStylePagination(['filter']) } } },
    }),
    link: ApolloLink.split(
      ({ query }) => getMainDefinition(query).operation === 'subscription',
      new GraphQLWsLink(socket),
      new HttpLink({ uri: url, headers: authorization }),
    ),
  });
  t.after(() => client.stop());
  return client;
}

const operation = (document, name) => ({
  ...document,
  definitions: document.definitions.filter((part) => part.kind === 'FragmentDefinition' || part.name.value === name),
});

test('the live loop', (t) => {
  const client = connect(t);
  return liveStory((query, variables, arrived) =>
    iterate((sink) => {
      const subscription = client.subscribe({ query: gql(query), variables }).subscribe(sink);
      return () => subscription.unsubscribe();
    }, arrived),
  );
});

test('a mutation answers user errors as data', async (t) => {
  const input = { to: { phoneNumber: '+1206' }, body: 'x', idempotencyKey: freshKey() };
  const mutation = operation(gql(example('send')), 'SendMutation');
  const { data, error } = await connect(t).mutate({ mutation, variables: { input } });
  assert.equal(error, undefined);
  assert.equal(data.sendMessage.message, null);
  const [{ code, field }] = data.sendMessage.userErrors;
  assert.deepEqual([code, field], ['INVALID_NUMBER', ['input', 'to', 'phoneNumber']]);
});

test('the cache keeps one entry an id, whatever brought it', async (t) => {
  const client = connect(t);
  const input = { to: { phoneNumber: QUIET }, body: `apollo ${freshKey()}`, idempotencyKey: freshKey() };
  const mutation = operation(gql(example('send')), 'SendMutation');
  const { data } = await client.mutate({ mutation, variables: { input } });
  const { id } = data.sendMessage.message;
  const entry = () => client.readFragment({ id: `Message:${id}`, fragment: MESSAGE });
  // The mutation's answer alone fills the entry.
  assert.deepEqual([entry().body, entry().status], [input.body, 'QUEUED']);
  await delivered(id);
  const variables = { filter: { to: { eq: QUIET } }, first: 1 };
  await client.query({ query: PAGE, variables, fetchPolicy: 'network-only' });
  assert.equal(entry().status, 'DELIVERED');
  // What the list brought answers for the same thing asked by its id.
  assert.equal(Object.keys(client.cache.extract()).filter((key) => key.endsWith(id)).length, 1);
  const { data: one } = await client.query({ query: ONE, variables: { id } });
  assert.equal(one.message.status, 'DELIVERED');
});

test('relayStylePagination joins pages without gap or repetition', async (t) => {
  const client = connect(t);
  const to = '+12065550155';
  const bodies = [];
  for (let n = 0; n < 5; n += 1) {
    bodies.unshift(`page ${freshKey()}`);
    await send(to, bodies[0]);
  }
  const page = { query: PAGE, variables: { filter: { to: { eq: to } }, first: 2 } };
  const list = client.watchQuery(page);
  const shown = iterate((sink) => {
    const subscription = list.subscribe(sink);
    return () => subscription.unsubscribe();
  });
  t.after(() => shown.return());
  let messages;
  for (let pages = 1; messages?.pageInfo.hasNextPage ?? true; pages += 1) {
    if (messages) await list.fetchMore({ variables: { after: messages.pageInfo.endCursor } });
    do ({ messages } = (await shown.next()).value.data ?? {});
    while (!messages || (messages.pageInfo.hasNextPage && messages.edges.length < 2 * pages));
  }
  const got = messages.edges.map(({ node }) => node.body);
  assert.deepEqual(got.slice(0, 5), bodies);
  assert.equal(new Set(got).size, got.length);
});
