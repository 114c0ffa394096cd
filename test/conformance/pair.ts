/** Two ends of a line in memory: what one writes, the other reads. */
import { Duplex } from 'node:stream';

class End extends Duplex {
  other: End | null = null;
  #waiting: (() => void) | null = null;

  override _read(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const other = this.other!;
    if (other.push(chunk)) setImmediate(done);
    else other.#waiting = done;
  }

  override _final(done: () => void): void {
    this.other!.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { other } = this;
    // As with TCP, the other end sees an end where none came before.
    setImmediate(() => {
      if (other !== null && !other.readableEnded && !other.destroyed) other.push(null);
    });
    done(error);
  }
}

/** A fresh pair; each end stays open for writing when the other has ended. */
export function duplexPair(): readonly [Duplex, Duplex] {
  const [a, b] = [new End({ allowHalfOpen: true }), new End({ allowHalfOpen: true })];
  a.other = b;
  b.other = a;
  return [a, b];
}
