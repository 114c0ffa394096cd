/**
 * Converts a received message to the type that 4D's option dataType selects, and converts the argument of `send` to a message. 4D:
 * WebSocketServer, "options parameter"; WebSocketConnection, `.send()`.
 */

import { isBytes, type Message, toBytes } from '../message.ts';
import { FourDError } from './error.ts';

/** The type to which a received message is converted. 4D: WebSocketServer, `.dataType`. */
export type DataType = 'text' | 'blob' | 'object';

/** The type of the data that `onMessage` receives, by dataType. */
export interface DataOf {
  readonly text: string;
  readonly blob: Buffer;
  /** Any value that JSON can represent. */
  readonly object: unknown;
}

/**
 * The values that `send` accepts. A string is sent as text. Bytes and a web `Blob` are sent as binary, like a Blob of 4D. Any other object
 * is sent as JSON. Any other value is converted to a string and sent as text.
 */
export type Sendable = Message | Blob | object | number | boolean | bigint | null | undefined;

/** Checks a dataType, and returns it; undefined becomes "text". @throws {TypeError} for an invalid dataType */
export function checkDataType<T extends DataType>(dataType: T | undefined): T {
  const value = dataType ?? 'text';
  if (value !== 'text' && value !== 'blob' && value !== 'object') {
    throw new TypeError(`dataType is ${String(value)}, not "text", "blob" or "object"`);
  }
  return value as T;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Converts a message, text or binary, to the `data` that `onMessage` receives.
 * @throws {FourDError} if the message cannot be converted to the dataType
 */
export function decode(message: string | Buffer, dataType: DataType): unknown {
  if (dataType === 'blob') return typeof message === 'string' ? Buffer.from(message) : message;
  const text = typeof message === 'string' ? message : toText(message);
  if (dataType === 'text') return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FourDError('BAD_JSON', 'the message is no JSON', { cause });
  }
}

// The parser has already checked that text messages are UTF-8 (§8.1). A binary message can contain any bytes, so this function checks the
// bytes.
function toText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new FourDError('BAD_TEXT', 'the binary message is no UTF-8', { cause });
  }
}

/**
 * Converts the argument of `send` to a message: a string for text, bytes for binary. A Blob is returned unchanged; the caller has to read
 * its bytes.
 * @throws {TypeError} for a function, or for an object that JSON cannot represent, such as an object with a cycle
 */
export function encode(message: unknown): Message | Blob {
  if (typeof message === 'string' || message instanceof Blob) return message;
  if (isBytes(message)) return toBytes(message);
  if (typeof message !== 'object' && typeof message !== 'function') return String(message);
  const json: string | undefined = JSON.stringify(message);
  if (json === undefined) throw new TypeError('the message is an object that JSON has no text for');
  return json;
}
