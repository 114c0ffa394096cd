/**
 * Frees memory at once. Otherwise, memory outside V8's heap is freed only when the garbage collector runs. If there is little other
 * garbage, the collector runs late. Then a stream of large messages keeps allocating new memory, which costs more than copying the
 * messages.
 */

// `ArrayBuffer.prototype.transfer` exists on Node 22 and later.
const { transfer } = ArrayBuffer.prototype as { readonly transfer?: (length: number) => ArrayBuffer };

/** Memory of at least this many bytes is freed at once. For less memory, the garbage collector is cheaper. */
export const FREE_FROM = 16_384;

/** The part of a MessagePort that is used here; lib.es2023 has no type for it. */
interface ClosedPort {
  postMessage(message: null, transfer: readonly ArrayBuffer[]): void;
}

/** Node 20 frees memory through this port. A buffer that is transferred to a closed port has no receiver, and is freed. */
let closedPort: ClosedPort | null = null;

function openClosedPort(): ClosedPort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/** Frees the whole buffer that contains `bytes`. Every view of that buffer is empty afterwards, so nothing else may use the buffer. */
export function freeMemory(bytes: Uint8Array): void {
  if (transfer !== undefined) {
    transfer.call(bytes.buffer, 0);
    return;
  }
  closedPort ??= openClosedPort();
  closedPort.postMessage(null, [bytes.buffer as ArrayBuffer]);
}

/**
 * The size in bytes of the largest block that `keepFreedMemory` frees. It is just below 32 MiB: glibc ignores larger blocks.
 */
const MAX_BLOCK = 32 * 1024 * 1024 - 65_536;

/** The size in bytes of the block that was freed last. */
let freedBlock = 0;

/**
 * Makes glibc keep freed memory for the next large messages. The maximum is a quarter of the memory budget, and 64 MiB. By default, glibc
 * returns the free end of its heap to the system when the end reaches 128 KiB. Then each page of the next large message costs a page fault.
 * A fault takes some 0.3 µs. In a virtual machine that returns such pages to its host, it takes up to 30 µs. When a block with a separate
 * mapping is freed, glibc raises the limit of 128 KiB to twice the size of the block. See "dynamic mmap threshold" in mallopt(3). So we
 * allocate one block and free it without touching it. Any program that frees one large block causes the same effect by chance. With an
 * allocator other than glibc, the block has no effect.
 * @param budget bytes that all messages may take together. A call has an effect only if its budget is larger than in all earlier calls
 */
export function keepFreedMemory(budget: number): void {
  const block = Math.min(MAX_BLOCK, Math.floor(budget / 8));
  if (block <= freedBlock) return;
  freedBlock = block;
  freeMemory(Buffer.allocUnsafeSlow(block));
}
