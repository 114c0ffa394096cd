/**
 * Specifies the option `compression` for permessage-deflate (RFC 7692), and makes a `Compression` from the option's value. The folder
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
    text: 'Messages shorter than this are sent uncompressed. With 0, every message that becomes smaller is compressed.',
  }),
  level: integer(1, 9, {
    default: compressionDefaults.level,
    text: 'The compression level for the messages that zlib compresses. From level 7 on, zlib searches the whole window; up to level 6, the last 8 or 16 KiB.',
  }),
  engine: oneOf(['auto', 'zlib'], {
    default: compressionDefaults.engine,
    text: "`'auto'`: the package's own DEFLATE engine compresses messages up to 2 KiB and decompresses compressed messages up to 512 bytes, since it is faster at these sizes. `'zlib'`: zlib processes all messages.",
  }),
  synchronous: flag({
    default: compressionDefaults.synchronous,
    text: "With `true`, messages of any size are compressed and decompressed in the same turn of the event loop. With `false`, zlib's threads compress messages over 16 KiB, and decompress messages with over 16 KiB on the wire or over 128 KiB of content.",
  }),
  budget: custom<NonNullable<CompressionOptions['budget']>>(
    'a `CompressionBudget`',
    {
      defaultText: '`processCompressionBudget`, 64 MiB',
      text: 'How much memory all compression contexts may hold together. A connection for which there is no room keeps no context.',
    },
    checkCompressionBudget,
  ),
  serverNoContextTakeover: flag({
    default: false,
    text: 'With `true`, the server keeps no context between the messages that it compresses. This needs less memory, but the messages become longer.',
  }),
  clientNoContextTakeover: flag({
    default: false,
    text: 'With `true`, the client keeps no context between the messages that it compresses.',
  }),
  serverMaxWindowBits: integer(8, 15, {
    default: 15,
    text: 'The size of the window for the messages that the server compresses. With the value n, a message refers back at most 2ⁿ bytes.',
  }),
  clientMaxWindowBits: integer(8, 15, {
    default: 15,
    text: 'The size of the window for the messages that the client compresses; with the value n, it has 2ⁿ bytes. A server cannot limit the window of a client whose offer lacks `client_max_window_bits`.',
  }),
};

/** Checks the type of the option `compression`. @throws {TypeError} for a value that is not a boolean or an object */
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
 * @returns null for false
 * @throws {RangeError | TypeError} for invalid options
 */
export function toCompression(option: boolean | CompressionOptions): Compression | null {
  if (typeof option === 'boolean') return option ? new Compression() : null;
  return new Compression(readOptions('compression', option, compressionSpecs));
}
