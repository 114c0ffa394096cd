/**
 * Makes the answer to a failed opening handshake (RFC 6455 §4.2.2). The application may replace the answer. handshake/refusal.ts formats
 * the answer.
 */

import { HandshakeError, refuse } from '../handshake/error.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { UpgradeHost } from './upgrade-host.ts';

/** The answer to a failed handshake. It consists of an error and the text of the response. */
export interface RefusalAnswer {
  readonly refusal: HandshakeError;
  /** The whole response, in Latin-1. */
  readonly text: string;
}

/** Returns the answer to a failed handshake. The function `host.refusing` may replace the answer. */
export function answerTo(
  error: unknown,
  request: HandshakeRequest | null,
  host: Pick<UpgradeHost, 'refusing'>,
): RefusalAnswer {
  const own = format(error, request?.method);
  const replaced = host.refusing?.(own.refusal, request) ?? own.refusal;
  return replaced === own.refusal ? own : format(replaced, request?.method);
}

/**
 * Returns the answer for an error. If the error is not a valid refusal, the fault is on the server, so the answer is 500. This happens in
 * three cases:
 * - The application threw an exception.
 * - The refusal has an invalid header field.
 * - The error comes from a handshake in which the application was the client.
 */
function format(error: unknown, method: string | undefined): RefusalAnswer {
  try {
    if (error instanceof HandshakeError) return { refusal: error, text: formatRefusal(error, method) };
  } catch {
    // `error` is not a valid refusal. The code below makes the answer 500.
  }
  const refusal = refuse('WS_HANDSHAKE_HOOK_FAILED', { cause: error });
  return { refusal, text: formatRefusal(refusal, method) };
}
