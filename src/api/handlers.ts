/**
 * Defines the handlers of an application: the events that a connection reports, and their arguments. dispatch.ts calls the handlers and
 * catches their exceptions.
 */

import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { MessageStream } from './message-stream.ts';

/**
 * The arguments of a `message` handler. A binary message is a Buffer, and the application may keep this Buffer. A text is a string; with
 * `text: 'bytes'` a text is a Buffer that was checked to be UTF-8. `wireSize` is the number of payload bytes on the wire.
 */
export type ReceivedMessage<Data = undefined, Text extends string | Buffer = string> =
  | [connection: Connection<Data>, message: Text, isBinary: false, wireSize: number]
  | [connection: Connection<Data>, message: Buffer, isBinary: true, wireSize: number];

/**
 * A `message` handler. The first member of this union gives the parameters their types: `isBinary` narrows `message`. But TypeScript does
 * not accept a function with fewer parameters for a union of tuples. The second member accepts such functions, and handlers that declare
 * the types of their parameters. The second member has two signatures. So the compiler infers the types of parameters from the first member
 * only.
 */
export type MessageHandler<Data = undefined, Text extends string | Buffer = string> =
  | ((...received: ReceivedMessage<Data, Text>) => unknown)
  | AnyMessageHandler<Data>['call'];

interface AnyMessageHandler<Data> {
  call(connection: Connection<Data>, message: string | Buffer, isBinary: boolean, wireSize: number): unknown;
  call<_>(
    connection: Connection<Data>,
    message: string | Buffer,
    isBinary: boolean,
    wireSize: number,
  ): unknown;
}

/**
 * The handlers for the events of connections. One object serves all connections. Every handler is optional, and may return a Promise. The
 * connection does not wait for the Promise, but treats its rejection like an exception. An exception closes the connection with 1011, and
 * the `error` handler receives it. Without an `error` handler, the exception becomes a process warning, at most once a minute for the same
 * message.
 */
export interface ConnectionHandlers<Data = undefined, Text extends string | Buffer = string> {
  /** Called when the opening handshake is done. From this call on, the application may send. */
  open?(connection: Connection<Data>): unknown;
  /**
   * Receives a message: `message(connection, message, isBinary, wireSize)`, see `ReceivedMessage`. Without this handler, read messages with
   * `for await (const message of connection)`.
   */
  message?: MessageHandler<Data, Text> | undefined;
  /**
   * Called when a message begins. Read the message while it arrives, with `for await (const part of message)`. This handler is used instead
   * of `message`. Unread parts make the peer wait. Begin to read before the handler returns, or before its Promise is fulfilled; otherwise
   * the message is dropped. `messageTimeout` does not run while unread parts make the peer wait, or after `pause`.
   */
  stream?(connection: Connection<Data>, message: MessageStream): unknown;
  /** Called when a frame of an unfinished message has arrived, to show the progress of a large message. */
  fragment?(connection: Connection<Data>): unknown;
  /** Called when a ping has arrived. The library has already answered the ping. With `autoPong: false` it has not. */
  ping?(connection: Connection<Data>, payload: Buffer): unknown;
  pong?(connection: Connection<Data>, payload: Buffer): unknown;
  /** Called after `send` returned false, as soon as all bytes have left the process. The application may send again. */
  drain?(connection: Connection<Data>): unknown;
  /** Called when the closing handshake begins. @param byPeer whether the peer's Close frame came before ours */
  closing?(connection: Connection<Data>, byPeer: boolean): unknown;
  /**
   * Called when the connection is closed, exactly once for each connection that was open.
   * @param info the code and reason, our Close frame, and the error
   */
  close?(
    connection: Connection<Data>,
    code: number,
    reason: string,
    wasClean: boolean,
    info: CloseInfo,
  ): unknown;
  /**
   * Called when a connection failed. The error is a `ProtocolError` if the peer broke a rule. It is a `ConnectionError` if the socket
   * failed or a limit dropped the connection. If a handler threw, it is the thrown error. Afterwards the `close` handler is called, if it
   * was not called before. If the peer leaves without a Close frame, that is not an error: `close` receives 1006.
   */
  error?(connection: Connection<Data>, error: Error): unknown;
}

/** @internal Whether there is a handler for any event other than a message. */
export function reportsMore<Data>(handlers: ConnectionHandlers<Data>): boolean {
  // Only the names are looked up. If a getter throws, its error is reported later, when the handler is called.
  return (
    'open' in handlers ||
    'close' in handlers ||
    'error' in handlers ||
    'closing' in handlers ||
    'ping' in handlers ||
    'pong' in handlers ||
    'drain' in handlers ||
    'fragment' in handlers
  );
}

/**
 * @internal Returns whether there is a `stream` handler, which receives messages in parts. No getter is called, since it could throw.
 * @throws {TypeError} if the handlers have both `stream` and `message`
 */
export function takesParts(handlers: object): boolean {
  const takes = hasHandler(handlers, 'stream');
  if (takes && hasHandler(handlers, 'message'))
    throw new TypeError('handlers has both "stream" and "message": a message goes to one of them');
  return takes;
}

function hasHandler(handlers: object, name: string): boolean {
  const own = Object.getOwnPropertyDescriptor(handlers, name);
  return own === undefined ? name in handlers : own.get !== undefined || own.value !== undefined;
}
