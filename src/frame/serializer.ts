/** Serializes frames: RFC 6455 §5.2 (layout, shortest form of the length) and §5.3 (masking of a client's frames). */

import { copyMasked, nextMaskingKey } from './mask.ts';
import type { Role } from './parser.ts';

/**
 * Returns the size of a frame's header: 2 bytes, then 0, 2 or 8 bytes for a longer length, then 4 bytes for the masking key if `masked` is
 * true.
 */
export function frameHeaderSize(length: number, masked: boolean): number {
  const size = length < 126 ? 2 : length < 0x10000 ? 4 : 10;
  return masked ? size + 4 : size;
}

/**
 * Writes a frame header to `target`, from index `offset` on.
 * @param first the first byte of the frame: FIN, RSV bits and opcode.
 * @param key the masking key, see mask.ts. It is ignored if `masked` is false.
 * @returns the index after the header.
 */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  first: number,
  length: number,
  masked: boolean,
  key: number,
): number {
  const mask = masked ? 0x80 : 0;
  let position = offset;
  target[position++] = first;
  // §5.2: the length MUST use the shortest form, in network byte order.
  if (length < 126) {
    target[position++] = mask | length;
  } else if (length < 0x10000) {
    target[position++] = mask | 126;
    target[position++] = length >>> 8;
    target[position++] = length & 0xff;
  } else {
    target[position++] = mask | 127;
    const high = Math.floor(length / 0x100000000);
    for (let shift = 24; shift >= 0; shift -= 8) target[position++] = (high >>> shift) & 0xff;
    for (let shift = 24; shift >= 0; shift -= 8) target[position++] = (length >>> shift) & 0xff;
  }
  if (masked) {
    for (let shift = 0; shift < 32; shift += 8) target[position++] = (key >>> shift) & 0xff;
  }
  return position;
}

/** A frame to serialize. */
export interface FrameInit {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** @default true */
  readonly fin?: boolean;
  /** @default false */
  readonly rsv1?: boolean;
}

/**
 * Returns a whole frame in a new Buffer. It is for broadcasts, tests and tools. The layout is always valid. No other rule is checked, so
 * that a test can build invalid frames on purpose.
 */
export function serializeFrame(frame: FrameInit, role: Role): Buffer {
  const { opcode, payload, fin = true, rsv1 = false } = frame;
  // §5.1: a client masks every frame, and a server never masks a frame. §5.3: each frame has a fresh key.
  const masked = role === 'client';
  const key = masked ? nextMaskingKey() : 0;
  const bytes = Buffer.allocUnsafe(frameHeaderSize(payload.length, masked) + payload.length);
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const position = writeFrameHeader(bytes, 0, first, payload.length, masked, key);
  if (masked) copyMasked(payload, bytes, position, key);
  else bytes.set(payload, position);
  return bytes;
}
