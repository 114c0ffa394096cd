/** A Duplex whose other end the test plays: it takes writes, or keeps them waiting, and reads what was pushed. */
import { Duplex } from 'node:stream';

type Callback = (error?: Error | null) => void;

interface Waiting {
  readonly chunks: readonly Buffer[];
  readonly callback: Callback;
}

export class FakeSocket extends Duplex {
  /** What came out, as it was at the moment it was taken. */
  readonly taken: Buffer[] = [];
  /** Writes that reached the transport, those without bytes not counted. */
  writes = 0;
  /** The buffers that were handed over, not copied. */
  readonly handed: Buffer[] = [];
  /** Whether the end was written behind everything. */
  finished = false;
  #blocked = false;
  #waiting: Waiting | null = null;

  constructor() {
    super({ allowHalfOpen: true });
  }

  /** From now on, writes wait. */
  block(): void {
    this.#blocked = true;
  }

  /** Takes what waits; the next write waits again unless `forGood`. */
  takeWaiting(forGood = false): void {
    if (forGood) this.#blocked = false;
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    for (const chunk of waiting.chunks) this.taken.push(Buffer.from(chunk));
    waiting.callback();
  }

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.taken);
  }

  override _write(chunk: Buffer, _encoding: string, callback: Callback): void {
    this.#accept([chunk], callback);
  }

  override _writev(items: { chunk: Buffer }[], callback: Callback): void {
    this.#accept(
      items.map(({ chunk }) => chunk),
      callback,
    );
  }

  #accept(chunks: readonly Buffer[], callback: Callback): void {
    const size = chunks.reduce((sum, { length }) => sum + length, 0);
    if (size > 0) this.writes++;
    this.handed.push(...chunks);
    if (this.#blocked && size > 0) {
      this.#waiting = { chunks, callback };
      return;
    }
    for (const chunk of chunks) this.taken.push(Buffer.from(chunk));
    callback();
  }

  override _final(callback: Callback): void {
    this.finished = true;
    callback();
  }

  override _read(): void {}

  override _destroy(error: Error | null, callback: Callback): void {
    this.#waiting = null;
    callback(error);
  }
}

/** The end of this turn of the event loop, writes and their callbacks included. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
