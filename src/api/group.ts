/**
 * Implements `Group`: a set of connections that receive the same messages, such as the members of a chat. When a connection is closed, it
 * leaves the group automatically. The RFC does not define groups. A message for a group is sent to each connection of the group (RFC 6455
 * §6.1).
 */

import { type InspectOptions, inspect } from 'node:util';
import { broadcastTo } from './broadcast.ts';
import { type BroadcastOptions, toBroadcastOptions } from './broadcast-options.ts';
import { Connection, coreOf } from './connection.ts';
import type { Membership } from './connection-core.ts';
import type { Message } from './message.ts';
import { describe } from './option-names.ts';

/**
 * A set of connections of any servers and clients. Each connection refers to its groups. So a group stays in memory until all of its
 * connections are closed. When a group is no longer needed, call `clear`.
 */
export class Group<Data = undefined> implements Iterable<Connection<Data>> {
  readonly #connections = new Set<Connection<Data>>();
  /** The object through which a connection refers to this group. The connection calls `connectionClosed` when it is closed. */
  readonly #membership: Membership = {
    connectionClosed: (connection) => void this.#connections.delete(connection as Connection<Data>),
  };

  static {
    // Makes the text that `console.log` shows.
    const show = function (this: Group<unknown>, _depth: number, options: InspectOptions): string {
      return `Group ${inspect({ size: this.size }, options)}`;
    };
    Object.defineProperty(Group.prototype, inspect.custom, { value: show });
  }

  /**
   * @param connections the first connections of the group
   * @throws {TypeError} if one of them is not a connection
   */
  constructor(connections: Iterable<Connection<Data>> = []) {
    for (const connection of connections) this.add(connection);
  }

  /** The number of connections in the group. Includes connections that are closing. */
  get size(): number {
    return this.#connections.size;
  }

  has(connection: Connection<unknown>): boolean {
    return this.#connections.has(connection as Connection<Data>);
  }

  /**
   * Adds a connection. When the connection is closed, it leaves the group before its `close` handler is called.
   * @returns true if the connection is in the group now; false if the connection is already closed
   * @throws {TypeError} for a value that is not a connection
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

  /** Removes a connection from the group. The connection stays open. @returns true if the connection was in the group */
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
   * Sends a message to every open connection of the group, or to some of them. Serializes the message once. Compresses it once for all
   * connections that keep no compression context. For a client's connection, the message is masked each time (RFC 6455 §5.1). All messages
   * that a connection gets in one turn of the event loop are written together. A binary message of more than 4 KiB is not copied: do not
   * change its bytes before they have left the process.
   * @param options select the connections that receive the message, and allow or prevent compression
   * @returns the number of connections to which the message was sent
   * @throws {TypeError} for a message that is not a string, an ArrayBuffer or an ArrayBufferView, and for invalid options
   * @throws the errors of the option `filter`
   */
  broadcast(message: Message, options: BroadcastOptions<Data> = {}): number {
    return broadcastTo(this.#connections, message, toBroadcastOptions(options, true));
  }
}
