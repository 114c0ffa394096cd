/**
 * Compresses and decompresses the messages of one connection (RFC 7692 §7.2). Our own engine (engine/) processes small messages: for a
 * small message, the set-up of zlib would take ten times as long as the work. Node's zlib processes larger messages. Both engines use the
 * same context: the last plaintext of each direction, at most 32 KiB. So each message can use either engine.
 */

import type { Charge } from '../frame/charge.ts';
import type { MessageCodec } from '../frame/message-codec.ts';
import { ProtocolError } from '../frame/violation.ts';
import type { CompressionBudget } from './budget.ts';
import { deflateInThreadPool } from './deflate-in-pool.ts';
import { deflate } from './engine/deflate.ts';
import { largestIndex } from './engine/matcher.ts';
import { largestWindow, Window } from './engine/window.ts';
import { FAST_LEVELS, RECEIVING, SENDING } from './engines.ts';
import { inflateInThreadPool } from './inflate-in-pool.ts';
import { inflateSmall } from './inflate-small.ts';
import { END_OF_PARTS, partOf } from './parts.ts';
import { PoolJob } from './pool.ts';
import { inLaterTurn, TurnShare } from './turn.ts';
import {
  type DeflateSettings,
  deflateNow,
  inflateNow,
  inflateOneStream,
  inputWithoutOutput,
} from './zlib.ts';

/** The negotiated parameters for one direction of a connection (7692 §7.1). */
export interface Direction {
  /** A number from 8 to 15. A message may refer to at most the last 2^windowBits bytes. */
  readonly windowBits: number;
  /** True if a message may refer to earlier messages. */
  readonly takeover: boolean;
}

export interface CodecSettings {
  /** A message with fewer bytes than this is sent uncompressed. */
  readonly threshold: number;
  /** zlib's compression level, 1 to 9. Our own engine has no levels. */
  readonly level: number;
  /** 'auto': our own engine processes small messages, and zlib processes the other messages. 'zlib': zlib processes all messages. */
  readonly engine: 'auto' | 'zlib';
  /** If true, all messages are processed synchronously, without zlib's threads. */
  readonly synchronous: boolean;
  readonly budget: CompressionBudget;
}

/** Returns the maximum size of the context for received messages, in bytes. */
export function receivingContextSize(direction: Direction): number {
  return direction.takeover ? largestWindow(direction.windowBits) : 0;
}

/** Returns the maximum size of the context for sent messages, in bytes. Our own engine also needs an index of the context's bytes. */
function sendingContextSize(direction: Direction, engine: CodecSettings['engine']): number {
  if (!direction.takeover) return 0;
  return largestWindow(direction.windowBits) + (engine === 'auto' ? largestIndex(direction.windowBits) : 0);
}

/** Implements permessage-deflate for one connection. */
export class DeflateCodec implements MessageCodec {
  readonly threshold: number;
  readonly #settings: CodecSettings;
  readonly #sending: Direction;
  readonly #receiving: Direction;
  /** The settings of zlib: `#deflateSettings` are for messages up to 16 KiB, and `#poolSettings` are for larger messages. */
  readonly #deflateSettings: DeflateSettings;
  readonly #poolSettings: DeflateSettings;
  #reserved: number;
  /** The contexts of sent and received messages. A context is created when a message first needs it. */
  #sent: Window | null = null;
  #received: Window | null = null;
  /** True if the budget has reserved memory for `#sent`. Null until a message first needs `#sent`. */
  #keepsSent: boolean | null = null;
  /** The job that decompresses a message in zlib's threads now, or null. */
  #inflating: PoolJob | null = null;
  readonly #share = new TurnShare();
  #closed = false;

  /** @param reserved the number of bytes that the caller has reserved in the budget, for received messages. `close` releases these bytes */
  constructor(sending: Direction, receiving: Direction, settings: CodecSettings, reserved: number) {
    this.#sending = sending;
    this.#receiving = receiving;
    this.#settings = settings;
    this.#reserved = reserved;
    this.threshold = settings.threshold;
    const { level } = settings;
    const { windowBits } = sending;
    const isFast = level <= FAST_LEVELS;
    const { zlib, pool } = SENDING;
    this.#deflateSettings = {
      level,
      windowBits: isFast ? Math.min(windowBits, zlib.fastWindowBits) : windowBits,
    };
    this.#poolSettings = {
      level,
      windowBits: isFast ? Math.min(windowBits, pool.fastWindowBits) : windowBits,
    };
  }

  /**
   * If two connections have the same key, they compress a message to the same bytes. So a broadcast compresses the message once for all
   * connections with this key. The key is null if this connection has a context, because no other connection has the same context.
   */
  get sharedKey(): string | null {
    const { engine, level } = this.#settings;
    return this.#sending.takeover ? null : `${engine} ${level} ${this.#sending.windowBits}`;
  }

  /** Returns true if `compress` uses zlib's threads for a message of this size. */
  compressesInThreadPool(length: number): boolean {
    return !this.#settings.synchronous && length > SENDING.zlib.maxSize;
  }

  compress(payload: Uint8Array, ownsPayload = false): Uint8Array | Promise<Uint8Array> {
    if (!this.compressesInThreadPool(payload.length)) return this.compressNow(payload);
    return this.#compressInThreadPool(payload, ownsPayload);
  }

  /** Compresses a message of any size synchronously. */
  compressNow(payload: Uint8Array): Uint8Array {
    const window = this.#sendingWindow();
    const { length } = payload;
    const { own, zlib, pool } = SENDING;
    const maxSize = window === null ? own.maxSizeWithoutContext : own.maxSize;
    if (this.#settings.engine === 'auto' && length <= maxSize) {
      this.#share.spend(own.setUp + own.perByte * length);
      return this.#sentAs(payload, payload, deflate(payload, window, this.#sending.windowBits));
    }
    const isLarge = length > zlib.maxSize;
    this.#share.spend(zlib.setUp + 2 * length);
    const context = this.#contextFor(window, isLarge ? pool.fastContext : zlib.fastContext);
    const output = deflateNow(payload, isLarge ? this.#poolSettings : this.#deflateSettings, context);
    return this.#sentAs(payload, payload, output);
  }

  async #compressInThreadPool(payload: Uint8Array, ownsPayload: boolean): Promise<Uint8Array> {
    this.#share.spend(SENDING.pool.setUp);
    // The application may change, transfer or shrink the payload while zlib's threads read it. So the threads get a copy.
    const copy = ownsPayload ? payload : new Uint8Array(payload);
    const context = this.#contextFor(this.#sendingWindow(), SENDING.pool.fastContext);
    const output = await new PoolJob().run((job) =>
      deflateInThreadPool(copy, this.#poolSettings, context, job),
    );
    return this.#sentAs(payload, copy, output);
  }

  get endOfParts(): Uint8Array {
    return END_OF_PARTS;
  }

  compressPart(payload: Uint8Array, ownsPayload = false): Uint8Array | Promise<Uint8Array> {
    const result = this.compress(payload, ownsPayload);
    const toPart = (compressed: Uint8Array): Uint8Array =>
      partOf(payload, compressed, this.#closed ? null : this.#sendingWindow());
    return result instanceof Promise ? result.then(toPart) : toPart(result);
  }

  decompress(payload: Uint8Array, maxLength: number, charge: Charge | null = null): Buffer | Promise<Buffer> {
    // A normal sender compresses an empty message to one byte (7692 §7.2.3.6). We also accept zero bytes as an empty message.
    if (payload.length === 0) return Buffer.alloc(0);
    const waits = payload.length <= RECEIVING.zlib.maxSize && !this.#settings.synchronous;
    if (waits && this.#share.isSpent) return this.#decompressLater(payload, maxLength, charge);
    return this.#decompressNow(payload, maxLength, charge);
  }

  /** Decompresses in a later turn of the event loop (turn.ts). For a small message, this takes less CPU time than zlib's threads. */
  #decompressLater(payload: Uint8Array, maxLength: number, charge: Charge | null): Promise<Buffer> {
    charge?.resize(payload.length);
    return inLaterTurn(() => {
      if (this.#closed) throw new Error('The connection is closed');
      return this.#decompressNow(payload, maxLength, charge);
    });
  }

  /** Tries the engines in the order of the table RECEIVING. Each engine has limits for the sizes of the payload and of the output. */
  #decompressNow(payload: Uint8Array, maxLength: number, charge: Charge | null): Buffer | Promise<Buffer> {
    const { synchronous, engine } = this.#settings;
    const { own, zlib } = RECEIVING;
    const mayBeOwn = engine === 'auto' && payload.length <= zlib.maxSize;
    if (mayBeOwn && payload.length <= own.maxSize) {
      const message = this.#inflateOwn(payload, own.maxOutput, maxLength);
      if (message !== null) return this.#receivedAs(message);
    }
    const limit = synchronous ? maxLength : Math.min(maxLength, zlib.maxOutput);
    if (synchronous || payload.length <= zlib.maxSize) {
      const message = this.#inflateZlib(payload, limit, maxLength, mayBeOwn);
      if (message !== null) return this.#receivedAs(checked(payload, message));
    }
    return this.#decompressInThreadPool(payload, maxLength, charge);
  }

  /** @returns the message. Null if the message exceeds `maxOutput` bytes, and `maxOutput` is below `maxLength`: then try another engine */
  #inflateOwn(payload: Uint8Array, maxOutput: number, maxLength: number): Buffer | null {
    const limit = Math.min(maxLength, maxOutput);
    const message = inflateSmall(payload, this.#receivingWindow(), limit, maxLength);
    const { setUp, perByte } = RECEIVING.own;
    this.#share.spend(setUp + perByte * (message === null ? maxOutput : message.length));
    return message;
  }

  /**
   * Decompresses a message with zlib, synchronously. After each final block, zlib must be set up again, which takes longer than
   * decompressing most messages. So if other blocks follow a final block, our own engine decompresses the message instead, from the start.
   * @returns the message. Null if the message exceeds `limit` bytes, and `limit` is below `maxLength`: then the caller tries another engine
   */
  #inflateZlib(payload: Uint8Array, limit: number, maxLength: number, mayBeOwn: boolean): Buffer | null {
    try {
      const history = this.#receivingHistory();
      if (!mayBeOwn) return inflateNow(payload, history, limit, this.#share);
      const message = inflateOneStream(payload, history, limit, this.#share);
      return message ?? this.#inflateOwn(payload, limit, maxLength);
    } catch (error) {
      if (!isTooBig(error) || limit === maxLength) throw error;
      return null;
    }
  }

  async #decompressInThreadPool(
    payload: Uint8Array,
    maxLength: number,
    charge: Charge | null,
  ): Promise<Buffer> {
    const inflating = new PoolJob(charge, payload.length);
    this.#inflating = inflating;
    const history = this.#receivingHistory();
    const message = await inflating.run((job) => inflateInThreadPool(payload, history, maxLength, job));
    this.#inflating = null;
    return this.#receivedAs(checked(payload, message));
  }

  close(): void {
    this.#closed = true;
    // The decompressed message is not needed now. Compression continues, because a broadcast may need the result for other connections.
    this.#inflating?.abandon();
    this.#inflating = null;
    this.#sent = null;
    this.#received = null;
    this.#settings.budget.release(this.#reserved);
    this.#reserved = 0;
  }

  /** Returns the part of the context that zlib gets for compression. At a fast level, this is only the end of the context. */
  #contextFor(window: Window | null, fastContext: number): Uint8Array {
    if (window === null) return NOTHING;
    return this.#settings.level > FAST_LEVELS ? window.history : window.history.subarray(-fastContext);
  }

  /** Returns the context of sent messages. Null if context takeover is off, or if the budget is used up. */
  #sendingWindow(): Window | null {
    if (this.#keepsSent === null) {
      const size = sendingContextSize(this.#sending, this.#settings.engine);
      this.#keepsSent = size > 0 && !this.#closed && this.#settings.budget.reserve(size);
      if (this.#keepsSent) this.#reserved += size;
    }
    if (this.#keepsSent && !this.#closed) this.#sent ??= new Window(this.#sending.windowBits);
    return this.#sent;
  }

  #receivingWindow(): Window | null {
    if (this.#receiving.takeover && !this.#closed) this.#received ??= new Window(this.#receiving.windowBits);
    return this.#received;
  }

  #receivingHistory(): Uint8Array {
    return this.#receivingWindow()?.history ?? NOTHING;
  }

  /**
   * Returns the bytes to send: `output`, or `payload` if `output` is not smaller. If `output` is sent, adds the plaintext to the context.
   * @param compressed the plaintext that was compressed to `output`. It is `payload` itself, or a copy of `payload`
   */
  #sentAs(payload: Uint8Array, compressed: Uint8Array, output: Uint8Array): Uint8Array {
    if (output.length >= compressed.length) {
      if (payload.length === compressed.length) return payload;
      // The application has transferred or resized the payload meanwhile. So the original bytes are lost, and cannot be sent uncompressed.
      throw new Error('The payload of a message was transferred or resized before it was sent');
    }
    if (!this.#closed) this.#sendingWindow()?.append(compressed);
    return output;
  }

  #receivedAs(message: Buffer): Buffer {
    if (!this.#closed) this.#received?.append(message);
    return message;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

const isTooBig = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === 'WS_MESSAGE_TOO_BIG';

function checked(payload: Uint8Array, message: Buffer): Buffer {
  if (inputWithoutOutput(payload.length, message.length)) throw new ProtocolError('WS_NO_DEFLATE_OUTPUT');
  return message;
}
