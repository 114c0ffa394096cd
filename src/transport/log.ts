/**
 * What is worth a line for the operator. RFC 6455 §7.1.7: a server SHOULD log problems.
 * NODE_DEBUG=rfc6455 shows every refused handshake and failed connection; without it, `warnOnStderr` shows the first of each kind,
 * if the application has no handler that receives them.
 */

import { debuglog } from 'node:util';
import { clock } from './clock.ts';

/** Formats like `util.format`; what comes from a peer goes in with %j, which escapes it. */
export const log: (format: string, ...values: unknown[]) => void = debuglog('rfc6455');

// Milliseconds. One line per kind in this time: a peer must not be able to fill a log.
const QUIET_TIME = 60_000;

interface Printed {
  at: number;
  /** How many lines were left out since. */
  omitted: number;
}

const printed = new Map<string, Printed>();

/**
 * Prints a line to stderr, at most once per kind and minute. `NODE_NO_WARNINGS=1` silences it.
 * @param kind such as the code of an error; one of a bounded set, never text of a peer
 * @param text one line; what comes from a peer is escaped in it
 * @param now on the clock of `performance.now()`, in milliseconds
 */
export function warnOnStderr(kind: string, text: string, now: number = clock.now()): void {
  const last = printed.get(kind);
  if (last !== undefined && now - last.at < QUIET_TIME) {
    last.omitted++;
    return;
  }
  printed.set(kind, { at: now, omitted: 0 });
  if (process.env.NODE_NO_WARNINGS === '1') return;
  const omitted = last === undefined || last.omitted === 0 ? '' : ` (${last.omitted} more like this before)`;
  // `console`, unlike `process.stderr.write`, survives a stderr that was closed.
  console.error(`rfc6455: ${text}${omitted}`);
}
