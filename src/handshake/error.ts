/**
 * Lists the reasons why an opening handshake fails: RFC 6455 §4.1 (client), §4.2 (server), §10.7 (invalid data gets an HTTP status). One
 * table lists every rule that handshake/ enforces, and the few rules that transport/ and api/ enforce on a server. After a failure,
 * transport/ decides whether the server answers or closes the connection without an answer. It also decides whether a client tries again.
 */

/**
 * The stage at which the handshake stopped. `'request'` occurs only on a server, when the server refuses the request. All other stages
 * occur on a client. Some of them also occur on a server.
 */
export type HandshakeStage =
  | 'url'
  | 'dns'
  | 'tcp'
  | 'tls'
  | 'proxy'
  | 'request'
  | 'http'
  | 'redirect'
  | 'subprotocol'
  | 'extensions'
  | 'timeout'
  | 'abort';

/** One rule of the opening handshake. */
export interface Refusal {
  /** The HTTP status of the server's answer; 0 if the server sends no answer, or if the rule applies to a client. */
  readonly status: number;
  readonly stage: HandshakeStage;
  /** RFC number and section, such as `'6455 §4.2.1'`. */
  readonly section: string;
  /** The message of the error. A server also sends it as the body of its response. It never contains text from the peer. */
  readonly text: string;
  /** Header fields that the answer must have, as a flat list: name, value, name, value … */
  readonly headers?: readonly string[];
}

/** Every rule of the opening handshake. The keys are the values of `HandshakeError.code`. */
export const refusals = {
  // http-head.ts checks these rules when it reads the head of a request or a response.
  WS_HANDSHAKE_LINE_ENDING: {
    status: 400,
    stage: 'request',
    section: '9112 §2.2',
    text: 'A line of the HTTP head does not end with CR LF',
  },
  WS_HANDSHAKE_CONTROL_CHARACTER: {
    status: 400,
    stage: 'request',
    section: '9110 §5.5',
    text: 'The HTTP head contains a NUL or another control character',
  },
  WS_HANDSHAKE_START_LINE: {
    status: 400,
    stage: 'request',
    section: '9112 §2.1',
    text: 'The first line of the HTTP head is malformed',
  },
  WS_HANDSHAKE_HTTP_VERSION: {
    status: 505,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'The HTTP version is not 1.1 or a later 1.x',
  },
  WS_HANDSHAKE_HEADER_FOLDED: {
    status: 400,
    stage: 'request',
    section: '9112 §5.2',
    text: 'A header field is folded over several lines',
  },
  WS_HANDSHAKE_HEADER_LINE: {
    status: 400,
    stage: 'request',
    section: '9112 §5.1',
    text: 'A header line is not a field name, a colon and a value',
  },
  WS_HANDSHAKE_TARGET_SIZE: {
    status: 414,
    stage: 'request',
    section: '9110 §15.5.15',
    text: 'The request target is too long',
  },
  WS_HANDSHAKE_HEAD_SIZE: {
    status: 431,
    stage: 'request',
    section: '6585 §5',
    text: 'The HTTP head is too large',
  },
  WS_HANDSHAKE_HEADER_COUNT: {
    status: 431,
    stage: 'request',
    section: '6585 §5',
    text: 'The HTTP head has too many header fields',
  },

  // server.ts and extension.ts check these rules when a server receives a request.
  WS_HANDSHAKE_METHOD: {
    status: 405,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'The request method is not GET',
    // 9110 §15.5.6: the answer MUST list the allowed methods.
    headers: ['Allow', 'GET'],
  },
  WS_HANDSHAKE_TARGET: {
    status: 400,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'The request target is neither a path nor an http or https URI of this host',
  },
  WS_HANDSHAKE_HOST: {
    status: 400,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'The request needs exactly one valid Host header field',
  },
  WS_HANDSHAKE_BODY: {
    status: 400,
    stage: 'request',
    section: '6455 §4.1',
    text: 'An opening handshake has no body: a Content-Length other than 0, Transfer-Encoding and Expect are refused',
  },
  WS_HANDSHAKE_UPGRADE: {
    status: 426,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'This is a WebSocket endpoint: the Upgrade header field must list "websocket"',
    // 9110 §15.5.22: an answer with status 426 MUST name the protocol in Upgrade. RFC 6455 §4.4: it also names the versions that we
    // support.
    headers: ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],
  },
  WS_HANDSHAKE_UPGRADE_SYNTAX: {
    status: 400,
    stage: 'request',
    section: '9110 §7.8',
    text: 'The Upgrade header field is malformed',
  },
  WS_HANDSHAKE_CONNECTION: {
    status: 400,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'The Connection header field must list "Upgrade"',
  },
  WS_HANDSHAKE_VERSION: {
    status: 426,
    stage: 'request',
    section: '6455 §4.4',
    text: 'The WebSocket version is not supported: this server speaks version 13',
    headers: ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],
  },
  WS_HANDSHAKE_VERSION_REPEATED: {
    status: 400,
    stage: 'request',
    section: '6455 §11.3.5',
    text: 'The Sec-WebSocket-Version header field appears more than once',
  },
  WS_HANDSHAKE_KEY: {
    status: 400,
    stage: 'request',
    section: '6455 §4.2.1',
    text: 'The request needs exactly one Sec-WebSocket-Key header field: 16 bytes in base64',
  },
  WS_HANDSHAKE_SUBPROTOCOLS: {
    status: 400,
    stage: 'subprotocol',
    section: '6455 §4.1',
    text: 'The Sec-WebSocket-Protocol header field is not a list of distinct tokens',
  },
  WS_HANDSHAKE_SUBPROTOCOL_COUNT: {
    status: 400,
    stage: 'subprotocol',
    section: '6455 §10.7',
    text: 'The request offers too many subprotocols',
  },
  WS_HANDSHAKE_EXTENSIONS: {
    status: 400,
    stage: 'extensions',
    section: '6455 §9.1',
    text: 'The Sec-WebSocket-Extensions header field is malformed',
  },
  WS_HANDSHAKE_EXTENSION_COUNT: {
    status: 400,
    stage: 'extensions',
    section: '6455 §10.7',
    text: 'The Sec-WebSocket-Extensions header field has too many extensions or parameters',
  },
  WS_HANDSHAKE_FIELD_SIZE: {
    status: 431,
    stage: 'request',
    section: '6585 §5',
    text: 'A header field of the opening handshake is too long',
  },
  WS_HANDSHAKE_ORIGIN_REPEATED: {
    status: 400,
    stage: 'request',
    section: '6454 §7.3',
    text: 'The Origin header field appears more than once',
  },
  WS_HANDSHAKE_ORIGIN: {
    status: 403,
    stage: 'request',
    section: '6455 §10.2',
    text: 'The origin of this request is not allowed: see the option "origins" of the server',
  },

  // transport/ and api/ check the following rules on a server. `formatRefusal` writes their answers.
  WS_HANDSHAKE_NOT_FOUND: {
    status: 404,
    stage: 'request',
    section: '6455 §4.2.2',
    text: 'There is no WebSocket endpoint at this path',
  },
  WS_HANDSHAKE_REJECTED: {
    status: 403,
    stage: 'request',
    section: '6455 §4.2.2',
    text: 'The application refused this request',
  },
  WS_HANDSHAKE_TIMEOUT: {
    status: 408,
    stage: 'timeout',
    section: '9110 §15.5.9',
    text: 'The opening handshake was not complete in time',
  },
  WS_HANDSHAKE_HOOK_FAILED: {
    status: 500,
    stage: 'request',
    section: '6455 §4.2.2',
    text: 'The server failed while it decided about this request',
  },
  WS_HANDSHAKE_UNAVAILABLE: {
    status: 503,
    stage: 'request',
    section: '6455 §4.2.2',
    text: 'The server accepts no more connections for now',
    headers: ['Retry-After', '5'],
  },

  WS_HANDSHAKE_TAKEN: {
    status: 0,
    stage: 'request',
    section: '6455 §4.2.2',
    text: "Another 'upgrade' listener of the HTTP server has answered this request",
  },
  WS_HANDSHAKE_ABANDONED: {
    status: 0,
    stage: 'abort',
    section: '6455 §4.2.2',
    text: 'The client left before its request was answered',
  },

  // client.ts checks these rules when it parses the URL from the application.
  WS_URL_SYNTAX: {
    status: 0,
    stage: 'url',
    section: '6455 §4.1',
    text: 'Not a valid absolute WebSocket URL, such as wss://example.com/path',
  },
  WS_URL_CREDENTIALS: {
    status: 0,
    stage: 'url',
    section: '6455 §3',
    text: 'The user name or the password in the URL is not percent-encoded UTF-8; a "%" is written "%25"',
  },
  WS_URL_SCHEME: {
    status: 0,
    stage: 'url',
    section: '6455 §3',
    text: 'The scheme of a WebSocket URL is ws or wss, as in ws://127.0.0.1:8080/',
  },
  WS_URL_FRAGMENT: {
    status: 0,
    stage: 'url',
    section: '6455 §3',
    text: 'A WebSocket URL has no fragment: write "#" as "%23"',
  },

  // client.ts checks these rules when a client receives a response.
  WS_RESPONSE_STATUS: {
    status: 0,
    stage: 'http',
    section: '6455 §4.1',
    text: 'The server did not switch protocols',
  },
  WS_RESPONSE_HTTP_VERSION: {
    status: 0,
    stage: 'http',
    section: '6455 §4.2.2',
    text: 'The HTTP version of the response is not 1.1 or a later 1.x',
  },
  WS_RESPONSE_BODY: {
    status: 0,
    stage: 'http',
    section: '9110 §8.6',
    text: 'A response with status 101 has no body: Content-Length and Transfer-Encoding are refused',
  },
  WS_RESPONSE_UPGRADE: {
    status: 0,
    stage: 'http',
    section: '6455 §4.1',
    text: 'The response needs exactly one Upgrade header field with the value "websocket"',
  },
  WS_RESPONSE_CONNECTION: {
    status: 0,
    stage: 'http',
    section: '6455 §4.1',
    text: 'The Connection header field of the response must list "Upgrade", once',
  },
  WS_RESPONSE_ACCEPT: {
    status: 0,
    stage: 'http',
    section: '6455 §4.1',
    text: 'The response needs exactly one Sec-WebSocket-Accept header field, with the value for the key of the request',
  },
  WS_RESPONSE_EXTENSIONS: {
    status: 0,
    stage: 'extensions',
    section: '6455 §9.1',
    text: 'The Sec-WebSocket-Extensions header field of the response is malformed',
  },
  WS_RESPONSE_EXTENSION_NOT_OFFERED: {
    status: 0,
    stage: 'extensions',
    section: '6455 §4.1',
    text: 'The server chose an extension that was not offered',
  },
  WS_RESPONSE_SUBPROTOCOL_REPEATED: {
    status: 0,
    stage: 'subprotocol',
    section: '6455 §11.3.4',
    text: 'The Sec-WebSocket-Protocol header field of the response appears more than once',
  },
  WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED: {
    status: 0,
    stage: 'subprotocol',
    section: '6455 §4.1',
    text: 'The server chose a subprotocol that was not offered',
  },
  WS_RESPONSE_SUBPROTOCOL_MISSING: {
    status: 0,
    stage: 'subprotocol',
    section: '6455 §4.1',
    text: 'The server chose none of the offered subprotocols, but the client requires one',
  },
} as const;

/** A key of `refusals`. */
export type RefusalCode = keyof typeof refusals;

/** The parts of a `HandshakeError` other than its code and message. `ErrorOptions` adds `cause`. */
export interface HandshakeErrorOptions extends ErrorOptions {
  readonly stage: HandshakeStage;
  readonly status?: number;
  readonly headers?: readonly string[];
  readonly body?: Buffer;
  readonly value?: string | null;
}

/** A `HandshakeError` keeps at most this number of bytes of a body. */
export const maxErrorBody = 65_536;

const emptyBody: Buffer = Buffer.alloc(0);

/** The opening handshake failed, so there is no WebSocket connection (RFC 6455 §4). */
export class HandshakeError extends Error {
  /** A `RefusalCode`, or the code of the system error that stopped the handshake, such as `'ECONNREFUSED'`. */
  readonly code: string;
  /** The stage at which the handshake stopped. */
  readonly stage: HandshakeStage;
  /** On a server, the HTTP status of the answer. On a client, the received HTTP status. If there is no answer, the status is 0. */
  readonly status: number;
  /**
   * On a server, the header fields to add to the answer. On a client, the received header fields. A flat list: name, value, name, value …
   */
  readonly headers: readonly string[];
  /**
   * On a server, the body of the answer. If this body is empty, the server sends the fixed text of the rule. On a client, the first 64 KiB
   * of the received body.
   */
  readonly body: Buffer;
  /**
   * The invalid value, as the peer sent it, or null. The error's message does not contain this value. Escape the value before you log it.
   */
  readonly value: string | null;

  static {
    HandshakeError.prototype.name = 'HandshakeError';
  }

  constructor(code: string, message: string, options: HandshakeErrorOptions) {
    // Some system errors have an empty message. An example is the AggregateError of several failed connection attempts. Our errors always
    // have a message.
    super(message === '' ? `The opening handshake failed (${options.stage})` : message, options);
    this.code = code;
    this.stage = options.stage;
    this.status = options.status ?? 0;
    this.headers = options.headers ?? [];
    this.body = capped(options.body ?? emptyBody);
    this.value = options.value ?? null;
  }

  /**
   * @internal Returns a copy of this error with the first 64 KiB of the response body. The error is created when the head arrives, and the
   *   body arrives later.
   */
  withBody(body: Buffer): HandshakeError {
    const { stage, status, headers, value } = this;
    const cause = 'cause' in this ? { cause: this.cause } : {};
    return new HandshakeError(this.code, this.message, { stage, status, headers, value, body, ...cause });
  }
}

// A `subarray` alone would keep the whole long buffer in memory, so we copy the part that we keep.
function capped(body: Buffer): Buffer {
  return body.length > maxErrorBody ? Buffer.from(body.subarray(0, maxErrorBody)) : body;
}

/** Values for one error. `headers` are added to the header fields of the rule. Each other value replaces the value of the rule. */
export interface RefusalDetails extends Partial<HandshakeErrorOptions> {
  /** Text to add to the message, such as advice. The message is logged, so escape text from a peer before you add it here. */
  readonly detail?: string;
}

/** Returns the error for the broken rule that `code` names. `details` replace or extend values of the rule, see `RefusalDetails`. */
export function refuse(code: RefusalCode, details: RefusalDetails = {}): HandshakeError {
  const { status, stage, section, text, headers = [] }: Refusal = refusals[code];
  const { detail, ...options } = details;
  // If the rule's status is 0, the error occurs on a client. In this case, `details.status` is the status that the server sent.
  const answered = status === 0 ? statusText(details.status) : '';
  return new HandshakeError(
    code,
    `${text}${answered}${detail === undefined ? '' : `: ${detail}`} (${section})`,
    {
      status,
      stage,
      ...options,
      headers: [...headers, ...(details.headers ?? [])],
    },
  );
}

/** Returns a part of an error message, such as `: status 403`. Returns '' if there is no status, or if the status is 101 or less. */
export function statusText(status = 0): string {
  return status > 101 ? `: status ${status}` : '';
}
