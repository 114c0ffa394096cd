/**
 * `bufferedAmount`: WebSockets Standard, "The WebSocket interface". Payload bytes that were given to `send` and have not left, without the
 * framing. It grows with every `send`, also when the connection is not open any more, and it is not reset when the connection closes.
 * It falls between tasks only, so that it stays the same while the application runs.
 */

import type { Connection } from '../connection.ts';

// Bytes after which a completion is asked for within a task: a program that sends a lot sees the amount fall in steps.
const MARK_EVERY = 16_384;

const queueTask = setImmediate;

function update(amount: BufferedAmount): void {
  amount.update();
}

export class BufferedAmount {
  #value = 0;
  /** Of those bytes, the ones that no completion covers yet. */
  #unmarked = 0;
  #isMarking = false;
  /** Bytes that have left since the amount last fell. */
  #left = 0;

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
    if (this.#unmarked >= MARK_EVERY) this.#mark(connection);
    if (this.#isMarking) return;
    this.#isMarking = true;
    // One completion for all that the application sends until then.
    queueMicrotask(() => {
      this.#isMarking = false;
      this.#mark(connection);
    });
  }

  /** A task begins: what has left counts no more. */
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
      // They never leave: the amount stays.
      () => {},
    );
  }
}
