/**
 * Checks the subprotocols that an application passes: RFC 6455 §4.1 (10), §11.3.4. server.ts and client.ts check the subprotocols that a
 * peer sends.
 */

import { isToken } from './token.ts';

/**
 * Checks a list of subprotocols, on a client or a server.
 * @throws {TypeError} if `subprotocols` is not a list of tokens. A token has at least one character. Its characters are visible ASCII
 *   without the delimiters of RFC 9110 §5.6.2
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
 * @throws {TypeError} if the list is invalid, or if a subprotocol is repeated (§4.1 (10))
 */
export function checkOffer(subprotocols: readonly string[]): void {
  checkSubprotocols(subprotocols);
  const repeated = subprotocols.find((subprotocol, at) => subprotocols.indexOf(subprotocol) < at);
  if (repeated !== undefined) throw new TypeError(`The subprotocol ${repeated} is repeated`);
}
