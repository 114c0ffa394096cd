/**
 * Lists the reasons why a client cannot connect. Each reason has a stage, an RFC section and a text. handshake/error.ts lists the reasons
 * that are faults in the response of the server. Errors of the system, such as ECONNREFUSED or CERT_HAS_EXPIRED, keep their own code.
 */

import {
  HandshakeError,
  type HandshakeErrorOptions,
  type HandshakeStage,
  statusText,
} from '../handshake/error.ts';

/** One reason why a client cannot connect. */
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
    text: 'The proxy is not a valid http, https, socks5 or socks5h URL',
  },
  WS_PROXY_CREDENTIALS: {
    stage: 'proxy',
    section: '6455 §4.1',
    text: 'The user name or the password in the URL of the proxy is not percent-encoded UTF-8 (a "%" is written "%25"), or does not have the 1 to 255 bytes that SOCKS5 requires',
  },
  WS_PROXY_STATUS: {
    stage: 'proxy',
    section: '9110 §9.3.6',
    text: 'The proxy did not open a tunnel',
  },
  WS_SOCKS_REPLY: {
    stage: 'proxy',
    section: '1928 §6',
    text: 'The answer of the proxy is not valid in SOCKS5',
  },
  WS_SOCKS_AUTHENTICATION: {
    stage: 'proxy',
    section: '1928 §3',
    text: 'The SOCKS5 proxy requires a user name and a password in its URL, or refuses those that the URL has',
  },
  WS_SOCKS_REFUSED: {
    stage: 'proxy',
    section: '1928 §6',
    text: 'The SOCKS5 proxy did not open a connection',
  },
  WS_REDIRECT_LIMIT: {
    stage: 'redirect',
    section: '6455 §4.1',
    text: 'The server redirects more often than the option "redirects" allows',
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
  WS_REDIRECT_SUBPROTOCOL: {
    stage: 'redirect',
    section: '6455 §4.1',
    text: 'The server redirects to another origin, where a subprotocol is required but not offered: see the option "crossOriginHeaders"',
  },
  WS_REDIRECT_SOCKET: {
    stage: 'redirect',
    section: '6455 §4.1',
    text: 'The server redirects, but the option "socket" or "socketPath" allows no other address',
  },
} as const;

export type DialFailureCode = keyof typeof dialFailures;

/** Returns the error for a row of `dialFailures`. */
export function dialFailure(
  code: DialFailureCode,
  details: Partial<HandshakeErrorOptions> = {},
): HandshakeError {
  const { stage, section, text }: DialFailure = dialFailures[code];
  return new HandshakeError(code, `${text}${statusText(details.status)} (${section})`, { stage, ...details });
}

// The texts for the error of a timeout, by stage. Each text says what was missing when the deadline passed. The stage 'tcp' includes the
// lookup of the host name.
const missing: Partial<Record<HandshakeStage, string>> = {
  tcp: 'no TCP connection',
  proxy: 'no tunnel through the proxy',
  tls: 'no TLS session',
  http: 'no response',
};

/** Returns a copy of the error. The text of the copy also contains `place`, the URL or the proxy of the attempt. */
export function locate(error: HandshakeError, place: string): HandshakeError {
  const { code, message, stage, status, headers, body, value } = error;
  const cause = 'cause' in error ? { cause: error.cause } : {};
  return new HandshakeError(code, `${message} [${place}]`, {
    stage,
    status,
    headers,
    body,
    value,
    ...cause,
  });
}

/**
 * Returns the text of an error without the URL or the proxy that `locate` added. An API calls this function if its errors show the URL in
 * another way.
 */
export function withoutPlace({ message }: HandshakeError): string {
  const at = message.lastIndexOf(' [');
  return at !== -1 && message.endsWith(']') ? message.slice(0, at) : message;
}

// The maximum number of characters of a URL in the text of an error.
const MAX_PLACE = 200;

/**
 * Returns a URL in the form that the text of an error shows. The query is replaced by `?…`, because errors are written to logs, and a query
 * may contain tokens. `href` never contains a user name or a password.
 */
export function placeOf({ href }: { readonly href: string }): string {
  const query = href.indexOf('?');
  const shown = query === -1 ? href : `${href.slice(0, query)}?…`;
  return shown.length > MAX_PLACE ? `${shown.slice(0, MAX_PLACE)}…` : shown;
}

/** Returns the error for a deadline that passed. @param at the stage of the unfinished step, or null if no step had begun */
export function timeoutFailure(at: HandshakeStage | null): HandshakeError {
  const { stage, section, text } = dialFailures.WS_DIAL_TIMEOUT;
  const what = at === null ? undefined : missing[at];
  const message = `${text}${what === undefined ? '' : `: ${what}`} (${section})`;
  return new HandshakeError('WS_DIAL_TIMEOUT', message, { stage });
}

// Advice for some errors of the system, by error code. The text of these errors does not say what to do.
const plainOnTls = 'the other end does not speak TLS here; is it ws: in place of wss:?';
const unknownIssuer = 'the option tls.ca trusts its issuer';
const advice: ReadonlyMap<string, string> = new Map([
  ['ERR_SSL_WRONG_VERSION_NUMBER', plainOnTls],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', plainOnTls],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', unknownIssuer],
  ['SELF_SIGNED_CERT_IN_CHAIN', unknownIssuer],
  ['UNABLE_TO_GET_ISSUER_CERT', unknownIssuer],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', unknownIssuer],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', unknownIssuer],
]);

/**
 * Converts an error of the system to a `HandshakeError` with the same code. If the error has no code, the code is WS_DIAL_CLOSED. Advice is
 * added to the text if `advice` has an entry for the code.
 */
export function systemFailure(
  error: Error & { code?: unknown; syscall?: unknown; library?: unknown; reason?: unknown },
  stage: HandshakeStage,
): HandshakeError {
  // Node tried several addresses (Happy Eyeballs) and reports one error for each. The AggregateError has no text, so we join the texts of
  // its errors.
  let text =
    error instanceof AggregateError
      ? error.errors.map((part: unknown) => (part instanceof Error ? part.message : String(part))).join('; ')
      : error.message;
  // The message of an OpenSSL error names a file and a line of OpenSSL's source code. `reason` has only the text of the error.
  if (typeof error.library === 'string' && typeof error.reason === 'string') text = error.reason;
  const code = typeof error.code === 'string' ? error.code : 'WS_DIAL_CLOSED';
  const hint = advice.get(code);
  return new HandshakeError(code, hint === undefined ? text : `${text}; ${hint}`, {
    stage: error.syscall === 'getaddrinfo' ? 'dns' : stage,
    cause: error,
  });
}
