/** Two connected streams in memory. Each stream reads the data that the other stream writes. */
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
    // As with TCP, the other stream ends even if this stream was destroyed without an end.
    setImmediate(() => {
      if (other !== null && !other.readableEnded && !other.destroyed) other.push(null);
    });
    done(error);
  }
}

/** Returns two connected streams. After one stream has ended, the other stream can still write. */
export function duplexPair(): readonly [Duplex, Duplex] {
  const [a, b] = [new End({ allowHalfOpen: true }), new End({ allowHalfOpen: true })];
  a.other = b;
  b.other = a;
  return [a, b];
}
