/**
 * Makes the `request` object of `onConnection`. 4D: WebSocketServer, "request object". The code in handshake/ has already parsed and checked
 * the request.
 */

import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';

/**
 * Texts by key. The value is a text, or an array of texts if the key came several times. The object has no prototype, because the peer
 * chooses the keys.
 */
export interface TextsByKey {
  readonly [key: string]: string | readonly string[];
}

/** 4D: WebSocketServer, "request object". */
export interface ConnectionRequest {
  /**
   * The header fields in the client's spelling. A repeated field is an array under the first spelling. Upper and lower case make no
   * difference.
   */
  readonly headers: TextsByKey;
  /** The decoded parameters of the URL. A repeated parameter is an array. */
  readonly query: TextsByKey;
  /** The request target as it was sent: `/status?name=ryan`. */
  readonly url: string;
  /** The client's IP address; '' if it has no address, as on a Unix socket. */
  readonly remoteAddress: string;
}

/**
 * Makes the `request` object.
 * @param trustedProxies the number of proxies in front of the server that add to X-Forwarded-For. Only this number of addresses, at
 *   the end of the field, is trusted
 */
export function toConnectionRequest(request: UpgradeRequest, trustedProxies: number): ConnectionRequest {
  return {
    headers: headersOf(request.headers),
    query: queryOf(request.query),
    url: request.target,
    remoteAddress: addressOf(request, trustedProxies),
  };
}

function headersOf(flat: readonly string[]): TextsByKey {
  const headers: Record<string, string | string[]> = Object.create(null);
  const spellings = new Map<string, string>();
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at] ?? '';
    const lower = name.toLowerCase();
    const key = spellings.get(lower) ?? name;
    spellings.set(lower, key);
    add(headers, key, flat[at + 1] ?? '');
  }
  return headers;
}

function queryOf(text: string): TextsByKey {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) add(query, key, value);
  return query;
}

function add(texts: Record<string, string | string[]>, key: string, value: string): void {
  const before = texts[key];
  if (before === undefined) texts[key] = value;
  else if (Array.isArray(before)) before.push(value);
  else texts[key] = [before, value];
}

function addressOf(request: UpgradeRequest, trustedProxies: number): string {
  const forwarded = request
    .headerValues('X-Forwarded-For')
    .flatMap((line) => line.split(','))
    .map((address) => address.trim())
    .filter((address) => address !== '');
  // The last entry was added by the proxy nearest to us. Any client can have written the entries before the trusted ones.
  const believed = trustedProxies > 0 ? forwarded.slice(-trustedProxies)[0] : undefined;
  const address = believed ?? request.remote.address ?? '';
  // This prefix marks an IPv4 client on a socket that accepts IPv4 and IPv6.
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
