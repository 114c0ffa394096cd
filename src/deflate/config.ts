/**
 * The options of an application for permessage-deflate: checks them, and returns the parameters of RFC 7692 §7.1 with the defaults.
 */
import type { DeflateParams } from './params.ts';

/** The options that an application sets, on a server or on a client. */
export interface DeflateConfig {
  /** The server forgets each message that it compressed. This takes less memory, but messages are larger. @default false */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** The client forgets each message that it compressed. @default false */
  readonly clientNoContextTakeover?: boolean | undefined;
  /** The server's window has at most 2 to this power bytes; 8 to 15. @default 15 */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * The client's window has at most 2 to this power bytes; 8 to 15. On a server this is only a request: a client whose offer
   * lacks `client_max_window_bits` cannot be limited, and its window bits are 15. @default 15
   */
  readonly clientMaxWindowBits?: number | undefined;
}

/**
 * Checks the options of an application. Call this where options are read. `offerDeflate` and `acceptDeflate` check them as well.
 * @throws TypeError if something is not an object, a flag or a number
 * @throws RangeError if window bits are not an integer from 8 to 15
 */
export function checkDeflateConfig(config: DeflateConfig): void {
  withDefaults(config);
}

/** Returns the configuration with every parameter stated. It throws the errors of `checkDeflateConfig`. */
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
