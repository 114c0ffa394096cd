/**
 * Implements `toDuplex` (RFC 6455 §5.6, §7.1), which makes a Node.js stream from a connection. `pipeline` and many libraries need such a
 * stream.
 */

import { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';
import { checkOptions } from './option-names.ts';

/** The options of `toDuplex`. */
export interface ToDuplexOptions {
  /**
   * True: reading returns whole messages, as strings and Buffers, even empty messages. False: reading returns bytes, and text is UTF-8.
   * @default false
   */
  readonly readableObjectMode?: boolean | undefined;
}

/**
 * Makes a Duplex from an open connection that has no handler for messages. Reading returns the messages of the connection. If the reader is
 * slow, backpressure makes the peer wait. Each chunk that is written is sent as a message: a string as text, bytes as binary. The callback
 * of `write` is called once the message has left the process.
 *
 * WebSocket has no half close: `end()` closes with 1000, and the stream emits 'finish' when the connection is closed. Between `end()` and
 * 'finish', the stream still reads the peer's messages as long as its buffer has room. If the peer closes cleanly, both directions end.
 * `destroy()` drops the connection. If the connection fails, the stream is destroyed with the error of the connection.
 * @throws {TypeError} for unknown options, and if a handler or a loop reads the messages
 */
export function toDuplex<Data>(connection: Connection<Data>, options: ToDuplexOptions = {}): Duplex {
  checkOptions('toDuplex', options, { readableObjectMode: true });
  return new ConnectionDuplex(connection, options.readableObjectMode === true);
}

class ConnectionDuplex<Data> extends Duplex {
  readonly #connection: Connection<Data>;
  readonly #messages: AsyncIterator<string | Buffer>;
  readonly #isObjectMode: boolean;
  #isReading = false;

  constructor(connection: Connection<Data>, readableObjectMode: boolean) {
    super({ readableObjectMode, decodeStrings: false, allowHalfOpen: false });
    this.#connection = connection;
    this.#isObjectMode = readableObjectMode;
    this.#messages = connection[Symbol.asyncIterator]();
    // Reading begins now, as in a net.Socket. So the stream notices the end of the connection even if the application never reads.
    this.read(0);
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#messages.next().then(
      (result) => {
        this.#isReading = false;
        if (result.done === true) this.push(null);
        // A stream of bytes skips an empty message: after an empty `push` it would not call `_read` again.
        else if (result.value.length === 0 && !this.#isObjectMode) this._read();
        else this.push(result.value);
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _write(
    chunk: string | Uint8Array,
    encoding: BufferEncoding,
    callback: (error?: Error | null) => void,
  ): void {
    const isText = typeof chunk === 'string' && (encoding === 'utf8' || encoding === 'utf-8');
    this.#connection.send(
      typeof chunk === 'string' && !isText ? Buffer.from(chunk, encoding) : chunk,
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#connection.close().then(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#connection.state !== 'closed') this.#connection.terminate();
    callback(error);
  }
}
