/**
 * How long things may take. Every wait of the judge ends when what it waits for happens; these limits only decide when
 * a peer that does nothing has done nothing for long enough.
 */

/** Limits, stretched for slow machines. */
export interface Clock {
  /** What all limits are multiplied with. */
  readonly factor: number;
  /** Milliseconds for a limit of so many seconds in a case. Short ones are lengthened: only a failing peer uses them up. */
  limit(seconds: number): number;
  /** Milliseconds of a pause in which the peer ought to end the connection: no longer than it has to be. */
  due(seconds: number): number;
  /** Milliseconds for an opening handshake, a closing one, and the end of TCP after it. */
  readonly opening: number;
  readonly closing: number;
  readonly ending: number;
  /** The closing handshake and TCP's end, each, of a peer that let a limit run out. */
  readonly hurried: number;
  /** For what a peer whose verdict is sure may still say. */
  readonly moment: number;
}

const SHORTEST = 2;

/** @param factor 1 for a machine that has nothing else to do */
export function clockOf(factor: number): Clock {
  const limit = (seconds: number): number => Math.max(seconds, SHORTEST) * 1000 * factor;
  return {
    factor,
    limit,
    due: (seconds) => seconds * 1000 * factor,
    opening: limit(5),
    closing: limit(5),
    ending: limit(5),
    hurried: 1000 * factor,
    moment: 250 * factor,
  };
}
