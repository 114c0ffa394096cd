/**
 * What can be sent: text as a string, bytes in any of their shapes (RFC 6455 §5.6), and how. Nothing is copied here.
 */

import { types } from 'node:util';
import { checkOptions, describe, type OptionNames } from './option-names.ts';

/** What can be sent: text as a string, anything else as bytes. */
export type Message = string | ArrayBufferLike | ArrayBufferView;

export interface SendOptions {
  /** Payload bytes of a frame; a longer message goes out in several (RFC 6455 §5.4). @default one frame */
  readonly fragmentSize?: number;
  /** With `fragmentSize`: payload bytes that the last, or only, frame may have. @default `fragmentSize` */
  readonly lastFragmentSize?: number;
  /** False: this message is not compressed, whatever was negotiated. @default true */
  readonly compress?: boolean;
}

export const sendOptionNames: OptionNames<SendOptions> = {
  fragmentSize: true,
  lastFragmentSize: true,
  compress: true,
};

/**
 * Refuses what `Connection.send` refuses, for messages that are sent later.
 * @throws {TypeError} for an unknown option
 * @throws {RangeError} for a `fragmentSize` that is not a positive integer, a `lastFragmentSize` below it
 */
export function checkSendOptions(options: SendOptions): void {
  checkOptions('send', options, sendOptionNames);
  const { fragmentSize, lastFragmentSize = fragmentSize } = options;
  if (fragmentSize === undefined) return;
  if (!Number.isSafeInteger(fragmentSize) || fragmentSize < 1) {
    throw new RangeError(`fragmentSize is ${String(fragmentSize)}, not a positive number of bytes`);
  }
  if (!(Number(lastFragmentSize) >= fragmentSize)) {
    throw new RangeError(`a last fragment of ${String(lastFragmentSize)} bytes is less than ${fragmentSize}`);
  }
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
