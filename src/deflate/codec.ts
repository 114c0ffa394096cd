/**
 * Messages through DEFLATE: RFC 7692 §7.2. Two engines on one context: our own (engine/) for small messages, where zlib would
 * spend ten times the work on setting itself up, and node:zlib for the rest. All that lasts from message to message is
 * plaintext, at most 32 KiB of it in each direction, so the engines can take turns. What was agreed is params.ts.
 */

import type { MessageCodec } from '../frame/message-codec.ts';
import { ProtocolError } from '../frame/violation.ts';
import type { CompressionBudget } from './budget.ts';
import { deflateElsewhere } from './deflate-stream.ts';
import { deflate } from './engine/deflate.ts';
import { inflate } from './engine/inflate.ts';
import { InflateError } from './engine/inflate-error.ts';
import { largestIndex } from './engine/matcher.ts';
import { largestWindow, Window } from './engine/window.ts';
import { inPool } from './pool.ts';
import {
  type DeflateSettings,
  deflateNow,
  inflateElsewhere,
  inflateNow,
  inputWithoutOutput,
} from './zlib.ts';

/** One direction of a connection, as agreed (7692 §7.1). */
export interface Direction {
  /** How far back references may reach: 2^windowBits bytes, 8 to 15. */
  readonly windowBits: number;
  /** Whether a message may refer to those before it. */
  readonly takeover: boolean;
}

export interface CodecSettings {
  /** Bytes; shorter messages are sent uncompressed. */
  readonly threshold: number;
  /** zlib's level for the messages that go to zlib, 1 to 9. */
  readonly level: number;
  /** 'auto': small messages go to our own engine; 'zlib': none does. */
  readonly engine: 'auto' | 'zlib';
  /** Never use zlib's threads, whatever the size. */
  readonly synchronous: boolean;
  readonly budget: CompressionBudget;
}

// Measured with bench/deflate.js: from here on zlib's set-up is paid back.
const OUR_DEFLATE_UP_TO = 2_048;
const OUR_DEFLATE_ALONE_UP_TO = 1_024;
const OUR_INFLATE_UP_TO = 512;

// Half a KiB can stand for half a MiB, on which our engine spends milliseconds: what grows beyond this is begun again by zlib.
const OUR_INFLATED_UP_TO = 16_384;

// What zlib spends on a message is mostly the search for the longest match, over all that its window holds. So up to this level, the
// default, time counts: zlib looks back 16 KiB at most, 8 KiB in a large message (a quarter less time there, for 1 % to 2 % more
// bytes of JSON, 8 % to 12 % of prose and code), and is given the end of the context only. Above, bytes count.
const FAST_LEVELS = 6;
const FAST_WINDOW_BITS = 14;
const FAST_WINDOW_BITS_OF_LARGE = 13;
const FAST_CONTEXT = 8_192;
const FAST_CONTEXT_OF_LARGE = 2_048;

// About 150 µs of deflating; what is larger would keep the event loop from other connections.
const DEFLATE_NOW_UP_TO = 16_384;
const INFLATE_NOW_UP_TO = 16_384;

// Compressed input tells little about its output: what grows beyond this is begun again in zlib's threads.
const INFLATED_NOW_UP_TO = 131_072;

/** What the context of the receiving side holds at most: the window. */
export function receivingContextSize(direction: Direction): number {
  return direction.takeover ? largestWindow(direction.windowBits) : 0;
}

/** What the context of the sending side holds at most: the window, and our engine's index of it. */
function sendingContextSize(direction: Direction, engine: CodecSettings['engine']): number {
  if (!direction.takeover) return 0;
  return largestWindow(direction.windowBits) + (engine === 'auto' ? largestIndex(direction.windowBits) : 0);
}

/** permessage-deflate for one connection. */
export class DeflateCodec implements MessageCodec {
  readonly threshold: number;
  readonly #settings: CodecSettings;
  readonly #sending: Direction;
  readonly #receiving: Direction;
  /** What zlib compresses with, the latter over DEFLATE_NOW_UP_TO. */
  readonly #deflateSettings: DeflateSettings;
  readonly #largeSettings: DeflateSettings;
  #reserved: number;
  /** Made with the first message that needs it. */
  #sent: Window | null = null;
  #received: Window | null = null;
  /** Whether the budget had room for `#sent`; asked when it is first needed. */
  #keepsSent: boolean | null = null;
  #closed = false;

  /** @param reserved what the budget was asked for already, for the receiving side; given back by `close`. */
  constructor(sending: Direction, receiving: Direction, settings: CodecSettings, reserved: number) {
    this.#sending = sending;
    this.#receiving = receiving;
    this.#settings = settings;
    this.#reserved = reserved;
    this.threshold = settings.threshold;
    const { level } = settings;
    const { windowBits } = sending;
    const isFast = level <= FAST_LEVELS;
    const most = isFast ? FAST_WINDOW_BITS : windowBits;
    const mostOfLarge = isFast ? FAST_WINDOW_BITS_OF_LARGE : windowBits;
    this.#deflateSettings = { level, windowBits: Math.min(windowBits, most) };
    this.#largeSettings = { level, windowBits: Math.min(windowBits, mostOfLarge) };
  }

  /**
   * Connections with the same key compress a message to the same bytes, so that a broadcast can do it once; null where each
   * has a context of its own.
   */
  get sharedKey(): string | null {
    const { engine, level } = this.#settings;
    return this.#sending.takeover ? null : `${engine} ${level} ${this.#sending.windowBits}`;
  }

  /** Whether a message of this size is compressed in zlib's threads. */
  compressesElsewhere(length: number): boolean {
    return !this.#settings.synchronous && length > DEFLATE_NOW_UP_TO;
  }

  compress(payload: Uint8Array): Uint8Array | Promise<Uint8Array> {
    if (!this.compressesElsewhere(payload.length)) return this.compressNow(payload);
    const dictionary = this.#contextFor(payload, this.#sendingWindow());
    return inPool(() => deflateElsewhere(payload, this.#largeSettings, dictionary)).then((output) =>
      this.#sentAs(payload, output),
    );
  }

  /** The same in this turn, whatever the size. */
  compressNow(payload: Uint8Array): Uint8Array {
    const window = this.#sendingWindow();
    const { length } = payload;
    const most = window === null ? OUR_DEFLATE_ALONE_UP_TO : OUR_DEFLATE_UP_TO;
    if (this.#settings.engine === 'auto' && length <= most) {
      return this.#sentAs(payload, deflate(payload, window, this.#sending.windowBits));
    }
    return this.#sentAs(
      payload,
      deflateNow(
        payload,
        length > DEFLATE_NOW_UP_TO ? this.#largeSettings : this.#deflateSettings,
        this.#contextFor(payload, window),
      ),
    );
  }

  decompress(payload: Uint8Array, maxLength: number): Buffer | Promise<Buffer> {
    const { synchronous, engine } = this.#settings;
    const { windowBits } = this.#receiving;
    // 7692 §7.2.3.6: an empty message is one byte. That none at all means the same costs nothing.
    if (payload.length === 0) return Buffer.alloc(0);
    const window = this.#receivingWindow();
    if (engine === 'auto' && payload.length <= OUR_INFLATE_UP_TO) {
      const most = Math.min(maxLength, OUR_INFLATED_UP_TO);
      const message = inflateSmall(payload, window, most, maxLength);
      if (message !== null) return this.#receivedAs(message);
    }
    const history = window === null ? NOTHING : window.history;
    if (synchronous || payload.length <= INFLATE_NOW_UP_TO) {
      const most = synchronous ? maxLength : Math.min(maxLength, INFLATED_NOW_UP_TO);
      try {
        return this.#receivedAs(checked(payload, inflateNow(payload, windowBits, history, most)));
      } catch (error) {
        if (!isTooBig(error) || most === maxLength) throw error;
      }
    }
    return inPool(() => inflateElsewhere(payload, windowBits, history, maxLength)).then((message) =>
      this.#receivedAs(checked(payload, message)),
    );
  }

  close(): void {
    this.#closed = true;
    this.#sent = null;
    this.#received = null;
    this.#settings.budget.release(this.#reserved);
    this.#reserved = 0;
  }

  /** What zlib is given of the context to compress a message. (To decompress it gets all of it, which is cheap.) */
  #contextFor(payload: Uint8Array, window: Window | null): Uint8Array {
    if (window === null) return NOTHING;
    if (this.#settings.level > FAST_LEVELS) return window.history;
    return window.history.subarray(
      payload.length > DEFLATE_NOW_UP_TO ? -FAST_CONTEXT_OF_LARGE : -FAST_CONTEXT,
    );
  }

  /** The context of what we send; null where none was agreed, or the budget has no room: to keep one is only permitted. */
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

  /** What is sent for `payload`: it becomes part of the context only if it goes out compressed. */
  #sentAs(payload: Uint8Array, output: Uint8Array): Uint8Array {
    if (output.length >= payload.length) return payload;
    if (!this.#closed) this.#sendingWindow()?.append(payload);
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

/** Our engine, with its errors in the peer's terms. @returns null for more than `most` bytes that may be within the limit */
function inflateSmall(
  payload: Uint8Array,
  window: Window | null,
  most: number,
  maxLength: number,
): Buffer | null {
  try {
    const message = inflate(payload, window, most);
    return Buffer.from(message.buffer, message.byteOffset, message.length);
  } catch (error) {
    if (!(error instanceof InflateError)) throw error;
    if (error.reason === 'too-big' && most < maxLength) return null;
    if (error.reason === 'too-big') throw new ProtocolError('WS_MESSAGE_TOO_BIG');
    throw new ProtocolError(error.reason === 'corrupt' ? 'WS_INVALID_DEFLATE' : 'WS_NO_DEFLATE_OUTPUT');
  }
}
