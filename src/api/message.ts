/**
 * Defines the messages that an application can send (RFC 6455 §5.6), and their options. A text is a string. Bytes are an ArrayBuffer, or a
 * view of one. The functions of this file do not copy bytes.
 */

import { types } from 'node:util';
import { checkFrameOptions } from '../transport/argument-checks.ts';
import { describe } from './option-names.ts';
import { custom, flag, integer, limit, readOptions, type SpecsOf, type ValuesOf } from './option-spec.ts';

/** A message that an application sends. A string is sent as a text message. Bytes are sent as a binary message. */
export type Message = string | ArrayBufferLike | ArrayBufferView;

/**
 * Is called with null after a message has left the process. If the message was not sent, it is called with a `ConnectionError` WS_NOT_SENT.
 * If the connection failed, the `cause` of this error is the error of the connection. The callback is called exactly once, and only after
 * `send` has returned.
 */
export type SendCallback = (error: Error | null) => void;

/** The options of `send`. */
export interface SendOptions {
  /** The maximum payload of one frame in bytes. A longer message is sent in several frames (RFC 6455 §5.4). @default one frame */
  readonly fragmentSize?: number | undefined;
  /**
   * The maximum payload of the last or only frame in bytes. Requires `fragmentSize`, and must not be smaller than `fragmentSize`.
   * @default `fragmentSize`
   */
  readonly lastFragmentSize?: number | undefined;
  /** If false, this message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

export const sendSpecs: SpecsOf<SendOptions, ValuesOf<SendOptions, 'fragmentSize' | 'lastFragmentSize'>> = {
  fragmentSize: integer(
    1,
    Number.POSITIVE_INFINITY,
    {
      defaultText: 'one frame',
      text: 'The maximum payload of one frame. A longer message is sent in several frames.',
    },
    'bytes',
  ),
  lastFragmentSize: limit('bytes', {
    defaultText: '`fragmentSize`',
    text: 'The maximum payload of the last or only frame. This option requires `fragmentSize`, and must not be smaller than `fragmentSize`.',
  }),
  compress: flag({
    default: true,
    text: 'With `false`, this message is sent uncompressed, even if compression was negotiated.',
  }),
};

/** The parts of a message for `sendStream`. */
export type StreamSource = AsyncIterable<Message> | Iterable<Message>;

/** The options of `sendStream`. */
export interface SendStreamOptions {
  /** If true, the message is binary. If false, it is a text message. @default the type of the first part */
  readonly binary?: boolean | undefined;
  /** If false, the message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
  /** A signal that aborts the message. If a part of the message was already sent, the connection fails with 1011. */
  readonly signal?: AbortSignal | undefined;
}

export const sendStreamSpecs: SpecsOf<SendStreamOptions, ValuesOf<SendStreamOptions, 'binary' | 'signal'>> = {
  binary: flag({
    defaultText: 'the type of the first part',
    text: 'With `true`, the message is binary. With `false`, it is a text message: its parts are strings or UTF-8 bytes.',
  }),
  compress: flag({
    default: true,
    text: 'With `false`, this message is sent uncompressed, even if compression was negotiated.',
  }),
  signal: custom<AbortSignal>(
    'an `AbortSignal`',
    {
      text: 'A signal that aborts the message. If a part of the message was already sent, the connection fails with 1011 and `WS_STREAM_CUT`.',
    },
    (value, name) => {
      if (!(value instanceof AbortSignal))
        throw new TypeError(`${name} is ${describe(value)}, not an AbortSignal`);
    },
  ),
};

/**
 * Checks the options of `send`.
 * @returns a copy of the options, because the caller can change its object later; null if there are no options
 * @throws {TypeError} for an unknown option, and for a `compress` that is not a boolean
 * @throws {RangeError} for a `fragmentSize` that is not a positive integer, and for a `lastFragmentSize` below `fragmentSize`
 */
export function checkSendOptions(options: SendOptions | undefined): SendOptions | null {
  if (options === undefined) return null;
  const values = readOptions('send', options, sendSpecs);
  checkFrameOptions(values);
  return values;
}

/** Returns true if a value is bytes: an ArrayBuffer or an ArrayBufferView. Bytes are sent as a binary message. */
export function isBytes(value: unknown): value is ArrayBufferLike | ArrayBufferView {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/**
 * Returns the bytes of a message. A string is encoded as UTF-8. Bytes are not copied.
 * @throws {TypeError} for a value that is not a string, an ArrayBuffer or an ArrayBufferView
 */
export function toBytes(data: Message): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'string') return Buffer.from(data);
  // Only the bytes of the view are sent, not the memory around it. `byteLength` is used, because `length` of a view is its number of
  // elements.
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  const found: unknown = data;
  const isData = Array.isArray(found) || Object.prototype.toString.call(found) === '[object Object]';
  const hint = isData ? ': JSON.stringify it' : found instanceof Blob ? ': await its arrayBuffer()' : '';
  throw new TypeError(
    `a message is a string, an ArrayBuffer, or a view of one, not ${describe(data)}${hint}`,
  );
}
