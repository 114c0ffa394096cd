/**
 * Implements `Group`: a set of connections that receive the same messages, such as the members of a chat. A connection leaves the group
 * automatically when it is closed. The RFC does not define groups; a message for a group is sent to each of its connections (§6.1).
 */

import { type InspectOptions, inspect } from 'node:util';
import { broadcastTo } from './broadcast.ts';
import { type BroadcastOptions, toBroadcastOptions } from './broadcast-options.ts';
import { Connection, coreOf } from './connection.ts';
import type { Membership } from './connection-core.ts';
import type { Message } from './message.ts';
import { describe } from './option-names.ts';

/**
 * A set of connections of any servers and clients. The connections of a group refer to the group, and keep it in memory. So call `clear` on
 * a group that is no longer used.
 */
export class Group<Data = undefined> implements Iterable<Connection<Data>> {
  readonly #connections = new Set<Connection<Data>>();
  /** Each connection of the group refers to this object, and calls `connectionClosed` when the connection is closed. */
  readonly #membership: Membership = {
    connectionClosed: (connection) => void this.#connections.delete(connection as Connection<Data>),
  };

  static {
    // `console.log` shows the size.
    const show = function (this: Group<unknown>, _depth: number, options: InspectOptions): string {
      return `Group ${inspect({ size: this.size }, options)}`;
    };
    Object.defineProperty(Group.prototype, inspect.custom, { value: show });
  }

  /**
   * @param connections the first members
   * @throws {TypeError} as `add` does
   */
  constructor(connections: Iterable<Connection<Data>> = []) {
    for (const connection of connections) this.add(connection);
  }

  /** The number of connections in the group, including closing ones. */
  get size(): number {
    return this.#connections.size;
  }

  has(connection: Connection<unknown>): boolean {
    return this.#connections.has(connection as Connection<Data>);
  }

  /**
   * Adds a connection. A connection that is closed leaves the group before its `close` handler is called.
   * @returns whether the connection is in the group now: false if the connection is already closed
   * @throws {TypeError} for anything other than a connection
   */
  add(connection: Connection<Data>): boolean {
    if (!(connection instanceof Connection)) {
      throw new TypeError(`a group holds connections, not ${describe(connection)}`);
    }
    if (connection.state === 'closed') return false;
    const core = coreOf(connection);
    core.memberships ??= new Set();
    core.memberships.add(this.#membership);
    this.#connections.add(connection);
    return true;
  }

  /** Removes a connection from the group; the connection stays open. @returns whether the connection was in the group */
  delete(connection: Connection<unknown>): boolean {
    if (!this.#connections.delete(connection as Connection<Data>)) return false;
    const core = coreOf(connection);
    core.memberships?.delete(this.#membership);
    if (core.memberships?.size === 0) core.memberships = null;
    return true;
  }

  /** Removes all connections from the group. The connections stay open. */
  clear(): void {
    for (const connection of this.#connections) this.delete(connection);
  }

  [Symbol.iterator](): IterableIterator<Connection<Data>> {
    return this.#connections.values();
  }

  /**
   * Sends a message to every open connection of the group, or to some of them. The message is serialized once, and compressed once for the
   * connections that keep no context. For a client's connection, the message is masked each time (RFC 6455 §5.1). All messages that are
   * sent to one connection within a turn of the event loop leave in one write. A binary message of more than 4 KiB is not copied: do not
   * change its bytes until they have left the process.
   * @param options which connections receive the message, and whether the message may be compressed
   * @returns the number of connections that the message was sent to
   * @throws {TypeError} for a message that is not a string, an ArrayBuffer or an ArrayBufferView, and for invalid options. An error of
   *   `filter` is thrown as well
   */
  broadcast(message: Message, options: BroadcastOptions<Data> = {}): number {
    return broadcastTo(this.#connections, message, toBroadcastOptions(options, true));
  }
}
