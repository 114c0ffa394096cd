/**
 * The server's side of the opening handshake: RFC 6455 §4.2, §4.4. This file checks a request, and writes the response with status 101.
 * Other files do the rest. http-head.ts (or node:http) reads the head. refusal.ts writes a refusal. transport/ and api/ choose the endpoint
 * by path, and ask the application.
 */
import { refuse } from './error.ts';
import {
  type ExtensionOffer,
  extensionLimits,
  findUnoffered,
  formatExtensions,
  parseExtensions,
} from './extension.ts';
import { forbidFields, HeaderFields } from './header-fields.ts';
import { isHost } from './host.ts';
import { formatFields, isHttp11 } from './http-head.ts';
import { computeAccept, isKey } from './key.ts';
import { isAllowedOrigin, type OriginPolicy, refuseOrigin } from './origin.ts';
import { isVisibleAscii, parseTokenList, parseUpgradeList, toAsciiLowerCase } from './token.ts';
import { type HandshakeRequest, UpgradeRequest } from './upgrade-request.ts';

/** The maximum number of subprotocols that one request may offer. */
export const maxSubprotocols = 64;

/**
 * Checks a request against every rule of RFC 6455 §4.2.1, and checks its origin (§10.2).
 * @throws HandshakeError with the status and header fields for the answer, which `formatRefusal` writes
 */
export function verifyRequest(
  request: HandshakeRequest,
  policy: { readonly origins: OriginPolicy },
): UpgradeRequest {
  const { method, target, httpVersion, headers } = request;
  const fields = new HeaderFields(headers);

  // §4.2.1 (1): the version is HTTP/1.1 or higher. HTTP/2 has a different handshake (RFC 8441), without this start line.
  if (!isHttp11(httpVersion)) throw refuse('WS_HANDSHAKE_HTTP_VERSION');
  // §4.2.1 (1): the request is a GET request. Methods are case-sensitive (9110 §9.1).
  if (method !== 'GET') throw refuse('WS_HANDSHAKE_METHOD', { value: method });
  // §4.2.1 (2): the request has a Host field. 9112 §3.2: the field appears exactly once, and its value is valid.
  const host = fields.single('host');
  if (host === null || !isHost(host)) throw refuse('WS_HANDSHAKE_HOST', { value: host });
  const { path, query } = parseRequestTarget(target, host);
  // §4.1 defines no body for the request. After a body, it would not be clear where the first frame begins. We accept one Content-Length
  // field with the exact value "0", because it announces no body.
  for (const name of ['Content-Length', 'Transfer-Encoding', 'Expect']) {
    if (!fields.has(name) || (name === 'Content-Length' && fields.single(name) === '0')) continue;
    throw refuse('WS_HANDSHAKE_BODY', { value: name });
  }
  verifyUpgrade(fields);
  verifyVersion(fields);
  // §4.2.1 (5), §11.3.1: the key field appears once. The key is 16 bytes in base64.
  const key = fields.single('sec-websocket-key');
  if (key === null || !isKey(key)) throw refuse('WS_HANDSHAKE_KEY', { value: key });
  const subprotocols = parseSubprotocols(fields);
  const offers = parseExtensions(fields.values('sec-websocket-extensions'));
  // §4.2.1 (7): a request without Origin does not come from a browser, and is allowed. Two Origin fields are ambiguous.
  const origin = fields.single('origin');
  if (origin === null && fields.has('origin')) throw refuse('WS_HANDSHAKE_ORIGIN_REPEATED');

  const upgrade = new UpgradeRequest(request, fields, {
    path,
    query,
    host,
    origin,
    key,
    subprotocols,
    offers,
  });
  // §10.2: if the origin is not acceptable, the server SHOULD answer with 403. The origin is checked last, so that a policy function
  // receives a valid request.
  if (!isAllowedOrigin(policy.origins, origin, upgrade)) throw refuseOrigin(origin, host);
  return upgrade;
}

// §4.2.1 (1): the target is a path with an optional query, or an http(s) URI with the host of the Host field. We take the path from the
// text, and do not resolve it as a URL: if "//evil/x" is resolved, "evil" becomes the host.
function parseRequestTarget(target: string, host: string): { path: string; query: string } {
  const resource = isVisibleAscii(target) ? cutResource(target, host) : null;
  // §3: a WebSocket URI has no fragment, and an HTTP client never sends a fragment.
  if (resource === null || resource.includes('#')) throw refuse('WS_HANDSHAKE_TARGET', { value: target });
  const mark = resource.indexOf('?');
  return mark < 0
    ? { path: resource, query: '' }
    : { path: resource.slice(0, mark), query: resource.slice(mark + 1) };
}

function cutResource(target: string, host: string): string | null {
  if (target.startsWith('/')) return target;
  const lower = toAsciiLowerCase(target);
  const scheme = ['http://', 'https://'].find((prefix) => lower.startsWith(prefix));
  if (scheme === undefined) return null;
  // 9112 §3.2.2: if the target is an absolute URI, it contains the same host and port as the Host field. If they differ, we cannot know
  // which host the client means.
  const resource = target.slice(scheme.length + host.length);
  if (lower.slice(scheme.length, target.length - resource.length) !== toAsciiLowerCase(host)) return null;
  if (resource === '' || resource.startsWith('?')) return `/${resource}`;
  return resource.startsWith('/') ? resource : null;
}

// §4.2.1 (3), (4): Upgrade and Connection are lists, which may be split over several lines. Their tokens are ASCII case-insensitive.
function verifyUpgrade(fields: HeaderFields): void {
  const upgrade = joinedList(fields, 'upgrade');
  // A user may have opened this address in a browser tab. The body of the 426 response says that this is a WebSocket endpoint.
  if (upgrade === null) throw refuse('WS_HANDSHAKE_UPGRADE');
  // In nearly every request, the value is exactly "websocket". In this case, we skip parsing the list.
  if (toAsciiLowerCase(upgrade) !== 'websocket') {
    const protocols = parseUpgradeList(upgrade);
    if (protocols === null) throw refuse('WS_HANDSHAKE_UPGRADE_SYNTAX', { value: upgrade });
    if (!lists(protocols, 'websocket')) throw refuse('WS_HANDSHAKE_UPGRADE', { value: upgrade });
  }
  const connection = joinedList(fields, 'connection');
  if (connection !== null && toAsciiLowerCase(connection) === 'upgrade') return;
  if (!lists(parseTokenList(connection ?? '') ?? [], 'upgrade')) {
    throw refuse('WS_HANDSHAKE_CONNECTION', { value: connection });
  }
}

function lists(tokens: readonly string[], wanted: string): boolean {
  return tokens.some((token) => toAsciiLowerCase(token) === wanted);
}

// §4.2.1 (6), §4.4: the version is 13. If a request has another version or no version, the status is 426, and the answer names 13. Clients
// of old drafts (before hybi-04) send no version and no key. We check the version before the key, so that these clients get the answer too.
function verifyVersion(fields: HeaderFields): void {
  const versions = fields.values('sec-websocket-version');
  // §11.3.5: the field MUST NOT appear more than once in a request.
  if (versions.length > 1) throw refuse('WS_HANDSHAKE_VERSION_REPEATED');
  // We compare the text, not the number: another program could read "013", "+13" or "13, 8" differently.
  if (versions[0] !== '13') throw refuse('WS_HANDSHAKE_VERSION', { value: versions[0] ?? null });
}

// §4.2.1 (8), §4.1 (10): the field has at least one token, and no token is repeated. The field may have several lines (§11.3.4).
function parseSubprotocols(fields: HeaderFields): readonly string[] {
  const value = joinedList(fields, 'sec-websocket-protocol');
  if (value === null) return NONE;
  const subprotocols = parseTokenList(value) ?? [];
  if (subprotocols.length > maxSubprotocols) throw refuse('WS_HANDSHAKE_SUBPROTOCOL_COUNT');
  if (subprotocols.length === 0 || new Set(subprotocols).size < subprotocols.length) {
    throw refuse('WS_HANDSHAKE_SUBPROTOCOLS', { value });
  }
  return subprotocols;
}

// Each field is limited to 8 KiB. We check this limit here because the head may come from node:http, which does not check it.
function joinedList(fields: HeaderFields, name: string): string | null {
  const value = fields.joined(name);
  if (value !== null && value.length > extensionLimits.fieldSize) throw refuse('WS_HANDSHAKE_FIELD_SIZE');
  return value;
}

/**
 * Returns the first subprotocol of the client's list that the server supports (RFC 6455 §4.2.2). If the server supports no subprotocol of
 * this list, `''` is returned.
 */
export function selectSubprotocol(offered: readonly string[], supported: readonly string[]): string {
  for (const subprotocol of offered) {
    // We return the string from the server's list. In V8, the client's string may be a slice of the header line, which keeps the whole line
    // in memory.
    const at = supported.indexOf(subprotocol);
    if (at !== -1) return supported[at]!;
  }
  return '';
}

const NONE: readonly string[] = Object.freeze([]);
const NO_EXTENSIONS: readonly ExtensionOffer[] = Object.freeze([]);

// §4.2.2 (5): every response with status 101 begins with this text. `acceptRequest` appends the value of Sec-WebSocket-Accept.
const SWITCHING_PROTOCOLS =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ';

/** How the server accepts a request. */
export interface Acceptance {
  /** A subprotocol from the client's list. If it is `''` or absent, the connection opens without a subprotocol. */
  readonly subprotocol?: string | undefined;
  /** Returns the extensions to use, chosen from the client's offers. Without this function, the connection uses no extension. */
  readonly negotiate?: ((offers: readonly ExtensionOffer[]) => readonly ExtensionOffer[]) | undefined;
  /** More header fields for the response, as a flat list: name, value, name, value … */
  readonly headers?: readonly string[] | undefined;
}

/** The response to an accepted request, and the agreed subprotocol and extensions. */
export interface AcceptedRequest {
  /** The whole response head. Send it as latin1. All bytes after the head are frames. */
  readonly head: string;
  /** The agreed subprotocol; `''` if the connection has no subprotocol. */
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
}

/**
 * Builds the response with status 101 that accepts a verified request (RFC 6455 §4.2.2).
 * @throws TypeError if the client did not offer the subprotocol or an extension, or if a field in `headers` belongs to the
 *   handshake or contains a forbidden character
 */
export function acceptRequest(request: UpgradeRequest, acceptance: Acceptance = {}): AcceptedRequest {
  const { subprotocol = '', negotiate, headers = NONE } = acceptance;
  // §4.2.2 (5.5): the subprotocol MUST come from the client's list. Without a subprotocol, the field is omitted, because '' is not a valid
  // value.
  if (subprotocol !== '' && !request.subprotocols.includes(subprotocol)) {
    throw new TypeError('The subprotocol is not one that the client offered');
  }
  const extensions = negotiate?.(request.offers) ?? NO_EXTENSIONS;
  // §4.2.2 (5.6), §9.1: the server may use only extensions that the client offered.
  if (extensions.length > 0 && findUnoffered(extensions, request.offers) !== null) {
    throw new TypeError('The extension is not one that the client offered');
  }
  forbidFields(headers, ['upgrade', 'connection', 'content-length', 'transfer-encoding'], 'sec-websocket-');

  let head = `${SWITCHING_PROTOCOLS}${computeAccept(request.key)}\r\n`;
  if (subprotocol !== '') head += formatFields(['Sec-WebSocket-Protocol', subprotocol]);
  if (extensions.length > 0) head += formatFields(['Sec-WebSocket-Extensions', formatExtensions(extensions)]);
  if (headers.length > 0) head += formatFields(headers);
  return { head: `${head}\r\n`, subprotocol, extensions };
}
