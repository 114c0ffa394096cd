/**
 * Defines and checks the options of `broadcast` on a server or a group. The options select the connections that receive the message,
 * and allow or prevent compression.
 */

import { Connection } from './connection.ts';
import { checkOptions, describe } from './option-names.ts';

/** One connection, or several connections: a set or a group. */
export type Connections = Pick<ReadonlySet<Connection<unknown>>, 'has'> | Connection<unknown>;

/** The options of `broadcast`. They select the connections that receive the message, and allow or prevent compression. */
export interface BroadcastOptions<Data = undefined> {
  /**
   * The connections that receive the message. Closed connections, and connections outside the server or group, are skipped. @default all
   * connections
   */
  readonly to?: Iterable<Connection<unknown>> | undefined;
  /** The connections that do not receive the message. */
  readonly except?: Connections | null | undefined;
  /** Returns true if the connection receives the message. Is called for each open connection that `to` and `except` allow. */
  filter?(connection: Connection<Data>): boolean;
  /** If false, the message is sent uncompressed, even if compression was negotiated. @default true */
  readonly compress?: boolean | undefined;
}

/**
 * Returns the options of a broadcast. The second argument of `broadcast` is either an object with options, or the connections that do not
 * receive the message. If it is an object with options, the argument `compress` is ignored.
 * @throws {TypeError} for invalid options
 */
export function toBroadcastOptions<Data>(
  second: BroadcastOptions<Data> | Connections | null,
  compress: boolean,
): BroadcastOptions<Data> {
  if (second === null || isConnections(second)) return { except: second, compress };
  checkOptions('broadcast', second, { to: true, except: true, filter: true, compress: true });
  const { to, except = null, filter } = second;
  if (except !== null && !isConnections(except)) {
    throw new TypeError(`except is ${describe(except)}, not a connection, a set of them, or null`);
  }
  if (to !== undefined && typeof (to as Partial<typeof to> | null)?.[Symbol.iterator] !== 'function') {
    throw new TypeError(`to is ${describe(to)}, not an iterable of connections`);
  }
  if (filter !== undefined && typeof filter !== 'function') {
    throw new TypeError(`filter is ${describe(filter)}, not a function`);
  }
  return second;
}

function isConnections(value: object): value is Connections {
  return value instanceof Connection || typeof (value as Partial<ReadonlySet<unknown>>).has === 'function';
}
