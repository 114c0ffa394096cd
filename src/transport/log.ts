/**
 * Prints lines for the operator, because a server SHOULD log problems (RFC 6455 §7.1.7). With NODE_DEBUG=rfc6455, every refused handshake
 * and every failed connection is printed. `warnOnStderr` prints problems for which the application has no handler. It prints at most one
 * line per minute for each kind of problem.
 */

import { debuglog } from 'node:util';
import { clock } from './clock.ts';

/**
 * Prints a line if the environment variable NODE_DEBUG contains rfc6455. The arguments are those of `util.format`. For text from a peer,
 * use %j, because %j escapes the text.
 */
export const log: (format: string, ...values: unknown[]) => void = debuglog('rfc6455');

// In milliseconds. During this time, at most one line of each kind is printed, so that a peer cannot fill the log.
const QUIET_TIME = 60_000;

// The maximum number of kinds of lines that are printed during `QUIET_TIME`. The library itself prints lines of fewer kinds. But each error
// message of the application can be a further kind, and a peer might choose parts of such a message.
const MAX_KINDS = 100;

interface Said {
  at: number;
  /** The number of lines of this kind that were omitted since the last printed line. */
  omitted: number;
}

/** Decides which lines may be printed. Per minute, it allows at most one line of each kind, and lines of at most 100 kinds. */
export class SeldomSaid {
  readonly #said = new Map<string, Said>();

  /**
   * @param now on the clock of `performance.now()`, in milliseconds
   * @returns null if the line must not be printed. If it may be printed, the number of lines of this kind that were omitted before it
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
 * Prints a line to stderr, at most one line per minute for each kind. With the environment variable `NODE_NO_WARNINGS=1`, it prints
 * nothing.
 * @param kind for example the code of an error. It must not contain text from a peer
 * @param text one line. The caller has escaped all text that comes from a peer
 * @param now on the clock of `performance.now()`, in milliseconds
 */
export function warnOnStderr(kind: string, text: string, now: number = clock.now()): void {
  const omitted = printed.ask(kind, now);
  if (omitted === null || process.env.NODE_NO_WARNINGS === '1') return;
  // We use `console.error`, because `process.stderr.write` causes an error if stderr is closed.
  console.error(`rfc6455: ${text}${omitted === 0 ? '' : ` (${omitted} more like this before)`}`);
}
