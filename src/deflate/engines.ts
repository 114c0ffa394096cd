/**
 * Lists which compression engine is used for a message, by the message's size: one table for sending, and one for receiving. codec.ts reads
 * these tables. There are three engines. "own" is our own code in engine/. "zlib" is one synchronous call of zlib. "pool" is zlib in its
 * threads. The numbers were measured with bench/deflate.js, see docs/compression.md.
 */

/** An engine of the table `SENDING`. */
interface SendingEngine {
  /** The size in bytes of the largest message for which the engine is used. */
  readonly maxSize: number;
  /** The fixed cost of a message. The unit is the time that zlib takes for one byte of output, see turn.ts. */
  readonly setUp: number;
  /** At levels up to `FAST_LEVELS`, zlib searches for repetitions only in the last 2^fastWindowBits bytes. */
  readonly fastWindowBits: number;
  /** At levels up to `FAST_LEVELS`, zlib gets only the last `fastContext` bytes of the context. */
  readonly fastContext: number;
}

/** An engine of the table `RECEIVING`. */
interface ReceivingEngine {
  /** The size in bytes of the largest compressed message for which the engine is used. */
  readonly maxSize: number;
  /**
   * The maximum number of bytes of output. If a message has more output, this engine stops, and the next engine decompresses the message
   * from its start.
   */
  readonly maxOutput: number;
  /** The fixed cost of a message, including its delivery. The unit is the time that zlib takes for one byte of output, see turn.ts. */
  readonly setUp: number;
  /** The cost of a byte of output, in the unit of `setUp`. */
  readonly perByte: number;
}

const { POSITIVE_INFINITY } = Number;

/**
 * The engines for messages that we send. The first engine with a sufficient `maxSize` compresses the message.
 *
 * zlib spends most of its time searching for the longest repetition in its window. At levels up to `FAST_LEVELS` (the default level is one
 * of them), we save time: zlib gets a smaller window and only the end of the context. So a large message takes a quarter less time. The
 * output grows by 1 % to 2 % for JSON, and by 8 % to 12 % for prose and code. At higher levels we save bytes: zlib gets the whole
 * negotiated window and the whole context.
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
  // Up to these sizes, our own engine is faster, because zlib needs time for its set-up. Without a context, zlib is faster for messages
  // above 1 KiB.
  own: { maxSize: 2_048, maxSizeWithoutContext: 1_024, setUp: 2_048, perByte: 4 },
  // zlib compresses `maxSize` bytes in about 150 µs. A larger message would block the event loop for too long.
  zlib: { maxSize: 16_384, setUp: 16_384, fastWindowBits: 14, fastContext: 8_192 },
  // `setUp` is the work of the main thread for a message, including the copy of the payload.
  pool: { maxSize: POSITIVE_INFINITY, setUp: 65_536, fastWindowBits: 13, fastContext: 2_048 },
};

/** `fastWindowBits` and `fastContext` apply at zlib's levels up to this one. */
export const FAST_LEVELS = 6;

/**
 * The engines for received messages. The compressed size decides which engine is tried first. The size of the output is not known in
 * advance, so each engine also has a limit for its output.
 */
export const RECEIVING: Record<'own' | 'zlib' | 'pool', ReceivingEngine> = {
  // A message of 512 bytes can decompress to 512 KiB. Our engine would need milliseconds for so much output, so `maxOutput` is smaller.
  own: { maxSize: 512, maxOutput: 16_384, setUp: 2_048, perByte: 2 },
  zlib: { maxSize: 16_384, maxOutput: 131_072, setUp: 12_288, perByte: 1 },
  pool: { maxSize: POSITIVE_INFINITY, maxOutput: POSITIVE_INFINITY, setUp: 0, perByte: 0 },
};
