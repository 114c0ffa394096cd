/** Implements `Connection.close`, which starts the closing handshake (RFC 6455 §7.1.2). */

import { checkClose } from '../transport/argument-checks.ts';
import type { ConnectionCore } from './connection-core.ts';
import { positive } from './option-spec.ts';

/** Starts the closing handshake. Throws the same errors as `Connection.close`. */
export function startClosing(
  core: ConnectionCore,
  code: number | null,
  reason: string,
  timeout: number | undefined,
): void {
  const sent = code ?? undefined;
  checkClose(sent, reason);
  if (timeout !== undefined) core.binding.closeWithin(positive('timeout', timeout, 0));
  core.binding.endpoint.close(sent, reason);
  core.stopPausing();
}
