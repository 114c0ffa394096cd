/**
 * The option `compression`, permessage-deflate (RFC 7692): its options, and the `Compression` that is made from them. deflate/ implements
 * it.
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

/** permessage-deflate. */
export const compressionSpecs: SpecsOf<CompressionOptions, ValuesOf<CompressionOptions, 'budget'>> = {
  threshold: amount('bytes', 0, ' of bytes', {
    default: compressionDefaults.threshold,
    text: 'Shorter messages are sent as they are; 0 compresses every message that becomes smaller by it.',
  }),
  level: integer(1, 9, {
    default: compressionDefaults.level,
    text: "zlib's level for the messages that go to zlib; from 7 on it searches the whole window, up to 6 the last 8 or 16 KiB.",
  }),
  engine: oneOf(['auto', 'zlib'], {
    default: compressionDefaults.engine,
    text: "`'auto'`: messages up to 2 KiB, and compressed ones up to 512 bytes, go to the package's own DEFLATE engine, which is faster there; `'zlib'`: all go to zlib.",
  }),
  synchronous: flag({
    default: compressionDefaults.synchronous,
    text: "`true`: compresses and decompresses in this turn of the event loop at any size; otherwise what is over 16 KiB goes to zlib's threads.",
  }),
  budget: custom<NonNullable<CompressionOptions['budget']>>(
    'a `CompressionBudget`',
    {
      defaultText: '`processCompressionBudget`, 64 MiB',
      text: 'What all contexts hold together; connections beyond it keep no context.',
    },
    checkCompressionBudget,
  ),
  serverNoContextTakeover: flag({
    default: false,
    text: 'The server forgets each message that it compressed: less memory, more bytes.',
  }),
  clientNoContextTakeover: flag({ default: false, text: 'The same for the client.' }),
  serverMaxWindowBits: integer(8, 15, {
    default: 15,
    text: "The server's messages refer back at most 2 to this power bytes.",
  }),
  clientMaxWindowBits: integer(8, 15, {
    default: 15,
    text: "The same for the client's messages; on a server a wish, since a client whose offer lacks `client_max_window_bits` cannot be limited.",
  }),
};

/** @throws {TypeError} for anything but a boolean or an object */
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
 * The `compression` option.
 * @throws {RangeError | TypeError} for invalid options
 */
export function toCompression(option: boolean | CompressionOptions): Compression | null {
  if (typeof option === 'boolean') return option ? new Compression() : null;
  return new Compression(readOptions('compression', option, compressionSpecs));
}
