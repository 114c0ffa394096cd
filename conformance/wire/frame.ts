/**
 * Writes and reads frames (RFC 6455 §5.2) for the judge (this test program), including invalid frames. This code shares nothing with src/,
 * because the judge could not find a fault in shared code. run/reception.ts joins frames to messages (§5.4, §5.5).
 *
 *   FIN RSV1-3 opcode(4) | MASK length(7) | length (16 or 64) | masking key (32) | payload
 */

import { randomFillSync } from 'node:crypto';

/**
 * How the length is written: in the 7 bits of the second byte, or in 16 or 64 additional bits. A short length may also have a long
 * form.
 */
export type LengthForm = 7 | 16 | 64;

/** A frame to be written. */
export interface FrameSpec {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly fin: boolean;
  /** RSV1 to RSV3 as a number: 4, 2, 1. */
  readonly rsv: number;
  /** The masking key of four bytes, or null for an unmasked frame. */
  readonly key: Buffer | null;
  /** @default the shortest */
  readonly lengthForm?: LengthForm;
  /** The length that the header states. @default the length of the payload */
  readonly declaredLength?: bigint;
}

/** Encodes the header and the payload of a frame. The buffer of the payload is not changed. */
export function encodeFrame(spec: FrameSpec): Buffer {
  const header = encodeHeader(spec);
  const payload = spec.key === null ? spec.payload : mask(spec.payload, spec.key);
  return Buffer.concat([header, payload]);
}

/** Encodes only the header of a frame, including the masking key. */
export function encodeHeader(spec: FrameSpec): Buffer {
  const { opcode, fin, rsv, key } = spec;
  const length = spec.declaredLength ?? BigInt(spec.payload.length);
  const form = spec.lengthForm ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const header = Buffer.alloc(2 + (form === 7 ? 0 : form / 8) + (key === null ? 0 : 4));
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  header[1] = (key === null ? 0 : 0x80) | (form === 7 ? Number(length) : form === 16 ? 126 : 127);
  if (form === 16) header.writeUInt16BE(Number(length), 2);
  if (form === 64) header.writeBigUInt64BE(length, 2);
  key?.copy(header, header.length - 4);
  return header;
}

/**
 * Returns a masked copy of the bytes. Byte i is combined by XOR with byte i modulo 4 of the key (§5.3).
 * @param offset the position of the first byte in the payload of the frame
 */
export function mask(bytes: Buffer, key: Buffer, offset = 0): Buffer {
  const masked = Buffer.allocUnsafe(bytes.length);
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => key[(i + offset) & 3]!) as [number, number, number, number];
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    masked[i] = bytes[i]! ^ a;
    masked[i + 1] = bytes[i + 1]! ^ b;
    masked[i + 2] = bytes[i + 2]! ^ c;
    masked[i + 3] = bytes[i + 3]! ^ d;
  }
  for (let i = whole; i < bytes.length; i++) masked[i] = bytes[i]! ^ key[(i + offset) & 3]!;
  return masked;
}

const keys = Buffer.alloc(4096);
let nextKey = keys.length;

/** Returns a new, unpredictable key. §5.3 requires such a key for every frame. */
export function freshKey(): Buffer {
  if (nextKey === keys.length) {
    randomFillSync(keys);
    nextKey = 0;
  }
  nextKey += 4;
  return Buffer.from(keys.subarray(nextKey - 4, nextKey));
}

/** The header of a frame that was read. */
export interface FrameHead {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  /** The masking key, or null if the frame is not masked. */
  readonly key: Buffer | null;
  readonly length: number;
  readonly lengthForm: LengthForm;
}

/** A frame that was read. Its payload is unmasked. */
export interface Frame extends FrameHead {
  readonly payload: Buffer;
}

/** Decodes a header, and returns it with its size in bytes. Returns null if the header is not complete yet. */
function decodeHead(bytes: Buffer): { head: FrameHead; size: number } | null {
  if (bytes.length < 2) return null;
  const [first, second] = [bytes[0]!, bytes[1]!];
  const short = second & 0x7f;
  const lengthForm = short === 126 ? 16 : short === 127 ? 64 : 7;
  const lengthSize = lengthForm === 7 ? 0 : lengthForm / 8;
  const masked = second >= 0x80;
  const size = 2 + lengthSize + (masked ? 4 : 0);
  if (bytes.length < size) return null;
  const length =
    lengthForm === 7 ? short : lengthForm === 16 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const key = masked ? Buffer.from(bytes.subarray(size - 4, size)) : null;
  const head = {
    opcode: first & 0x0f,
    fin: first >= 0x80,
    rsv: (first >> 4) & 7,
    key,
    length,
    lengthForm,
  } as const;
  return { head, size };
}

/** Reads frames from chunks of any size. The size of a frame is not limited, because the judge has to see everything that a peer sends. */
export class FrameReader {
  /** `onHead` is called when a header is complete, and `onFrame` when the payload is complete too. */
  readonly onFrame: (frame: Frame) => void;
  readonly onHead: (head: FrameHead) => void;
  private stopped = false;
  private head: FrameHead | null = null;
  private chunks: Buffer[] = [];
  private buffered = 0;

  constructor(onHead: (head: FrameHead) => void, onFrame: (frame: Frame) => void) {
    this.onHead = onHead;
    this.onFrame = onFrame;
  }

  /** Stops reading, and drops all later bytes. */
  stop(): void {
    this.stopped = true;
  }

  /** The number of bytes that were received but belong to no frame yet. */
  get unread(): number {
    return this.buffered;
  }

  read(chunk: Buffer): void {
    if (this.stopped) return;
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    while (!this.stopped && this.next());
  }

  /** @returns true if another frame may follow */
  private next(): boolean {
    if (this.head === null) {
      const decoded = decodeHead(this.peek(14));
      if (decoded === null) return false;
      this.take(decoded.size);
      this.head = decoded.head;
      this.onHead(decoded.head);
      if (this.stopped) return false;
    }
    const { head } = this;
    if (this.buffered < head.length) return false;
    const bytes = this.take(head.length);
    this.head = null;
    this.onFrame({ ...head, payload: head.key === null ? bytes : mask(bytes, head.key) });
    return this.buffered > 0;
  }

  private peek(size: number): Buffer {
    if (this.chunks.length > 1 && this.chunks[0]!.length < size) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]?.subarray(0, size) ?? Buffer.alloc(0);
  }

  private take(size: number): Buffer {
    if (size === 0) return Buffer.alloc(0);
    this.buffered -= size;
    if (this.chunks[0]!.length < size) this.chunks = [Buffer.concat(this.chunks)];
    const first = this.chunks[0]!;
    if (first.length === size) this.chunks.shift();
    else this.chunks[0] = first.subarray(size);
    return first.subarray(0, size);
  }
}
