/**
 * The time limits of the judge (this test program). Every wait of the judge ends as soon as the expected event happens. Only a peer that
 * does nothing makes the judge wait for the whole limit.
 */

/** Time limits, which are longer for slow machines. */
export interface Clock {
  /** The factor by which all limits are multiplied. */
  readonly factor: number;
  /**
   * Returns the milliseconds for a limit of a case. A short limit is prolonged. This costs no time, because only a peer that fails lets a
   * limit run out.
   */
  limit(seconds: number): number;
  /** Returns the milliseconds of a pause in which the peer has to end the connection. A short pause is not prolonged. */
  due(seconds: number): number;
  /** Milliseconds for the opening handshake (`opening`), for the closing handshake, and for the end of TCP after it (`ending`). */
  readonly opening: number;
  readonly closing: number;
  readonly ending: number;
  /** Milliseconds for the closing handshake, and again for the end of TCP. Used if the peer has already let a limit run out. */
  readonly hurried: number;
  /** Milliseconds that the judge still waits for a Close frame of the peer after the verdict is certain. */
  readonly moment: number;
}

const SHORTEST = 2;

/** Returns the limits, multiplied by a factor. @param factor 1 is for a machine that is not busy with other work */
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
