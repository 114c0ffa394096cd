/** Converts the option `perMessageDeflate` of `ws` to our compression (RFC 7692 §7.1). */

import { Compression } from '../../transport/compression.ts';

/** The options of `ws`. Options of zlib that change nothing on the wire are accepted and ignored, except `level`, which has an effect. */
export interface PerMessageDeflateOptions {
  serverNoContextTakeover?: boolean | undefined;
  clientNoContextTakeover?: boolean | undefined;
  serverMaxWindowBits?: number | undefined;
  /** `true` means 15, the default. */
  clientMaxWindowBits?: number | boolean | undefined;
  zlibDeflateOptions?: { readonly level?: number | undefined; readonly [name: string]: unknown } | undefined;
  zlibInflateOptions?: { readonly [name: string]: unknown } | undefined;
  /** The size in bytes below which messages are sent uncompressed. @default 1024 */
  threshold?: number | undefined;
  /** Ignored: this package has its own limit for the messages that threads compress. */
  concurrencyLimit?: number | undefined;
  maxPayload?: number | undefined;
  isServer?: boolean | undefined;
}

const made = new WeakMap<PerMessageDeflateOptions, Compression>();
let standard: Compression | null = null;

/**
 * Returns the compression for an option, or null for no compression. The same object always gives the same compression.
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
    // In zlib, level 0 does not compress and -1 is the default. For both, this package uses its own default level.
    level: typeof level === 'number' && level >= 1 && level <= 9 ? level : undefined,
  });
}
