/**
 * Which engine takes a message: size × direction → engine, in one table. Measured with bench/deflate.js and in docs/compression.md.
 * "own" is engine/, "zlib" is zlib in one call in this turn, "pool" is zlib in its threads.
 */

/** A row of the table for sending. */
interface SendingEngine {
  /** Bytes of a message that it takes at most. */
  readonly maxSize: number;
  /** What a message costs besides its bytes, in bytes of output that take as long; see turn.ts. */
  readonly setUp: number;
  /** How far zlib looks back at the fast levels: 2 to this power, in bytes. */
  readonly fastWindowBits: number;
  /** Bytes of the context that it is given at the fast levels. */
  readonly fastContext: number;
}

/** A row of the table for receiving. */
interface ReceivingEngine {
  /** Compressed bytes of a message that it takes at most. */
  readonly maxSize: number;
  /** Bytes that the message may become; more is begun again by the next engine. */
  readonly maxOutput: number;
  /** What a message costs besides its output, delivery included, in bytes of zlib's output that take as long; see turn.ts. */
  readonly setUp: number;
  /** What a byte of output costs, in the same unit. */
  readonly perByte: number;
}

const { POSITIVE_INFINITY } = Number;

/**
 * Sending, by the bytes of the message.
 *
 * What zlib spends on a message is mostly the search for the longest match, over all that its window holds. So up to
 * `FAST_LEVELS`, the default among them, time counts: zlib looks back 16 KiB at most, 8 KiB in a large message (a quarter less time
 * there, for 1 % to 2 % more bytes of JSON, 8 % to 12 % of prose and code), and is given the end of the context only. Above, bytes
 * count, and it gets all that was negotiated.
 */
export const SENDING: {
  readonly own: {
    readonly maxSize: number;
    readonly maxSizeWithoutContext: number;
    readonly setUp: number;
    readonly perByte: number;
  };
  readonly zlib: SendingEngine;
  readonly pool: SendingEngine;
} = {
  // Up to here zlib's set-up is not paid back; it is paid back sooner if there is no context to refer to.
  own: { maxSize: 2_048, maxSizeWithoutContext: 1_024, setUp: 2_048, perByte: 4 },
  // About 150 µs of deflating; what is larger would keep the event loop from other connections.
  zlib: { maxSize: 16_384, setUp: 16_384, fastWindowBits: 14, fastContext: 8_192 },
  // The set-up is what this turn has to do for zlib's threads, the copy included.
  pool: { maxSize: POSITIVE_INFINITY, setUp: 65_536, fastWindowBits: 13, fastContext: 2_048 },
};

/** zlib's levels for which the last two columns of this table hold. */
export const FAST_LEVELS = 6;

/**
 * The engines for received messages, chosen by the compressed size of the message. That size says little about the size of the output.
 */
export const RECEIVING: Record<'own' | 'zlib' | 'pool', ReceivingEngine> = {
  // Half a KiB can stand for half a MiB, on which our engine spends milliseconds.
  own: { maxSize: 512, maxOutput: 16_384, setUp: 2_048, perByte: 2 },
  zlib: { maxSize: 16_384, maxOutput: 131_072, setUp: 12_288, perByte: 1 },
  pool: { maxSize: POSITIVE_INFINITY, maxOutput: POSITIVE_INFINITY, setUp: 0, perByte: 0 },
};
