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
  /** The host for name resolution: in ASCII and lower case; an IPv6 address has no brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The value of the Host field: the host, followed by the port if the port is not the scheme's default. */
  readonly host: string;
  /** The resource name: path and query, percent-encoded. Starts with `/`. */
  readonly resource: string;
  /**
   * The decoded user name of the URL; `''` if the URL has no user name. Of these fields, only `username` and `password` contain the user
   * information of the URL. `buildRequest` does not send them.
   */
  readonly username: string;
  readonly password: string;
  /** The URL in normal form, as ws or wss, without user information. */
  readonly href: string;
}

/**
 * Parses a WebSocket URL. http and https count as ws and wss, as in the WHATWG API.
 * @throws HandshakeError stage 'url', before any network activity (RFC 6455 §4.1)
 */
export function parseTarget(url: string | URL): WebSocketTarget {
  const parsed = readUrl(url);
  const scheme = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[parsed.protocol];
  if (scheme === undefined) throw refuse('WS_URL_SCHEME', { value: parsed.protocol });
  // §3: a fragment MUST NOT be used, not even an empty one. In the normal form, every "#" begins a fragment.
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

// The WHATWG parser does IDNA (§11.1), percent-encoding and IPv6. It also drops tabs and line ends silently. We refuse control characters:
// they are in a URL only by accident, or as an injection.
function readUrl(url: string | URL): URL {
  const text = String(url);
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x20) throw refuse('WS_URL_SYNTAX');
  // Errors are logged, so the error must not contain a URL that may hold a password.
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

/** The parts of a request that an application chooses, other than the resource. */
export interface RequestFields {
  /** The subprotocols to offer, in order of preference: distinct tokens. */
  readonly subprotocols?: readonly string[] | undefined;
  /** More header fields: an object whose keys are names, pairs (a Map, a `Headers`), or a flat list (name, value, …). */
  readonly headers?: HeaderFieldsInit | undefined;
  /** The Origin field, which only browsers need to send (RFC 6455 §4.1). */
  readonly origin?: string | undefined;
}

/** The parts of a request that a client chooses, other than the resource. */
export interface RequestOptions extends RequestFields {
  /** The extensions to offer, in order of preference. */
  readonly offers?: readonly ExtensionOffer[] | undefined;
}

// §4.1 reserves Host, Upgrade and Connection for the handshake. The other fields would announce a body, or change the meaning of the bytes
// after the request.
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
 * @returns the whole request head, to be sent as latin1, and the key for `verifyResponse`. Send nothing after the head until the response
 *   is verified.
 * @throws TypeError for a subprotocol or an extension that is not a token, and for a repeated subprotocol. Also for header fields that
 *   belong to the handshake or hold a forbidden character, and for an invalid target
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

/** The data that a response is checked against. */
export interface ExpectedResponse {
  /** The key that `buildRequest` returned. */
  readonly key: string;
  readonly subprotocols?: readonly string[];
  readonly offers?: readonly ExtensionOffer[];
  /**
   * Checks the parameters of the extensions that the server accepted. Each extension knows its own parameters. Throws a HandshakeError if a
   * parameter is invalid. Not called if the server accepted no extension.
   */
  readonly confirm?: (answers: readonly ExtensionOffer[]) => void;
  /**
   * Whether to fail if subprotocols were offered and the server chose none. RFC 6455 allows such a response; the WHATWG API does not.
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
 *   the body (see `withBody`). If a 101 does not match the request, the stage is 'http', 'extensions' or 'subprotocol'
 */
export function verifyResponse(response: HttpResponseHead, expected: ExpectedResponse): VerifiedResponse {
  const fail = (code: RefusalCode, details: { value?: string | null; cause?: unknown } = {}) => {
    const { status, headers } = response;
    return refuse(code, { status, headers, ...details });
  };
  const fields = new HeaderFields(response.headers);

  // §4.1 (1): any other status has the meaning that HTTP defines. The caller may follow a redirect, or authenticate.
  if (response.status !== 101) throw fail('WS_RESPONSE_STATUS');
  // §4.2.2 (5.1): the status line is HTTP/1.1. HTTP/1.0 has no Upgrade.
  if (!isHttp11(response.httpVersion)) throw fail('WS_RESPONSE_HTTP_VERSION');
  // 9110 §8.6, 9112 §6.1: a 1xx response MUST NOT have these two fields. A client that trusted such a field would read the first frames as
  // a body. A single Content-Length of 0 announces no body, so we accept it: ws4py sends this field.
  for (const name of ['Content-Length', 'Transfer-Encoding']) {
    if (!fields.has(name) || (name === 'Content-Length' && fields.single(name) === '0')) continue;
    throw fail('WS_RESPONSE_BODY', { value: name });
  }
  // §4.1 (2): the value is "websocket". In a request, Upgrade is a list; in a response, it is one value.
  const upgrade = fields.single('Upgrade');
  if (upgrade === null || toAsciiLowerCase(upgrade) !== 'websocket') {
    throw fail('WS_RESPONSE_UPGRADE', { value: upgrade });
  }
  // §4.1 (3): the field is a list, on one line or several, and contains the token "Upgrade".
  const connection = fields.joined('Connection');
  const options = parseTokenList(connection ?? '') ?? [];
  if (!options.some((option) => toAsciiLowerCase(option) === 'upgrade')) {
    throw fail('WS_RESPONSE_CONNECTION', { value: connection });
  }
  // §4.1 (4), §11.3.3: the field MUST appear once, and answer our key. Base64 is compared case-sensitively.
  const accept = fields.single('Sec-WebSocket-Accept');
  if (accept === null || accept !== computeAccept(expected.key)) {
    throw fail('WS_RESPONSE_ACCEPT', { value: accept });
  }
  const extensions = verifyExtensions(fields, expected, fail);
  return { subprotocol: verifySubprotocol(fields, expected, fail), extensions };
}

type Fail = (code: RefusalCode, details?: { value?: string | null; cause?: unknown }) => HandshakeError;

// §4.1 (5), §9.1: the field has to be well formed. It may contain only extensions that were offered, with parameters that the extension
// allows. Erratum 3433: a response may also spread the field over several lines.
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
