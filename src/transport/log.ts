/**
 * Prints lines for the operator. RFC 6455 §7.1.7: a server SHOULD log problems. With NODE_DEBUG=rfc6455, every refused handshake and every
 * failed connection is printed. `warnOnStderr` prints problems that the application has no handler for, at most one line per kind and
 * minute.
 */

import { debuglog } from 'node:util';
import { clock } from './clock.ts';

/**
 * Prints a line if NODE_DEBUG names rfc6455; formats the line as `util.format` does. For text from a peer, use %j, because %j escapes the
 * text.
 */
export const log: (format: string, ...values: unknown[]) => void = debuglog('rfc6455');

// At most one line per kind is printed in this many milliseconds. So a peer cannot fill a log.
const QUIET_TIME = 60_000;

// The maximum number of kinds that are printed in `QUIET_TIME`. This library has fewer kinds. But the text of an application's error can be
// a kind, and it may contain text from a peer.
const MAX_KINDS = 100;

interface Said {
  at: number;
  /** How many lines of this kind were omitted since the last printed line. */
  omitted: number;
}

/** Decides which lines may be printed: at most one line per kind and minute, of at most 100 kinds. */
export class SeldomSaid {
  readonly #said = new Map<string, Said>();

  /**
   * @param now on the clock of `performance.now()`, in milliseconds
   * @returns how many lines of this kind were omitted since the last printed line. Null if this line must be omitted as well
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

/** Decides which lines `warnOnStderr` prints. */
export const printed: SeldomSaid = new SeldomSaid();

/**
 * Prints a line to stderr, at most once per kind and minute. `NODE_NO_WARNINGS=1` silences it.
 * @param kind for example the code of an error; never text that a peer sent
 * @param text one line, in which the caller has escaped all text that comes from a peer
 * @param now on the clock of `performance.now()`, in milliseconds
 */
export function warnOnStderr(kind: string, text: string, now: number = clock.now()): void {
  const omitted = printed.ask(kind, now);
  if (omitted === null || process.env.NODE_NO_WARNINGS === '1') return;
  // We use `console`: if stderr is closed, `process.stderr.write` causes an error, and `console.error` does not.
  console.error(`rfc6455: ${text}${omitted === 0 ? '' : ` (${omitted} more like this before)`}`);
}
