/**
 * The opening handshake (RFC 6455 §4.2) of a server with the API of `ws`. It works on a request of node:http. Programs can replace or
 * observe the steps, so each step is a separate function. handshake/server.ts has the rules. The order of the checks and the texts of the
 * refusals are the same as in `ws`.
 */

import { type IncomingMessage, type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { HandshakeError } from '../../handshake/error.ts';
import type { ExtensionOffer } from '../../handshake/extension.ts';
import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';
import type { CompressionAgreement } from '../../transport/compression.ts';
import { refuseUpgrade, verifyUpgrade } from '../../transport/node-upgrade.ts';
import { processTimers } from '../../transport/timers.ts';
import { flattenHeaders } from '../../transport/upgrade.ts';
import { toCompression } from './deflate.ts';
import { refusalText, UNACCEPTABLE_EXTENSIONS } from './errors.ts';
import type { ServerOptions, VerifyClientAnswer } from './server-options.ts';

/** The HTTP response that refuses a request. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** Is set if the request breaks a rule. A listener for 'wsClientError' receives this error, and answers the request. */
  readonly fault?: Error;
}

// The maximum number of milliseconds that `verifyClient` takes.
const VERIFY_TIMEOUT = 60_000;

/** Checks a request against RFC 6455 §4.2.1. @returns the checked request; a refusal if the request breaks a rule */
export function verify(message: IncomingMessage, socket: Duplex): UpgradeRequest | Refusal {
  try {
    return verifyUpgrade(message, socket);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    const text = refusalText(error, message.headers);
    return {
      // RFC 6455 §4.2.2 suggests 426 for a wrong version. But `ws` answers a wrong method with 405, and any other fault with 400.
      status: error.status === 405 ? 405 : 400,
      text,
      headers: {
        ...(error.status === 405 ? { Allow: 'GET' } : null),
        ...(text.includes('Sec-WebSocket-Version') ? { 'Sec-WebSocket-Version': '13' } : null),
      },
      fault: new Error(text, { cause: error }),
    };
  }
}

/**
 * True if a request was refused because it has version 8, a draft of RFC 6455. `ws` supports this draft, and calls `verifyClient` for such
 * a request. This server also calls `verifyClient`, but then refuses the request.
 */
export function isDraft(message: IncomingMessage, refusal: Refusal): boolean {
  return (
    message.headers['sec-websocket-version'] === '8' &&
    (refusal.fault?.cause as HandshakeError | undefined)?.code === 'WS_HANDSHAKE_VERSION'
  );
}

/**
 * Answers the client's offers of permessage-deflate.
 * @returns the compression; null for no compression; a refusal if the server cannot accept any of the offers
 */
export function negotiate(
  offers: readonly ExtensionOffer[],
  option: ServerOptions['perMessageDeflate'],
): CompressionAgreement | Refusal | null {
  const compression = toCompression(option);
  if (compression === null) return null;
  const agreement = compression.accept(offers);
  if (agreement !== null || !offers.some(({ name }) => name === 'permessage-deflate')) return agreement;
  return { status: 400, text: UNACCEPTABLE_EXTENSIONS, fault: new Error(UNACCEPTABLE_EXTENSIONS) };
}

export function isRefusal(value: object | null): value is Refusal {
  return value !== null && 'status' in value;
}

/**
 * Calls the function `verifyClient` of the application.
 * @param decided is called at most once: with null to accept the request, or with a refusal. If `verifyClient` does not answer within a
 * minute, `decided` receives a refusal with status 408. `decided` is not called if the socket closes first
 */
export function askVerifyClient(
  verifyClient: NonNullable<ServerOptions['verifyClient']>,
  message: IncomingMessage,
  socket: Duplex,
  decided: (refusal: Refusal | null) => void,
): void {
  const { authorized, encrypted } = (message.socket ?? socket) as {
    authorized?: boolean;
    encrypted?: boolean;
  };
  const info = {
    origin: message.headers.origin as string,
    secure: Boolean(authorized || encrypted),
    req: message,
  };
  if (verifyClient.length !== 2) {
    const isAccepted = (verifyClient as (asked: typeof info) => unknown)(info);
    decided(isAccepted ? null : { status: 401, text: '' });
    return;
  }
  const timer = processTimers.timer({ onTimer: () => answer(false, 408) });
  let isAnswered = false;
  const forget = (): void => {
    isAnswered = true;
    timer.cancel();
    socket.off('close', forget);
  };
  const answer: VerifyClientAnswer = (result, code, text, headers) => {
    if (isAnswered) return;
    forget();
    // Programs pass null for arguments that they want to omit.
    const refusal = { status: code || 401, text: text ? String(text) : '', headers: headers ?? {} };
    decided(result ? null : refusal);
  };
  timer.set(VERIFY_TIMEOUT);
  socket.on('close', forget);
  verifyClient(info, answer);
}

/**
 * Writes a refusal to the socket: an HTTP response with plain text.
 * @throws {TypeError} if `headers` contains a field that is invalid in HTTP
 */
export function writeRefusal(socket: Duplex, { status, text, headers = {} }: Refusal, method?: string): void {
  // A program can pass a number that is not an HTTP status, for example a close code. In this case the status is 401.
  const isStatus = Number.isInteger(status) && status >= 300 && status <= 599;
  const answered = isStatus ? status : 401;
  const fields = Object.entries(headers).filter(([, value]) => value !== undefined);
  const flat = flattenHeaders(
    Object.fromEntries(fields.map(([name, value]) => [name, Array.isArray(value) ? value : String(value)])),
  );
  const body = text === '' ? (STATUS_CODES[answered] ?? '') : text;
  refuseUpgrade(socket, { status: answered, body, headers: flat }, method);
}
