/** Defines the options of a WebSocket with the API of `ws`, and refuses the options that would break RFC 6455. */

import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { BoundsOptions } from './bounds.ts';
import type { PerMessageDeflateOptions } from './deflate.ts';
import type { WebSocketEmitter } from './emitter.ts';

/** The options of a connection in either role. */
export interface ConnectionOptions extends BoundsOptions {
  /** False: each task of the event loop emits at most one `message`, `ping` or `pong` event. @default true */
  allowSynchronousEvents?: boolean | undefined;
  /** Accepted and ignored: `maxPayload` and the memory budget already limit the memory of fragments. */
  maxFragments?: number | undefined;
  /** Accepted and ignored, for the same reason as `maxFragments`. */
  maxBufferedChunks?: number | undefined;
  /** Only `false` is accepted, since RFC 6455 §8.1 requires the check of UTF-8. @default false */
  skipUTF8Validation?: boolean | undefined;
}

/** The options of a client. Any option of `http.request` or `https.request` is accepted as well. */
export interface ClientOptions extends ConnectionOptions, Omit<RequestOptions, 'protocol'> {
  /** @default true */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** @default false */
  followRedirects?: boolean | undefined;
  /** @default 10 */
  maxRedirects?: number | undefined;
  /** Milliseconds that the server may take to answer a request. After a redirect, the time begins again. @default no limit */
  handshakeTimeout?: number | undefined;
  /** The Origin field. */
  origin?: string | undefined;
  /** Called with each request before it is sent. The function has to call `request.end()`. */
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

/** Reads the second and third argument of the constructor. The second argument may be the options instead of the subprotocols. */
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
