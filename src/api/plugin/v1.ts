/**
 * Implements the commands of version 1 of the plugin. A `V1Surface` has one set of clients and servers, and one event queue. In version 1,
 * each client or server has a number `ref` and its own callback. Messages may be BLOBs. The program receives all types of events.
 * surface.ts has the code that both versions share. v1-objects.ts reads the options and makes the results. Programs call the functions in
 * v1-commands.ts.
 */

import { has, integer, isObject, toSendable } from './arguments.ts';
import type { ClientBase } from './engine-client.ts';
import { closeInvalid, notSent, type SendStatus, sendMessage } from './engine-events.ts';
import type { ServerConnection } from './engine-server.ts';
import type { EventSource } from './event-queue.ts';
import { toStyledJson } from './json.ts';
import { insteadOf } from './option-problems.ts';
import { Surface, type SurfaceEvent } from './surface.ts';
import {
  applyCallback,
  applyToClient,
  type Callback,
  clientObject,
  contextOf,
  jsonOf,
  messageOf,
  noCallback,
  noDeflate,
  serverObject,
  targetsOf,
  type V1Client,
  type V1Server,
} from './v1-objects.ts';
import type {
  WebsocketClient,
  WebsocketClientStatus,
  WebsocketMethod,
  WebsocketServer,
  WebsocketServerSendStatus,
  WebsocketServerStatus,
  WebsocketWaitingEvent,
} from './v1-types.ts';
import { applyBinding, newClientSettings, newServerSettings, versions } from './versions.ts';

export type { WebsocketContext, WebsocketEventType } from './v1-types.ts';

interface V1Event extends SurfaceEvent {
  readonly server: number;
  readonly client: number;
  readonly callback: Readonly<Callback>;
}

export class V1Surface extends Surface<V1Event, V1Client, V1Server> {
  constructor(base: ClientBase = {}) {
    super(versions.v1, base);
  }

  // ---- events ----

  protected override toEvent(
    common: SurfaceEvent,
    { id, callback }: V1Client | V1Server,
    connection: ServerConnection | null,
  ): V1Event {
    const [server, client] = connection === null ? [0, id] : [id, connection.data.client];
    return { ...common, server, client, callback };
  }

  protected override deliver({ server, client, body, callback }: V1Event): unknown {
    const method = this.methodOf(callback.method) as WebsocketMethod | undefined;
    if (method === undefined) return undefined;
    const { worker, window, process, asJson } = callback;
    const context = asJson ? toStyledJson(jsonOf(body)) : contextOf(body);
    return method(server, client, body.type, context, worker, window, process);
  }

  protected override describe({ server, client, body, callback }: V1Event): string {
    const { method } = callback;
    const name = typeof method === 'string' ? JSON.stringify(method) : method.name || 'without a name';
    const where = server === 0 ? `client ${client}` : `client ${client} of server ${server}`;
    return `the method ${name}, called with "${body.type}" of ${where},`;
  }

  protected override opened({ clients }: V1Server, connection: ServerConnection): void {
    let number = 1;
    while (clients.has(number)) number++;
    connection.data.client = number;
    clients.set(number, connection);
  }

  protected override closed({ clients }: V1Server, connection: ServerConnection): void {
    clients.delete(connection.data.client);
  }

  // ---- servers ----

  server(given: unknown = {}): WebsocketServer {
    const options = isObject(given) ? given : {};
    this.foreignNames.check(options);
    const entry = this.addServer(newServerSettings(this.version, options), (base) => ({
      ...base,
      clients: new Map(),
      callback: noCallback(),
      strictUtf8: options.strictUtf8 === true,
    }));
    applyCallback(options, entry);
    return serverObject(entry);
  }

  async serverStart(server: unknown): Promise<WebsocketServerStatus> {
    const entry = this.#server(server);
    if (entry === undefined) return { success: false, message: this.#unknown(server) };
    const { engine } = entry;
    if (isObject(server) && !engine.isStarted) {
      const problem = applyBinding(server, engine.settings);
      if (problem !== '') return { success: false, message: problem };
      if (has(server, 'port')) engine.settings.problem = '';
    }
    const status = await entry.engine.start();
    if (!status.success) return { success: false, message: status.errorStr };
    return { ...status, message: '' };
  }

  async serverStop(server: unknown): Promise<Partial<WebsocketServer>> {
    const entry = this.#server(server);
    if (entry === undefined) return {};
    const snapshot = serverObject(entry);
    await entry.engine.stop();
    return snapshot;
  }

  serverSend(server: unknown, data: unknown): WebsocketServerSendStatus[] {
    const entry = this.#server(server);
    const given = toSendable(data);
    if (entry === undefined || !isObject(server) || given === null) return [];
    const message = messageOf(server, given);
    return targetsOf(server, entry).map((connection) => {
      const { client } = connection.data;
      if (message !== null) return { ...sendMessage(connection, message), client };
      if (entry.strictUtf8) closeInvalid(connection);
      return { ...notSent(), client };
    });
  }

  async serverClear(server: unknown): Promise<Record<string, never>> {
    const entry = this.#server(server);
    if (entry !== undefined) await this.clear(this.servers, entry);
    return {};
  }

  serverClients(server: unknown): number[] {
    const entry = this.#server(server);
    if (entry === undefined) return [];
    return entry.engine.connections.map(({ data }) => data.client).sort((one, other) => one - other);
  }

  serverMessages(server: unknown): WebsocketWaitingEvent[] {
    return this.#waiting(this.#server(server));
  }

  // ---- clients ----

  client(given: unknown = {}): WebsocketClient {
    const options = isObject(given) ? given : {};
    this.foreignNames.check(options);
    const entry = this.addClient(newClientSettings(this.version, options), (base) => ({
      ...base,
      callback: noCallback(),
      deflate: noDeflate(),
      pingInterval: -1,
      pingTimeout: -1,
      strictUtf8: false,
      given: {},
    }));
    applyToClient(options, entry);
    return clientObject(entry);
  }

  async clientStart(client: unknown): Promise<WebsocketClientStatus> {
    const entry = this.#client(client);
    if (entry === undefined || !isObject(client)) return { success: false, errorStr: this.#unknown(client) };
    const timeout = integer(client, 'timeout', 0);
    return entry.engine.start(timeout > 0 ? timeout : null, this.version.startTimeout);
  }

  async clientStop(client: unknown): Promise<Partial<WebsocketClient>> {
    const entry = this.#client(client);
    if (entry === undefined) return {};
    const snapshot = clientObject(entry);
    await entry.engine.stop();
    return snapshot;
  }

  clientSend(client: unknown, data: unknown): Partial<SendStatus> {
    const entry = this.#client(client);
    const given = toSendable(data);
    if (entry === undefined || !isObject(client) || given === null) return {};
    const message = messageOf(client, given);
    if (message !== null) return entry.engine.send(message);
    if (entry.strictUtf8) entry.engine.closeInvalid();
    return notSent();
  }

  async clientClear(client: unknown): Promise<Record<string, never>> {
    const entry = this.#client(client);
    if (entry !== undefined) await this.clear(this.clients, entry);
    return {};
  }

  clientMessages(client: unknown): WebsocketWaitingEvent[] {
    return this.#waiting(this.#client(client));
  }

  // ---- clients and servers ----

  override async clearAll(): Promise<void> {
    await super.clearAll();
    this.events.release();
  }

  /** Finds the server that the argument names by its `ref`, and applies the callback options in the argument. */
  #server(server: unknown): V1Server | undefined {
    const entry = this.find(this.servers, server);
    if (isObject(server)) this.foreignNames.check(server);
    if (entry !== undefined && isObject(server)) applyCallback(server, entry);
    return entry;
  }

  #client(client: unknown): V1Client | undefined {
    const entry = this.find(this.clients, client);
    if (isObject(client)) this.foreignNames.check(client);
    if (entry !== undefined && isObject(client)) applyToClient(client, entry);
    return entry;
  }

  #unknown(socket: unknown): string {
    const advice =
      isObject(socket) && socket.ref === undefined ? insteadOf(this.version.idName, socket, 'id') : '';
    return advice === '' ? 'unknown id' : `unknown id: ${advice}`;
  }

  #waiting(entry: EventSource | undefined): WebsocketWaitingEvent[] {
    if (entry === undefined) return [];
    return this.events.of(entry).map(({ body }) => ({ type: body.type, context: contextOf(body) }));
  }
}
