/**
 * Implements the parts that version 1 and version 2 of the plugin share. The class `Surface` has the tables of clients and servers, and the
 * queue of their events. It also stops the clients and servers. A subclass adds the commands of one version. engine-client.ts and
 * engine-server.ts implement clients and servers. v1.ts and v2.ts have the commands. See docs/plugin.md.
 */

import { warn } from '../callback.ts';
import { integer, isObject } from './arguments.ts';
import { type ClientBase, type ClientSettings, EngineClient } from './engine-client.ts';
import type { EngineEvent } from './engine-events.ts';
import { EngineServer, type ServerConnection, type ServerSettings } from './engine-server.ts';
import type { EventFlow } from './event-flow.ts';
import { EventQueue, type EventSource, type QueuedEvent } from './event-queue.ts';
import { IdTable } from './ids.ts';
import { type PluginMethod, resolveMethod } from './methods.ts';
import { ForeignNames } from './option-problems.ts';
import type { Version } from './versions.ts';

/** A client or a server, with its number. */
export interface Entry extends EventSource {
  /** `ref` in version 1, `id` in version 2. */
  readonly id: number;
}

export interface ClientEntry extends Entry {
  readonly engine: EngineClient;
}

export interface ServerEntry extends Entry {
  readonly engine: EngineServer;
}

/** An event in the queue, with the members that both versions need. */
export interface SurfaceEvent extends QueuedEvent {
  readonly body: EngineEvent;
}

/** The commands of one version of the plugin. Each instance has one set of clients and servers, and one event queue. */
export abstract class Surface<
  Event extends SurfaceEvent,
  Client extends ClientEntry,
  Server extends ServerEntry,
> {
  readonly events: EventQueue<Event>;
  protected readonly version: Version;
  protected readonly clients: IdTable<Client> = new IdTable<Client>(1);
  protected readonly servers: IdTable<Server> = new IdTable<Server>(-1);
  readonly #base: ClientBase;
  /** The unknown names of methods for which the process already got a warning. */
  readonly #unknownMethods = new Set<string>();
  protected readonly foreignNames: ForeignNames;

  /** @param base the clock, the random numbers and the `dial` function of clients, which tests replace */
  constructor(version: Version, base: ClientBase) {
    this.version = version;
    this.#base = base;
    this.foreignNames = new ForeignNames(version.idName);
    this.events = new EventQueue<Event>(
      (event) => this.deliver(event),
      version.waitsForMethod,
      (event) => this.describe(event),
    );
  }

  /** Calls the program's callback. */
  protected abstract deliver(event: Event): unknown;

  /** Returns a text for a warning. The text names the callback and the connection of an event. */
  protected abstract describe(event: Event): string;

  /**
   * Returns the function that the program has registered with this name. A function is returned unchanged. Warns once for each unknown
   * name.
   */
  protected methodOf(method: string | PluginMethod): PluginMethod | undefined {
    const found = resolveMethod(method);
    if (found !== undefined || typeof method === 'function' || method === '') return found;
    if (this.#unknownMethods.has(method)) return undefined;
    this.#unknownMethods.add(method);
    warn(
      new Error(
        `an event is dropped: no method ${JSON.stringify(method)} was registered with methods.set(${JSON.stringify(method)}, …)`,
      ),
    );
    return undefined;
  }

  /** Makes the event that is added to the queue. Returns null if this version has no such event. */
  protected abstract toEvent(
    common: SurfaceEvent,
    entry: Client | Server,
    connection: ServerConnection | null,
  ): Event | null;

  /** Gives a connection of a server its number. Called when the connection has been opened. */
  protected abstract opened(entry: Server, connection: ServerConnection): void;

  /** Is called when the connection's Close event is in the queue. */
  protected closed(_entry: Server, _connection: ServerConnection): void {}

  protected addClient(settings: ClientSettings, make: (entry: ClientEntry) => Client): Client {
    return this.clients.add((id) => {
      const engine = new EngineClient(
        settings,
        (body, flow) => this.#push(entry, null, body, flow),
        this.#base,
      );
      const entry: Client = make({ id, engine, queued: 0, onSettled: () => {} });
      return entry;
    });
  }

  protected addServer(settings: ServerSettings, make: (entry: ServerEntry) => Server): Server {
    return this.servers.add((id) => {
      const engine = new EngineServer(settings, {
        opened: (connection) => this.opened(entry, connection),
        emit: (connection, body) => this.#push(entry, connection, body, connection.data.flow),
        closed: (connection) => this.closed(entry, connection),
        isFull: () => this.events.isFull,
      });
      const entry: Server = make({ id, engine, queued: 0, onSettled: () => {} });
      return entry;
    });
  }

  #push(
    entry: Client | Server,
    connection: ServerConnection | null,
    body: EngineEvent,
    flow: EventFlow | null,
  ): void {
    const size = 'text' in body ? body.text.length + (body.bytes?.length ?? 0) : 0;
    const event = this.toEvent({ source: entry, size, flow, body }, entry, connection);
    if (event !== null) this.events.push(event);
  }

  /** Finds the client or server with the number that the object `socket` contains. */
  protected find<One extends Entry>(table: IdTable<One>, socket: unknown): One | undefined {
    return isObject(socket) ? table.get(integer(socket, this.version.idName, 0)) : undefined;
  }

  /** Forgets a client or server, and stops it. After the last event of the client or server was delivered, its number becomes free. */
  protected async clear<One extends Client | Server>(table: IdTable<One>, entry: One): Promise<void> {
    table.remove(entry.id);
    await entry.engine.stop();
    entry.onSettled = () => table.free(entry.id);
    if (entry.queued === 0) entry.onSettled();
  }

  /** Stops and forgets all clients and servers, as the original plugin did when the application ended. */
  async clearAll(): Promise<void> {
    this.events.reset();
    await Promise.all([
      ...this.clients.values().map((entry) => this.clear(this.clients, entry)),
      ...this.servers.values().map((entry) => this.clear(this.servers, entry)),
    ]);
    this.events.reset();
  }
}
