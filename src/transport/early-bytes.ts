/**
 * Keeps the bytes that a client sends before its request is answered. RFC 6455 §4.1 asks the client to wait for the answer. If frames
 * arrive earlier, we keep them, and process them after the application has accepted the request. We read from the socket while the
 * application decides, because we want to notice when the peer leaves. A peer may send one byte and then leave. We can only see its FIN if
 * we read this byte.
 */

import type { Duplex } from 'node:stream';
import { Charge } from '../frame/charge.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';

/**
 * If a client sends this many bytes before the answer, we stop reading from the socket. After that, we cannot notice that the peer leaves.
 * The handshake ends with the answer of the application, or at the deadline.
 */
export const MAX_EARLY_BYTES = 65_536;

/** Keeps the bytes that arrive after the head of a request, until the application has answered. */
export class EarlyBytes {
  readonly #socket: Duplex;
  readonly #budget: MemoryBudget;
  readonly #charge: Charge;
  #bytes: Buffer;
  #length: number;
  /** True after `take` was called. */
  #isTaken = false;
  readonly #onData = (chunk: Buffer): void => this.#keep(chunk);

  /**
   * Begins to read from the socket.
   * @param head the bytes that arrived together with the request. They are copied, so that the chunk of the request can be freed
   */
  constructor(socket: Duplex, head: Buffer, budget: MemoryBudget) {
    this.#socket = socket;
    this.#budget = budget;
    this.#bytes = Buffer.from(head);
    this.#length = head.length;
    this.#charge = new Charge(budget, this.#bytes.length);
    socket.on('data', this.#onData);
    if (this.#length < MAX_EARLY_BYTES) socket.resume();
    else socket.pause();
  }

  /** Stops reading, and returns the bytes that have arrived. A second call returns no bytes. */
  take(): Buffer {
    if (this.#isTaken) return this.#bytes;
    this.#isTaken = true;
    // The socket is paused before our listener is removed, because a flowing stream without a listener loses data.
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    const all = this.#bytes.subarray(0, this.#length);
    this.#charge.release();
    this.#bytes = Buffer.alloc(0);
    return all;
  }

  // Copies the bytes into one buffer. When the buffer is full, its size is doubled. The peer may send single bytes, and a list of one-byte
  // Buffers would need far more memory.
  #keep(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(256, 2 * this.#bytes.length, length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#charge.resize(larger.length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
    if (length >= MAX_EARLY_BYTES || this.#budget.used >= this.#budget.limit) this.#socket.pause();
  }
}
