/**
 * Reports a message whose whole payload has arrived: RFC 6455 §6.2 (delivery), §8.1 (UTF-8). The codec decompresses a compressed message
 * first (§9.1, RFC 7692 §6.2). assembler.ts has already put the fragments together.
 */

import { Charge } from './charge.ts';
import type { EndpointEvents } from './endpoint-events.ts';
import { FREE_FROM, freeMemory } from './free-memory.ts';
import { applyMask, copyMaskedPart } from './mask.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { decodeUtf8, isValidUtf8 } from './utf8.ts';
import { ProtocolError } from './violation.ts';

// A message of at least this many bytes may be delivered as a view of the chunk, without a copy. See `staysInPlace`.
const VIEW_THRESHOLD = 4096;

/** The receiver, which stops reading while the codec works. */
export interface DeliveryOwner {
  /** Whether the transport may use the memory of the current chunk again after the chunk was processed. */
  readonly isBorrowed: boolean;
  /** A view of the current chunk goes to the application or to the codec. The chunk's memory must not be used again. */
  onView(): void;
  /** The codec decompresses a message in other threads. Everything that is received after this message waits. */
  onDecoding(): void;
  /** The codec is done: `deliverDecoded` may be called. */
  onDecoded(): void;
  fail(error: unknown): void;
}

/** A message that the codec has decompressed in other threads, and that waits to be delivered. */
interface DecodedMessage {
  readonly opcode: number;
  readonly message: Buffer;
  readonly wireSize: number;
}

/** Delivers one connection's messages. */
export class Delivery {
  readonly #events: EndpointEvents;
  readonly #owner: DeliveryOwner;
  readonly #codec: MessageCodec | null;
  readonly #decodes: boolean;
  readonly #maxMessageSize: number;
  readonly #memoryBudget: MemoryBudget;
  /** Counts the payload while the codec works on it, and then the decompressed message until it is delivered. */
  #charge: Charge | null = null;
  #decoded: DecodedMessage | null = null;
  #isDiscarding = false;
  #isOff = false;

  /** @param decodes whether text is delivered as strings, not as bytes */
  constructor(
    events: EndpointEvents,
    owner: DeliveryOwner,
    codec: MessageCodec | null,
    decodes: boolean,
    maxMessageSize: number,
    memoryBudget: MemoryBudget,
  ) {
    this.#events = events;
    this.#owner = owner;
    this.#codec = codec;
    this.#decodes = decodes;
    this.#maxMessageSize = maxMessageSize;
    this.#memoryBudget = memoryBudget;
  }

  /** Whether a decompressed message waits to be delivered. */
  get hasDecoded(): boolean {
    return this.#decoded !== null;
  }

  /** Delivers a message that lies in one piece in `buffer[start, end)`. If it is a text, this method checks that it is UTF-8. */
  deliver(opcode: number, buffer: Buffer, start: number, end: number, wireSize: number): void {
    if (opcode !== Opcode.Text) {
      this.#events.onBinary(this.#ownBytes(buffer, start, end), wireSize);
      return;
    }
    if (this.#decodes) {
      const text = decodeUtf8(buffer, start, end);
      // §8.1: an endpoint MUST fail the connection on a text that is not UTF-8.
      if (text === null) throw new ProtocolError('WS_INVALID_UTF8');
      this.#events.onText(text, wireSize);
      return;
    }
    const bytes = this.#ownBytes(buffer, start, end);
    if (!isValidUtf8(bytes)) throw new ProtocolError('WS_INVALID_UTF8');
    this.#events.onText(bytes, wireSize);
  }

  /** Delivers a binary message that lies, still masked, in `buffer[start, end)`. @param key the masking key for its first byte */
  deliverMasked(buffer: Buffer, start: number, end: number, key: number, wireSize: number): void {
    this.#events.onBinary(this.#ownBytes(buffer, start, end, key), wireSize);
  }

  /** Delivers a message that the assembler collected in separate memory. If it is a text, the assembler has checked that it is UTF-8. */
  deliverChecked(opcode: number, message: Buffer, wireSize: number): void {
    if (opcode !== Opcode.Text) {
      this.#events.onBinary(message, wireSize);
    } else if (this.#decodes) {
      const text = message.toString();
      if (message.length >= FREE_FROM) freeMemory(message);
      this.#events.onText(text, wireSize);
    } else {
      this.#events.onText(message, wireSize);
    }
  }

  /** Works like `decompress`, for a message that lies in one piece in `buffer[start, end)`. */
  decompressPart(opcode: number, buffer: Buffer, start: number, end: number, wireSize: number): void {
    // The codec may still read the payload in other threads after the chunk was processed.
    const payload = buffer.subarray(start, end);
    this.decompress(opcode, this.#owner.isBorrowed ? Buffer.from(payload) : payload, wireSize);
  }

  /** 7692 §6.2: the payloads of all frames, concatenated, go through the codec. Then text is checked (§8.1). */
  decompress(opcode: number, payload: Buffer, wireSize: number): void {
    this.#charge ??= new Charge(this.#memoryBudget);
    this.#owner.onView();
    const result = this.#decompress(payload);
    if (!(result instanceof Promise)) {
      this.#deliverOwned(opcode, result, wireSize);
      return;
    }
    // Everything received later waits: messages keep their order, and a Close frame comes after all of them.
    this.#owner.onDecoding();
    // The codec adds its output to this charge.
    this.#charge.resize(payload.length);
    result.then(
      (message) => {
        this.#charge?.resize(this.#isOff || this.#isDiscarding ? 0 : message.length);
        if (this.#isOff) return;
        if (!this.#isDiscarding) this.#decoded = { opcode, message, wireSize };
        this.#owner.onDecoded();
      },
      (error: unknown) => {
        this.#charge?.resize(0);
        if (!this.#isOff) this.#owner.fail(this.#withLimit(error));
      },
    );
  }

  #decompress(payload: Buffer): Buffer | Promise<Buffer> {
    try {
      return this.#codec!.decompress(payload, this.#maxMessageSize, this.#charge);
    } catch (error) {
      throw this.#withLimit(error);
    }
  }

  /** Adds the size limit to an error of the codec. */
  #withLimit(error: unknown): unknown {
    const isTooBig = error instanceof ProtocolError && error.code === 'WS_MESSAGE_TOO_BIG';
    return isTooBig ? new ProtocolError('WS_MESSAGE_TOO_BIG', { limit: this.#maxMessageSize }) : error;
  }

  /**
   * Delivers the decompressed message that waits. @throws {ProtocolError} if a text is not UTF-8; any error that the event handler throws
   */
  deliverDecoded(): void {
    const decoded = this.#decoded;
    this.#decoded = null;
    this.#charge?.resize(0);
    if (decoded !== null) this.#deliverOwned(decoded.opcode, decoded.message, decoded.wireSize);
  }

  /** Drops the codec's output from now on. Reading still stays stopped until the codec has finished. */
  discard(): void {
    this.#isDiscarding = true;
    if (this.#decoded !== null) this.#charge?.resize(0);
    this.#decoded = null;
  }

  /** From now on, delivers nothing. If the codec is still working, its output will be dropped. */
  switchOff(): void {
    this.#isOff = true;
    if (this.#decoded !== null) this.#charge?.resize(0);
    this.#decoded = null;
  }

  /**
   * Returns `buffer[start, end)` for the application to keep.
   * @param key the masking key for the first byte of the part; 0 if the bytes are not masked
   */
  #ownBytes(buffer: Buffer, start: number, end: number, key = 0): Buffer {
    return ownPart(buffer, start, end, this.#owner, key, this.#memoryBudget.isScarce);
  }

  #deliverOwned(opcode: number, message: Buffer, wireSize: number): void {
    if (opcode === Opcode.Text) this.deliver(opcode, message, 0, message.length, wireSize);
    else this.#events.onBinary(message, wireSize);
  }
}

/**
 * Returns `buffer[start, end)` for the application to keep: a view, or a copy.
 * @param key the masking key for the first byte of the part; 0 if the bytes are not masked
 * @param isScarce whether over three quarters of the memory budget are used
 */
export function ownPart(
  buffer: Buffer,
  start: number,
  end: number,
  owner: Pick<DeliveryOwner, 'isBorrowed' | 'onView'>,
  key = 0,
  isScarce = false,
): Buffer {
  const length = end - start;
  if (!owner.isBorrowed && staysInPlace(buffer, length, isScarce)) {
    owner.onView();
    if (key !== 0) applyMask(buffer, start, end, key);
    return buffer.subarray(start, end);
  }
  const copy = Buffer.allocUnsafe(length);
  if (key === 0) buffer.copy(copy, 0, start, end);
  else copyMaskedPart(buffer, start, end, copy, 0, key);
  return copy;
}

/**
 * Says whether a payload is delivered as a view of the chunk. A view keeps the whole chunk in memory, up to 64 KiB from one read of the
 * socket. So small payloads are copied. A large payload becomes a view if it fills at least two fifths of this memory. So two messages in
 * one chunk are not copied. While memory is scarce, the payload must fill at least three quarters. The budget counts only the message, not
 * the rest of the chunk.
 */
function staysInPlace({ buffer }: Buffer, length: number, isScarce: boolean): boolean {
  return length >= VIEW_THRESHOLD && length >= buffer.byteLength * (isScarce ? 0.75 : 0.4);
}
