/**
 * Gives memory back at once. What lies outside V8's heap is otherwise freed when the garbage collector finds it unused:
 * late if little else is garbage, so that a stream of large messages goes through ever new memory, which costs more than the copying.
 */

// Node 22 and later.
const { transfer } = ArrayBuffer.prototype as { readonly transfer?: (length: number) => ArrayBuffer };

/** Bytes from which it pays: below, the garbage collector does it for less. */
export const FREE_FROM = 16_384;

/** The part of a MessagePort that is used: as a type, lib.es2023 does not know it. */
interface ClosedPort {
  postMessage(message: null, transfer: readonly ArrayBuffer[]): void;
}

/** Where Node 20 leaves memory: what is transferred to a closed port has no receiver, and is freed. */
let closedPort: ClosedPort | null = null;

function openClosedPort(): ClosedPort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/** Frees all memory that `bytes` are in. Every view of it is empty afterwards: only for memory that is used for nothing else. */
export function freeMemory(bytes: Uint8Array): void {
  if (transfer !== undefined) {
    transfer.call(bytes.buffer, 0);
    return;
  }
  closedPort ??= openClosedPort();
  closedPort.postMessage(null, [bytes.buffer as ArrayBuffer]);
}
