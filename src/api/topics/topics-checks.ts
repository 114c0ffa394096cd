/** Checks of the values that the application passes to `Topics`. */

import { Connection, coreOf } from '../connection.ts';
import { describe } from '../option-names.ts';
import type { PublishOptions } from './topics-options.ts';

/** Checks that a value is a connection of a server. @throws {TypeError} for any other value */
export function checkConnection(connection: Connection<unknown>): void {
  // §5.1: a client masks each frame with a new key. So a client's connection cannot send a frame that was serialized for several
  // connections.
  if (connection instanceof Connection && coreOf(connection).role === 'server') return;
  throw new TypeError(
    `the connection is ${connection instanceof Connection ? "a client's" : describe(connection)}, not one of a WebSocketServer`,
  );
}

/** Checks the option `except`. @throws {TypeError} for an invalid value */
export function checkExcept(except: PublishOptions['except']): void {
  if (except === undefined || except === null || except instanceof Connection) return;
  if (typeof except.has === 'function') return;
  throw new TypeError(`except is ${describe(except)}, not a connection, a set of them, or null`);
}

/** Checks the size of a message. @throws {RangeError} for a message over `maxMessageSize` */
export function checkSize(data: string | Uint8Array, maxMessageSize: number): void {
  // In UTF-8, each character of the string has at most three bytes.
  if (data.length * 3 <= maxMessageSize) return;
  const size = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  if (size > maxMessageSize)
    throw new RangeError(`the message has ${size} bytes, and maxMessageSize is ${maxMessageSize}`);
}
