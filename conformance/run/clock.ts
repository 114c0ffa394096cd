/**
 * The time limits of the judge (this test program). Every wait of the judge ends as soon as the expected event happens. Only a peer that
 * does nothing makes the judge wait for the whole limit.
 */

/** Time limits, which are longer for slow machines. */
export interface Clock {
  /** The factor by which all limits are multiplied. */
  readonly factor: number;
  /**
   * Converts a limit of a case to milliseconds. A short limit becomes longer. This costs no time, because only a failing peer reaches a
   * limit.
   */
  limit(seconds: number): number;
  /** Returns the milliseconds of a pause in which the peer has to end the connection. A short pause does not become longer. */
  due(seconds: number): number;
  /**
   * The limits in milliseconds for the opening handshake (`opening`), for the closing handshake (`closing`), and for the end of TCP after
   * that (`ending`).
   */
  readonly opening: number;
  readonly closing: number;
  readonly ending: number;
  /**
   * A shorter limit for the closing handshake, and for the end of TCP, in milliseconds. The shorter limit applies if the peer has already
   * reached another limit.
   */
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
