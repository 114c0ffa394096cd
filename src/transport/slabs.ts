/**
 * A pool of memory that small frames are serialized into, shared by all connections of the process. A connection has one slab from the
 * first frame that it sends in a turn of the event loop until the socket has taken the slab. The size of a slab depends on the bytes to
 * send: if 10,000 connections have a few bytes each to send, they must not need 64 KiB each.
 */

/** Bytes of the largest slab. The sizes are powers of two. */
export const MAX_SLAB_SIZE = 65_536;

const MIN_SLAB_SIZE = 256;
const MIN_SLAB_BITS = 31 - Math.clz32(MIN_SLAB_SIZE);

// The maximum number of bytes that are kept for reuse. If this many are in use, every outbox is flushed before another slab is given out.
const MAX_BYTES = 4 * 1024 * 1024;

/** Slabs that are not in use, by the logarithm of their size. */
const free: Buffer[][] = [];
for (let size = MIN_SLAB_SIZE; size <= MAX_SLAB_SIZE; size *= 2) free.push([]);
let bytesFree = 0;
let bytesInUse = 0;
let bytesInFlight = 0;

/** @param size bytes that the slab has to hold at least, up to `MAX_SLAB_SIZE` */
export function acquireSlab(size: number): Buffer {
  const index = size <= MIN_SLAB_SIZE ? 0 : 32 - Math.clz32(size - 1) - MIN_SLAB_BITS;
  const slab = free[index]!.pop();
  const length = MIN_SLAB_SIZE << index;
  bytesInUse += length;
  if (slab === undefined) return Buffer.allocUnsafeSlow(length);
  bytesFree -= length;
  return slab;
}

/** Gives back a slab that nothing reads from any more. */
export function releaseSlab(slab: Buffer): void {
  const { length } = slab;
  bytesInUse -= length;
  if (bytesFree + length > MAX_BYTES) {
    // The sizes that are needed now may differ from the sizes that are kept.
    for (const list of free) list.length = 0;
    bytesFree = 0;
  }
  free[31 - Math.clz32(length) - MIN_SLAB_BITS]!.push(slab);
  bytesFree += length;
}

/** Stops using a slab that a socket may still read from: the garbage collector has to free it. */
export function abandonSlab(slab: Buffer): void {
  bytesInUse -= slab.length;
}

/** Records that a blocked socket reads from the slab, until `landSlab` is called. */
export function launchSlab(slab: Buffer): void {
  bytesInFlight += slab.length;
}

/** Records that the socket does not read from the slab any more, or is closed. The caller then calls `releaseSlab` or `abandonSlab`. */
export function landSlab(slab: Buffer): void {
  bytesInFlight -= slab.length;
}

/** Says whether blocked sockets read from so much memory that another blocked socket must not keep a slab for a few bytes. */
export function areSlabsScarce(): boolean {
  return bytesInFlight > MAX_BYTES / 2;
}

/** Says whether outboxes are to be flushed before another slab is acquired. */
export function areSlabsExhausted(): boolean {
  return bytesInUse >= MAX_BYTES;
}

/** Returns the bytes in use, and those kept for reuse. Only tests use this. */
export function slabBytes(): { readonly inUse: number; readonly inFlight: number; readonly free: number } {
  return { inUse: bytesInUse, inFlight: bytesInFlight, free: bytesFree };
}
