/** Checks arguments of the application as the endpoint does. For an application that has no open connection yet. */

import { serializeClosePayload } from '../frame/close-code.ts';

export { checkFrameOptions } from '../frame/outgoing.ts';

/**
 * Checks a close code and reason before they are used.
 * @throws {RangeError | TypeError} the errors of `Endpoint.close`
 */
export function checkClose(code: number | undefined, reason: string): void {
  serializeClosePayload(code, reason);
}
