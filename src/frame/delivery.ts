/**
 * From a message's whole payload to its event: RFC 6455 §6.2 (delivery), §8.1 (UTF-8), §9.1 and RFC 7692 §6.2 (through the
 * codec first). How payloads are put together is receiver.ts and assembler.ts.
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

// From here on a message is delivered where it lies in the chunk, if it is most of the chunk.
const VIEW_THRESHOLD = 4096;

/** What the codec's delays mean to the one who reads. */
export interface DeliveryOwner {
  /** A part of the chunk at hand goes to the application, or to the codec, where it lies. */
  onView(): void;
  /** The codec works on a message in other threads: what follows in this direction waits. */
  onDecoding(): void;
  /** `deliverDecoded` may be called. */
  onDecoded(): void;
  fail(error: unknown): void;
}

/** A message that came out of the codec, and could not be delivered at once. */
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
  /** What the codec works on, then what came out of it and waits. */
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

  /** Whether a message came out of the codec and waits. */
  get hasDecoded(): boolean {
    return this.#decoded !== null;
  }

  /** A message that lies in one piece in `buffer[start, end)`, unchecked. */
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

  /** A binary message that lies masked in one piece in `buffer[start, end)`. @param key the masking key of its first byte */
  deliverMasked(buffer: Buffer, start: number, end: number, key: number, wireSize: number): void {
    this.#events.onBinary(this.#ownBytes(buffer, start, end, key), wireSize);
  }

  /** A message in memory of its own, whose text was checked while it arrived. */
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

  /** 7692 §6.2: the payloads of all frames, concatenated, go through the codec; text is checked after it (§8.1). */
  decompress(opcode: number, payload: Buffer, wireSize: number): void {
    this.#charge ??= new Charge(this.#memoryBudget);
    this.#owner.onView();
    const result = this.#decompress(payload);
    if (!(result instanceof Promise)) {
      this.#deliverOwned(opcode, result, wireSize);
      return;
    }
    // What follows in this direction waits: messages keep their order, and a Close frame ends all of them.
    this.#owner.onDecoding();
    // From here on the codec charges what comes out of it, too.
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

  /** An error of the codec, which need not know whose limit it was given. */
  #withLimit(error: unknown): unknown {
    const isTooBig = error instanceof ProtocolError && error.code === 'WS_MESSAGE_TOO_BIG';
    return isTooBig ? new ProtocolError('WS_MESSAGE_TOO_BIG', { limit: this.#maxMessageSize }) : error;
  }

  /** @throws what the event throws, and for a text that is not UTF-8 */
  deliverDecoded(): void {
    const decoded = this.#decoded;
    this.#decoded = null;
    this.#charge?.resize(0);
    if (decoded !== null) this.#deliverOwned(decoded.opcode, decoded.message, decoded.wireSize);
  }

  /** What still comes out of the codec is not delivered, but waited for. */
  discard(): void {
    this.#isDiscarding = true;
    if (this.#decoded !== null) this.#charge?.resize(0);
    this.#decoded = null;
  }

  /** Nothing is delivered any more, whatever the codec still works on. */
  switchOff(): void {
    this.#isOff = true;
    if (this.#decoded !== null) this.#charge?.resize(0);
    this.#decoded = null;
  }

  /** `buffer[start, end)` for the application to keep. @param key the masking key of its first byte; 0 if it is not masked */
  #ownBytes(buffer: Buffer, start: number, end: number, key = 0): Buffer {
    return ownPart(buffer, start, end, this.#owner, key, this.#memoryBudget.isScarce);
  }

  #deliverOwned(opcode: number, message: Buffer, wireSize: number): void {
    if (opcode === Opcode.Text) this.deliver(opcode, message, 0, message.length, wireSize);
    else this.#events.onBinary(message, wireSize);
  }
}

/** Makes `buffer[start, end)` the application's: the same memory, or a copy. @param key as that of `deliverMasked`, or 0 @param isScarce whether memory is scarce */
export function ownPart(
  buffer: Buffer,
  start: number,
  end: number,
  owner: Pick<DeliveryOwner, 'onView'>,
  key = 0,
  isScarce = false,
): Buffer {
  const length = end - start;
  if (staysInPlace(buffer, length, isScarce)) {
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
 * Whether a payload is handed over as it lies. Small ones are copied out: a view would keep a whole read of 64 KiB alive. A large
 * one is not if it is two fifths of that memory, or more, so that two messages in one read, with their headers, are not copied;
 * three quarters while memory is scarce, since all of it stays alive and only the message counts.
 */
function staysInPlace({ buffer }: Buffer, length: number, isScarce: boolean): boolean {
  return length >= VIEW_THRESHOLD && length >= buffer.byteLength * (isScarce ? 0.75 : 0.4);
}
