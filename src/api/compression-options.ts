/**
 * Specifies the option `compression` for permessage-deflate (RFC 7692). Makes a `Compression` from the value of the option. The folder
 * deflate/ implements the extension.
 */

import { Compression, type CompressionOptions, compressionDefaults } from '../transport/compression.ts';
import { describe } from './option-names.ts';
import {
  amount,
  custom,
  flag,
  integer,
  oneOf,
  readOptions,
  type SpecsOf,
  type ValuesOf,
} from './option-spec.ts';

export const compressionSpecs: SpecsOf<CompressionOptions, ValuesOf<CompressionOptions, 'budget'>> = {
  threshold: amount('bytes', 0, ' of bytes', {
    default: compressionDefaults.threshold,
    text: 'Messages with fewer bytes are sent uncompressed. A message that does not become smaller is also sent uncompressed.',
  }),
  level: integer(1, 9, {
    default: compressionDefaults.level,
    text: 'The compression level for the messages that zlib compresses. Up to level 6, zlib searches the last 8 or 16 KiB of the window. From level 7 on, it searches the whole window.',
  }),
  engine: oneOf(['auto', 'zlib'], {
    default: compressionDefaults.engine,
    text: "With `'zlib'`, zlib processes all messages. With `'auto'`, the DEFLATE code of this package processes small messages, because this code is faster for them. It compresses messages up to 2 KiB, and decompresses compressed messages up to 512 bytes.",
  }),
  synchronous: flag({
    default: compressionDefaults.synchronous,
    text: 'With `true`, all messages are compressed and decompressed in the same iteration of the event loop. With `false`, threads of zlib process large messages. They compress messages over 16 KiB. They decompress messages of more than 16 KiB on the wire, or of more than 128 KiB after decompression.',
  }),
  budget: custom<NonNullable<CompressionOptions['budget']>>(
    'a `CompressionBudget`',
    {
      defaultText: '`processCompressionBudget`, 64 MiB',
      text: 'The maximum memory of all compression contexts together. If this memory is used up, a further connection keeps no context.',
    },
    checkCompressionBudget,
  ),
  serverNoContextTakeover: flag({
    default: false,
    text: 'With `true`, the server compresses each message without the context of the earlier messages. This needs less memory, but the messages become longer.',
  }),
  clientNoContextTakeover: flag({
    default: false,
    text: 'With `true`, the client compresses each message without the context of the earlier messages.',
  }),
  serverMaxWindowBits: integer(8, 15, {
    default: 15,
    text: 'The size of the window for the messages that the server compresses. With the value n, the window has 2ⁿ bytes.',
  }),
  clientMaxWindowBits: integer(8, 15, {
    default: 15,
    text: "The size of the window for the messages that the client compresses. With the value n, the window has 2ⁿ bytes. If a client's offer lacks `client_max_window_bits`, the server cannot limit the window of this client.",
  }),
};

/** Checks the type of the option `compression`. @throws {TypeError} if the value is not a boolean or an object */
export function checkCompression(value: unknown, name: string): void {
  if (typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value)))
    return;
  throw new TypeError(`${name} is ${describe(value)}, not true, false or an object`);
}

function checkCompressionBudget(value: unknown, name: string): void {
  if (typeof (value as NonNullable<CompressionOptions['budget']> | null)?.reserve === 'function') return;
  throw new TypeError(`${name} is ${describe(value)}, not a CompressionBudget`);
}

/**
 * Makes a `Compression` from the option `compression`.
 * @returns null if the option is false
 * @throws {RangeError | TypeError} for invalid options
 */
export function toCompression(option: boolean | CompressionOptions): Compression | null {
  if (typeof option === 'boolean') return option ? new Compression() : null;
  return new Compression(readOptions('compression', option, compressionSpecs));
}
