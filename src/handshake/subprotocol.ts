/**
 * Checks the subprotocols that an application passes: each must be a valid value in a header field. RFC 6455 §4.1 (10), §11.3.4.
 * server.ts and client.ts check the subprotocols that a peer offers or chooses.
 */

import { isToken } from './token.ts';

/**
 * Checks a list of subprotocols, on either role.
 * @throws {TypeError} for a value that is not a list of tokens. A token is not empty. Its characters are U+0021 to U+007E without the
 *   separators
 */
export function checkSubprotocols(subprotocols: readonly string[]): void {
  if (!Array.isArray(subprotocols)) throw new TypeError('subprotocols is a list of tokens');
  for (const subprotocol of subprotocols) {
    if (typeof subprotocol === 'string' && isToken(subprotocol)) continue;
    throw new TypeError(`The subprotocol ${JSON.stringify(subprotocol)} is not a token`);
  }
}

/**
 * Checks the subprotocols that a client offers.
 * @throws {TypeError} for an invalid list, and for a repeated subprotocol (§4.1 (10): all unique)
 */
export function checkOffer(subprotocols: readonly string[]): void {
  checkSubprotocols(subprotocols);
  const repeated = subprotocols.find((subprotocol, at) => subprotocols.indexOf(subprotocol) < at);
  if (repeated !== undefined) throw new TypeError(`The subprotocol ${repeated} is repeated`);
}
