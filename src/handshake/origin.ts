/**
 * Decides which web pages may connect: RFC 6455 §10.2, with the origins of RFC 6454. This protects users against pages of other sites
 * (cross-site WebSocket hijacking). It does not protect against clients other than browsers: these can send any Origin.
 */
import { type HandshakeError, refuse } from './error.ts';
import { quote } from './quote.ts';
import { isVisibleAscii, toAsciiLowerCase } from './token.ts';
import type { UpgradeRequest } from './upgrade-request.ts';
import { parseUrl } from './url.ts';

/**
 * The origins that a server accepts. A request without an Origin does not come from a browser (RFC 6455 §4.2.1), and is always accepted.
 * - `'same-origin'`: the host and port of the Origin must equal the host and port of the Host field. If a field has no port, the default
 *   port of the Origin's scheme is used. The schemes are not compared, because a TLS proxy may be in front of the server.
 * - `'any'`: all origins.
 * - a list such as `['https://example.com', 'http://localhost:8080']`: the Origin must have the same scheme, host and port as an entry of
 *   the list.
 * - a function: it returns `true` to accept the origin. Any other result, even a promise, refuses the origin. So do not use an async
 *   function.
 *
 * In an Origin, `ws:` is read as `http:`, and `wss:` is read as `https:`. A browser never sends an Origin with `ws:` or `wss:`. The clients
 * IXWebSocket and Starscream do: they send the URL of the server as the Origin.
 *
 * Browsers send the origin `null` for sandboxed pages and for local files. `'same-origin'` refuses it. A list accepts it if the list
 * contains `'null'`.
 */
export type OriginPolicy =
  | 'same-origin'
  | 'any'
  | readonly string[]
  | ((origin: string, request: UpgradeRequest) => boolean);

/** Returns true if `policy` accepts a request with this Origin. `origin` is null if the request has no Origin. */
export function isAllowedOrigin(
  policy: OriginPolicy,
  origin: string | null,
  request: UpgradeRequest,
): boolean {
  if (origin === null || policy === 'any') return true;
  if (typeof policy === 'function') {
    const answer: unknown = policy(origin, request);
    // We do not wait for a promise. A peer may be able to make the promise reject. Without the empty handler, this would end the process.
    if (answer instanceof Promise) answer.catch(() => {});
    return answer === true;
  }
  if (policy === 'same-origin') return isSameOrigin(origin, request.host);
  return isListed(policy, origin);
}

/**
 * Returns the error that refuses an origin. Its message is for the server's log: it contains the escaped Origin and Host, and a hint for a
 * wrongly configured proxy. The peer receives only the fixed text of `WS_HANDSHAKE_ORIGIN`.
 */
export function refuseOrigin(origin: string | null, host: string): HandshakeError {
  const remedy = 'if a proxy changed Host, let it pass Host on (nginx: proxy_set_header Host $host)';
  return refuse('WS_HANDSHAKE_ORIGIN', {
    value: origin,
    detail: `Origin ${quote(origin ?? '')}, Host ${quote(host)}; ${remedy}`,
  });
}

/**
 * Checks a policy when the server starts, so that a list entry that can never match is reported early.
 * @throws TypeError if the policy is invalid
 */
export function checkOriginPolicy(policy: OriginPolicy): void {
  if (policy === 'same-origin' || policy === 'any' || typeof policy === 'function') return;
  if (!Array.isArray(policy)) {
    throw new TypeError("origins is 'same-origin', 'any', a list of origins or a function");
  }
  for (const entry of policy) {
    if (typeof entry !== 'string' || (entry !== 'null' && parseOrigin(entry) === null)) {
      throw new TypeError(
        `origins: ${JSON.stringify(entry)} is not an origin; write scheme://host or scheme://host:port`,
      );
    }
  }
}

function isSameOrigin(origin: string, host: string): boolean {
  const page = isVisibleAscii(origin) ? parseOrigin(origin) : null;
  // Only a page that was loaded over HTTP or HTTPS can have the same origin as the server.
  if (page === null || (page.protocol !== 'http:' && page.protocol !== 'https:')) return false;
  // `URL` removes the default port of the scheme, so an explicit default port equals an absent port.
  const server = parseOrigin(`${page.protocol}//${host}`);
  return server !== null && server.host === page.host;
}

function isListed(entries: readonly string[], origin: string): boolean {
  if (origin === 'null') return entries.includes('null');
  // RFC 6454 §6.2: browsers send an Origin in ASCII, so we refuse other characters. An entry of the list may contain other characters:
  // `URL` converts the host of the entry to ASCII.
  const page = isVisibleAscii(origin) ? parseOrigin(origin) : null;
  if (page === null) return false;
  return entries.some((entry) => {
    const allowed = parseOrigin(entry);
    return allowed !== null && allowed.protocol === page.protocol && allowed.host === page.host;
  });
}

// Reads scheme "://" host [ ":" port ], and refuses any other text. `URL` alone is not strict enough. It removes tabs and line ends, and
// reads "\" as "/". It ignores "victim" in "http://victim@attacker", and accepts "*.example" as a name.
function parseOrigin(text: string): URL | null {
  const authority = text.indexOf('://') + 3;
  if (authority < 3) return null;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === 0x7f) return null;
    if (at >= authority && '/\\?#@*'.includes(text[at]!)) return null;
  }
  return parseUrl(asPageOrigin(text));
}

function asPageOrigin(text: string): string {
  const scheme = toAsciiLowerCase(text.slice(0, text.indexOf(':')));
  if (scheme === 'ws') return `http${text.slice(2)}`;
  return scheme === 'wss' ? `https${text.slice(3)}` : text;
}
