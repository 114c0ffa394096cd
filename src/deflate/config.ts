/**
 * Checks the options that an application sets for permessage-deflate. Returns the parameters of RFC 7692 §7.1, with defaults for absent
 * options.
 */
import type { DeflateParams } from './params.ts';

/** The options that an application sets, on a server or on a client. */
export interface DeflateConfig {
  /**
   * Whether the server compresses each message without reference to earlier messages. This needs less memory, but messages are larger.
   * @default false
   */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** Whether the client compresses each message without reference to earlier messages. @default false */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** A number from 8 to 15. With n, the window in which the server searches for repetitions has at most 2^n bytes. @default 15 */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * A number from 8 to 15. With n, the window in which the client searches for repetitions has at most 2^n bytes. On a server, this option
   * has an effect only if the client's offer has `client_max_window_bits`. Otherwise the client's window bits are 15. @default 15
   */
  readonly clientMaxWindowBits?: number | undefined;
}

/**
 * Checks the options of an application. Call this function when the application passes the options. `offerDeflate` and `acceptDeflate`
 * check the options again.
 * @throws TypeError if `config` is not an object, or if an option does not have the type boolean or number
 * @throws RangeError if window bits are not an integer from 8 to 15
 */
export function checkDeflateConfig(config: DeflateConfig): void {
  withDefaults(config);
}

/** Returns the configuration with the defaults of absent options. Throws the errors of `checkDeflateConfig`. */
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
