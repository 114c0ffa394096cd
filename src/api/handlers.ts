/**
 * The handlers of an application: which events a connection reports, and with which arguments.
 * How they are called, and what becomes of an exception, is dispatch.ts.
 */

import type { Connection } from './connection.ts';

/**
 * Handlers for the events of connections: one object serves all of them. Every call is optional, and may return a
 * Promise: nothing waits for it, but its rejection is treated like a throw. What a handler throws closes that connection
 * with 1011 and is reported to `error`, or else as a process warning.
 */
export interface ConnectionHandlers<Data = undefined> {
  /** The opening handshake is done; sending is allowed from here on. */
  open?(connection: Connection<Data>): unknown;
  /**
   * A message. Without this handler messages wait for `for await (const message of connection)`.
   * @param message text as a string (or as checked bytes, with `text: 'bytes'`), binary as a Buffer that is yours to keep
   * @param wireSize payload bytes as they came over the wire
   */
  message?(
    connection: Connection<Data>,
    message: string | Buffer,
    isBinary: boolean,
    wireSize: number,
  ): unknown;
  /** A frame of an unfinished message arrived: progress of a large one. */
  fragment?(connection: Connection<Data>): unknown;
  /** A ping came, and was answered. */
  ping?(connection: Connection<Data>, payload: Buffer): unknown;
  pong?(connection: Connection<Data>, payload: Buffer): unknown;
  /** After `send` returned false: everything has left, go on. */
  drain?(connection: Connection<Data>): unknown;
  /** The closing handshake began. */
  closing?(connection: Connection<Data>, byPeer: boolean): unknown;
  /** The connection is closed. Exactly once for each that was open. */
  close?(connection: Connection<Data>, code: number, reason: string, wasClean: boolean): unknown;
  /**
   * Why a connection failed: a `ProtocolError` (the peer broke a rule), a `ConnectionError` (the socket failed, or a limit dropped
   * it), or what a handler threw. `close` follows, unless it was `close` that threw. A peer that leaves without a Close frame
   * is no error here: `close` says 1006.
   */
  error?(connection: Connection<Data>, error: Error): unknown;
}
