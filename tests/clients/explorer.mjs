// The explorer page in a browser: it loads from this server alone, within its policy, without an error; the schema is
// there; its example tabs run and show a message DELIVERED.
import assert from 'node:assert/strict';
import test from 'node:test';

import { chromium } from 'playwright-core';

import { untilHeard } from './heard.mjs';
import { base, ECHO } from './server.mjs';

const PATIENCE = 20_000;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// Opens the page and keeps what it complains about and whom it calls.
async function open(t) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  const called = new Set();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure().errorText}`));
  page.on('console', (line) => ['error', 'warning'].includes(line.type()) && complaints.push(line.text()));
  page.on('request', (request) => called.add(new URL(request.url()).origin));
  page.on('websocket', (socket) => called.add(new URL(socket.url()).origin.replace(/^ws/, 'http')));
  await page.exposeFunction('violated', (what) => complaints.push(what));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      window.violated(`${event.violatedDirective} refuses ${event.blockedURI}`);
    });
  });
  const introspection = page.waitForResponse((response) => response.url() === `${base}/graphql`);
  await page.goto(base);
  return { page, complaints, called, introspection: await introspection };
}

const shows = (place, text) => place.filter({ hasText: text }).first().waitFor();

test('the explorer page', async (t) => {
  const { page, complaints, called, introspection } = await open(t);
  const result = page.locator('.result-window');
  const live = page.locator('.live li');
  const run = async (name) => {
    await page.getByRole('tab', { name, exact: true }).click();
    // The editor reads its operation's name a moment after the change, and stores it.
    await page.waitForFunction((known) => localStorage.getItem('graphiql:operationName') === known, name);
    await page.getByRole('button', { name: /Execute query/ }).click();
  };

  await t.test('has the schema', async () => {
    const { data, errors } = await introspection.json();
    assert.deepEqual([data?.__schema.queryType.name, errors], ['Query', undefined]);
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await shows(page.locator('.graphiql-doc-explorer'), /query:\s*Query/);
    await page.getByRole('link', { name: 'Query', exact: true }).click();
    await shows(page.locator('.graphiql-doc-explorer'), 'conversations');
    await page.getByRole('button', { name: 'Hide Documentation Explorer' }).click();
  });

  await t.test('shows live events by itself', () => untilHeard(shows(live, 'DELIVERED')));

  await t.test('its mutation sends, and the strip shows it delivered and answered', async () => {
    await run('Send');
    await shows(result, '"status": "QUEUED"');
    await shows(live, new RegExp(`→ \\${ECHO} DELIVERED Hello from PhoneHub`));
    await shows(live, new RegExp(`← \\${ECHO} RECEIVED Echo: Hello from PhoneHub`));
  });

  await t.test('its subscription shows DELIVERED', async () => {
    await run('Watch');
    await untilHeard(shows(result, '"status": "DELIVERED"'));
    await page.getByRole('button', { name: /Stop query/ }).click();
  });

  await t.test('its query lists the messages', async () => {
    await run('Messages');
    // The editor draws the lines in sight only.
    await shows(result, /"messages": \{\s*"nodes": \[\s*\{\s*"id": "msg_/);
  });

  assert.deepEqual(complaints, []);
  assert.deepEqual([...called], [new URL(base).origin]);
});
