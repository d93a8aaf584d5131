// Drives the sandbox with Twilio's official Node package, unmodified but for the address it talks to. Signatures are
// checked by the package's own validator.
import assert from 'node:assert/strict';
import { EventEmitter, on, once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'node:test';

import twilio from 'twilio';

import { sandbox, stage } from './server.mjs';

const OURS = '+12065550191';
const PHONE = '+12065550152';
const OPTED_OUT = '+12065550109';
const SERVICE = 'MG0123456789abcdef0123456789abcde0';
const HOUR = 3_600_000;

// The package's own client, sent to another host.
class Sandbox extends twilio.RequestClient {
  request(options) {
    return super.request({ ...options, uri: options.uri.replace('https://api.twilio.com', sandbox) });
  }
}

const connect = (sid, authToken) => twilio(sid, authToken, { httpClient: new Sandbox() });

// Takes what is signed, hands it on, answers texts with TwiML.
async function takeWebhooks(t) {
  const hits = new EventEmitter();
  const server = http.createServer(async (request, response) => {
    const params = Object.fromEntries(new URLSearchParams(await text(request)));
    response.setHeader('content-type', 'text/xml');
    response.end(request.url === '/sms' ? '<Response><Message>Tom &amp; Jerry</Message></Response>' : '');
    hits.emit('hit', { path: request.url, params, signature: request.headers['x-twilio-signature'] });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const taken = on(hits, 'hit');
  return { url: `http://127.0.0.1:${server.address().port}`, next: async () => (await taken.next()).value[0] };
}

async function open(t) {
  const hooks = await takeWebhooks(t);
  const account = await stage('accounts', {
    numbers: [{ phone_number: OURS, sms_url: `${hooks.url}/sms` }],
    services: [{ sid: SERVICE, numbers: [OURS] }],
  });
  const isSigned = ({ path, params, signature }) =>
    twilio.validateRequest(account.auth_token, signature, hooks.url + path, params);
  return { hooks, isSigned, account, client: connect(account.sid, account.auth_token) };
}

const refusal = (promise) =>
  promise.then(
    () => assert.fail('was not refused'),
    ({ status, code }) => [status, code],
  );

test('create, signed receipts, fetch with its price', async (t) => {
  const { client, hooks, isSigned } = await open(t);
  const statusCallback = `${hooks.url}/status?attempt=1&x=a%20b`;
  const body = 'Zażółć & 50% + 😀';
  const message = await client.messages.create({ to: PHONE, from: OURS, body, statusCallback });
  assert.deepEqual([message.status, message.direction, message.price], ['queued', 'outbound-api', null]);
  assert(message.dateCreated instanceof Date);
  for (const status of ['sent', 'delivered']) {
    const hit = await hooks.next();
    assert.deepEqual([hit.params.MessageStatus, hit.params.MessageSid], [status, message.sid]);
    assert(isSigned(hit));
    assert(!isSigned({ ...hit, params: { ...hit.params, MessageStatus: 'failed' } }));
  }
  await stage('idle?timeout_ms=15000');
  const fetched = await client.messages(message.sid).fetch();
  assert.deepEqual([fetched.status, fetched.price, fetched.priceUnit], ['delivered', '-0.00790', 'USD']);
});

test('list by pages and filters', async (t) => {
  const { client } = await open(t);
  const to = '+12065550153';
  for (let n = 0; n < 7; n += 1) await client.messages.create({ to, from: OURS, body: String(n) });
  await client.messages.create({ to: PHONE, from: OURS, body: 'another' });
  await stage('idle?timeout_ms=15000');
  const found = await client.messages.list({ to, pageSize: 3 });
  assert.deepEqual(found.map(({ body }) => body), ['6', '5', '4', '3', '2', '1', '0']);
  const page = await client.messages.page({ pageSize: 3 });
  const next = await page.nextPage();
  const back = await next.previousPage();
  assert.deepEqual([page.instances.length, next.instances.length], [3, 3]);
  assert.deepEqual(back.instances.map(({ sid }) => sid), page.instances.map(({ sid }) => sid));
  const soon = new Date(Date.now() + HOUR);
  assert.equal((await client.messages.list({ dateSentBefore: soon })).length, 8);
  assert.deepEqual(await client.messages.list({ dateSentAfter: soon }), []);
});

test('media, account, numbers', async (t) => {
  const { client, account, hooks } = await open(t);
  const picture = await client.messages.create({ to: PHONE, from: OURS, mediaUrl: ['https://a.example/1.png'] });
  assert.match(picture.sid, /^MM/);
  const [media] = await client.messages(picture.sid).media.list();
  assert.equal(media.contentType, 'image/png');
  assert.equal((await client.messages(picture.sid).media(media.sid).fetch()).parentSid, picture.sid);
  assert.equal((await client.api.v2010.accounts(account.sid).fetch()).status, 'active');
  const [number] = await client.incomingPhoneNumbers.list({ phoneNumber: OURS });
  assert.equal((await number.update({ friendlyName: 'front desk' })).friendlyName, 'front desk');
  assert.equal((await number.fetch()).smsUrl, `${hooks.url}/sms`);
});

test('schedule and cancel, redact, delete', async (t) => {
  const { client } = await open(t);
  const sendAt = new Date(Date.now() + HOUR);
  const later = await client.messages.create({
    to: PHONE,
    messagingServiceSid: SERVICE,
    body: 'later',
    scheduleType: 'fixed',
    sendAt,
  });
  assert.equal(later.status, 'scheduled');
  assert.equal((await later.update({ status: 'canceled' })).status, 'canceled');
  const message = await client.messages.create({ to: PHONE, from: OURS, body: 'secret' });
  await stage('idle?timeout_ms=15000');
  assert.equal((await client.messages(message.sid).update({ body: '' })).body, '');
  assert.equal(await client.messages(message.sid).remove(), true);
  assert.deepEqual(await refusal(client.messages(message.sid).fetch()), [404, 20404]);
});

test('errors', async (t) => {
  const { client, account } = await open(t);
  const create = (to, from = OURS) => client.messages.create({ to, from, body: 'x' });
  assert.deepEqual(await refusal(create('+1206')), [400, 21211]);
  assert.deepEqual(await refusal(create(PHONE, PHONE)), [400, 21266]);
  assert.deepEqual(await refusal(create(OPTED_OUT)), [400, 21610]);
  assert.deepEqual(await refusal(connect(account.sid, 'wrong').messages.list({ limit: 1 })), [401, 20003]);
});

test('a text, its signed webhook, the reply; STOP', async (t) => {
  const { client, account, hooks, isSigned } = await open(t);
  const say = (body) => stage('say', { from: PHONE, to: OURS, body, account: account.sid });
  const { replies } = await say('hello 😀');
  const hit = await hooks.next();
  assert(isSigned(hit));
  assert.deepEqual([hit.path, hit.params.Body, hit.params.SmsStatus], ['/sms', 'hello 😀', 'received']);
  const reply = await client.messages(replies[0]).fetch();
  assert.deepEqual([reply.body, reply.direction], ['Tom & Jerry', 'outbound-reply']);
  await say('STOP');
  assert(isSigned(await hooks.next()));
  assert.deepEqual(await refusal(client.messages.create({ to: PHONE, from: OURS, body: 'x' })), [400, 21610]);
});
