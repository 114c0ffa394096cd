/** Checks arguments of an application that has no open connection yet. The checks are those of the endpoint. */

import { serializeClosePayload } from '../frame/close-code.ts';

export { checkFrameOptions } from '../frame/outgoing.ts';

/**
 * Checks a close code and reason before they are used.
 * @throws {RangeError | TypeError} the errors of `Endpoint.close`
 */
export function checkClose(code: number | undefined, reason: string): void {
  serializeClosePayload(code, reason);
}
