// The live loop as a client sees it. Every client that can subscribe lives through the same stories; it brings
// `subscribe(query, variables, arrived)`, which gives an async iterator of results and calls `arrived` with each as it
// comes. `variables` may have getters: clients that connect again by themselves read them anew.
import assert from 'node:assert/strict';

import { untilHeard } from './heard.mjs';
import { delivered, ECHO, example, freshKey, QUIET, send } from './server.mjs';

const [STATUS, ANSWERS] = example('follow').split(/\n(?=# Answers|# Everything)/);
const RANKS = ['SCHEDULED', 'QUEUED', 'SENDING', 'UNKNOWN', 'SENT', 'CANCELED', 'FAILED', 'UNDELIVERED', 'DELIVERED'];

async function nextEdge(events) {
  const { value, done } = await events.next();
  assert.equal(done, false, 'the stream ended');
  assert.deepEqual(value.errors ?? [], []);
  return Object.values(value.data)[0];
}

async function edgesUntil(events, isLast) {
  const edges = [];
  do edges.push(await nextEdge(events));
  while (!isLast(edges.at(-1).node));
  return edges;
}

function assertRises(statuses) {
  const ranks = statuses.map((status) => RANKS.indexOf(status));
  assert.deepEqual(ranks, [...new Set(ranks)].sort((a, b) => a - b), `statuses only rise: ${statuses}`);
}

// A text is sent by HTTP; the stream shows it QUEUED, then on to DELIVERED, then the echo phone's answer.
export async function liveStory(subscribe) {
  const statuses = subscribe(STATUS, {});
  const { cursor } = await untilHeard(nextEdge(statuses));
  // Behind a cursor nothing can be missed, so the second subscription needs no proof of being in force.
  const answers = subscribe(ANSWERS, { filter: { contactNumber: ECHO }, after: cursor });
  const body = `story ${freshKey()}`;
  const id = await send(ECHO, body);
  const edges = await edgesUntil(statuses, (node) => node.id === id && node.status === 'DELIVERED');
  const own = edges.filter(({ node }) => node.id === id).map(({ node }) => node.status);
  assert.equal(own[0], 'QUEUED');
  assertRises(own);
  const [answer] = (await edgesUntil(answers, (node) => node.body.includes(body))).slice(-1);
  assert.deepEqual([answer.node.from, answer.node.body], [ECHO, `Echo: ${body}`]);
  await Promise.all([statuses.return(), answers.return()]);
}

// The cable is cut after QUEUED; what happens meanwhile comes when it is whole again: nothing is missing, nothing comes
// twice, in the order of the log.
export async function resumeStory(subscribe, cable) {
  let cursor;
  const variables = { get after() { return cursor; } };
  const statuses = subscribe(STATUS, variables, ({ data }) => { cursor = Object.values(data)[0].cursor; });
  const seen = [await untilHeard(nextEdge(statuses))];
  const id = await send(QUIET, 'before the cut');
  seen.push(...(await edgesUntil(statuses, (node) => node.id === id)));
  cable.cut();
  const unseen = await send(QUIET, 'while the cable is cut');
  await Promise.all([delivered(id), delivered(unseen)]);
  cable.mend();
  const later = await send(QUIET, 'after the cut');
  const isLast = (node) => node.id === later && node.status === 'DELIVERED';
  seen.push(...(await edgesUntil(statuses, isLast)));
  await statuses.return();
  const log = subscribe(STATUS, { after: seen[0].cursor });
  const told = await edgesUntil(log, isLast);
  await log.return();
  assert.deepEqual(seen.slice(1).map((edge) => edge.cursor), told.map((edge) => edge.cursor));
  for (const message of [id, unseen, later]) {
    const own = seen.filter(({ node }) => node.id === message).map(({ node }) => node.status);
    assert.deepEqual([own[0], own.at(-1)], ['QUEUED', 'DELIVERED']);
    assertRises(own);
  }
}
