/**
 * Sends a compressed message in parts: RFC 7692 §7.2.1. Each part is compressed separately and ends on a byte boundary, so that all parts
 * together form one DEFLATE stream. codec.ts has the context that a part may refer to.
 */

import type { Window } from './engine/window.ts';

/** The last four bytes of the empty stored block that ends a flush; 7692 §7.2.1 removes them at the end of a message. */
const FLUSH: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** 7692 §7.2.3.6: an empty stored block, whose 00 00 ff ff is not sent. */
export const END_OF_PARTS: Uint8Array = Uint8Array.of(0x00);

// 1951 §3.2.4: LEN is two bytes.
const MAX_STORED = 65_535;
const STORED_HEADER = 5;

/**
 * Returns the bytes to send for a part.
 * @param compressed `payload`, compressed as a whole message (7692 §7.2.1); or the `payload` object, if compressing did not make it smaller
 * @param window the context; if `payload` was compressed, the context contains it already
 */
export function partOf(payload: Uint8Array, compressed: Uint8Array, window: Window | null): Uint8Array {
  if (compressed !== payload) return flushedPart(compressed);
  // The message as a whole is compressed, so the peer adds this part to its context as well.
  window?.append(payload);
  return storedPart(payload);
}

function flushedPart(compressed: Uint8Array): Uint8Array {
  const part = Buffer.allocUnsafeSlow(compressed.length + FLUSH.length);
  part.set(compressed);
  part.set(FLUSH, compressed.length);
  return part;
}

/** Returns a part as stored blocks (1951 §3.2.4), since compressing it does not make it smaller. */
function storedPart(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const blocks = Math.ceil(length / MAX_STORED);
  const part = Buffer.allocUnsafeSlow(length + blocks * STORED_HEADER);
  let position = 0;
  for (let start = 0; start < length; start += MAX_STORED) {
    const size = Math.min(length - start, MAX_STORED);
    // The block is not final, and its type is 00; the rest of the first byte is padding.
    part[position] = 0;
    part.writeUInt16LE(size, position + 1);
    part.writeUInt16LE(size ^ 0xffff, position + 3);
    part.set(payload.subarray(start, start + size), position + STORED_HEADER);
    position += STORED_HEADER + size;
  }
  return part;
}
