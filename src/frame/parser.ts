/**
 * Frame parser: RFC 6455 §5.2 (layout) and §5.3 (unmasking). It takes chunks of bytes and reports frames. It copies no payload of messages.
 * assembler.ts handles fragments (§5.4), and state-machine.ts handles control frames (§5.5).
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

/** Which end of the connection this side is. */
export type Role = 'client' | 'server';

// §5.2: 2 bytes, 8 bytes of length, 4 bytes of masking key.
const MAX_HEADER_SIZE = 14;

// The first byte of a frame with FIN, no reserved bits, and the opcode of text.
const WHOLE_TEXT = 0x81;

/** Parses frames (RFC 6455 §5.2) with a state machine of integers. Chunks may have any size. */
export class FrameParser {
  readonly #handler: FrameHandler;
  /** The handler if it supports the shortcuts, else null. */
  readonly #fast: FastFrameHandler | null;
  readonly #masked: boolean;
  /** The reserved bits that a negotiated extension allows, at their positions in the first byte. */
  readonly #allowedReserved: number;

  #fin = false;
  #rsv1 = false;
  #opcode = 0;
  #length = 0;
  #key = 0;
  /** Payload bytes that have not arrived. 0 between frames. */
  #remaining = 0;

  /** The beginning of a header whose rest is in the next chunk, and the number of its bytes. */
  #header: Buffer | null = null;
  #headerSize = 0;
  /** The beginning of a control frame's payload whose rest is in the next chunk. */
  #control: Buffer | null = null;

  #stopped = false;
  #off = false;
  /** Whether the parser still tries to decode several text frames of this chunk at once. */
  #seeksRuns = false;

  /**
   * @param role our role: a server requires masked frames, a client requires unmasked frames (§5.1).
   * @param rsv1 whether a negotiated extension gives RSV1 a meaning (RFC 7692 §6).
   * @param fast the same object as `handler` if it supports the shortcuts of `FastFrameHandler`, else null
   */
  constructor(handler: FrameHandler, role: Role, rsv1 = false, fast: FastFrameHandler | null = null) {
    this.#handler = handler;
    this.#fast = fast;
    this.#masked = role === 'server';
    this.#allowedReserved = rsv1 ? 0x40 : 0;
  }

  /** Whether a frame, or its header, has begun but is not complete. */
  get insideFrame(): boolean {
    return this.#remaining > 0 || this.#headerSize > 0;
  }

  /** Whether `switchOff` was called. */
  get isOff(): boolean {
    return this.#off;
  }

  /** Called from a handler: makes `push` return after the current frame. */
  stop(): void {
    this.#stopped = true;
  }

  /** From now on, `push` drops all data. §7.1.7, §5.5.1: no data is processed after a failure or after a Close frame. */
  switchOff(): void {
    this.#off = true;
    this.#stopped = true;
    this.#header = null;
    this.#control = null;
    this.#remaining = 0;
    this.#headerSize = 0;
  }

  /**
   * Parses `chunk` from `offset` on. The payload is unmasked in place: the chunk belongs to the parser now.
   * @returns the offset up to which the chunk was parsed: the chunk's length, or less after `stop()`.
   * @throws {ProtocolError} at the first illegal header, as soon as the bytes that break the rule have arrived.
   */
  push(chunk: Buffer, offset = 0): number {
    if (this.#off) return chunk.length;
    const end = chunk.length;
    let position = offset;
    this.#stopped = false;
    this.#seeksRuns = this.#fast !== null && textKernel !== null;
    // The caller may use the same memory, even the same Buffer, for each chunk.
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
      // If the payload is empty, or all of it has arrived, nothing is stored for the next chunk.
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
    // If a handler called `switchOff`, the rest of the chunk is dropped.
    return this.#off ? end : position;
  }

  /** Says whether a run seems to begin at `chunk[position]`: two or more small text frames that follow each other. */
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
   * Decodes a run of small text frames in one step, and delivers its texts one by one. @returns the offset after the last delivered frame
   */
  #deliverRun(chunk: Buffer, position: number, end: number): number {
    const handler = this.#fast!;
    const headerSize = this.#masked ? 6 : 2;
    const text = textKernel!.read(chunk, position, end, this.#masked ? 0x80 : 0);
    const { count } = textKernel!;
    // The run most likely ended at a text that is not ASCII. Then the later texts of this chunk are probably not ASCII either.
    if (count < 2) this.#seeksRuns = false;
    let at = position;
    let from = 0;
    for (let index = 0; index < count; index++) {
      const length = chunk[at + 1]! & 0x7f;
      const to = from + length;
      at += headerSize + length;
      handler.onShortText(text.slice(from, to));
      from = to;
      // The handler may have paused, closed or terminated the connection. Then `push` parses later frames one by one, or stops.
      if (this.#stopped || !handler.takesShortTexts) break;
    }
    return at;
  }

  /**
   * Reads the header at `bytes[position…end)`.
   * @returns the size of the header, or 0 if it is not complete yet.
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
      // §5.2: senders MUST use the shortest form. We refuse any other form. So each length has one encoding. This costs one comparison.
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

  /** Refuses a length of 2^53 or more. A number cannot count so many bytes exactly, and every finite limit is lower. */
  #refuseUncountable(first: number, length: number): never {
    // This call throws if a limit is set, or the frame breaks another rule, such as the order of frames. The error names that limit or
    // rule.
    this.#handler.onFrameLength((first & 0x40) !== 0, first & 0x0f, length);
    throw new ProtocolError('WS_MESSAGE_TOO_BIG', { size: length, limit: Number.MAX_SAFE_INTEGER });
  }

  /** Stores the beginning of a header: at most 13 bytes, in separate memory. */
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

  /** Whether the handler receives the payload of the current frame while it is still masked. */
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

  /** Stores the payload of a control frame, at most 125 bytes, until it can be delivered whole. */
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
