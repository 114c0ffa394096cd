/**
 * A message that a `stream` handler reads while the message arrives (RFC 6455 §5.4). The parts of the message wait in this object until
 * the application reads them. incoming-streams.ts limits the number of waiting bytes.
 */

import { StringDecoder } from 'node:string_decoder';

/** @internal Makes a `MessageStream`. The class `MessageStream` assigns this function. */
export let makeMessageStream: (
  owner: MessageStreamOwner,
  isBinary: boolean,
  decodes: boolean,
) => FillableStream;

/** @internal A `MessageStream`, together with the functions through which the library controls it. */
export interface FillableStream {
  readonly stream: MessageStream;
  push(part: string | Buffer): void;
  end(wireSize: number): void;
  /** Is called when the rest of the message will not arrive. */
  fail(error: Error): void;
  /** Is called when the handler has returned, or when its Promise has resolved. Drops the message if no loop reads it yet. */
  dropUnread(): void;
  /** Returns true if `fail` was called with this error. */
  failedWith(error: unknown): boolean;
}

/** @internal Counts the waiting parts of all messages of one connection. `IncomingStreams` implements this interface. */
export interface MessageStreamOwner {
  /**
   * Adds `parts` to the number of parts, and `bytes` to the number of bytes. A part counts while it waits, and while the application
   * processes it. A negative number subtracts.
   */
  count(parts: number, bytes: number): void;
}

/**
 * A message that the application reads with `for await` while the message arrives. The parts of a text message are strings, or Buffers
 * with `text: 'bytes'`. The parts of a binary message are Buffers. If the application does not read, the connection reads about
 * 64 KiB ahead, and then stops reading. If the loop ends early, or `cancel` is called, the rest of the message is dropped. The connection
 * stays open.
 */
export class MessageStream implements AsyncIterable<string | Buffer> {
  readonly isBinary: boolean;
  readonly #owner: MessageStreamOwner;
  readonly #decoder: StringDecoder | null;
  #parts: (string | Buffer)[] = [];
  /** The number of bytes of the part that the application is processing. 0 if there is no such part. */
  #inHand = 0;
  #isTaken = false;
  #isDropped = false;
  #wireSize = -1;
  /** The error that the loop throws after it has read the waiting parts. */
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

  /** The number of payload bytes that came over the network for this message. -1 while the message is incomplete. */
  get wireSize(): number {
    return this.#wireSize;
  }

  /**
   * Reads the parts one by one. If the connection ends before the end of the message, the loop throws a `ConnectionError` WS_STREAM_LOST.
   * If the connection failed, the `cause` of this error is the error of the connection.
   * @throws {TypeError} if another loop reads the message, or if the message was dropped because no loop began before the handler returned
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

  /** Drops all unread parts of the message, including the parts that have not arrived yet. */
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
    // These bytes do not complete a character. The decoder keeps them until the next part comes.
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
    // The loop has received the error. If the application reads again, the iterator only reports the end.
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

  /** Is called when the application has processed the previous part. */
  #putDown(): void {
    const bytes = this.#inHand;
    this.#inHand = 0;
    if (bytes > 0) this.#owner.count(-1, -bytes);
  }
}
