/**
 * Implements `bufferedAmount`: WebSockets Standard, "The WebSocket interface". The amount is the number of payload bytes that were passed
 * to `send` and have not left the process. Frame headers do not count. Every `send` raises the amount, even if the connection is closed.
 * Closing the connection does not reset the amount. The amount decreases only between tasks, never while code of the application runs.
 */

import type { Connection } from '../connection.ts';

// After this number of bytes, `#mark` is called within a task. So after much data the amount decreases in several steps.
const MARK_EVERY = 16_384;

const queueTask = setImmediate;

function update(amount: BufferedAmount): void {
  amount.update();
}

export class BufferedAmount {
  #value = 0;
  /** The number of bytes that were passed to the connection since the last call of `#mark`. */
  #unmarked = 0;
  #isMarking = false;
  /** The number of bytes that have left the process, but are not subtracted from `#value` yet. */
  #left = 0;

  get value(): number {
    return this.#value;
  }

  /** Called when the application passes `size` bytes to `send`. */
  add(size: number): void {
    this.#value += size;
  }

  /** Called when `size` of the added bytes were passed to the connection. */
  handedOver(size: number, connection: Connection): void {
    this.#unmarked += size;
    if (this.#unmarked >= MARK_EVERY) this.#mark(connection);
    if (this.#isMarking) return;
    this.#isMarking = true;
    // One call of `#mark` counts everything that the application sends before this microtask runs.
    queueMicrotask(() => {
      this.#isMarking = false;
      this.#mark(connection);
    });
  }

  /** Subtracts the bytes that have left the process. Called when a task begins. */
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
      // The connection was closed. The bytes never leave the process, so the amount does not decrease.
      () => {},
    );
  }
}
