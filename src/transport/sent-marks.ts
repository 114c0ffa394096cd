/**
 * Notifies a sender, or releases shared memory, when certain bytes have left the process. There is a mark for each of these actions. A mark
 * is a position in the stream of bytes that a connection sends. A message needs a mark only if its sender wants a notification or its
 * memory is shared.
 */

import type { SendCallback, SharedMemory } from '../frame/sink.ts';

interface Mark {
  /** The action is performed when the connection has sent this many bytes since it was opened. */
  readonly at: number;
  readonly done: SendCallback | null;
  readonly shared: SharedMemory | null;
  /** How many of the last bytes before the mark are in shared memory. */
  readonly size: number;
}

export class SentMarks {
  /** The marks, sorted by `at`. Null until the first mark is made. */
  #marks: Mark[] | null = null;
  /** The number of bytes in shared memory that this connection has not sent yet. */
  sharedBytes = 0;

  get isEmpty(): boolean {
    return this.#marks === null || this.#marks.length === 0;
  }

  /** Calls `done` when the connection has sent its first `at` bytes. */
  notify(at: number, done: SendCallback): void {
    this.#marks ??= [];
    this.#marks.push({ at, done, shared: null, size: 0 });
  }

  /**
   * Calls `shared.hold` now, and calls `shared.release` when the connection has sent its first `at` bytes. The last `size` of these bytes
   * are in `shared`.
   */
  hold(at: number, size: number, shared: SharedMemory): void {
    shared.hold();
    this.sharedBytes += size;
    this.#marks ??= [];
    this.#marks.push({ at, done: null, shared, size });
  }

  /** Call this when bytes were sent. @param bytes the number of all bytes that the connection has sent so far */
  left(bytes: number): void {
    const marks = this.#marks;
    if (marks === null) return;
    let count = 0;
    while (count < marks.length && marks[count]!.at <= bytes) count++;
    if (count === 0) return;
    // The marks are removed first, because a callback may add marks, or end the connection.
    for (const mark of marks.splice(0, count)) this.#settle(mark, null);
  }

  /** Call this when the connection was lost, so that no more bytes are sent. All waiting senders receive `reason`. */
  lost(reason: Error): void {
    const marks = this.#marks;
    this.#marks = null;
    if (marks !== null) for (const mark of marks) this.#settle(mark, reason);
  }

  #settle({ done, shared, size }: Mark, error: Error | null): void {
    if (shared !== null) {
      this.sharedBytes -= size;
      shared.release();
    }
    if (done !== null) done(error);
  }
}
