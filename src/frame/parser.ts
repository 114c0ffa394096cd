/**
 * Parses frames from chunks of bytes: RFC 6455 §5.2 (layout) and §5.3 (unmasking). The payload of a message is not copied here.
 * assembler.ts joins fragments (§5.4), and state-machine.ts handles control frames (§5.5).
 *
 *     bit 0    1..3   4..7     8     9..15   then                  then              then
 *     FIN      RSV    opcode   MASK  length  16 or 64 bits length  32 bits key       payload
 *                                            if length is 126/127  if MASK is set
 */

import type { FastFrameHandler, FrameHandler } from './frame-handler.ts';
import { checkFirstBytes } from './header-rules.ts';
import { applyMask, KERNEL_THRESHOLD, rotateMaskingKey } from './mask.ts';
import { isControl } from './opcode.ts';
import { MAX_SHORT_LENGTH, textKernel } from './text-kernel.ts';
import { ProtocolError } from './violation.ts';

/** The role of this side of the connection. */
export type Role = 'client' | 'server';

// §5.2: 2 bytes, then 8 bytes of length, then 4 bytes of masking key.
const MAX_HEADER_SIZE = 14;

// The first byte of a text message that is one frame: FIN, no reserved bits, and the opcode Text.
const WHOLE_TEXT = 0x81;

/** Parses frames (RFC 6455 §5.2). Chunks may have any size, and may end at any byte of a frame. */
export class FrameParser {
  readonly #handler: FrameHandler;
  /** The handler if it is a `FastFrameHandler`, else null. */
  readonly #fast: FastFrameHandler | null;
  readonly #masked: boolean;
  /** A bit mask for the first byte of a frame: the reserved bits that a negotiated extension allows. */
  readonly #allowedReserved: number;

  #fin = false;
  #rsv1 = false;
  #opcode = 0;
  #length = 0;
  #key = 0;
  /** The number of payload bytes that have not arrived yet. 0 between frames. */
  #remaining = 0;

  /** The start of a header that has not fully arrived, and the number of its bytes. */
  #header: Buffer | null = null;
  #headerSize = 0;
  /** The bytes that have arrived of a control frame's payload, if its rest has not arrived yet. */
  #control: Buffer | null = null;

  #stopped = false;
  #off = false;
  /** True if the parser tries to decode several text frames of this chunk at once (see text-kernel.ts). */
  #seeksRuns = false;

  /**
   * @param role our role. A server requires masked frames, and a client requires unmasked frames (§5.1).
   * @param rsv1 true if a negotiated extension uses RSV1 (RFC 7692 §6).
   * @param fast the same object as `handler` if it is a `FastFrameHandler`, else null
   */
  constructor(handler: FrameHandler, role: Role, rsv1 = false, fast: FastFrameHandler | null = null) {
    this.#handler = handler;
    this.#fast = fast;
    this.#masked = role === 'server';
    this.#allowedReserved = rsv1 ? 0x40 : 0;
  }

  /** True if a part of a frame has arrived, but not the whole frame. */
  get insideFrame(): boolean {
    return this.#remaining > 0 || this.#headerSize > 0;
  }

  /** True if `switchOff` was called. */
  get isOff(): boolean {
    return this.#off;
  }

  /** A handler calls this to make `push` return after the current frame. */
  stop(): void {
    this.#stopped = true;
  }

  /** From now on, `push` drops all data. §7.1.7, §5.5.1: after a failure or a Close frame, no more data is processed. */
  switchOff(): void {
    this.#off = true;
    this.#stopped = true;
    this.#header = null;
    this.#control = null;
    this.#remaining = 0;
    this.#headerSize = 0;
  }

  /**
   * Parses `chunk`, from index `offset` on. Unmasks payloads in place, so the parser must own the chunk.
   * @returns the index at which parsing ended: the chunk's length, or less after `stop()`.
   * @throws {ProtocolError} if a header is invalid, as soon as its invalid byte has arrived.
   */
  push(chunk: Buffer, offset = 0): number {
    if (this.#off) return chunk.length;
    const end = chunk.length;
    let position = offset;
    this.#stopped = false;
    this.#seeksRuns = this.#fast !== null && textKernel !== null;
    // The caller may pass the same Buffer object for each chunk. So the kernel must forget the chunk that it has loaded.
    if (this.#seeksRuns) textKernel!.leave();
    while (position < end && !this.#stopped) {
      if (this.#remaining > 0) {
        position = this.#continuePayload(chunk, position, end);
        continue;
      }
      if (this.#headerSize > 0) {
        position = this.#continueHeader(chunk, position, end);
        if (this.#headerSize > 0) break;
      } else {
        if (this.#seeksRuns && this.#beginsRun(chunk, position, end)) {
          position = this.#deliverRun(chunk, position, end);
          continue;
        }
        const size = this.#readHeader(chunk, position, end);
        if (size === 0) {
          this.#keepHeader(chunk, position, end);
          position = end;
          break;
        }
        position += size;
      }
      this.#handler.onFrameHeader(this.#fin, this.#rsv1, this.#opcode, this.#length);
      if (this.#off) break;
      // The whole payload is in this chunk, or the payload is empty. So no state is kept for the next chunk.
      if (this.#length <= end - position) {
        const start = position;
        position += this.#length;
        if (this.#length >= KERNEL_THRESHOLD && this.#takesMasked) {
          this.#fast!.onMaskedPayload(chunk, start, position, true, this.#key);
        } else {
          if (this.#masked) applyMask(chunk, start, position, this.#key);
          this.#handler.onFramePayload(chunk, start, position, true);
        }
      } else {
        this.#remaining = this.#length;
      }
    }
    if (this.#fast !== null) textKernel?.leave();
    // If a handler has called `switchOff`, the rest of the chunk is dropped.
    return this.#off ? end : position;
  }

  /** Returns true if a run seems to begin at `chunk[position]`. A run is two or more small text frames in a row. */
  #beginsRun(chunk: Buffer, position: number, end: number): boolean {
    if (chunk[position] !== WHOLE_TEXT) return false;
    const headerSize = this.#masked ? 6 : 2;
    if (position + headerSize > end) return false;
    const length = chunk[position + 1]! & 0x7f;
    const next = position + headerSize + length;
    if (length > MAX_SHORT_LENGTH || next + headerSize > end || chunk[next] !== WHOLE_TEXT) return false;
    return this.#fast!.takesShortTexts;
  }

  /**
   * Decodes a run of small text frames in one step, and delivers the texts one by one. @returns the index after the last delivered frame
   */
  #deliverRun(chunk: Buffer, position: number, end: number): number {
    const handler = this.#fast!;
    const headerSize = this.#masked ? 6 : 2;
    const text = textKernel!.read(chunk, position, end, this.#masked ? 0x80 : 0);
    const { count } = textKernel!;
    // The text after the decoded frames is probably not ASCII. If so, the later texts of this chunk are probably not ASCII either.
    if (count < 2) this.#seeksRuns = false;
    let at = position;
    let from = 0;
    for (let index = 0; index < count; index++) {
      const length = chunk[at + 1]! & 0x7f;
      const to = from + length;
      at += headerSize + length;
      handler.onShortText(text.slice(from, to));
      from = to;
      // The handler may have paused, closed or terminated the connection. Then the later frames must not be delivered here.
      if (this.#stopped || !handler.takesShortTexts) break;
    }
    return at;
  }

  /**
   * Reads the header at the start of `bytes[position, end)`.
   * @returns the size of the header, or 0 if the header is not complete.
   */
  #readHeader(bytes: Buffer, position: number, end: number): number {
    const available = end - position;
    if (available < 2) return 0;
    const first = bytes[position]!;
    const second = bytes[position + 1]!;
    checkFirstBytes(first, second, this.#masked, this.#allowedReserved);

    let length = second & 0x7f;
    let size = 2;
    if (length === 126) {
      if (available < 4) return 0;
      length = (bytes[position + 2]! << 8) | bytes[position + 3]!;
      // §5.2: senders MUST use the shortest form. We refuse longer forms.
      if (length < 126) throw new ProtocolError('WS_NON_MINIMAL_LENGTH');
      size = 4;
    } else if (length === 127) {
      if (available < 10) return 0;
      const high = bytes.readUInt32BE(position + 2);
      // §5.2: the most significant bit MUST be 0.
      if (high >= 0x80000000) throw new ProtocolError('WS_LENGTH_MSB');
      length = high * 0x100000000 + bytes.readUInt32BE(position + 6);
      if (length < 0x10000) throw new ProtocolError('WS_NON_MINIMAL_LENGTH');
      if (length > Number.MAX_SAFE_INTEGER) this.#refuseUncountable(first, length);
      size = 10;
    }
    if (this.#masked) {
      if (available < size + 4) {
        this.#handler.onFrameLength((first & 0x40) !== 0, first & 0x0f, length);
        return 0;
      }
      const at = position + size;
      this.#key = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      size += 4;
    }
    this.#fin = first >= 0x80;
    this.#rsv1 = (first & 0x40) !== 0;
    this.#opcode = first & 0x0f;
    this.#length = length;
    return size;
  }

  /** Refuses a frame with a length of 2^53 or more: a JavaScript number cannot represent it exactly. */
  #refuseUncountable(first: number, length: number): never {
    // `onFrameLength` throws if messages have a maximum size, or if the frame breaks another rule, such as the order of frames. That error
    // is more exact than the error below.
    this.#handler.onFrameLength((first & 0x40) !== 0, first & 0x0f, length);
    throw new ProtocolError('WS_MESSAGE_TOO_BIG', { size: length, limit: Number.MAX_SAFE_INTEGER });
  }

  /** Stores the bytes of an incomplete header: at most 13 bytes. */
  #keepHeader(chunk: Buffer, position: number, end: number): void {
    this.#header ??= Buffer.allocUnsafeSlow(MAX_HEADER_SIZE);
    chunk.copy(this.#header, 0, position, end);
    this.#headerSize = end - position;
  }

  #continueHeader(chunk: Buffer, position: number, end: number): number {
    const header = this.#header!;
    const before = this.#headerSize;
    const added = Math.min(MAX_HEADER_SIZE - before, end - position);
    chunk.copy(header, before, position, position + added);
    const size = this.#readHeader(header, 0, before + added);
    if (size === 0) {
      this.#headerSize = before + added;
      return end;
    }
    this.#headerSize = 0;
    return position + size - before;
  }

  /** True if the handler accepts the payload of the current frame without unmasking. */
  get #takesMasked(): boolean {
    return this.#masked && this.#fast?.takesMasked === true;
  }

  #continuePayload(chunk: Buffer, position: number, end: number): number {
    const size = Math.min(this.#remaining, end - position);
    const pieceEnd = position + size;
    this.#remaining -= size;
    const last = this.#remaining === 0;
    if (size >= KERNEL_THRESHOLD && this.#takesMasked) {
      const key = this.#key;
      this.#key = rotateMaskingKey(key, size);
      this.#fast!.onMaskedPayload(chunk, position, pieceEnd, last, key);
      return pieceEnd;
    }
    if (this.#masked) this.#key = applyMask(chunk, position, pieceEnd, this.#key);
    if (isControl(this.#opcode)) {
      this.#continueControl(chunk, position, pieceEnd, last);
    } else {
      this.#handler.onFramePayload(chunk, position, pieceEnd, last);
    }
    return pieceEnd;
  }

  /** Stores the payload of a control frame (at most 125 bytes) until the whole payload has arrived. Then delivers it. */
  #continueControl(chunk: Buffer, position: number, pieceEnd: number, last: boolean): void {
    const length = this.#length;
    const control = this.#control ?? Buffer.allocUnsafeSlow(length);
    this.#control = control;
    const filled = length - this.#remaining - (pieceEnd - position);
    chunk.copy(control, filled, position, pieceEnd);
    if (!last) return;
    this.#control = null;
    this.#handler.onFramePayload(control, 0, length, true);
  }
}
