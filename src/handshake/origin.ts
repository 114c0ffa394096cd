/**
 * Decides which pages may connect from a browser: RFC 6455 §10.2, with the origins of RFC 6454. This protects users against pages of other
 * sites (cross-site WebSocket hijacking). Clients other than browsers can send any Origin, or no Origin.
 */
import { type HandshakeError, refuse } from './error.ts';
import { quote } from './quote.ts';
import { isVisibleAscii, toAsciiLowerCase } from './token.ts';
import type { UpgradeRequest } from './upgrade-request.ts';
import { parseUrl } from './url.ts';

/**
 * The origins that a server accepts. A request without an Origin is not from a browser (RFC 6455 §4.2.1) and always passes.
 * - `'same-origin'`: the Origin's host and port are those of the Host field. If either field has no port, the default port of the Origin's
 *   scheme is used. The scheme is not compared, since a TLS proxy may be in front of the server.
 * - `'any'`: all origins.
 * - a list such as `['https://example.com', 'http://localhost:8080']`: the Origin must have the scheme, host and port of an entry.
 * - a function: it accepts the origin by returning exactly `true`. It must not return a promise, which counts as a refusal.
 *
 * In an Origin, `ws:` is read as `http:` and `wss:` as `https:`. IXWebSocket and Starscream send the URL that they connect to. No page has
 * an origin with `ws:` or `wss:`, so a browser never sends one.
 *
 * The origin `null` (sandboxed pages, files) passes only `'any'`, a function, or a list that holds `'null'`.
 */
export type OriginPolicy =
  | 'same-origin'
  | 'any'
  | readonly string[]
  | ((origin: string, request: UpgradeRequest) => boolean);

/** Says whether `policy` allows a request with this Origin; null stands for a request without an Origin. */
export function isAllowedOrigin(
  policy: OriginPolicy,
  origin: string | null,
  request: UpgradeRequest,
): boolean {
  if (origin === null || policy === 'any') return true;
  if (typeof policy === 'function') {
    const answer: unknown = policy(origin, request);
    // We do not wait for a promise. If the promise rejects, the rejection must not end the process: a peer may be able to cause it.
    if (answer instanceof Promise) answer.catch(() => {});
    return answer === true;
  }
  if (policy === 'same-origin') return isSameOrigin(origin, request.host);
  return isListed(policy, origin);
}

/**
 * Returns the error that refuses an origin. Its message is for the server's log. It holds the Origin and the Host field, escaped. It also
 * says what to do if the page belongs to the application. The peer gets only the fixed text of the rule in error.ts.
 */
export function refuseOrigin(origin: string | null, host: string): HandshakeError {
  const remedy = 'if a proxy changed Host, let it pass Host on (nginx: proxy_set_header Host $host)';
  return refuse('WS_HANDSHAKE_ORIGIN', {
    value: origin,
    detail: `Origin ${quote(origin ?? '')}, Host ${quote(host)}; ${remedy}`,
  });
}

/**
 * Checks a policy when the server starts: an entry that can never match is reported at once.
 * @throws TypeError
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
  // Only a page that was loaded over HTTP can come from the server that Host names.
  if (page === null || (page.protocol !== 'http:' && page.protocol !== 'https:')) return false;
  // `URL` omits the default port of the scheme, so a default port and an absent port compare as equal.
  const server = parseOrigin(`${page.protocol}//${host}`);
  return server !== null && server.host === page.host;
}

function isListed(entries: readonly string[], origin: string): boolean {
  if (origin === 'null') return entries.includes('null');
  // RFC 6454 §6.2: a browser sends ASCII, so an Origin with other characters is refused. Entries of the list may be written in Unicode.
  const page = isVisibleAscii(origin) ? parseOrigin(origin) : null;
  if (page === null) return false;
  return entries.some((entry) => {
    const allowed = parseOrigin(entry);
    return allowed !== null && allowed.protocol === page.protocol && allowed.host === page.host;
  });
}

// Reads scheme "://" host [ ":" port ] and nothing else. `URL` alone would accept many other texts. It drops tabs and line ends, and reads
// "\" as "/". It ignores "victim" in "http://victim@attacker", and accepts "*.example" as a name.
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
