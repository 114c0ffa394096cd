/**
 * Gives memory back at once. What lies outside V8's heap is otherwise freed when the garbage collector finds it unused:
 * late if little else is garbage, so that a stream of large messages goes through ever new memory, which costs more than the copying.
 */

// Node 22 and later.
const { transfer } = ArrayBuffer.prototype as { readonly transfer?: (length: number) => ArrayBuffer };

/** Whether this process can do that. */
export const canFreeMemory: boolean = transfer !== undefined;

/** Frees all memory that `bytes` are in. Every view of it is empty afterwards: only for memory that is used for nothing else. */
export function freeMemory(bytes: Uint8Array): void {
  transfer?.call(bytes.buffer, 0);
}
