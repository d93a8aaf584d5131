// The documents of docs/examples: every operation runs against the server, and the README shows them as they are.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { createClient } from 'graphql-sse';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  parse,
  printSchema,
  validate,
} from 'graphql';

import { iterate } from './iterate.mjs';
import { ask, authorization, delivered, ECHO, freshKey, owner, sandbox, stage, url } from './server.mjs';

const house = new URL('house/', import.meta.url);
const read = (path) => readFileSync(new URL(path, house), 'utf8');
const folder = 'docs/examples';
const documents = readdirSync(new URL(folder, house)).map((name) => ({ name, text: read(`${folder}/${name}`) }));

const operations = new Map();
for (const { text } of documents) {
  for (const { kind, name } of parse(text).definitions) {
    if (kind === 'OperationDefinition') operations.set(name.value, text);
  }
}

// Operations that no test has run yet.
const untold = new Set(operations.keys());

function run(operationName, variables, headers = authorization) {
  untold.delete(operationName);
  return ask(operations.get(operationName), variables, { operationName, headers });
}

// The first result of a subscription that replays from `after`.
async function first(t, operationName, variables) {
  untold.delete(operationName);
  const client = createClient({ url: `${url}/stream`, headers: authorization });
  t.after(() => client.dispose());
  const results = iterate((sink) => client.subscribe({ query: operations.get(operationName), operationName, variables }, sink));
  const { value } = await results.next();
  await results.return();
  assert.deepEqual(value.errors ?? [], []);
  return Object.values(value.data)[0];
}

async function ownerHeaders() {
  const { signIn } = await run('SessionSignInMutation', { input: owner });
  return { tokens: signIn.tokens, headers: { Authorization: `Bearer ${signIn.tokens.accessToken}` } };
}

// Everything that tools ask for.
const introspection = getIntrospectionQuery({
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
});

test('they fit the schema that the server tells, which is schema.graphql', async () => {
  const answer = await ask(introspection);
  // The library describes schemas as such, by a sentence that SDL cannot tell from ours.
  delete answer.__schema.description;
  const schema = buildClientSchema(answer);
  const told = printSchema(lexicographicSortSchema(schema));
  assert(told === printSchema(lexicographicSortSchema(buildSchema(read('schema.graphql')))), 'another schema');
  const pages = [{ name: 'docs/subscriptions.md', text: fences(read('docs/subscriptions.md')).join('\n') }];
  for (const { name, text } of [...documents, ...pages]) {
    assert.deepEqual(validate(schema, parse(text)).map(({ message }) => `${name}: ${message}`), []);
  }
});

const fences = (markdown) => [...markdown.matchAll(/^```graphql\n([^]*?)^```$/gm)].map(([, text]) => text);

test('the README shows them as they are', () => {
  const shown = fences(read('README.md'));
  assert(shown.length > 0);
  for (const text of shown) assert(documents.some((document) => document.text === text), text);
});

test('session', async () => {
  const { tokens } = await ownerHeaders();
  const { refreshSession } = await run('SessionRefreshMutation', { input: { refreshToken: tokens.refreshToken } }, {});
  const headers = { Authorization: `Bearer ${refreshSession.tokens.accessToken}` };
  const { viewer } = await run('SessionQuery', {}, headers);
  assert.deepEqual([viewer.user.email, viewer.role], [owner.email, 'OWNER']);
  await run('SessionSignOutMutation', {}, headers);
  await assert.rejects(run('SessionQuery', {}, headers), /UNAUTHENTICATED/);
});

test('set-up', async () => {
  const { headers } = await ownerHeaders();
  const { carrierConfigs, numbers } = await run('SetupQuery', {}, headers);
  assert.equal(carrierConfigs[0].isTest, true);
  assert.equal(numbers.nodes.length, 2);
  const check = await run('SetupTestMutation', { input: { id: carrierConfigs[0].id } }, headers);
  assert.deepEqual([check.testCarrierConfig.check.ok, check.testCarrierConfig.check.problems], [true, []]);
  const keyword = { word: `HOURS${freshKey().replaceAll('-', '')}`.slice(0, 20), reply: 'From nine to five.' };
  const { saveKeyword } = await run('SetupKeywordMutation', { input: keyword }, headers);
  assert.equal(saveKeyword.keyword.active, true);
  const invited = { email: `${freshKey()}@example.com`, role: 'AGENT' };
  const { inviteMember } = await run('SetupInviteMutation', { input: invited }, headers);
  assert.match(inviteMember.link, /^http/);
  const partner = { name: 'partner', scopes: ['MESSAGES_READ'] };
  const { createApiKey } = await run('SetupApiKeyMutation', { input: partner }, headers);
  const { viewer } = await run('SessionQuery', {}, { Authorization: `Bearer ${createApiKey.secret}` });
  assert.deepEqual(viewer.apiKey, { id: createApiKey.apiKey.id, scopes: partner.scopes });
});

test('send, follow, inbox', async (t) => {
  const { sendMessage } = await run('HelloMutation', {});
  await delivered(sendMessage.message.id);
  // A first cursor, to replay from.
  const watching = first(t, 'WatchSubscription', {});
  const hearing = first(t, 'ReceivedSubscription', {});
  const text = { to: { phoneNumber: ECHO }, body: 'Hello', idempotencyKey: freshKey() };
  const { cursor } = await untilOne(watching, () => run('SendMutation', { input: { ...text, idempotencyKey: freshKey() } }));
  const { node: answer } = await hearing;
  assert.equal(answer.from, ECHO);
  const { sendMessage: sent } = await run('SendMutation', { input: text });
  const { id } = sent.message;
  await delivered(id);
  const { message } = await run('SendTimelineQuery', { id });
  assert.equal(message.attempts[0].state, 'ACCEPTED');
  const filter = { contactNumber: ECHO };
  assert((await first(t, 'FollowSubscription', { filter, after: cursor })).node.status);
  assert((await first(t, 'FollowAnswersSubscription', { filter, after: cursor })).node.body.startsWith('Echo:'));
  assert((await first(t, 'FollowEverythingSubscription', { after: cursor })).node.type);
  assert.equal((await first(t, 'InboxSubscription', { after: cursor })).node.contactNumber, ECHO);
  const { conversations } = await run('InboxQuery', { filter: { contactNumber: ECHO } });
  const [{ node: thread }] = conversations.edges;
  const { conversation } = await run('InboxThreadQuery', { id: thread.id, first: 1 });
  assert.equal(conversation.messages.pageInfo.hasNextPage, true);
  const { markConversationRead } = await run('InboxReadMutation', { input: { conversationId: thread.id } });
  assert.equal(markConversationRead.conversation.unreadCount, 0);
  const later = { ...text, idempotencyKey: freshKey(), scheduledAt: new Date(Date.now() + 3_600_000).toISOString() };
  const { sendMessage: waiting } = await run('SendMutation', { input: later });
  const { cancelMessage } = await run('SendCancelMutation', { input: { messageId: waiting.message.id } });
  assert.equal(cancelMessage.message.status, 'CANCELED');
});

// Acts again and again until the subscription is in force and has heard of it.
async function untilOne(heard, act) {
  for (let result; ; ) {
    await act();
    result = await Promise.race([heard, new Promise((resolve) => setTimeout(resolve, 1000))]);
    if (result) return result;
  }
}

test('contacts', async () => {
  const phoneNumber = '+12065550157';
  const input = { externalId: freshKey(), name: 'Ada', phoneNumbers: [phoneNumber] };
  const { contactsByPhoneNumbers: before } = await run('ContactsOfNumbersQuery', { phoneNumbers: [phoneNumber] });
  const known = before[0].contact ? { ...input, id: before[0].contact.id } : input;
  const { upsertContact } = await run('ContactsSaveMutation', { input: known });
  assert.deepEqual(upsertContact.contact.phoneNumbers, [phoneNumber]);
  const { contacts } = await run('ContactsQuery', { filter: { externalId: input.externalId } });
  assert.equal(contacts.totalCount, 1);
  const refusal = { phoneNumber, scope: 'ORGANIZATION' };
  const { setOptOut } = await run('ContactsOptOutMutation', { input: refusal });
  assert.equal(setOptOut.optOut.source, 'API');
  const { clearOptOut } = await run('ContactsOptInMutation', { input: refusal });
  assert.notEqual(clearOptOut.optOut.liftedAt, null);
});

test('a carrier account of the sandbox becomes the config of an organisation of its own', async () => {
  const sender = '+12065550192';
  const account = await stage('accounts', { numbers: [{ phone_number: sender }] });
  const person = { email: `${freshKey()}@example.com`, password: `pass ${freshKey()}`, name: 'Grace' };
  const signUp = 'mutation ($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } userErrors { code } } }';
  const joined = await ask(signUp, { input: { ...person, organizationName: 'Own' } }, { headers: {} });
  const headers = { Authorization: `Bearer ${joined.signUp.tokens.accessToken}` };
  const credentials = { accountSid: account.sid, authToken: account.auth_token };
  const input = { provider: 'TWILIO', credentials, baseUrl: sandbox, senders: [sender] };
  const { saveCarrierConfig } = await run('SetupCarrierMutation', { input }, headers);
  assert.deepEqual([saveCarrierConfig.carrierConfig.isSystem, saveCarrierConfig.carrierConfig.isTest], [false, true]);
});

test('no operation was left out', () => assert.deepEqual([...untold], []));
