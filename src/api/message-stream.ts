/**
 * A message while it arrives, as a `stream` handler receives it: RFC 6455 §5.4. Its parts wait here until they are read; how many may
 * wait, over all messages of a connection, is incoming-streams.ts.
 */

import { StringDecoder } from 'node:string_decoder';

/** @internal Makes one; assigned once, by the class. */
export let makeMessageStream: (
  owner: MessageStreamOwner,
  isBinary: boolean,
  decodes: boolean,
) => FillableStream;

/** @internal The library's side of a `MessageStream`. */
export interface FillableStream {
  readonly stream: MessageStream;
  push(part: string | Buffer): void;
  end(wireSize: number): void;
  /** The rest will never come. */
  fail(error: Error): void;
  /** Its handler has returned: if nothing reads it, nothing will. */
  dropUnread(): void;
  /** Whether this is what `fail` was called with. */
  failedWith(error: unknown): boolean;
}

/** @internal Who counts what waits. */
export interface MessageStreamOwner {
  /** A part waits, or is in the reader's hands; or, below 0, is not any more. */
  count(parts: number, bytes: number): void;
}

/**
 * One message, read with `for await`: strings for a text, Buffers for a binary message (and for both with `text: 'bytes'`). While
 * nothing is read of it, at most some 64 KiB are read ahead; then the connection stops reading. Leaving the loop early, or `cancel`,
 * drops the rest of the message; the connection goes on.
 */
export class MessageStream implements AsyncIterable<string | Buffer> {
  readonly isBinary: boolean;
  readonly #owner: MessageStreamOwner;
  readonly #decoder: StringDecoder | null;
  #parts: (string | Buffer)[] = [];
  /** Bytes of the part that the reader works on; 0 if it works on none. */
  #inHand = 0;
  #isTaken = false;
  #isDropped = false;
  #wireSize = -1;
  /** Waits for the loop. */
  #error: Error | null = null;
  #failure: Error | null = null;
  #reader: { resolve(result: IteratorResult<string | Buffer>): void; reject(error: Error): void } | null =
    null;

  static {
    makeMessageStream = (owner, isBinary, decodes) => {
      const stream = new MessageStream(owner, isBinary, decodes);
      return {
        stream,
        push: (part) => stream.#push(part),
        end: (wireSize) => stream.#end(wireSize),
        fail: (error) => stream.#fail(error),
        dropUnread: () => {
          if (!stream.#isTaken) stream.cancel();
        },
        failedWith: (error) => stream.#failure !== null && error === stream.#failure,
      };
    };
  }

  private constructor(owner: MessageStreamOwner, isBinary: boolean, decodes: boolean) {
    this.#owner = owner;
    this.isBinary = isBinary;
    this.#decoder = decodes && !isBinary ? new StringDecoder('utf8') : null;
  }

  /** Payload bytes on the wire, once the message is complete; -1 before. */
  get wireSize(): number {
    return this.#wireSize;
  }

  /**
   * The parts, one by one. The loop throws if the connection ends before the message does: a `ConnectionError` WS_STREAM_LOST, whose
   * `cause` is what the connection failed with, if it did.
   * @throws {TypeError} if another loop reads the message, or it was dropped, as it is if its handler returns before that
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer> {
    if (this.#isTaken) throw new TypeError('this message is being read already');
    if (this.#isDropped)
      throw new TypeError('this message was dropped: nothing read it before its handler returned');
    this.#isTaken = true;
    const iterator: AsyncIterableIterator<string | Buffer> = {
      next: () => this.#next(),
      return: async () => {
        this.cancel();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** The rest of the message is of no use: it is dropped as it arrives. */
  cancel(): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    const parts = this.#parts;
    this.#parts = [];
    for (const part of parts) this.#owner.count(-1, -part.length);
    this.#putDown();
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve({ done: true, value: undefined });
  }

  #push(part: string | Buffer): void {
    if (this.#isDropped) return;
    const value = this.#decoder === null || typeof part === 'string' ? part : this.#decoder.write(part);
    // Less than a character.
    if (value.length === 0) return;
    this.#owner.count(1, value.length);
    if (this.#reader === null) {
      this.#parts.push(value);
      return;
    }
    const reader = this.#reader;
    this.#reader = null;
    this.#inHand = value.length;
    reader.resolve({ done: false, value });
  }

  #end(wireSize: number): void {
    this.#wireSize = wireSize;
    const reader = this.#reader;
    this.#reader = null;
    reader?.resolve({ done: true, value: undefined });
  }

  #fail(error: Error): void {
    this.#failure = error;
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) this.#error = error;
    else reader.reject(error);
    // What the loop does after that: it ends.
    if (reader !== null) this.#isDropped = true;
  }

  async #next(): Promise<IteratorResult<string | Buffer>> {
    if (this.#reader !== null) throw new TypeError('the part before this one has not come yet');
    this.#putDown();
    const value = this.#parts.shift();
    if (value !== undefined) {
      this.#inHand = value.length;
      return { done: false, value };
    }
    if (this.#error !== null && !this.#isDropped) {
      this.#isDropped = true;
      throw this.#error;
    }
    if (this.#isDropped || this.#wireSize >= 0) return { done: true, value: undefined };
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /** The reader is done with the part before. */
  #putDown(): void {
    const bytes = this.#inHand;
    this.#inHand = 0;
    if (bytes > 0) this.#owner.count(-1, -bytes);
  }
}
