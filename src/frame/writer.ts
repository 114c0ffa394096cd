/**
 * Frames into the sink: RFC 6455 §5.2, §5.3. Small ones are written in place, large ones beside their header. Nothing waits
 * here: which frame may be sent, and when, is sender.ts.
 */

import { applyMask, copyMasked, nextMaskingKey } from './mask.ts';
import { Opcode } from './opcode.ts';
import type { Role } from './parser.ts';
import { frameHeaderSize, writeFrameHeader } from './serializer.ts';
import type { ByteSink, SharedMemory } from './sink.ts';

/** Up to here a payload is copied beside its header; above, copying costs more than a second chunk in the write. */
export const COPY_THRESHOLD = 4096;

// 2 bytes, 8 of length, 4 of masking key.
const MAX_HEADER_SIZE = 14;

/** FIN as it stands in the first byte. */
export const FIN = 0x80;

/** RSV1 as it stands in the first byte. */
export const RSV1 = 0x40;

/** Writes one endpoint's frames. */
export class FrameWriter {
  readonly #sink: ByteSink;
  readonly #masks: boolean;
  /** Bytes of all frames so far, headers included. */
  sentBytes = 0;

  constructor(sink: ByteSink, role: Role) {
    this.#sink = sink;
    // §5.1: a client masks every frame, a server none.
    this.#masks = role === 'client';
  }

  /**
   * A text message of at most `COPY_THRESHOLD` UTF-16 units, encoded in place.
   * @returns payload bytes
   */
  writeText(text: string): number {
    // One UTF-16 unit takes at most three bytes. Guess that it is ASCII, and move the text if it was not.
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
   * Any frame.
   * @param first FIN, RSV1 and opcode as they stand in the first byte
   * @param ownsPayload nothing else uses the payload: it may be kept, and masked where it lies
   * @param shared the memory that the payload lies in, if other connections hold it too
   */
  writeFrame(first: number, payload: Uint8Array, ownsPayload: boolean, shared: SharedMemory | null): void {
    const { length } = payload;
    if (length <= COPY_THRESHOLD) {
      this.#writeCopied(first, payload);
      return;
    }
    const key = this.#masks ? nextMaskingKey() : 0;
    // What may shrink is not kept: see `isResizable`.
    const isStable = ownsPayload || this.#masks || isResizable(payload);
    const copies = isStable && !ownsPayload;
    const body = copies ? Buffer.allocUnsafeSlow(length) : payload;
    // §5.3: what a caller passed is not masked where it lies.
    if (!copies && this.#masks) applyMask(body, 0, length, key);
    else if (this.#masks) copyMasked(payload, body, 0, key);
    else if (copies) body.set(payload);
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE);
    const end = writeFrameHeader(buffer, offset, first, length, this.#masks, key);
    this.sentBytes += end - offset + length;
    this.#sink.append(body, end - offset, isStable, shared);
  }

  /** A frame that `serializeFrame` made for the server role. */
  writeSerialized(frame: Uint8Array, shared: SharedMemory | null): void {
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

/** Whether the payload may shrink while it is kept: nothing tells when, and what lay beyond its new end is gone then. */
function isResizable({ buffer }: Uint8Array): boolean {
  const { resizable, growable } = buffer as { readonly resizable?: boolean; readonly growable?: boolean };
  return resizable === true || growable === true;
}
