// Protocols do not tell when a subscription is in force, so texts go out until it has heard one.
import { setTimeout as pause } from 'node:timers/promises';

import { QUIET, send } from './server.mjs';

// `heard` is a promise of what the subscription hears first.
export async function untilHeard(heard, act = () => send(QUIET, 'does anybody listen?')) {
  let isOpen = true;
  const closed = () => (isOpen = false);
  heard.then(closed, closed);
  while (isOpen) {
    await act();
    await Promise.race([heard, pause(1000)]);
  }
  return heard;
}
