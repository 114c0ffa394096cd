/**
 * Prints lines for the operator. RFC 6455 §7.1.7: a server SHOULD log problems. With NODE_DEBUG=rfc6455, every refused handshake and failed
 * connection is shown. Without it, `warnOnStderr` shows the first problem of each kind if the application has no handler for it.
 */

import { debuglog } from 'node:util';
import { clock } from './clock.ts';

/** Formats like `util.format`. Pass text from a peer for a %j, which escapes it. */
export const log: (format: string, ...values: unknown[]) => void = debuglog('rfc6455');

// In this many milliseconds, one line per kind is printed: a peer must not be able to fill a log.
const QUIET_TIME = 60_000;

// How many kinds are printed in `QUIET_TIME`. This library has fewer kinds, but the texts of an application's errors may contain text from
// a peer.
const MAX_KINDS = 100;

interface Said {
  at: number;
  /** How many lines of this kind were omitted since the last printed line. */
  omitted: number;
}

/** Decides which lines may be printed: one per kind and minute, and at most 100 kinds in a minute. */
export class SeldomSaid {
  readonly #said = new Map<string, Said>();

  /**
   * @param now on the clock of `performance.now()`, in milliseconds
   * @returns how many lines of this kind were omitted since the last printed one; null if this line is to be omitted as well
   */
  ask(kind: string, now: number = clock.now()): number | null {
    const last = this.#said.get(kind);
    if (last !== undefined && now - last.at < QUIET_TIME) {
      last.omitted++;
      return null;
    }
    if (last === undefined && !this.#hasRoom(now)) return null;
    this.#said.set(kind, { at: now, omitted: 0 });
    return last?.omitted ?? 0;
  }

  #hasRoom(now: number): boolean {
    if (this.#said.size < MAX_KINDS) return true;
    for (const [kind, { at }] of this.#said) if (now - at >= QUIET_TIME) this.#said.delete(kind);
    return this.#said.size < MAX_KINDS;
  }

  /** For tests: forgets which lines were printed. */
  forget(): void {
    this.#said.clear();
  }
}

/** The lines on stderr. */
export const printed: SeldomSaid = new SeldomSaid();

/**
 * Prints a line to stderr, at most once per kind and minute. `NODE_NO_WARNINGS=1` silences it.
 * @param kind for example the code of an error; never text that a peer sent
 * @param text one line; text that comes from a peer is escaped in it
 * @param now on the clock of `performance.now()`, in milliseconds
 */
export function warnOnStderr(kind: string, text: string, now: number = clock.now()): void {
  const omitted = printed.ask(kind, now);
  if (omitted === null || process.env.NODE_NO_WARNINGS === '1') return;
  // If stderr was closed, `console` causes no error, unlike `process.stderr.write`.
  console.error(`rfc6455: ${text}${omitted === 0 ? '' : ` (${omitted} more like this before)`}`);
}
