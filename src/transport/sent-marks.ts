/**
 * Performs actions once a number of bytes has left the process: notifies a sender, or releases shared memory. The actions are marks on the
 * outbox's byte counter, so that a message costs nothing unless its sender wants a notification.
 */

import type { SendCallback, SharedMemory } from '../frame/sink.ts';

interface Mark {
  /** How many bytes have to leave. */
  readonly at: number;
  readonly done: SendCallback | null;
  readonly shared: SharedMemory | null;
  /** How many of the bytes lie in shared memory. */
  readonly size: number;
}

export class SentMarks {
  /** The marks in order of `at`; null until the first mark. */
  #marks: Mark[] | null = null;
  /** Bytes of shared memory that this connection holds together with others. */
  sharedBytes = 0;

  get isEmpty(): boolean {
    return this.#marks === null || this.#marks.length === 0;
  }

  /** Calls `done` once `at` bytes have left. */
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

  /** Call this when `bytes` bytes in all have left. */
  left(bytes: number): void {
    const marks = this.#marks;
    if (marks === null) return;
    let count = 0;
    while (count < marks.length && marks[count]!.at <= bytes) count++;
    if (count === 0) return;
    // The marks are removed first, because a callback may add marks, or end the connection.
    for (const mark of marks.splice(0, count)) this.#settle(mark, null);
  }

  /** Call this when nothing more will leave. */
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
