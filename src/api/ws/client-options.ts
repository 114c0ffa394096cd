/** Defines the options of a client with the API of `ws`. Refuses the options that would break RFC 6455. */

import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { BoundsOptions } from './bounds.ts';
import type { PerMessageDeflateOptions } from './deflate.ts';
import type { WebSocketEmitter } from './emitter.ts';

/** The options of a connection, on a client and on a server. */
export interface ConnectionOptions extends BoundsOptions {
  /** If false, each task of the event loop emits at most one `message`, `ping` or `pong` event. @default true */
  allowSynchronousEvents?: boolean | undefined;
  /** Has no effect. `maxPayload` and the memory budget (`limits.memoryBudget`) already limit the memory for fragments. */
  maxFragments?: number | undefined;
  /** Has no effect. `maxPayload` and the memory budget (`limits.memoryBudget`) already limit the memory. */
  maxBufferedChunks?: number | undefined;
  /** Only `false` is accepted, because RFC 6455 §8.1 requires the check of UTF-8. @default false */
  skipUTF8Validation?: boolean | undefined;
}

/** The options of a client. All options of `http.request` and `https.request` are accepted too. */
export interface ClientOptions extends ConnectionOptions, Omit<RequestOptions, 'protocol'> {
  /** The options for compression; true for the defaults, false for no compression. @default true */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** If true, the client follows redirects of the server. @default false */
  followRedirects?: boolean | undefined;
  /** The maximum number of redirects. @default 10 */
  maxRedirects?: number | undefined;
  /**
   * The maximum number of milliseconds until the server has answered a request. After a redirect, the time begins again. @default no limit
   */
  handshakeTimeout?: number | undefined;
  /** The value of the Origin field of the request. */
  origin?: string | undefined;
  /** Is called with each request before the request is sent. This function has to call `request.end()`. */
  finishRequest?: ((request: ClientRequest, webSocket: WebSocketEmitter) => void) | undefined;
  /** The version of the protocol. Only 13, the version of RFC 6455, is accepted. @default 13 */
  protocolVersion?: number | undefined;
  /** Is always refused, because RFC 6455 §10.3 requires random masking keys. */
  generateMask?: ((mask: Buffer) => void) | undefined;
}

/**
 * Refuses options that would break RFC 6455.
 * @throws {TypeError | RangeError} with the broken rule in its message
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

/** Reads the second and third argument of the constructor. The subprotocols may be omitted. The options are then the second argument. */
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
