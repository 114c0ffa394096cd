/**
 * Implements `bufferedAmount` (WebSockets Standard, "The WebSocket interface"). It is the number of payload bytes that were passed to
 * `send`, but have not left the process. Frame headers do not count.
 * - Every call of `send` increases the number, even if the connection is closed.
 * - Closing the connection does not reset the number.
 * - The number decreases only between tasks, never while code of the application runs.
 */

import type { Connection } from '../connection.ts';

// When a task has sent this number of bytes, `#mark` is called before the task ends. So after a large amount of data, `bufferedAmount`
// decreases in several steps.
const MARK_EVERY = 16_384;

const queueTask = setImmediate;

function update(amount: BufferedAmount): void {
  amount.update();
}

export class BufferedAmount {
  #value = 0;
  /** The number of bytes that were passed to the connection after the last call of `#mark`. */
  #unmarked = 0;
  #isMarking = false;
  /** The number of bytes that have left the process, but that still have to be subtracted from `#value`. */
  #left = 0;

  get value(): number {
    return this.#value;
  }

  /** Is called when the application passes `size` bytes to `send`. */
  add(size: number): void {
    this.#value += size;
  }

  /** Is called when `size` bytes were passed on to the connection. `add` has already counted these bytes. */
  handedOver(size: number, connection: Connection): void {
    this.#unmarked += size;
    if (this.#unmarked >= MARK_EVERY) this.#mark(connection);
    if (this.#isMarking) return;
    this.#isMarking = true;
    // `#mark` is called once for everything that the application sends before this microtask runs.
    queueMicrotask(() => {
      this.#isMarking = false;
      this.#mark(connection);
    });
  }

  /** Subtracts from `bufferedAmount` the bytes that have left the process. Is called at the beginning of a task. */
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
      // The connection was closed. These bytes never leave the process, so they are not subtracted.
      () => {},
    );
  }
}
