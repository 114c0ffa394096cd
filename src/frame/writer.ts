/**
 * Writes frames into the sink, which passes the bytes to the transport (RFC 6455 §5.2, §5.3). A small payload is copied directly after its
 * header. A large payload is copied only if this is necessary. Small texts that an endpoint sends while it processes received data
 * are collected and encoded together (text-batch.ts). sender.ts decides when a frame is written.
 */

import { applyMask, copyMasked, nextMaskingKey } from './mask.ts';
import { Opcode } from './opcode.ts';
import type { Role } from './parser.ts';
import { isResizable } from './resizable.ts';
import { frameHeaderSize, writeFrameHeader } from './serializer.ts';
import type { ByteSink, SharedMemory } from './sink.ts';
import { encodeBatch, roomForBatch, TextBatch, textsOfBatch } from './text-batch.ts';
import { MAX_SHORT_LENGTH } from './text-kernel.ts';

/**
 * A payload of up to this number of bytes is copied directly after its header. For a larger payload, the copy would take longer than a
 * separate write.
 */
export const COPY_THRESHOLD = 4096;

// In bytes. The longest header has 2 bytes, 8 bytes of length, and 4 bytes of masking key.
const MAX_HEADER_SIZE = 14;

/** The FIN bit of the first byte. */
export const FIN = 0x80;

/** The RSV1 bit of the first byte. */
export const RSV1 = 0x40;

/** The result for a text that is encoded later. The size of its payload is not known yet. */
export const NOT_ENCODED = -2;

// One batch serves all endpoints of the thread, because only one endpoint collects texts at a time.
const batch = new TextBatch();

/** The writer that collects its small texts at present, or null. */
let collector: FrameWriter | null = null;

/** Writes the frames of one endpoint. */
export class FrameWriter {
  readonly #sink: ByteSink;
  readonly #masks: boolean;
  /** The number of bytes written so far, including headers. Collected texts are not counted before they are encoded. */
  sentBytes = 0;
  /** The number of payload bytes of the last text that was collected and then encoded. */
  #lastTextSize = 0;

  constructor(sink: ByteSink, role: Role) {
    this.#sink = sink;
    // §5.1: a client masks every frame, and a server does not mask.
    this.#masks = role === 'client';
  }

  // ---- collecting small texts ----

  /**
   * From now on until `stopCollecting`, small texts are collected. If another endpoint is already collecting, this call does nothing. That
   * can happen if data for this endpoint arrives while a callback of the other endpoint runs.
   */
  startCollecting(): void {
    collector ??= this;
  }

  stopCollecting(): void {
    if (collector !== this) return;
    try {
      this.encodeCollected();
    } finally {
      // If the sink throws, other endpoints still have to be able to collect.
      collector = null;
    }
  }

  /** Encodes the texts that were collected. Every method that writes a frame calls this method first, to keep the order. */
  encodeCollected(): void {
    if (collector === this && batch.length > 0) this.#encode(batch.take());
  }

  /** The maximum number of bytes that the collected texts will have. One UTF-16 unit needs at most three bytes. */
  get maxCollectedBytes(): number {
    return collector === this ? batch.length * 3 : 0;
  }

  /** Returns the number of payload bytes of the last sent text. @param result the result of `collectText` for this text */
  sizeOf(result: number): number {
    if (result !== NOT_ENCODED) return result;
    this.encodeCollected();
    return this.#lastTextSize;
  }

  /**
   * Collects a text if possible. Otherwise writes the text immediately.
   * @returns the payload size in bytes, or `NOT_ENCODED` if the text was collected
   */
  collectText(text: string): number {
    if (collector !== this || text.length > MAX_SHORT_LENGTH) return this.writeText(text);
    if (batch.add(text, this.#masks)) this.encodeCollected();
    return NOT_ENCODED;
  }

  #encode(frames: string): void {
    const { buffer, offset } = this.#sink.reserve(roomForBatch(frames));
    if (encodeBatch(frames, this.#masks, buffer, offset)) {
      this.sentBytes += frames.length;
      this.#lastTextSize = batch.lastLength;
      this.#sink.commit(frames.length);
      return;
    }
    for (const text of textsOfBatch(frames, this.#masks)) this.#lastTextSize = this.#writeText(text);
  }

  // ---- frames ----

  /**
   * Writes a text message of at most `COPY_THRESHOLD` UTF-16 units. The text is encoded directly into the sink's memory.
   * @returns the payload size in bytes
   */
  writeText(text: string): number {
    this.encodeCollected();
    return this.#writeText(text);
  }

  #writeText(text: string): number {
    // One UTF-16 unit needs at most three bytes. To guess the size of the header, we assume that the text is ASCII. If the guess is wrong,
    // we move the text.
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE + text.length * 3);
    const guess = frameHeaderSize(text.length, this.#masks);
    const length = buffer.write(text, offset + guess);
    const headerSize = frameHeaderSize(length, this.#masks);
    if (headerSize !== guess) {
      buffer.copyWithin(offset + headerSize, offset + guess, offset + guess + length);
    }
    const key = this.#masks ? nextMaskingKey() : 0;
    const position = writeFrameHeader(buffer, offset, FIN | Opcode.Text, length, this.#masks, key);
    if (this.#masks) applyMask(buffer, position, position + length, key);
    this.sentBytes += headerSize + length;
    this.#sink.commit(headerSize + length);
    return length;
  }

  /**
   * Writes any frame.
   * @param first the first byte of the frame: FIN, RSV1 and opcode
   * @param ownsPayload true if no other code uses the payload. If so, the payload may be kept, and masked in place
   * @param shared the memory that contains the payload, if other connections use this memory too
   */
  writeFrame(first: number, payload: Uint8Array, ownsPayload: boolean, shared: SharedMemory | null): void {
    this.encodeCollected();
    const { length } = payload;
    if (length <= COPY_THRESHOLD) {
      this.#writeCopied(first, payload);
      return;
    }
    const key = this.#masks ? nextMaskingKey() : 0;
    // If `isStable` is true, `body` does not change after this call. A resizable payload is copied, because the application could shrink
    // the payload before it is sent.
    const isStable = ownsPayload || this.#masks || isResizable(payload.buffer);
    const copies = isStable && !ownsPayload;
    const body = copies ? Buffer.allocUnsafeSlow(length) : payload;
    // If the payload belongs to the caller, it must not be masked in place.
    if (!copies && this.#masks) applyMask(body, 0, length, key);
    else if (this.#masks) copyMasked(payload, body, 0, key);
    else if (copies) body.set(payload);
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE);
    const end = writeFrameHeader(buffer, offset, first, length, this.#masks, key);
    this.sentBytes += end - offset + length;
    this.#sink.append(body, end - offset, isStable, shared);
  }

  /** Writes a frame that `serializeFrame` made for the server role. */
  writeSerialized(frame: Uint8Array, shared: SharedMemory | null): void {
    this.encodeCollected();
    this.sentBytes += frame.length;
    if (frame.length > COPY_THRESHOLD) {
      this.#sink.append(frame, 0, true, shared);
      return;
    }
    const { buffer, offset } = this.#sink.reserve(frame.length);
    buffer.set(frame, offset);
    this.#sink.commit(frame.length);
  }

  #writeCopied(first: number, payload: Uint8Array): void {
    const length = payload.length;
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE + length);
    const key = this.#masks ? nextMaskingKey() : 0;
    const position = writeFrameHeader(buffer, offset, first, length, this.#masks, key);
    if (this.#masks) copyMasked(payload, buffer, position, key);
    else buffer.set(payload, position);
    const size = position - offset + length;
    this.sentBytes += size;
    this.#sink.commit(size);
  }
}
