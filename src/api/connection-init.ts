/** The values that `connect` or a server passes to dispatch.ts after the opening handshake, to make a connection. */

import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../deflate/codec.ts';
import type { BindOptions } from '../transport/bind-options.ts';
import type { Connection } from './connection.ts';
import type { ConnectionInfo } from './connection-core.ts';
import type { ConnectionHandlers } from './handlers.ts';

/** The server that a connection belongs to. */
export interface ServerOwner<Data> {
  /** Whether the application has read the list of connections. If so, the application may hold a reference to any connection. */
  readonly areShown: boolean;
  /** Called before the `close` handler. */
  connectionClosed(connection: Connection<Data>): void;
}

/** The values that a connection needs from `connect` or a server. */
export interface ConnectionInit<Data> {
  readonly socket: Duplex;
  readonly handlers: ConnectionHandlers<Data>;
  readonly info: ConnectionInfo;
  readonly options: BindOptions;
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  readonly data: Data;
  /** Null for a client's connection. */
  readonly owner: ServerOwner<Data> | null;
}
