/**
 * `bufferedAmount`: WebSockets Standard, "The WebSocket interface". Payload bytes that were given to `send` and have not left, without the framing. It grows with
 * every `send`, also when the connection is not open any more, and it is not reset when the connection closes. It falls in tasks
 * only, so that it stays the same while the application runs.
 */

import type { Connection } from '../connection.ts';

// Bytes after which the completion is asked for again while another one is awaited: a program that sends a lot sees it fall in steps.
const MARK_EVERY = 16_384;

const queueTask = setImmediate;

export class BufferedAmount {
  #value = 0;
  /** Of those bytes, the ones that no pending completion covers. */
  #unmarked = 0;
  #marks = 0;

  get value(): number {
    return this.#value;
  }

  /** The application sends so many bytes. */
  add(size: number): void {
    this.#value += size;
  }

  /** So many of them were handed to the connection. */
  handedOver(size: number, connection: Connection): void {
    this.#unmarked += size;
    if (this.#marks === 0 || this.#unmarked >= MARK_EVERY) this.#mark(connection);
  }

  #mark(connection: Connection): void {
    const size = this.#unmarked;
    if (size === 0) return;
    this.#unmarked = 0;
    this.#marks++;
    // If they never leave, the amount stays.
    connection.drained().then(
      () => queueTask(() => this.#left(size, connection)),
      () => {},
    );
  }

  #left(size: number, connection: Connection): void {
    this.#value -= size;
    this.#marks--;
    if (this.#marks === 0) this.#mark(connection);
  }
}
