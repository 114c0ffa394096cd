/**
 * The client's side of the opening handshake: RFC 6455 §3 (URIs), §4.1 (the request, and the checks of the response). transport/dial.ts
 * handles connecting, TLS, proxies, redirects and the body of a refusal.
 */
import { type HandshakeError, type RefusalCode, refuse } from './error.ts';
import { type ExtensionOffer, findUnoffered, formatExtensions, parseExtensions } from './extension.ts';
import { flattenHeaders, forbidFields, HeaderFields, type HeaderFieldsInit } from './header-fields.ts';
import { isHost } from './host.ts';
import { formatHead, type HttpResponseHead, isHttp11 } from './http-head.ts';
import { computeAccept, generateKey } from './key.ts';
import { checkOffer } from './subprotocol.ts';
import { isVisibleAscii, parseTokenList, toAsciiLowerCase } from './token.ts';
import { parseUrl } from './url.ts';

/** The target of a WebSocket URL (RFC 6455 §3). */
export interface WebSocketTarget {
  /** True for wss, false for ws. */
  readonly secure: boolean;
  /** The host for name resolution, in ASCII and lower case. An IPv6 address has no brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The value of the Host field: the host, and also the port if the port is not the scheme's default port. */
  readonly host: string;
  /** The resource name: the path and the query, percent-encoded. The resource name starts with `/`. */
  readonly resource: string;
  /**
   * The decoded user name of the URL; `''` if the URL has no user name. The user name and the password are not part of `href`, and
   * `buildRequest` does not send them.
   */
  readonly username: string;
  readonly password: string;
  /** The normalized URL. The scheme is ws or wss. The user name and the password are removed. */
  readonly href: string;
}

/**
 * Parses a WebSocket URL. As in the WHATWG API, `http:` is read as `ws:`, and `https:` is read as `wss:`.
 * @throws HandshakeError with stage 'url', before any network activity (RFC 6455 §4.1)
 */
export function parseTarget(url: string | URL): WebSocketTarget {
  const parsed = readUrl(url);
  const scheme = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[parsed.protocol];
  if (scheme === undefined) throw refuse('WS_URL_SCHEME', { value: parsed.protocol });
  // §3: a URL MUST NOT have a fragment. We also refuse an empty fragment. A "#" in `href` always begins a fragment.
  if (parsed.href.includes('#')) throw refuse('WS_URL_FRAGMENT');
  const { username, password } = decodeUserinfo(parsed);
  parsed.username = '';
  parsed.password = '';
  parsed.protocol = scheme;
  const secure = scheme === 'wss:';
  return {
    secure,
    hostname: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? (secure ? 443 : 80) : Number(parsed.port),
    host: parsed.host,
    resource: parsed.pathname + parsed.search,
    username,
    password,
    href: parsed.href,
  };
}

// The WHATWG parser does IDNA (§11.1), percent-encoding and IPv6. It also removes tabs and line ends silently. A URL contains control
// characters only by accident or in an attack, so we refuse them.
function readUrl(url: string | URL): URL {
  const text = String(url);
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x20) throw refuse('WS_URL_SYNTAX');
  // Applications log errors. A URL with "@" may contain a password, so the error does not contain this URL.
  const parsed = parseUrl(text);
  if (parsed === null) throw refuse('WS_URL_SYNTAX', { value: text.includes('@') ? null : text });
  return parsed;
}

function decodeUserinfo({ username, password }: URL): { username: string; password: string } {
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw refuse('WS_URL_CREDENTIALS');
  }
}

/** The parts of the request that the application chooses. The resource name is not part of this: it comes from the URL. */
export interface RequestFields {
  /** The subprotocols to offer, in order of preference. Each subprotocol is a token, and is listed once. */
  readonly subprotocols?: readonly string[] | undefined;
  /**
   * More header fields: an object (name to value), an iterable of pairs (such as a Map or a `Headers`), or a flat list (name, value, name,
   * value …).
   */
  readonly headers?: HeaderFieldsInit | undefined;
  /** The value of the Origin field. Only browsers must send this field (RFC 6455 §4.1). */
  readonly origin?: string | undefined;
}

/** The parts of the request that a client chooses: the fields of the application, and the extensions to offer. */
export interface RequestOptions extends RequestFields {
  /** The extensions to offer, in order of preference. */
  readonly offers?: readonly ExtensionOffer[] | undefined;
}

// §4.1 reserves Host, Upgrade and Connection for the handshake. The last four fields are for a body or a trailer. An opening handshake has
// no body and no trailer.
const reservedNames: readonly string[] = [
  'host',
  'upgrade',
  'connection',
  'content-length',
  'transfer-encoding',
  'trailer',
  'expect',
];

/**
 * Builds the request of an opening handshake (RFC 6455 §4.1), with a fresh key.
 * @returns the whole request head, and the key that `verifyResponse` needs. Send the head as latin1. Send no frame before the response is
 *   verified.
 * @throws TypeError if a subprotocol or an extension is not a token, or if a subprotocol is repeated
 * @throws TypeError if a field in `options.headers` belongs to the handshake or contains a forbidden character, or if the target is invalid
 */
export function buildRequest(
  target: WebSocketTarget,
  options: RequestOptions = {},
): { head: string; key: string } {
  const { subprotocols = [], offers = [], origin } = options;
  const { resource, host } = target;
  if (!resource.startsWith('/') || !isVisibleAscii(resource) || resource.includes('#')) {
    throw new TypeError('The resource name is not a path with an optional query');
  }
  if (!isHost(host)) {
    throw new TypeError('The host is not a host with an optional port');
  }
  checkOffer(subprotocols);
  const extra = flattenHeaders(options.headers ?? []);
  checkExtraHeaders(extra, origin !== undefined);

  const key = generateKey();
  const fields = ['Host', host, 'Upgrade', 'websocket', 'Connection', 'Upgrade'];
  fields.push('Sec-WebSocket-Key', key, 'Sec-WebSocket-Version', '13');
  if (origin !== undefined) fields.push('Origin', origin);
  if (subprotocols.length > 0) fields.push('Sec-WebSocket-Protocol', subprotocols.join(', '));
  if (offers.length > 0) fields.push('Sec-WebSocket-Extensions', formatExtensions(offers));
  return { head: formatHead(`GET ${resource} HTTP/1.1`, [...fields, ...extra]), key };
}

function checkExtraHeaders(headers: readonly string[], hasOrigin: boolean): void {
  forbidFields(headers, reservedNames, 'sec-websocket-');
  // RFC 6454 §7.3: a client MUST NOT send more than one Origin.
  if (new HeaderFields(headers).values('Origin').length > (hasOrigin ? 0 : 1)) {
    throw new TypeError('The header field origin is set twice');
  }
}

/** The values with which `verifyResponse` compares a response. */
export interface ExpectedResponse {
  /** The key that `buildRequest` returned. */
  readonly key: string;
  readonly subprotocols?: readonly string[];
  readonly offers?: readonly ExtensionOffer[];
  /**
   * Checks the parameters of the extensions that the server accepted. Throws a HandshakeError if a parameter is invalid. If the server
   * accepted no extension, `confirm` is not called.
   */
  readonly confirm?: (answers: readonly ExtensionOffer[]) => void;
  /**
   * If true, the handshake fails when the client offered subprotocols and the server chose none of them. RFC 6455 allows this response, and
   * the WHATWG API forbids it.
   * @default false
   */
  readonly requireSubprotocol?: boolean;
}

/** The subprotocol and the extensions that client and server agreed on. */
export interface VerifiedResponse {
  /** The agreed subprotocol; `''` if the connection has no subprotocol. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
}

/**
 * Checks the response to an opening handshake (RFC 6455 §4.1, second list). Before this call, the caller must skip 1xx responses other than
 * 101.
 * @throws HandshakeError with the received status and header fields. If the status is not 101, the stage is 'http', and the caller reads
 *   the body (see `withBody`). If a response with status 101 is invalid, the stage is 'http', 'extensions' or 'subprotocol'
 */
export function verifyResponse(response: HttpResponseHead, expected: ExpectedResponse): VerifiedResponse {
  const fail = (code: RefusalCode, details: { value?: string | null; cause?: unknown } = {}) => {
    const { status, headers } = response;
    return refuse(code, { status, headers, ...details });
  };
  const fields = new HeaderFields(response.headers);

  // §4.1 (1): a status other than 101 has the meaning that HTTP defines. For example, the caller may follow a redirect.
  if (response.status !== 101) throw fail('WS_RESPONSE_STATUS');
  // §4.2.2 (5.1): the status line is HTTP/1.1. HTTP/1.0 has no Upgrade.
  if (!isHttp11(response.httpVersion)) throw fail('WS_RESPONSE_HTTP_VERSION');
  // 9110 §8.6, 9112 §6.1: a 1xx response MUST NOT have these two fields. With one of these fields, a client could read the first frames as
  // a body. We accept one Content-Length of 0 because it announces no body, and because ws4py sends it.
  for (const name of ['Content-Length', 'Transfer-Encoding']) {
    if (!fields.has(name) || (name === 'Content-Length' && fields.single(name) === '0')) continue;
    throw fail('WS_RESPONSE_BODY', { value: name });
  }
  // §4.1 (2): the value is "websocket". In a request, Upgrade is a list; in a response, it is one value.
  const upgrade = fields.single('Upgrade');
  if (upgrade === null || toAsciiLowerCase(upgrade) !== 'websocket') {
    throw fail('WS_RESPONSE_UPGRADE', { value: upgrade });
  }
  // §4.1 (3): the field is a list that contains the token "Upgrade". The list may be split over several lines.
  const connection = fields.joined('Connection');
  const options = parseTokenList(connection ?? '') ?? [];
  if (!options.some((option) => toAsciiLowerCase(option) === 'upgrade')) {
    throw fail('WS_RESPONSE_CONNECTION', { value: connection });
  }
  // §4.1 (4), §11.3.3: the field MUST appear once, and its value MUST match our key. Base64 is case-sensitive.
  const accept = fields.single('Sec-WebSocket-Accept');
  if (accept === null || accept !== computeAccept(expected.key)) {
    throw fail('WS_RESPONSE_ACCEPT', { value: accept });
  }
  const extensions = verifyExtensions(fields, expected, fail);
  return { subprotocol: verifySubprotocol(fields, expected, fail), extensions };
}

type Fail = (code: RefusalCode, details?: { value?: string | null; cause?: unknown }) => HandshakeError;

// §4.1 (5), §9.1: the field must be well-formed. It may contain only extensions that the client offered, with valid parameters. Erratum
// 3433: in a response too, the field may be split over several lines.
function verifyExtensions(fields: HeaderFields, expected: ExpectedResponse, fail: Fail): ExtensionOffer[] {
  const values = fields.values('Sec-WebSocket-Extensions');
  let answers: ExtensionOffer[];
  try {
    answers = parseExtensions(values);
  } catch (cause) {
    throw fail('WS_RESPONSE_EXTENSIONS', { value: values.join(', '), cause });
  }
  const unoffered = findUnoffered(answers, expected.offers ?? []);
  if (unoffered !== null) throw fail('WS_RESPONSE_EXTENSION_NOT_OFFERED', { value: unoffered.name });
  if (answers.length > 0) expected.confirm?.(answers);
  return answers;
}

// §4.1 (6), §11.3.4: the response has at most one subprotocol, spelled exactly as it was offered.
function verifySubprotocol(fields: HeaderFields, expected: ExpectedResponse, fail: Fail): string {
  const { subprotocols = [], requireSubprotocol = false } = expected;
  const values = fields.values('Sec-WebSocket-Protocol');
  if (values.length > 1) throw fail('WS_RESPONSE_SUBPROTOCOL_REPEATED');
  const [subprotocol] = values;
  if (subprotocol !== undefined && !subprotocols.includes(subprotocol)) {
    throw fail('WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED', { value: subprotocol });
  }
  if (subprotocol === undefined && requireSubprotocol && subprotocols.length > 0) {
    throw fail('WS_RESPONSE_SUBPROTOCOL_MISSING');
  }
  return subprotocol ?? '';
}
