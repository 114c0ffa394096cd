/** Checks arguments that an application passes while no connection is open. `Endpoint` makes the same checks on an open connection. */

import { serializeClosePayload } from '../frame/close-code.ts';

export { checkFrameOptions } from '../frame/outgoing.ts';

/**
 * Checks a close code and a close reason.
 * @throws {RangeError | TypeError} the same errors as `Endpoint.close`
 */
export function checkClose(code: number | undefined, reason: string): void {
  serializeClosePayload(code, reason);
}
