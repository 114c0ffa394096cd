/**
 * Holds what a server's connection remembers about its opening handshake. The address of the peer is not stored, because this would take
 * memory. Reading the address takes a system call. So the library usually reads the address in two cases only: when the application asks
 * for it, and shortly before the socket closes (`Dispatch.onEnding`).
 */

import type { ExtensionOffer } from '../handshake/extension.ts';
import type { Addressed } from '../transport/received-request.ts';
import { endOf, type ServerRequest } from '../transport/server-request.ts';
import type { ConnectionInfo } from './connection-core.ts';

/** `Connection.url` has at most this number of characters of the request target. */
const MAX_URL = 1_024;

// V8 copies a substring with fewer characters than this. A longer substring would keep the whole original string in memory.
const MIN_PART = 13;

const NONE: readonly string[] = Object.freeze([]);

/** What a connection on a server knows about its accepted request. */
export class AcceptedInfo implements ConnectionInfo {
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  readonly url: string;
  readonly request: ServerRequest | null;
  readonly #end: Addressed;

  /** @param isKept true if `connection.request` stays available */
  constructor(
    request: ServerRequest,
    subprotocol: string,
    extensions: readonly ExtensionOffer[],
    isKept: boolean,
  ) {
    this.subprotocol = ownText(subprotocol);
    this.extensions = extensions;
    this.url = ownText(request.target);
    this.request = isKept ? request : null;
    this.#end = endOf(request);
    // A closed socket no longer has an address. So the address is read now, and the request stores it.
    if (isKept) void request.remote;
  }

  get remoteAddress(): string | undefined {
    return this.#end.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#end.remotePort;
  }

  get headers(): readonly string[] {
    return NONE;
  }
}

/**
 * Copies a string that is a part of the request. Without the copy, the connection would keep the whole request in memory. A request target
 * can be 8 KiB long, so the copy has at most 1,024 characters.
 */
function ownText(text: string): string {
  if (text.length < MIN_PART) return text;
  return Buffer.from(text.slice(0, MAX_URL), 'latin1').toString('latin1');
}
