/**
 * What can be sent: text as a string, bytes in any of their shapes (RFC 6455 §5.6), and how. Nothing is copied here.
 */

import { types } from 'node:util';
import { checkFrameOptions } from '../transport/socket.ts';
import { checkOptions, describe, type OptionNames } from './option-names.ts';

/** What can be sent: text as a string, anything else as bytes. */
export type Message = string | ArrayBufferLike | ArrayBufferView;

/**
 * Receives null once a message has left the process, or why it never will: a `ConnectionError` with the code WS_NOT_SENT, whose
 * `cause` is what the connection failed with, if it did. Called exactly once, never from inside the call that it was passed to.
 */
export type SendCallback = (error: Error | null) => void;

export interface SendOptions {
  /** Payload bytes of a frame; a longer message goes out in several (RFC 6455 §5.4). @default one frame */
  readonly fragmentSize?: number | undefined;
  /** With `fragmentSize`: payload bytes that the last, or only, frame may have. @default `fragmentSize` */
  readonly lastFragmentSize?: number | undefined;
  /** False: this message is not compressed, whatever was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

const sendOptionNames: OptionNames<SendOptions> = {
  fragmentSize: true,
  lastFragmentSize: true,
  compress: true,
};

/**
 * @returns a copy, since a message that waits is sent with the options that it was given; null for none
 * @throws {TypeError} for an unknown option
 * @throws {RangeError} for a `fragmentSize` that is not a positive integer, a `lastFragmentSize` below it
 */
export function checkSendOptions(options: SendOptions | undefined): SendOptions | null {
  if (options === undefined) return null;
  checkOptions('send', options, sendOptionNames);
  const { compress, fragmentSize, lastFragmentSize } = options;
  const copy = { compress, fragmentSize, lastFragmentSize };
  checkFrameOptions(copy);
  return copy;
}

/** Whether this is sent as a binary message. */
export function isBytes(value: unknown): value is ArrayBufferLike | ArrayBufferView {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value);
}

/**
 * The bytes of a message, not copied; a string as UTF-8.
 * @throws {TypeError} for anything else than a string, an ArrayBuffer or a view of one
 */
export function toBytes(data: Message): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'string') return Buffer.from(data);
  // A view's length in bytes, not in elements: what lies beside it must never be sent.
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data);
  const found: unknown = data;
  const isData = Array.isArray(found) || Object.prototype.toString.call(found) === '[object Object]';
  const hint = isData ? ': JSON.stringify it' : found instanceof Blob ? ': await its arrayBuffer()' : '';
  throw new TypeError(
    `a message is a string, an ArrayBuffer, or a view of one, not ${describe(data)}${hint}`,
  );
}
