/**
 * Frees the memory of large buffers at once. Normally, the memory of a Buffer is freed when the garbage collector runs. If there is little
 * other garbage, the collector runs late. Then a stream of large messages needs new memory for each message, which takes more time than
 * copying the messages.
 */

// `ArrayBuffer.prototype.transfer` exists on Node 22 and later.
const { transfer } = ArrayBuffer.prototype as { readonly transfer?: (length: number) => ArrayBuffer };

/** Call `freeMemory` for buffers of at least this number of bytes. For smaller buffers, the garbage collector is cheaper. */
export const FREE_FROM = 16_384;

/** The method of a MessagePort that we use. lib.es2023 has no type for it. */
interface ClosedPort {
  postMessage(message: null, transfer: readonly ArrayBuffer[]): void;
}

/** Used only on Node 20. A buffer that is transferred to a closed port has no receiver, so Node frees it. */
let closedPort: ClosedPort | null = null;

function openClosedPort(): ClosedPort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/** Frees the whole ArrayBuffer that contains `bytes`. Afterwards, every view of this ArrayBuffer is empty. So no other code may use it. */
export function freeMemory(bytes: Uint8Array): void {
  if (transfer !== undefined) {
    transfer.call(bytes.buffer, 0);
    return;
  }
  closedPort ??= openClosedPort();
  closedPort.postMessage(null, [bytes.buffer as ArrayBuffer]);
}

/**
 * `keepFreedMemory` frees a block of at most this number of bytes. This is just below 32 MiB, because larger blocks have no effect on
 * glibc.
 */
const MAX_BLOCK = 32 * 1024 * 1024 - 65_536;

/** The size of the last freed block, in bytes. */
let freedBlock = 0;

/**
 * Makes glibc (the C library of Linux) keep freed memory for the next large messages. It keeps at most a quarter of the memory budget, and
 * at most 64 MiB.
 * By default, glibc returns free memory at the end of its heap to the system, as soon as there are 128 KiB of it. Then each page of the
 * next large message causes a page fault. A page fault takes about 0.3 µs, and up to 30 µs in some virtual machines.
 * When a large block is freed, glibc raises the limit of 128 KiB to twice the size of this block ("dynamic mmap threshold" in mallopt(3)).
 * So we allocate one large block, and free it at once. We never write to it, so it needs no physical memory. Other C libraries ignore this.
 * @param budget the memory budget in bytes. A call has an effect only if its budget is larger than in all earlier calls
 */
export function keepFreedMemory(budget: number): void {
  const block = Math.min(MAX_BLOCK, Math.floor(budget / 8));
  if (block <= freedBlock) return;
  freedBlock = block;
  freeMemory(Buffer.allocUnsafeSlow(block));
}
