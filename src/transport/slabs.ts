/**
 * A pool of memory that small frames are serialized into, shared by all connections of the process. A connection has a slab
 * from the first frame it sends in a turn of the event loop until the socket has taken it, so a few serve any number.
 */

/** Bytes of a slab. */
export const SLAB_SIZE = 65_536;

// Two of them may be in use by each of 32 connections; when more are requested, every outbox is flushed first.
const MAX_SLABS = 64;

const free: Buffer[] = [];
let inUse = 0;

export function acquireSlab(): Buffer {
  inUse++;
  return free.pop() ?? Buffer.allocUnsafeSlow(SLAB_SIZE);
}

/** Gives back a slab that nothing reads from any more. */
export function releaseSlab(slab: Buffer): void {
  inUse--;
  if (free.length < MAX_SLABS) free.push(slab);
}

/** Gives up a slab that a socket may still read from: it is left to the garbage collector. */
export function abandonSlab(): void {
  inUse--;
}

/** Whether so many are in use that a socket that blocks must not keep 64 KiB for a frame of a few bytes. */
export function areSlabsScarce(): boolean {
  return inUse > MAX_SLABS / 2;
}

/** Whether outboxes are to be flushed before another one is acquired. */
export function areSlabsExhausted(): boolean {
  return inUse >= MAX_SLABS;
}
