// Waiting for conditions: with a deadline, never for a fixed time.
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks `condition` again and again until it returns something truthy, and returns that.
 * Throws after `timeout` milliseconds, naming `what` and what was seen last.
 */
export async function until(what, condition, { timeout = 60_000, every = 100 } = {}) {
  const deadline = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      if (error.fatal) throw error;
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeout / 1000} s for ${what}; last: ${show(last)}`);
    await pause(every);
  }
}

function show(value) {
  if (value instanceof Error) return value.stack;
  return JSON.stringify(value);
}
