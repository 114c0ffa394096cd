/**
 * Makes the WHATWG streams of a connection (RFC 6455 §5.6, §7.1). One stream reads messages, and one stream sends messages. Each stream is
 * made when it is first used.
 */

import type { CloseInfo } from './close-info.ts';
import type { Message } from './message.ts';

/** The parts of a connection that the streams use. */
interface AnyConnection {
  readonly closed: Promise<CloseInfo>;
  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer>;
  write(message: Message): Promise<void>;
  close(): Promise<CloseInfo>;
  terminate(): void;
}

const readables = new WeakMap<AnyConnection, ReadableStream<string | Buffer>>();
const writables = new WeakMap<AnyConnection, WritableStream<Message>>();

/** Returns a stream of the received messages. @throws {TypeError} if a handler or a loop already reads the messages */
export function readableOf(connection: AnyConnection): ReadableStream<string | Buffer> {
  let readable = readables.get(connection);
  if (readable !== undefined) return readable;
  const messages = connection[Symbol.asyncIterator]();
  readable = new ReadableStream<string | Buffer>(
    {
      async pull(controller) {
        const { done, value } = await messages.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await messages.return?.();
      },
    },
    // The stream does not read ahead, because the connection already reads ahead.
    { highWaterMark: 0 },
  );
  readables.set(connection, readable);
  return readable;
}

export function writableOf(connection: AnyConnection): WritableStream<Message> {
  let writable = writables.get(connection);
  if (writable !== undefined) return writable;
  writable = new WritableStream<Message>({
    start(controller) {
      // When the connection ends, the stream gets an error. So the application notices the end even if it is not writing.
      connection.closed.then(({ error, code }) =>
        controller.error(error ?? new Error(`the connection is closed: ${code}`)),
      );
    },
    write: (message) => connection.write(message),
    async close() {
      await connection.close();
    },
    abort() {
      connection.terminate();
    },
  });
  writables.set(connection, writable);
  return writable;
}
