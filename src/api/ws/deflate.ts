/** Converts the option `perMessageDeflate` of `ws` to the class `Compression` of this library (RFC 7692 §7.1). */

import { Compression } from '../../transport/compression.ts';

/** The options of `ws` for compression. Of the options for zlib, only `level` has an effect. The other options for zlib are ignored. */
export interface PerMessageDeflateOptions {
  serverNoContextTakeover?: boolean | undefined;
  clientNoContextTakeover?: boolean | undefined;
  serverMaxWindowBits?: number | undefined;
  /** The maximum window bits of the client. `true` means 15. */
  clientMaxWindowBits?: number | boolean | undefined;
  zlibDeflateOptions?: { readonly level?: number | undefined; readonly [name: string]: unknown } | undefined;
  zlibInflateOptions?: { readonly [name: string]: unknown } | undefined;
  /** Messages with fewer bytes are sent uncompressed. @default 1024 */
  threshold?: number | undefined;
  /** Has no effect. This library has its own limit for compression in threads. */
  concurrencyLimit?: number | undefined;
  maxPayload?: number | undefined;
  isServer?: boolean | undefined;
}

const made = new WeakMap<PerMessageDeflateOptions, Compression>();
let standard: Compression | null = null;

/**
 * Returns the `Compression` for the value of the option `perMessageDeflate`. Returns null for no compression. Calls with the same object
 * return the same `Compression`.
 * @throws {RangeError | TypeError} for window bits that are not an integer from 8 to 15
 */
export function toCompression(option: boolean | PerMessageDeflateOptions | undefined): Compression | null {
  if (!option) return null;
  if (option === true) {
    standard ??= new Compression();
    return standard;
  }
  let compression = made.get(option);
  if (compression === undefined) {
    compression = makeCompression(option);
    made.set(option, compression);
  }
  return compression;
}

function makeCompression(option: PerMessageDeflateOptions): Compression {
  const { serverMaxWindowBits, clientMaxWindowBits, threshold } = option;
  const level = option.zlibDeflateOptions?.level;
  return new Compression({
    serverNoContextTakeover: option.serverNoContextTakeover === true,
    clientNoContextTakeover: option.clientNoContextTakeover === true,
    serverMaxWindowBits,
    clientMaxWindowBits: typeof clientMaxWindowBits === 'number' ? clientMaxWindowBits : undefined,
    threshold: typeof threshold === 'number' && threshold >= 0 ? threshold : undefined,
    // In zlib, level 0 means no compression, and level -1 means the default level. For 0 and -1, this library uses its own default level.
    level: typeof level === 'number' && level >= 1 && level <= 9 ? level : undefined,
  });
}
