/**
 * Makes the `request` object that 4D's `onConnection` receives. 4D: WebSocketServer, "request object". The code in handshake/ has parsed
 * and checked the request.
 */

import type { UpgradeRequest } from '../../handshake/upgrade-request.ts';

/**
 * An object with a text for each key. A key that occurs several times has an array of texts. The object has no prototype, because the peer
 * chooses the keys.
 */
export interface TextsByKey {
  readonly [key: string]: string | readonly string[];
}

/** The request of a client, as `onConnection` receives it. 4D: WebSocketServer, "request object". */
export interface ConnectionRequest {
  /**
   * The header fields. Each key is the name as the client wrote it. Names that differ only in case are one field. If the client repeats a
   * field, the value is an array, and the key is the first spelling of the name.
   */
  readonly headers: TextsByKey;
  /** The decoded parameters of the URL. A repeated parameter is an array. */
  readonly query: TextsByKey;
  /** The request target as it was sent: `/status?name=ryan`. */
  readonly url: string;
  /** The client's IP address; '' if the client has no address, for example on a Unix domain socket. */
  readonly remoteAddress: string;
}

/**
 * Makes the `request` object.
 * @param trustedProxies the number of proxies that add an address to X-Forwarded-For. Only the last `trustedProxies` addresses of the field
 *   are trusted
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
  // Each proxy adds an address at the end of the list. So the last `trustedProxies` addresses come from trusted proxies. The client might
  // have invented all earlier addresses.
  const believed = trustedProxies > 0 ? forwarded.slice(-trustedProxies)[0] : undefined;
  const address = believed ?? request.remote.address ?? '';
  // On a socket that accepts IPv4 and IPv6, the address of an IPv4 client has the prefix `::ffff:`.
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
