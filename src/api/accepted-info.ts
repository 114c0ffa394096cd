/**
 * Holds the information that a server's connection keeps about its opening handshake. Reading the peer's address is a system call, and a
 * stored address takes memory. So the library usually reads the address only in two cases: when the application asks for the address, or
 * shortly before the socket closes (`Dispatch.onEnding`).
 */

import type { ExtensionOffer } from '../handshake/extension.ts';
import type { Addressed } from '../transport/received-request.ts';
import { endOf, type ServerRequest } from '../transport/server-request.ts';
import type { ConnectionInfo } from './connection-core.ts';

/** The number of characters at the beginning of a request target that `Connection.url` keeps. */
const MAX_URL = 1_024;

// V8 copies a substring that has fewer than 13 characters. A longer substring keeps the whole string in memory.
const MIN_PART = 13;

const NONE: readonly string[] = Object.freeze([]);

/** The `ConnectionInfo` of an accepted request. */
export class AcceptedInfo implements ConnectionInfo {
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  readonly url: string;
  readonly request: ServerRequest | null;
  readonly #end: Addressed;

  /** @param isKept whether the connection keeps the request */
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
    // A kept request stores its address when the address is first read. The address is read now, since a closed socket no longer has an
    // address.
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
 * may be 8 KiB long, so only the first 1,024 characters of a string are copied.
 */
function ownText(text: string): string {
  if (text.length < MIN_PART) return text;
  return Buffer.from(text.slice(0, MAX_URL), 'latin1').toString('latin1');
}
