/**
 * Chooses the engine for a message by its direction and size, with one table. The values are measured with bench/deflate.js, see
 * docs/compression.md. "own" is engine/, "zlib" is zlib in one call in this turn, "pool" is zlib in its threads.
 */

/** A row of the table for sending. */
interface SendingEngine {
  /** The largest message, in bytes, that the engine takes. */
  readonly maxSize: number;
  /** The fixed cost of a message. The unit is the time that zlib takes for one byte of output; see turn.ts. */
  readonly setUp: number;
  /** At the fast levels, zlib looks back 2^fastWindowBits bytes. */
  readonly fastWindowBits: number;
  /** Bytes of the context that zlib gets at the fast levels. */
  readonly fastContext: number;
}

/** A row of the table for receiving. */
interface ReceivingEngine {
  /** The largest compressed message, in bytes, that the engine takes. */
  readonly maxSize: number;
  /** The most bytes of output. If a message has more, the next engine decompresses it from its start. */
  readonly maxOutput: number;
  /** The fixed cost of a message, delivery included. The unit is the time that zlib takes for one byte of output; see turn.ts. */
  readonly setUp: number;
  /** The cost of a byte of output, in the unit of `setUp`. */
  readonly perByte: number;
}

const { POSITIVE_INFINITY } = Number;

/**
 * The engines for messages that we send, chosen by the size of the message.
 *
 * zlib spends most of its time on the search for the longest match in its whole window. At the levels up to `FAST_LEVELS`, the
 * default level included, we save time: zlib looks back 16 KiB at most, or 8 KiB in a large message, and gets only the end of the context.
 * A large message then takes a quarter less time; its output has 1 % to 2 % more bytes for JSON, and 8 % to 12 % more for prose and code.
 * At higher levels we save bytes: zlib gets the whole negotiated window and context.
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
  // Up to these sizes, zlib's set-up costs more than zlib saves; without a context, zlib pays off at smaller sizes.
  own: { maxSize: 2_048, maxSizeWithoutContext: 1_024, setUp: 2_048, perByte: 4 },
  // Deflating this size takes about 150 µs. A larger message would block the event loop for other connections.
  zlib: { maxSize: 16_384, setUp: 16_384, fastWindowBits: 14, fastContext: 8_192 },
  // `setUp` is the work that this turn does for zlib's threads, the copy of the payload included.
  pool: { maxSize: POSITIVE_INFINITY, setUp: 65_536, fastWindowBits: 13, fastContext: 2_048 },
};

/** `fastWindowBits` and `fastContext` apply to zlib's levels up to this one. */
export const FAST_LEVELS = 6;

/**
 * The engines for received messages, chosen by the compressed size of the message. That size says little about the size of the output.
 */
export const RECEIVING: Record<'own' | 'zlib' | 'pool', ReceivingEngine> = {
  // Half a KiB can decompress to half a MiB. Our engine would need milliseconds for that.
  own: { maxSize: 512, maxOutput: 16_384, setUp: 2_048, perByte: 2 },
  zlib: { maxSize: 16_384, maxOutput: 131_072, setUp: 12_288, perByte: 1 },
  pool: { maxSize: POSITIVE_INFINITY, maxOutput: POSITIVE_INFINITY, setUp: 0, perByte: 0 },
};
