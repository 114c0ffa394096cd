/**
 * Notifies a sender, or releases shared memory, when a certain number of bytes has left the process. Each of these actions is a mark: a
 * position in the outbox's stream of bytes. A mark is made only if a sender wants a notification or the memory is shared. All other
 * messages cost nothing here.
 */

import type { SendCallback, SharedMemory } from '../frame/sink.ts';

interface Mark {
  /** The number of bytes that have to leave before the action, counted from the first byte of the connection. */
  readonly at: number;
  readonly done: SendCallback | null;
  readonly shared: SharedMemory | null;
  /** How many of the last bytes before the mark lie in shared memory. */
  readonly size: number;
}

export class SentMarks {
  /** The marks in order of `at`; null until the first mark. */
  #marks: Mark[] | null = null;
  /** The number of bytes in the shared memory that this connection holds. */
  sharedBytes = 0;

  get isEmpty(): boolean {
    return this.#marks === null || this.#marks.length === 0;
  }

  /** Calls `done` when `at` bytes have left. */
  notify(at: number, done: SendCallback): void {
    this.#marks ??= [];
    this.#marks.push({ at, done, shared: null, size: 0 });
  }

  /** Holds `shared` until `at` bytes have left. The last `size` of these bytes lie in `shared`. */
  hold(at: number, size: number, shared: SharedMemory): void {
    shared.hold();
    this.sharedBytes += size;
    this.#marks ??= [];
    this.#marks.push({ at, done: null, shared, size });
  }

  /** Call this when bytes have left. @param bytes the number of all bytes that have left so far */
  left(bytes: number): void {
    const marks = this.#marks;
    if (marks === null) return;
    let count = 0;
    while (count < marks.length && marks[count]!.at <= bytes) count++;
    if (count === 0) return;
    // The marks are removed first, because a callback may add marks, or end the connection.
    for (const mark of marks.splice(0, count)) this.#settle(mark, null);
  }

  /** Call this when no more bytes will leave, because the connection was lost. All senders that wait receive `reason`. */
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
