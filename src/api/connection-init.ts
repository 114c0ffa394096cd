/** The values that dispatch.ts needs to make a connection. `connect` or a server passes them after the opening handshake. */

import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../deflate/codec.ts';
import type { BindOptions } from '../transport/bind-options.ts';
import type { Connection } from './connection.ts';
import type { ConnectionInfo } from './connection-core.ts';
import type { ConnectionHandlers } from './handlers.ts';

/** The server that a connection belongs to. */
export interface ServerOwner<Data> {
  /** True if the application has read the server's list of connections. It might then hold any connection of the server. */
  readonly areShown: boolean;
  /** Is called before the `close` handler of the connection. */
  connectionClosed(connection: Connection<Data>): void;
}

export interface ConnectionInit<Data> {
  readonly socket: Duplex;
  readonly handlers: ConnectionHandlers<Data>;
  readonly info: ConnectionInfo;
  readonly options: BindOptions;
  /** The codec of the negotiated compression. Null if no compression was negotiated. */
  readonly codec: DeflateCodec | null;
  readonly data: Data;
  /** The server. Null for a client's connection. */
  readonly owner: ServerOwner<Data> | null;
}
