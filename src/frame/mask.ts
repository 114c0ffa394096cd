/**
 * Masks and unmasks payloads: RFC 6455 §5.3 (the transformation), §10.3 (why keys must be unpredictable). §5.1: a client masks every frame,
 * and a server never masks a frame.
 *
 * A masking key is one 32-bit integer. Its lowest byte is the first byte on the wire. If a payload continues in the next chunk, the key is
 * rotated: then its lowest byte masks the first byte of the next chunk.
 */

import { randomFillSync } from 'node:crypto';
import { maskKernel } from './mask-kernel.ts';
import { isResizable } from './resizable.ts';

// For fewer bytes than this, a loop over bytes is faster than a loop over 32-bit words.
const WORDWISE_THRESHOLD = 32;

// If an ArrayBuffer has at most this number of bytes, `wordsOf` keeps the view of its words for the next frame.
const KEPT_MEMORY = 65_536;

/** From this number of bytes on, the WebAssembly kernel is faster than JavaScript. */
export const KERNEL_THRESHOLD = 512;

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Converts `key` to the byte order of this machine. */
function toWord(key: number): number {
  if (isLittleEndian) return key;
  return (key << 24) | ((key & 0xff00) << 8) | ((key >>> 8) & 0xff00) | (key >>> 24);
}

function maskBytes(buffer: Uint8Array, start: number, end: number, key: number): void {
  const key0 = key & 0xff;
  const key1 = (key >>> 8) & 0xff;
  const key2 = (key >>> 16) & 0xff;
  const key3 = key >>> 24;
  let index = start;
  for (const last = end - 3; index < last; index += 4) {
    buffer[index]! ^= key0;
    buffer[index + 1]! ^= key1;
    buffer[index + 2]! ^= key2;
    buffer[index + 3]! ^= key3;
  }
  if (index < end) buffer[index]! ^= key0;
  if (index + 1 < end) buffer[index + 1]! ^= key1;
  if (index + 2 < end) buffer[index + 2]! ^= key2;
}

/** Returns the key for the bytes after the first `count` bytes. §5.3: the position in the payload decides which byte of the key is used. */
export function rotateMaskingKey(key: number, count: number): number {
  const bits = (count & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/**
 * Masks or unmasks `buffer[start, end)` in place. §5.3: byte i of the payload is combined with byte i mod 4 of the key.
 * @returns the key for the next byte.
 */
export function applyMask(buffer: Uint8Array, start: number, end: number, key: number): number {
  const length = end - start;
  if (length < WORDWISE_THRESHOLD) maskBytes(buffer, start, end, key);
  else if (length < KERNEL_THRESHOLD || maskKernel === null) maskWords(buffer, start, end, key);
  else maskKernel.copy(buffer, start, end, buffer, start, key);
  return rotateMaskingKey(key, length);
}

/** Works like `applyMask`, but without WebAssembly. */
export function applyMaskWordwise(buffer: Uint8Array, start: number, end: number, key: number): number {
  if (end - start < WORDWISE_THRESHOLD) maskBytes(buffer, start, end, key);
  else maskWords(buffer, start, end, key);
  return rotateMaskingKey(key, end - start);
}

/** The ArrayBuffer for which `wordsOf` was last called, and the view of its words. */
let keptMemory: ArrayBufferLike | null = null;
let keptWords: Int32Array = new Int32Array(0);

/** Returns a view of all 32-bit words of the underlying ArrayBuffer. Creating a view takes as long as masking 100 bytes. */
function wordsOf({ buffer }: Uint8Array): Int32Array {
  if (buffer === keptMemory) return keptWords;
  const size = buffer.byteLength;
  const words = new Int32Array(buffer, 0, size >>> 2);
  // If the ArrayBuffer is resizable, its size may change later. If so, a kept view could be too short.
  if (size > KEPT_MEMORY || isResizable(buffer)) return words;
  keptMemory = buffer;
  keptWords = words;
  return words;
}

/** Masks single bytes up to the next word boundary, then words, then the remaining bytes. */
function maskWords(buffer: Uint8Array, start: number, end: number, key: number): void {
  const { byteOffset } = buffer;
  const head = -(byteOffset + start) & 3;
  maskBytes(buffer, start, start + head, key);
  const rotated = rotateMaskingKey(key, head);
  const word = toWord(rotated);
  const words = wordsOf(buffer);
  const last = (byteOffset + end) >>> 2;
  for (let index = (byteOffset + start + head) >>> 2; index < last; index++) words[index]! ^= word;
  maskBytes(buffer, last * 4 - byteOffset, end, rotated);
}

/** Copies `source` to `target`, from index `offset` on, and masks the copy. Does not change `source`. */
export function copyMasked(source: Uint8Array, target: Uint8Array, offset: number, key: number): void {
  copyMaskedPart(source, 0, source.length, target, offset, key);
}

/**
 * Copies `source[start, end)` to `target`, from index `offset` on, and masks or unmasks the copy. For large payloads, the WebAssembly
 * kernel does this in one step. That is faster than a copy that `applyMask` masks afterwards.
 * @returns the key for the next byte.
 */
export function copyMaskedPart(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
  key: number,
): number {
  const length = end - start;
  if (length < KERNEL_THRESHOLD || maskKernel === null) {
    target.set(length === source.length ? source : source.subarray(start, end), offset);
    return applyMaskWordwise(target, offset, offset + length, key);
  }
  maskKernel.copy(source, start, end, target, offset, key);
  return rotateMaskingKey(key, length);
}

// §5.3, §10.3: keys come from a strong source of entropy. We generate 2,048 random keys at once.
const pool = new Int32Array(2048);
let used = pool.length;

/** Returns a fresh masking key. §5.3: keys MUST NOT be predictable. So a used key is erased from memory. */
export function nextMaskingKey(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const key = pool[used]!;
  pool[used++] = 0;
  return key;
}
