/**
 * A Duplex that a test controls. The test decides whether the Duplex takes a write or lets it wait. The test also pushes the data that the
 * library reads.
 */
import { Duplex } from 'node:stream';

type Callback = (error?: Error | null) => void;

interface Waiting {
  readonly chunks: readonly Buffer[];
  readonly callback: Callback;
}

export class FakeSocket extends Duplex {
  /** The written bytes. Their contents are those at the moment when the socket took them. */
  readonly taken: Buffer[] = [];
  /** The number of writes of at least one byte that reached the socket. */
  writes = 0;
  /** The original buffers that were passed to the socket. */
  readonly handed: Buffer[] = [];
  /** True if the stream has been ended after all data. */
  finished = false;
  #blocked = false;
  #waiting: Waiting | null = null;

  constructor() {
    super({ allowHalfOpen: true });
  }

  /** After this call, writes wait. */
  block(): void {
    this.#blocked = true;
  }

  /** Takes the data that waits. Later writes wait again, unless `forGood` is true. */
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

/** Resolves at the end of this turn of the event loop, after the writes of the turn and their callbacks. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
