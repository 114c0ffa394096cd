/**
 * Checks the application's options for permessage-deflate, and adds the defaults. The options are the parameters of RFC 7692 §7.1.
 */
import type { DeflateParams } from './params.ts';

/** The application's options for permessage-deflate, on a server or on a client. */
export interface DeflateConfig {
  /**
   * If true, the server compresses each message without references to earlier messages. This needs less memory, but the messages are
   * larger.
   * @default false
   */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** If true, the client compresses each message without references to earlier messages. @default false */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** A number n from 8 to 15. When the server compresses, it may refer to at most the last 2^n bytes. @default 15 */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * A number n from 8 to 15. When the client compresses, it may refer to at most the last 2^n bytes. A server can set this only if the
   * client's offer has `client_max_window_bits`. Otherwise the value is 15. @default 15
   */
  readonly clientMaxWindowBits?: number | undefined;
}

/**
 * Checks the options of an application. Call this function early, when the application passes the options. `offerDeflate` and
 * `acceptDeflate` check the options again.
 * @throws TypeError if `config` is not an object, or if an option has the wrong type
 * @throws RangeError if window bits are not an integer from 8 to 15
 */
export function checkDeflateConfig(config: DeflateConfig): void {
  withDefaults(config);
}

/** Returns the configuration, with a default for each absent option. Throws if an option is invalid (see `checkDeflateConfig`). */
export function withDefaults(config: DeflateConfig): DeflateParams {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new TypeError('The parameters of permessage-deflate are not an object');
  }
  return {
    serverNoContextTakeover: checkedFlag('serverNoContextTakeover', config.serverNoContextTakeover),
    clientNoContextTakeover: checkedFlag('clientNoContextTakeover', config.clientNoContextTakeover),
    serverMaxWindowBits: checkedBits('serverMaxWindowBits', config.serverMaxWindowBits),
    clientMaxWindowBits: checkedBits('clientMaxWindowBits', config.clientMaxWindowBits),
  };
}

function checkedFlag(name: string, value: boolean = false): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} is ${String(value)}, not true or false`);
  return value;
}

function checkedBits(name: string, value = 15): number {
  if (typeof value !== 'number') throw new TypeError(`${name} is ${String(value)}, not a number`);
  if (!Number.isInteger(value) || value < 8 || value > 15) {
    throw new RangeError(`${name} is ${value}, not an integer from 8 to 15`);
  }
  return value;
}
