/**
 * Implements `connect`, which opens a connection to a server (RFC 6455 §4.1). connect-options.ts has the options. transport/dial.ts opens
 * the connection.
 */

import type { Compression } from '../transport/compression.ts';
import { type DialRoute, dial, planRoute } from '../transport/dial.ts';
import type { ConnectionLimits } from '../transport/limits.ts';
import { toCompression } from './compression-options.ts';
import { type AllConnectOptions, type ConnectOptions, checkRoute, connectSpecs } from './connect-options.ts';
import type { Connection } from './connection.ts';
import type { ConnectionCore } from './connection-core.ts';
import { connectionOpen, handshakeFailed } from './diagnostics.ts';
import { Dispatch } from './dispatch.ts';
import { takesParts } from './handlers.ts';
import { type OptionValues, readOptions } from './option-spec.ts';
import { toBindOptions, toLimits } from './options.ts';

/**
 * Opens a connection to a server.
 * @param url a ws: or wss: URL without a fragment. An http: URL means ws:, and an https: URL means wss:
 * @param options the options. If `Data` does not include undefined, the options are required, because they have to contain `data`
 * @returns a Promise, which resolves with the connection after the opening handshake
 * @throws {HandshakeError} if the attempt fails. The error names the stage, and the URL or the proxy. If the server has answered, the error
 *   contains the status, the headers and the body
 * @throws {TypeError | RangeError} for invalid options, before any network activity
 * @throws the reason of `signal` if the signal aborts the attempt
 */
export function connect<Data = undefined>(
  url: string | URL,
  ...none: undefined extends Data ? [] : [options: never]
): Promise<Connection<Data>>;
export function connect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> & { readonly text?: 'string' | undefined },
): Promise<Connection<Data>>;
// With `text: 'bytes'`, text messages are Buffers too.
export function connect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data, string | Buffer>,
): Promise<Connection<Data>>;
export async function connect<Data>(
  url: string | URL,
  options: AllConnectOptions<Data> = {},
): Promise<Connection<Data>> {
  // In browsers, the second argument of `new WebSocket` contains subprotocols. The second argument of `connect` contains options. So the
  // error names the right option.
  if (typeof options === 'string' || Array.isArray(options)) {
    throw new TypeError('subprotocols go into an object: connect(url, { subprotocols: [...] })');
  }
  return openConnection(prepareConnect(url, options));
}

/** The arguments of an attempt to connect, after they were checked. */
export interface PreparedConnect<Data> {
  readonly options: AllConnectOptions<Data>;
  readonly values: OptionValues<typeof connectSpecs>;
  readonly route: DialRoute;
  readonly inParts: boolean;
  readonly limits: ConnectionLimits;
  readonly compression: Compression | null;
}

/**
 * Checks the arguments of `connect`.
 * @throws {TypeError | RangeError} for invalid options
 * @throws {HandshakeError} for an invalid URL
 */
export function prepareConnect<Data>(
  url: string | URL,
  options: AllConnectOptions<Data>,
): PreparedConnect<Data> {
  const values = readOptions('connect', options, connectSpecs, 'client');
  checkRoute(values);
  return {
    options,
    values,
    inParts: options.handlers !== undefined && takesParts(options.handlers),
    limits: toLimits(values),
    route: planRoute(url, values),
    compression: toCompression(values.compression),
  };
}

/**
 * @internal Opens a connection with arguments that `prepareConnect` has checked. If the attempt fails, the Promise rejects with the same
 *   errors as `connect`.
 * @param onCore is called before the `open` handler, with the library's state of the connection
 */
export async function openConnection<Data>(
  prepared: PreparedConnect<Data>,
  onCore?: (core: ConnectionCore) => void,
): Promise<Connection<Data>> {
  const { options, values, inParts, limits, compression, route } = prepared;
  const dialed = await dial(route, compression).catch((error: unknown) => {
    if (handshakeFailed.hasSubscribers) handshakeFailed.publish({ error });
    throw error;
  });
  const { socket, head, subprotocol, extensions, codec } = dialed;
  const address = socket as { readonly remoteAddress?: string; readonly remotePort?: number };
  const dispatch = new Dispatch<Data>({
    socket,
    handlers: options.handlers ?? {},
    info: {
      subprotocol,
      extensions,
      url: dialed.url,
      remoteAddress: address.remoteAddress,
      remotePort: address.remotePort,
      headers: dialed.headers,
    },
    options: { role: 'client', limits, inParts, ...toBindOptions(values) },
    codec,
    data: options.data as Data,
    owner: null,
  });
  const { connection } = dispatch;
  if (values.unref) connection.unref();
  onCore?.(dispatch);
  if (connectionOpen.hasSubscribers) connectionOpen.publish({ connection, role: 'client', request: null });
  dispatch.start(head);
  return connection;
}
