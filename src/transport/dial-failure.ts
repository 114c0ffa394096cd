/**
 * What stops a client before, or beside, the server's answer, in one table: name → stage, section, text.
 * Errors of the system (ECONNREFUSED, CERT_HAS_EXPIRED …) keep their own code. What the answer can have wrong is
 * handshake/error.ts.
 */

import { HandshakeError, type HandshakeErrorOptions, type HandshakeStage } from '../handshake/error.ts';

/** One way for a client not to get a connection. */
export interface DialFailure {
  readonly stage: HandshakeStage;
  readonly section: string;
  readonly text: string;
}

export const dialFailures = {
  WS_DIAL_TIMEOUT: {
    stage: 'timeout',
    section: '6455 §4.1',
    text: 'The opening handshake was not complete in time',
  },
  WS_DIAL_CLOSED: {
    stage: 'http',
    section: '6455 §4.1',
    text: 'The connection was closed before the response was complete',
  },
  WS_DIAL_INFORMATIONAL: {
    stage: 'http',
    section: '9110 §15.2',
    text: 'Too many informational (1xx) responses',
  },
  WS_PROXY_URL: {
    stage: 'proxy',
    section: '6455 §4.1',
    text: 'The proxy is not a valid http or https URL',
  },
  WS_PROXY_STATUS: {
    stage: 'proxy',
    section: '9110 §9.3.6',
    text: 'The proxy did not open a tunnel',
  },
  WS_REDIRECT_LIMIT: {
    stage: 'redirect',
    section: '6455 §4.1',
    text: 'The server redirects, and more redirects than the option "redirects" allows were met',
  },
  WS_REDIRECT_LOCATION: {
    stage: 'redirect',
    section: '9110 §10.2.2',
    text: 'The server redirects without a valid WebSocket or HTTP URL in Location',
  },
  WS_REDIRECT_DOWNGRADE: {
    stage: 'redirect',
    section: '6455 §10.6',
    text: 'The server redirects from wss to ws',
  },
  WS_REDIRECT_SOCKET: {
    stage: 'redirect',
    section: '6455 §4.1',
    text: 'The server redirects, but the socket to use was given',
  },
} as const;

export type DialFailureCode = keyof typeof dialFailures;

/** The error for a row of the table. */
export function dialFailure(
  code: DialFailureCode,
  details: Partial<HandshakeErrorOptions> = {},
): HandshakeError {
  const { stage, section, text }: DialFailure = dialFailures[code];
  return new HandshakeError(code, `${text} (${section})`, { stage, ...details });
}

/** An error of the system as a `HandshakeError`: its code, its text, never an empty one. */
export function systemFailure(
  error: Error & { code?: unknown; syscall?: unknown },
  stage: HandshakeStage,
): HandshakeError {
  // Happy Eyeballs tried several addresses: the text is in the parts.
  const text =
    error instanceof AggregateError
      ? error.errors.map((part: unknown) => (part instanceof Error ? part.message : String(part))).join('; ')
      : error.message;
  const code = typeof error.code === 'string' ? error.code : 'WS_DIAL_CLOSED';
  return new HandshakeError(code, text, {
    stage: error.syscall === 'getaddrinfo' ? 'dns' : stage,
    cause: error,
  });
}
