/**
 * Delivers complete messages to the application: RFC 6455 §6.2 (delivery), §8.1 (UTF-8). If a message is compressed, the codec decompresses
 * it first (RFC 6455 §9.1, RFC 7692 §6.2). assembler.ts has already joined the fragments.
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

// A message with at least this number of bytes may be delivered as a view of the received chunk, without a copy. See `staysInPlace`.
const VIEW_THRESHOLD = 4096;

/** The receiver (receiver.ts). It stops reading while the codec decompresses a message. */
export interface DeliveryOwner {
  /** True if the transport may reuse the memory of the current chunk after the chunk is processed. */
  readonly isBorrowed: boolean;
  /** Is called when the application or the codec gets a view of the current chunk. So the transport must not reuse the chunk's memory. */
  onView(): void;
  /** Is called when the codec begins to decompress a message in other threads. Meanwhile, all data after this message must wait. */
  onDecoding(): void;
  /** Is called when the codec has finished. The owner must then call `deliverDecoded`. */
  onDecoded(): void;
  fail(error: unknown): void;
}

/** A message that the codec has decompressed in other threads. It waits for its delivery. */
interface DecodedMessage {
  readonly opcode: number;
  readonly message: Buffer;
  readonly wireSize: number;
}

/** Delivers the messages of one connection. */
export class Delivery {
  readonly #events: EndpointEvents;
  readonly #owner: DeliveryOwner;
  readonly #codec: MessageCodec | null;
  readonly #decodes: boolean;
  readonly #maxMessageSize: number;
  readonly #memoryBudget: MemoryBudget;
  /** Counts memory: the payload while the codec works, and then the decompressed message until it is delivered. */
  #charge: Charge | null = null;
  #decoded: DecodedMessage | null = null;
  #isDiscarding = false;
  #isOff = false;

  /** @param decodes if true, text messages are delivered as strings. If false, they are delivered as bytes */
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

  /** True if a decompressed message waits to be delivered. */
  get hasDecoded(): boolean {
    return this.#decoded !== null;
  }

  /** Delivers the message in `buffer[start, end)`. Checks that a text message is UTF-8. */
  deliver(opcode: number, buffer: Buffer, start: number, end: number, wireSize: number): void {
    if (opcode !== Opcode.Text) {
      this.#events.onBinary(this.#ownBytes(buffer, start, end), wireSize);
      return;
    }
    if (this.#decodes) {
      const text = decodeUtf8(buffer, start, end);
      // §8.1: if a text is not UTF-8, the endpoint MUST fail the connection.
      if (text === null) throw new ProtocolError('WS_INVALID_UTF8');
      this.#events.onText(text, wireSize);
      return;
    }
    const bytes = this.#ownBytes(buffer, start, end);
    if (!isValidUtf8(bytes)) throw new ProtocolError('WS_INVALID_UTF8');
    this.#events.onText(bytes, wireSize);
  }

  /** Delivers the binary message in `buffer[start, end)`, which is still masked. @param key the masking key for its first byte */
  deliverMasked(buffer: Buffer, start: number, end: number, key: number, wireSize: number): void {
    this.#events.onBinary(this.#ownBytes(buffer, start, end, key), wireSize);
  }

  /** Delivers a message from the assembler. The assembler has already checked that a text message is UTF-8. */
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

  /** Works like `decompress`, for the payload in `buffer[start, end)`. */
  decompressPart(opcode: number, buffer: Buffer, start: number, end: number, wireSize: number): void {
    // The codec may read the payload in other threads, even after the transport has reused the chunk. So we may need a copy.
    const payload = buffer.subarray(start, end);
    this.decompress(opcode, this.#owner.isBorrowed ? Buffer.from(payload) : payload, wireSize);
  }

  /** Decompresses a message, and delivers it. @param payload the concatenated payloads of all frames (7692 §6.2) */
  decompress(opcode: number, payload: Buffer, wireSize: number): void {
    this.#charge ??= new Charge(this.#memoryBudget);
    this.#owner.onView();
    const result = this.#decompress(payload);
    if (!(result instanceof Promise)) {
      this.#deliverOwned(opcode, result, wireSize);
      return;
    }
    // All later data waits, so that messages stay in order, and a Close frame is processed after them.
    this.#owner.onDecoding();
    // The codec adds the size of its output to this charge.
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

  /** If the codec reports that the message is too big, adds the limit to this error. */
  #withLimit(error: unknown): unknown {
    const isTooBig = error instanceof ProtocolError && error.code === 'WS_MESSAGE_TOO_BIG';
    return isTooBig ? new ProtocolError('WS_MESSAGE_TOO_BIG', { limit: this.#maxMessageSize }) : error;
  }

  /**
   * Delivers the waiting decompressed message. @throws {ProtocolError} if a text is not UTF-8. Also throws any error of the event handler
   */
  deliverDecoded(): void {
    const decoded = this.#decoded;
    this.#decoded = null;
    this.#charge?.resize(0);
    if (decoded !== null) this.#deliverOwned(decoded.opcode, decoded.message, decoded.wireSize);
  }

  /** From now on, drops the codec's output. If the codec is working, the connection is not read until the codec has finished. */
  discard(): void {
    this.#isDiscarding = true;
    if (this.#decoded !== null) this.#charge?.resize(0);
    this.#decoded = null;
  }

  /** From now on, delivers nothing. If the codec is working, its output is dropped. */
  switchOff(): void {
    this.#isOff = true;
    if (this.#decoded !== null) this.#charge?.resize(0);
    this.#decoded = null;
  }

  /**
   * Returns the bytes of `buffer[start, end)`. The application may keep the result.
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
 * Returns the bytes of `buffer[start, end)`, as a view or as a copy. The application may keep the result.
 * @param key the masking key for the first byte of the part; 0 if the bytes are not masked
 * @param isScarce true if more than three quarters of the memory budget are used
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
 * Returns true if a payload is delivered as a view of the chunk. A view needs no copy. But it keeps the whole chunk in memory (up to 64
 * KiB), and the memory budget counts only the message. So small payloads are copied. A large payload becomes a view if it fills at least
 * two fifths of the chunk. So a chunk with two large messages needs no copies. If memory is scarce, the payload must fill at least three
 * quarters.
 */
function staysInPlace({ buffer }: Buffer, length: number, isScarce: boolean): boolean {
  return length >= VIEW_THRESHOLD && length >= buffer.byteLength * (isScarce ? 0.75 : 0.4);
}
