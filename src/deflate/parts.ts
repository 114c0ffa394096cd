/**
 * Builds the bytes of a compressed message that is sent in several parts: RFC 7692 §7.2.1. Each part is compressed separately, and ends at
 * a byte boundary. All parts together are one DEFLATE stream. codec.ts keeps the context (the earlier plaintext to which a part may refer).
 */

import type { Window } from './engine/window.ts';

/** The last four bytes of an empty stored block. They are sent at the end of each part, but not at the end of the message (7692 §7.2.1). */
const FLUSH: Uint8Array = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** The end of the message: an empty stored block without its bytes 00 00 ff ff (7692 §7.2.3.6). */
export const END_OF_PARTS: Uint8Array = Uint8Array.of(0x00);

// The field LEN of a stored block has two bytes (1951 §3.2.4).
const MAX_STORED = 65_535;
const STORED_HEADER = 5;

/**
 * Returns the bytes to send for a part.
 * @param compressed `payload`, compressed like a whole message (7692 §7.2.1). If compression did not make it smaller: the object `payload`
 *   itself
 * @param window the context of the sender. If `payload` was compressed, the context already contains its plaintext
 */
export function partOf(payload: Uint8Array, compressed: Uint8Array, window: Window | null): Uint8Array {
  if (compressed !== payload) return flushedPart(compressed);
  // The part is sent in stored blocks, but it belongs to a compressed message. The peer adds it to the peer's context, so we also add it to
  // ours.
  window?.append(payload);
  return storedPart(payload);
}

function flushedPart(compressed: Uint8Array): Uint8Array {
  const part = Buffer.allocUnsafeSlow(compressed.length + FLUSH.length);
  part.set(compressed);
  part.set(FLUSH, compressed.length);
  return part;
}

/** Returns a part as stored blocks (1951 §3.2.4). Is called if compression does not make the part smaller. */
function storedPart(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const blocks = Math.ceil(length / MAX_STORED);
  const part = Buffer.allocUnsafeSlow(length + blocks * STORED_HEADER);
  let position = 0;
  for (let start = 0; start < length; start += MAX_STORED) {
    const size = Math.min(length - start, MAX_STORED);
    // The first byte is 0: the block is not final, its type is 00, and the remaining bits are padding.
    part[position] = 0;
    part.writeUInt16LE(size, position + 1);
    part.writeUInt16LE(size ^ 0xffff, position + 3);
    part.set(payload.subarray(start, start + size), position + STORED_HEADER);
    position += STORED_HEADER + size;
  }
  return part;
}
