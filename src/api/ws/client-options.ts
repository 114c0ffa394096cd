/** Defines the options of a WebSocket of this surface, and refuses some of them. */

import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { BoundsOptions } from './bounds.ts';
import type { PerMessageDeflateOptions } from './deflate.ts';
import type { WebSocketEmitter } from './emitter.ts';

/** The options of a connection in either role. */
export interface ConnectionOptions extends BoundsOptions {
  /** False: each task emits only one `message`, `ping` or `pong` event. @default true */
  allowSynchronousEvents?: boolean | undefined;
  /** Accepted and ignored: the limit on the bytes of fragments also limits their memory. */
  maxFragments?: number | undefined;
  /** Accepted and ignored, like `maxFragments`. */
  maxBufferedChunks?: number | undefined;
  /** Only `false` is accepted, since RFC 6455 §8.1 requires the check of UTF-8. @default false */
  skipUTF8Validation?: boolean | undefined;
}

/** The options of a client, and any option of `http.request` or `https.request`. */
export interface ClientOptions extends ConnectionOptions, Omit<RequestOptions, 'protocol'> {
  /** @default true */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** @default false */
  followRedirects?: boolean | undefined;
  /** @default 10 */
  maxRedirects?: number | undefined;
  /** Milliseconds in which the server of each hop has to answer. @default none */
  handshakeTimeout?: number | undefined;
  /** The Origin field. */
  origin?: string | undefined;
  /** Called with each request. The function has to call `end()` of the request. */
  finishRequest?: ((request: ClientRequest, webSocket: WebSocketEmitter) => void) | undefined;
  /** Only 13 is accepted, the version of RFC 6455. @default 13 */
  protocolVersion?: number | undefined;
  /** Refused, because RFC 6455 §10.3 requires random masking keys. */
  generateMask?: ((mask: Buffer) => void) | undefined;
}

/**
 * Refuses options that would break RFC 6455.
 * @throws {TypeError | RangeError} that names the rule
 */
export function refuseUnsupported(options: ClientOptions): void {
  const { protocolVersion = 13, skipUTF8Validation, generateMask } = options;
  if (protocolVersion !== 13) {
    throw new RangeError(`Unsupported protocol version: ${protocolVersion} (supported versions: 13)`);
  }
  if (skipUTF8Validation === true) {
    throw new TypeError(
      'skipUTF8Validation is refused: an endpoint MUST fail on text that is not UTF-8 (RFC 6455 §8.1)',
    );
  }
  if (generateMask !== undefined && generateMask !== null) {
    throw new TypeError(
      'generateMask is refused: masking keys MUST NOT be predictable (RFC 6455 §5.3, §10.3)',
    );
  }
}

/** Reads the arguments of the constructor. The options may be the second argument instead of the subprotocols. */
export function readArguments(
  protocols: string | readonly string[] | ClientOptions | undefined,
  options: ClientOptions = {},
): { readonly subprotocols: readonly unknown[]; readonly options: ClientOptions } {
  if (protocols === undefined) return { subprotocols: [], options };
  if (Array.isArray(protocols)) return { subprotocols: protocols, options };
  if (typeof protocols === 'object' && protocols !== null) {
    return { subprotocols: [], options: protocols as ClientOptions };
  }
  return { subprotocols: [protocols], options };
}
