/**
 * `connect`: the client's side of the API. RFC 6455 §4.1 behind it, see transport/dial.ts.
 */

import { type DialOptions, dial } from '../transport/dial.ts';
import { clientLimits } from '../transport/socket.ts';
import { Connection, type ConnectionHandlers } from './connection.ts';
import { type ConnectionOptions, positive, toCloseReason, toCompression, toLimits } from './options.ts';

/** How to connect, what to hear, and within which limits. */
export interface ConnectOptions<Data = undefined> extends DialOptions, ConnectionOptions {
  /** What the connection reports. Without a `message` handler, messages are read with `for await`. */
  readonly handlers?: ConnectionHandlers<Data>;
  /** The connection's `data`. */
  readonly data?: Data;
  /** True: the process may end while the connection is open, see `Connection.unref`. @default false */
  readonly unref?: boolean;
}

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
  const limits = toLimits(options, clientLimits);
  positive('handshakeTimeout', options.handshakeTimeout, 1);
  const { handlers = {}, text } = options;
  const closeReason = toCloseReason(options);
  const dialed = await dial(url, options, toCompression(options.compression));
  const { socket, head, subprotocol, extensions, codec } = dialed;
  const address = socket as { readonly remoteAddress?: string; readonly remotePort?: number };
  const connection = new Connection<Data>(
    socket,
    handlers,
    {
      subprotocol,
      extensions,
      url: dialed.url,
      remoteAddress: address.remoteAddress,
      remotePort: address.remotePort,
      headers: dialed.headers,
    },
    { role: 'client', limits, codec, ...closeReason, ...(text === undefined ? null : { text }) },
    options.data as Data,
    null,
  );
  if (options.unref === true) connection.unref();
  connection.start(head);
  return connection;
}
