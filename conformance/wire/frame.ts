/**
 * Frames for a judge: RFC 6455 §5.2, written in any form, legal or not, and read strictly. Shares nothing with src/, so that
 * a fault there cannot hide itself here. What frames mean together (§5.4, §5.5) is run/messages.ts.
 *
 *   FIN RSV1-3 opcode(4) | MASK length(7) | length (16 or 64) | masking key (32) | payload
 */

import { randomFillSync } from 'node:crypto';

/** How a length is written: in 7 bits, or in 16 or 64 further ones, whatever its value is. */
export type LengthForm = 7 | 16 | 64;

/** A frame to be written. */
export interface FrameSpec {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly fin: boolean;
  /** RSV1 to RSV3 as a number: 4, 2, 1. */
  readonly rsv: number;
  /** Four bytes, or null for an unmasked frame. */
  readonly key: Buffer | null;
  /** @default the shortest */
  readonly lengthForm?: LengthForm;
  /** What the header says the length is. @default the payload's */
  readonly declaredLength?: bigint;
}

/** A frame's bytes, header and payload; the payload is never changed in place. */
export function encodeFrame(spec: FrameSpec): Buffer {
  const header = encodeHeader(spec);
  const payload = spec.key === null ? spec.payload : mask(spec.payload, spec.key);
  return Buffer.concat([header, payload]);
}

/** A frame's header alone, masking key included. */
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

/** §5.3: byte i XOR key byte i modulo 4, into a new buffer. @param offset of the first byte in its payload */
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

/** §5.3: a fresh, unpredictable key for every frame. */
export function freshKey(): Buffer {
  if (nextKey === keys.length) {
    randomFillSync(keys);
    nextKey = 0;
  }
  nextKey += 4;
  return Buffer.from(keys.subarray(nextKey - 4, nextKey));
}

/** A frame's header as it was read. */
export interface FrameHead {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  /** The masking key, null where the frame is not masked. */
  readonly key: Buffer | null;
  readonly length: number;
  readonly lengthForm: LengthForm;
}

/** A frame as it was read, its payload unmasked. */
export interface Frame extends FrameHead {
  readonly payload: Buffer;
}

/** What the bytes of a header say, `null` where there are not enough of them, and how many they are. */
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

/** Bytes → frames, in chunks of any size; without any limit, as a judge has to see everything. */
export class FrameReader {
  /** Headers come as soon as they are complete; frames when their payload is. */
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

  /** Reads no further: what comes is dropped. */
  stop(): void {
    this.stopped = true;
  }

  /** Bytes that came and are in no frame yet. */
  get unread(): number {
    return this.buffered;
  }

  read(chunk: Buffer): void {
    if (this.stopped) return;
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    while (!this.stopped && this.next());
  }

  /** @returns whether there may be one more */
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
