/**
 * Implements `toDuplex`, which makes a Node.js stream from a connection (RFC 6455 §5.6, §7.1). `pipeline` and many libraries need a stream.
 */

import { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';
import { checkOptions } from './option-names.ts';

/** The options of `toDuplex`. */
export interface ToDuplexOptions {
  /**
   * If true, reading returns whole messages: strings and Buffers, including empty ones. If false, reading returns bytes: text is UTF-8.
   * @default false
   */
  readonly readableObjectMode?: boolean | undefined;
}

/**
 * Makes a Duplex from an open connection that has no handler for messages. Reading returns the messages of the connection. If the
 * application reads slowly, the peer has to wait (backpressure). Each written chunk is sent as a message: a string as text, bytes as
 * binary. The callback of `write` is called after the message has left the process.
 *
 * WebSocket has no half close. `end()` closes the connection with 1000, and 'finish' is emitted when the connection is closed. Between
 * `end()` and 'finish', the stream still reads messages if its buffer has space. If the peer closes cleanly, both directions end.
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
    // Reading begins now, as with a net.Socket. So the stream notices the end of the connection even if the application never reads.
    this.read(0);
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#messages.next().then(
      (result) => {
        this.#isReading = false;
        if (result.done === true) this.push(null);
        // A stream of bytes skips an empty message. After `push` with no bytes, Node.js would not call `_read` again.
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
