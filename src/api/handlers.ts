/**
 * Defines the handlers of an application. The library calls a handler for each event of a connection. dispatch.ts calls the handlers, and
 * catches their exceptions.
 */

import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { MessageStream } from './message-stream.ts';

/**
 * The arguments of a `message` handler. A binary message is a Buffer, which the application may keep. A text message is a string. With
 * `text: 'bytes'`, it is a Buffer that was checked to be UTF-8. `wireSize` is the number of payload bytes that came over the network.
 */
export type ReceivedMessage<Data = undefined, Text extends string | Buffer = string> =
  | [connection: Connection<Data>, message: Text, isBinary: false, wireSize: number]
  | [connection: Connection<Data>, message: Buffer, isBinary: true, wireSize: number];

/**
 * The type of a `message` handler. It is a union of two types, because each of them has a limit:
 * - The first type lets `isBinary` narrow the type of `message`. But TypeScript does not let a function with fewer parameters have this
 *   type.
 * - The second type accepts these functions. It also accepts handlers that declare the types of their parameters. It has two signatures, so
 *   TypeScript infers the types of parameters from the first type only.
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
 * connection does not wait for this Promise. A rejection counts as an exception. An exception closes the connection with 1011, and the
 * `error` handler receives it. Without an `error` handler, the exception becomes a process warning, at most once a minute for each message.
 */
export interface ConnectionHandlers<Data = undefined, Text extends string | Buffer = string> {
  /** Is called when the opening handshake is done. From now on, the application may send. */
  open?(connection: Connection<Data>): unknown;
  /**
   * Receives a message: `message(connection, message, isBinary, wireSize)` (see `ReceivedMessage`). Without this handler, read messages
   * with `for await (const message of connection)`.
   */
  message?: MessageHandler<Data, Text> | undefined;
  /**
   * Is called when a message begins. Read its parts while they arrive: `for await (const part of message)`. This handler replaces the
   * handler `message`. The peer has to wait if the application does not read. Begin to read before the handler returns, or before its
   * Promise resolves. Otherwise the message is dropped. `messageTimeout` does not run while the peer has to wait, or after `pause`.
   */
  stream?(connection: Connection<Data>, message: MessageStream): unknown;
  /** Is called when a frame of an incomplete message has arrived. An application can show the progress of a large message. */
  fragment?(connection: Connection<Data>): unknown;
  /** Is called when a ping has arrived. The library has already sent the pong, unless `autoPong` is false. */
  ping?(connection: Connection<Data>, payload: Buffer): unknown;
  pong?(connection: Connection<Data>, payload: Buffer): unknown;
  /** Is called after `send` has returned false, when all bytes have left the process. The application may send again. */
  drain?(connection: Connection<Data>): unknown;
  /** Is called when the closing handshake begins. @param byPeer true if the peer sent its Close frame first */
  closing?(connection: Connection<Data>, byPeer: boolean): unknown;
  /**
   * Is called when the connection is closed. It is called exactly once for each connection that was open.
   * @param info the peer's code and reason, the code and reason that we sent, and the error
   */
  close?(
    connection: Connection<Data>,
    code: number,
    reason: string,
    wasClean: boolean,
    info: CloseInfo,
  ): unknown;
  /**
   * Is called when a connection has failed. Then the `close` handler is called, unless it was already called. The error is one of
   * these:
   * - a `ProtocolError` if the peer broke a rule
   * - a `ConnectionError` if the socket failed, or if a limit was exceeded
   * - the thrown error if a handler threw
   *
   * If the peer leaves without a Close frame, this handler is not called. `close` then receives 1006.
   */
  error?(connection: Connection<Data>, error: Error): unknown;
}

/** @internal Returns true if there is a handler in addition to the `message` handler. */
export function reportsMore<Data>(handlers: ConnectionHandlers<Data>): boolean {
  // Only the names are checked, because reading a property could call a getter. If a getter throws, the error is reported when the handler
  // is called.
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
 * @internal Returns true if there is a `stream` handler. No getter is called, because a getter could throw.
 * @throws {TypeError} if the handlers contain both `stream` and `message`
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
