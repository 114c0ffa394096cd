/**
 * A pool of slabs, which all connections of the process share. A slab is a buffer into which small frames are serialized. A connection uses
 * a slab from the first frame that it sends in a turn of the event loop. It releases the slab when the socket has taken the bytes. The size
 * of a slab depends on the number of bytes to send. 10,000 connections that send a few bytes each must not need 64 KiB each.
 */

/** The size of the largest slab in bytes. All sizes are powers of two. */
export const MAX_SLAB_SIZE = 65_536;

const MIN_SLAB_SIZE = 256;
const MIN_SLAB_BITS = 31 - Math.clz32(MIN_SLAB_SIZE);

// The maximum number of bytes in free slabs.
const MAX_FREE = 4 * 1024 * 1024;

// If busy sockets read from more than this number of bytes in slabs, slabs are scarce.
const MAX_IN_FLIGHT = 2 * 1024 * 1024;

// If this many bytes are in use, every outbox is flushed before another slab is acquired. This is enough for 10,000 connections with 2 KiB
// each. With 4 MiB, sixteen broadcasts to 10,000 connections took three to four writes for each connection, and three times the time.
const MAX_IN_USE = 32 * 1024 * 1024;

/** The slabs that are not in use: one list for each size, from the smallest to the largest. */
const free: Buffer[][] = [];
for (let size = MIN_SLAB_SIZE; size <= MAX_SLAB_SIZE; size *= 2) free.push([]);
let bytesFree = 0;
let bytesInUse = 0;
let bytesInFlight = 0;

/** @param size the minimum size of the slab in bytes, up to `MAX_SLAB_SIZE` */
export function acquireSlab(size: number): Buffer {
  const index = size <= MIN_SLAB_SIZE ? 0 : 32 - Math.clz32(size - 1) - MIN_SLAB_BITS;
  const slab = free[index]!.pop();
  const length = MIN_SLAB_SIZE << index;
  bytesInUse += length;
  if (slab === undefined) return Buffer.allocUnsafeSlow(length);
  bytesFree -= length;
  return slab;
}

/** Returns a slab to the pool. No code may use the slab after this call. */
export function releaseSlab(slab: Buffer): void {
  const { length } = slab;
  bytesInUse -= length;
  if (bytesFree + length > MAX_FREE) {
    // The pool is full. We drop all free slabs, because slabs of other sizes may be needed now.
    for (const list of free) list.length = 0;
    bytesFree = 0;
  }
  free[31 - Math.clz32(length) - MIN_SLAB_BITS]!.push(slab);
  bytesFree += length;
}

/** Stops counting a slab that a socket may still read from. The slab does not return to the pool; the garbage collector frees it later. */
export function abandonSlab(slab: Buffer): void {
  bytesInUse -= slab.length;
}

/** Records that a busy socket reads from the slab, until `landSlab` is called. */
export function launchSlab(slab: Buffer): void {
  bytesInFlight += slab.length;
}

/** Records that the socket does not read from the slab any more, or is closed. After this call, call `releaseSlab` or `abandonSlab`. */
export function landSlab(slab: Buffer): void {
  bytesInFlight -= slab.length;
}

/** Returns whether busy sockets read from many slabs. If so, a slab's bytes must be copied before a write to another socket. */
export function areSlabsScarce(): boolean {
  return bytesInFlight > MAX_IN_FLIGHT;
}

/** Returns whether the outboxes have to be flushed before another slab is acquired. */
export function areSlabsExhausted(): boolean {
  return bytesInUse >= MAX_IN_USE;
}

/**
 * Returns the number of bytes in slabs. It distinguishes slabs in use, slabs that busy sockets read from, and free slabs. Only tests call
 * this function.
 */
export function slabBytes(): { readonly inUse: number; readonly inFlight: number; readonly free: number } {
  return { inUse: bytesInUse, inFlight: bytesInFlight, free: bytesFree };
}
