/**
 * `connect`: the client's side of the API. RFC 6455 §4.1 behind it, see transport/dial.ts.
 */

import { type DialOptions, dial } from '../transport/dial.ts';
import type { Connection } from './connection.ts';
import { Dispatch } from './dispatch.ts';
import type { ConnectionHandlers } from './handlers.ts';
import { checkHandlers, checkOptions, type OptionNames } from './option-names.ts';
import { positive, readValues } from './option-spec.ts';
import {
  type ConnectionOptions,
  connectionSpecs,
  toCloseReason,
  toCompression,
  toLimits,
} from './options.ts';

/** How to connect, what to hear, and within which limits. */
export interface ConnectOptions<Data = undefined> extends DialOptions, ConnectionOptions {
  /** What the connection reports. Without a `message` handler, messages are read with `for await`. */
  readonly handlers?: ConnectionHandlers<Data>;
  /** The connection's `data`. */
  readonly data?: Data;
  /** True: the process may end while the connection is open, see `Connection.unref`. @default false */
  readonly unref?: boolean;
}

/** For `Reconnection` too. */
export const connectOptionNames: OptionNames<ConnectOptions> = {
  ...connectionSpecs,
  handlers: true,
  data: true,
  unref: true,
  subprotocols: true,
  requireSubprotocol: true,
  headers: true,
  origin: true,
  handshakeTimeout: true,
  signal: true,
  tls: true,
  tcp: true,
  socketPath: true,
  socket: true,
  proxy: true,
  redirects: true,
  crossOriginHeaders: true,
};

/**
 * Opens a connection.
 * @param url ws: or wss: (http: and https: mean the same); no fragment
 * @returns when the opening handshake is done
 * @throws {HandshakeError} naming the stage that failed, with the server's status, headers and body where it answered;
 *   the signal's reason when aborted
 * @throws {TypeError | RangeError} for options that can't be, before any network activity
 */
export async function connect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data>> {
  // A browser's second argument.
  if (typeof options === 'string' || Array.isArray(options)) {
    throw new TypeError('subprotocols go into an object: connect(url, { subprotocols: [...] })');
  }
  checkOptions('connect', options, connectOptionNames);
  if (options.handlers !== undefined) checkHandlers(options.handlers);
  const values = readValues(options, connectionSpecs, 'client');
  const limits = toLimits(values);
  positive('handshakeTimeout', options.handshakeTimeout, 1);
  const { handlers = {} } = options;
  const closeReason = toCloseReason(values);
  const dialed = await dial(url, options, toCompression(values.compression));
  const { socket, head, subprotocol, extensions, codec } = dialed;
  const address = socket as { readonly remoteAddress?: string; readonly remotePort?: number };
  const dispatch = new Dispatch<Data>({
    socket,
    handlers,
    info: {
      subprotocol,
      extensions,
      url: dialed.url,
      remoteAddress: address.remoteAddress,
      remotePort: address.remotePort,
      headers: dialed.headers,
    },
    options: { role: 'client', limits, codec, ...closeReason, text: values.text },
    data: options.data as Data,
    onClosed: null,
  });
  const { connection } = dispatch;
  if (options.unref === true) connection.unref();
  dispatch.start(head);
  return connection;
}
