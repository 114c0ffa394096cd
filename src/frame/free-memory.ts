/**
 * Frees memory at once. Memory outside V8's heap is otherwise freed only when the garbage collector runs: late, if there is little
 * other garbage. Then a stream of large messages keeps allocating new memory, which costs more than copying the messages.
 */

// Exists on Node 22 and later.
const { transfer } = ArrayBuffer.prototype as { readonly transfer?: (length: number) => ArrayBuffer };

/** The size in bytes from which freeing at once pays; below, the garbage collector is cheaper. */
export const FREE_FROM = 16_384;

/** The part of a MessagePort that is used here; lib.es2023 has no type for it. */
interface ClosedPort {
  postMessage(message: null, transfer: readonly ArrayBuffer[]): void;
}

/** Node 20 frees memory through this port: a buffer that is transferred to a closed port has no receiver, and is freed. */
let closedPort: ClosedPort | null = null;

function openClosedPort(): ClosedPort {
  const { port1, port2 } = new MessageChannel();
  port1.close();
  port2.close();
  return port1;
}

/** Frees the whole buffer that contains `bytes`. Every view of it is empty afterwards, so nothing else may use that buffer. */
export function freeMemory(bytes: Uint8Array): void {
  if (transfer !== undefined) {
    transfer.call(bytes.buffer, 0);
    return;
  }
  closedPort ??= openClosedPort();
  closedPort.postMessage(null, [bytes.buffer as ArrayBuffer]);
}
