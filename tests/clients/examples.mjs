// Every operation of docs/examples runs against the server.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import { createClient } from 'graphql-sse';
import { parse } from 'graphql';

import { untilHeard } from './heard.mjs';
import { iterate } from './iterate.mjs';
import { ask, authorization, delivered, ECHO, freshKey, owner, sandbox, stage, url } from './server.mjs';

const folder = new URL('house/docs/examples/', import.meta.url);
const operations = new Map();
for (const name of readdirSync(folder)) {
  const text = readFileSync(new URL(name, folder), 'utf8');
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
  const query = operations.get(operationName);
  const results = iterate((sink) => client.subscribe({ query, operationName, variables }, sink));
  const { value } = await results.next();
  await results.return();
  assert.deepEqual(value.errors ?? [], []);
  return Object.values(value.data)[0];
}

async function ownerHeaders() {
  const { signIn } = await run('SessionSignInMutation', { input: owner });
  return { tokens: signIn.tokens, headers: { Authorization: `Bearer ${signIn.tokens.accessToken}` } };
}

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
  const sendAnother = () => run('SendMutation', { input: { ...text, idempotencyKey: freshKey() } });
  const { cursor } = await untilHeard(watching, sendAnother);
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
  const signUp = `mutation ($input: SignUpInput!) {
    signUp(input: $input) { tokens { accessToken } userErrors { code } }
  }`;
  const joined = await ask(signUp, { input: { ...person, organizationName: 'Own' } }, { headers: {} });
  const headers = { Authorization: `Bearer ${joined.signUp.tokens.accessToken}` };
  const credentials = { accountSid: account.sid, authToken: account.auth_token };
  const input = { provider: 'TWILIO', credentials, baseUrl: sandbox, senders: [sender] };
  const { saveCarrierConfig } = await run('SetupCarrierMutation', { input }, headers);
  assert.deepEqual([saveCarrierConfig.carrierConfig.isSystem, saveCarrierConfig.carrierConfig.isTest], [false, true]);
});

test('no operation was left out', () => assert.deepEqual([...untold], []));
