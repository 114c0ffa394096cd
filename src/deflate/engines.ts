/**
 * Has the tables from which codec.ts chooses the engine for a message, by its direction and its size. bench/deflate.js measured the values,
 * see docs/compression.md. There are three engines. "own" is our own code in engine/. "zlib" is one synchronous call of zlib. "pool" is
 * zlib in its threads.
 */

/** A row of the table for sending. */
interface SendingEngine {
  /** The size in bytes of the largest message for which the engine is used. */
  readonly maxSize: number;
  /** The fixed cost of a message. The unit is the time that zlib takes for one byte of output; see turn.ts. */
  readonly setUp: number;
  /** At zlib's levels up to `FAST_LEVELS`, zlib searches only the last 2^fastWindowBits bytes. */
  readonly fastWindowBits: number;
  /** At zlib's levels up to `FAST_LEVELS`, zlib gets only this many bytes from the end of the context. */
  readonly fastContext: number;
}

/** A row of the table for receiving. */
interface ReceivingEngine {
  /** The size in bytes of the largest compressed message for which the engine is used. */
  readonly maxSize: number;
  /** The maximum number of bytes of output. If a message has more output, the next engine decompresses the message again from its start. */
  readonly maxOutput: number;
  /** The fixed cost of a message, including its delivery. The unit is the time that zlib takes for one byte of output; see turn.ts. */
  readonly setUp: number;
  /** The cost of a byte of output, in the unit of `setUp`. */
  readonly perByte: number;
}

const { POSITIVE_INFINITY } = Number;

/**
 * The engines for messages that we send. The size of the message decides which engine is used.
 *
 * zlib spends most of its time on the search for the longest match in its whole window. The levels up to `FAST_LEVELS` include the default
 * level. At these levels we save time. zlib searches at most the last 16 KiB, or the last 8 KiB for a large message. It gets only the end
 * of the context. A large message then takes a quarter less time. Its output has 1 % to 2 % more bytes for JSON, and 8 % to 12 % more bytes
 * for prose and code. At higher levels we save bytes: zlib gets the whole negotiated window and context.
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
  // Up to these sizes, the set-up of zlib costs more time than zlib saves. Without a context, zlib saves time at smaller sizes already.
  own: { maxSize: 2_048, maxSizeWithoutContext: 1_024, setUp: 2_048, perByte: 4 },
  // Compressing a message of `maxSize` bytes takes about 150 µs. A larger message would block the event loop for too long.
  zlib: { maxSize: 16_384, setUp: 16_384, fastWindowBits: 14, fastContext: 8_192 },
  // `setUp` is the work that the main thread does before zlib's threads begin, including the copy of the payload.
  pool: { maxSize: POSITIVE_INFINITY, setUp: 65_536, fastWindowBits: 13, fastContext: 2_048 },
};

/** The highest of zlib's levels to which `fastWindowBits` and `fastContext` apply. */
export const FAST_LEVELS = 6;

/**
 * The engines for received messages. The compressed size decides which engine is tried first. The compressed size says little about the
 * size of the output. So each engine also has a limit for the output.
 */
export const RECEIVING: Record<'own' | 'zlib' | 'pool', ReceivingEngine> = {
  // A message of half a KiB can decompress to half a MiB. Our engine would need milliseconds for so much output, so `maxOutput` is smaller.
  own: { maxSize: 512, maxOutput: 16_384, setUp: 2_048, perByte: 2 },
  zlib: { maxSize: 16_384, maxOutput: 131_072, setUp: 12_288, perByte: 1 },
  pool: { maxSize: POSITIVE_INFINITY, maxOutput: POSITIVE_INFINITY, setUp: 0, perByte: 0 },
};
