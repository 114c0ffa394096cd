/**
 * A pool of slabs (buffers into which small frames are written), which all connections of the process share. A connection takes a slab when
 * it sends its first frame in a turn of the event loop. The connection gives the slab back when the socket has taken the bytes. There are
 * slabs of several sizes. A connection that sends few bytes gets a small slab. So 10,000 of these connections do not need 64 KiB each.
 */

/** The size of the largest slab in bytes. All sizes are powers of two. */
export const MAX_SLAB_SIZE = 65_536;

const MIN_SLAB_SIZE = 256;
const MIN_SLAB_BITS = 31 - Math.clz32(MIN_SLAB_SIZE);

// The maximum number of bytes in free slabs.
const MAX_FREE = 4 * 1024 * 1024;

// In bytes. If busy sockets still read from slabs with a total size above this limit, slabs are scarce (see `areSlabsScarce`).
const MAX_IN_FLIGHT = 2 * 1024 * 1024;

// In bytes. If the slabs in use together reach this size, we write the waiting bytes of all connections before a further slab is acquired.
// 32 MiB is enough for 10,000 connections with 2 KiB each. With 4 MiB, each of 10,000 connections needed three to four writes for sixteen
// broadcasts. The broadcasts then took three times as long.
const MAX_IN_USE = 32 * 1024 * 1024;

/** The slabs that are not in use. There is one list for each size, from the smallest size to the largest. */
const free: Buffer[][] = [];
for (let size = MIN_SLAB_SIZE; size <= MAX_SLAB_SIZE; size *= 2) free.push([]);
let bytesFree = 0;
let bytesInUse = 0;
let bytesInFlight = 0;

/** Returns a free slab or a new slab. @param size the minimum size of the slab in bytes, up to `MAX_SLAB_SIZE` */
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

/** Stops counting a slab that a socket may still read from. The slab does not return to the pool. The garbage collector frees it later. */
export function abandonSlab(slab: Buffer): void {
  bytesInUse -= slab.length;
}

/** Records that a busy socket reads from the slab. Call `landSlab` when the socket no longer does this. */
export function launchSlab(slab: Buffer): void {
  bytesInFlight += slab.length;
}

/** Records that the socket does not read from the slab any more, or that it is closed. After this, call `releaseSlab` or `abandonSlab`. */
export function landSlab(slab: Buffer): void {
  bytesInFlight -= slab.length;
}

/**
 * Returns true if busy sockets still read from more than `MAX_IN_FLIGHT` bytes of slabs. Then the bytes of a slab are copied before they
 * are written, so that the slab can be used again immediately.
 */
export function areSlabsScarce(): boolean {
  return bytesInFlight > MAX_IN_FLIGHT;
}

/** Returns true if the waiting bytes of all connections have to be written before another slab is acquired. */
export function areSlabsExhausted(): boolean {
  return bytesInUse >= MAX_IN_USE;
}

/**
 * Returns three numbers of bytes: in slabs that are in use, in slabs that busy sockets still read from, and in free slabs. Only tests call
 * this function.
 */
export function slabBytes(): { readonly inUse: number; readonly inFlight: number; readonly free: number } {
  return { inUse: bytesInUse, inFlight: bytesInFlight, free: bytesFree };
}
