/**
 * The steps of a server's opening handshake (RFC 6455 §4.2), as separate functions for a request of node:http. These functions are for an
 * API that decides when to perform each step. They set no deadline and do not limit the number of sockets, so the API has to do both. Our
 * own server uses `ServerHandshake` in upgrade.ts, which performs the whole handshake.
 */

import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { formatRefusal } from '../handshake/refusal.ts';
import { acceptRequest, verifyRequest } from '../handshake/server.ts';
import type { UpgradeRequest } from '../handshake/upgrade-request.ts';
import { toHandshakeRequest, type UpgradeMessage } from './accept-upgrade.ts';
import type { CompressionAgreement } from './compression.ts';
import { answerAndEnd } from './lingering.ts';
import { processTimers } from './timers.ts';

/**
 * Checks a request. Every origin is allowed.
 * @throws HandshakeError with the status of the answer
 */
export function verifyUpgrade(request: UpgradeMessage, socket: Duplex): UpgradeRequest {
  return verifyRequest(toHandshakeRequest(request, socket), { origins: 'any' });
}

/**
 * Returns the lines of a 101 response: the status line and the header fields. The empty line at the end is not included.
 * @param subprotocol the chosen subprotocol, or `''` for no subprotocol. The caller has to choose one that the client offered. Otherwise
 *   the client fails the connection
 */
export function acceptanceLines(
  request: UpgradeRequest,
  subprotocol: string,
  agreement: CompressionAgreement | null,
): string[] {
  const negotiate = agreement === null ? undefined : () => [agreement.answer];
  const lines = acceptRequest(request, { negotiate }).head.trimEnd().split('\r\n');
  if (subprotocol !== '') lines.splice(4, 0, `Sec-WebSocket-Protocol: ${subprotocol}`);
  return lines;
}

/**
 * Returns true if these lines can be written as the head of one response. An empty line would end the head. A CR or LF in a line would
 * begin another line (RFC 9112 §5).
 */
export function areHeadLines(lines: readonly unknown[]): lines is readonly string[] {
  return lines.every((line) => typeof line === 'string' && /^[\t\x20-\x7e\x80-\xff]+$/.test(line));
}

/** The answer that refuses a request. */
export interface UpgradeRefusal {
  /** The status of the answer, 300 to 599. */
  readonly status: number;
  /** The body of the answer, as plain text. */
  readonly body: string;
  /** The header fields as a flat list: name, value, name, value … */
  readonly headers: readonly string[];
}

/**
 * Writes a refusal, ends the socket, and gives the peer some time to read the refusal.
 * @param method the method of the request, if it is known
 * @throws TypeError if a header field sets the length of the response, or has a forbidden character. In this case, nothing was written
 */
export function refuseUpgrade(
  socket: Duplex,
  { status, body, headers }: UpgradeRefusal,
  method?: string,
): void {
  const error = refuse('WS_HANDSHAKE_REJECTED', { status, headers, body: Buffer.from(body) });
  const text = formatRefusal(error, method);
  answerAndEnd(text, socket, processTimers.timer({ onTimer: () => socket.destroy() }));
}
