/**
 * Implements `bufferedAmount`: WebSockets Standard, "The WebSocket interface". The amount counts the payload bytes, without the framing, that
 * were passed to `send` and have not left the process. Every `send` raises the amount, even after the connection was closed, and closing does
 * not reset it. The amount falls only between tasks, so that it stays the same while the application runs.
 */

import type { Connection } from '../connection.ts';

// After this many bytes within a task, another completion is requested, so that the amount falls in steps if a program sends a lot.
const MARK_EVERY = 16_384;

const queueTask = setImmediate;

function update(amount: BufferedAmount): void {
  amount.update();
}

export class BufferedAmount {
  #value = 0;
  /** The number of bytes that were passed to the connection, and for which no completion was requested yet. */
  #unmarked = 0;
  #isMarking = false;
  /** The number of bytes that have left since the amount last fell. */
  #left = 0;

  get value(): number {
    return this.#value;
  }

  /** Is called when the application sends this number of bytes. */
  add(size: number): void {
    this.#value += size;
  }

  /** Is called when this number of these bytes was passed to the connection. */
  handedOver(size: number, connection: Connection): void {
    this.#unmarked += size;
    if (this.#unmarked >= MARK_EVERY) this.#mark(connection);
    if (this.#isMarking) return;
    this.#isMarking = true;
    // One completion covers everything that the application sends before this microtask.
    queueMicrotask(() => {
      this.#isMarking = false;
      this.#mark(connection);
    });
  }

  /** Is called when a task begins. Subtracts the bytes that have left. */
  update(): void {
    this.#value -= this.#left;
    this.#left = 0;
  }

  #mark(connection: Connection): void {
    const size = this.#unmarked;
    if (size === 0) return;
    this.#unmarked = 0;
    connection.drained().then(
      () => {
        if (this.#left === 0) queueTask(update, this);
        this.#left += size;
      },
      // The bytes never leave, so the amount stays.
      () => {},
    );
  }
}
