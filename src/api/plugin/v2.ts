/**
 * Implements the commands of version 2 of the plugin. A `V2Surface` has one set of clients and servers, and one event queue. In version 2,
 * each client or server has a number `id`, and one callback receives the events of all clients and servers. A server may select receivers
 * by their `uri`. surface.ts has the code that both versions share. v2-objects.ts reads the options and makes the results. Programs call
 * the functions in v2-commands.ts.
 */

import { show } from '../option-spec.ts';
import { has, integer, isObject, write } from './arguments.ts';
import { type ClientBase, failedStart } from './engine-client.ts';
import { type SendStatus, sendMessage } from './engine-events.ts';
import type { ServerConnection } from './engine-server.ts';
import { toCompactJson } from './json.ts';
import { headersProblem, insteadOf } from './option-problems.ts';
import { Surface, type SurfaceEvent } from './surface.ts';
import {
  additionsOf,
  applyToClient,
  applyToServer,
  clientInfo,
  closeOf,
  eventOf,
  eventTypes,
  identityOf,
  messageOf,
  notStarted,
  serverInfo,
  targetsOf,
  type V2Client,
  type V2Server,
} from './v2-objects.ts';
import {
  type SetMethodOptions,
  type WebsocketClientInfo,
  type WebsocketClientStatus,
  WebsocketEventType,
  type WebsocketMethod,
  type WebsocketServerInfo,
  type WebsocketServerSendStatus,
  type WebsocketServerStatus,
} from './v2-types.ts';
import { newClientSettings, newServerSettings, versions } from './versions.ts';

export type { WebsocketEvent } from './v2-types.ts';

interface V2Event extends SurfaceEvent {
  readonly id: number;
  readonly connection: ServerConnection | null;
}

export type SurfaceBase = ClientBase;

export class V2Surface extends Surface<V2Event, V2Client, V2Server> {
  #method: string | WebsocketMethod = '';
  #asJson = false;

  constructor(base: SurfaceBase = {}) {
    super(versions.v2, base);
  }

  setMethod(method: string | WebsocketMethod, options: SetMethodOptions = {}): void {
    this.#method = typeof method === 'function' || typeof method === 'string' ? method : '';
    this.#asJson = isObject(options) && options.messageAs === 'json';
    this.events.release();
  }

  getMethod(): string | WebsocketMethod {
    return this.#method;
  }

  // ---- events ----

  protected override toEvent(
    common: SurfaceEvent,
    { id }: V2Client | V2Server,
    connection: ServerConnection | null,
  ): V2Event | null {
    if (eventTypes[common.body.type] > WebsocketEventType.Error) return null;
    return { ...common, id, connection };
  }

  protected override deliver({ id, body, connection }: V2Event): unknown {
    const method = this.methodOf(this.#method) as WebsocketMethod | undefined;
    if (method === undefined) return undefined;
    const type = eventTypes[body.type];
    const event = this.#asJson
      ? toCompactJson({ ...eventOf(body), ...(type === 3 ? null : identityOf(connection)) })
      : { ...eventOf(body), ...identityOf(connection), ...additionsOf(body, connection) };
    return method(type, id, event);
  }

  protected override describe({ id, body, connection }: V2Event): string {
    const method = this.#method;
    const name = typeof method === 'string' ? JSON.stringify(method) : method.name || 'without a name';
    const from = connection === null ? '' : `, client ${connection.data.client} (${connection.url})`;
    return `the method ${name}, called with type ${eventTypes[body.type]} ("${body.type}") of ${id}${from},`;
  }

  protected override opened(entry: V2Server, connection: ServerConnection): void {
    connection.data.client = ++entry.lastClient;
  }

  // ---- clients ----

  client(options: unknown): WebsocketClientInfo & { id?: number } {
    if (!isObject(options)) return {};
    this.foreignNames.check(options);
    if (has(options, 'id')) return clientInfo(this.find(this.clients, options));
    const settings = newClientSettings(this.version, options);
    const entry = this.addClient(settings, (base) => ({ ...base, pingInterval: -1, pings: 0 }));
    applyToClient(options, entry);
    settings.headersProblem = headersProblem(options.headers);
    write(options, 'id', entry.id);
    return { id: entry.id };
  }

  async clientStart(socket: unknown): Promise<WebsocketClientStatus> {
    const entry = this.find(this.clients, socket);
    if (entry === undefined || !isObject(socket)) return { success: false, errorStr: this.#unknown(socket) };
    this.foreignNames.check(socket);
    // Invalid headers do not change the settings. A later start without `headers` uses the earlier headers.
    const problem = headersProblem(socket.headers);
    if (problem !== '') return failedStart(problem);
    applyToClient(socket, entry);
    const timeout = integer(socket, 'timeout', 0);
    const started = await entry.engine.start(timeout > 0 ? timeout : null, this.version.startTimeout);
    const { errorStr, ...status } = started;
    return status.success ? status : { ...status, errorStr };
  }

  async clientStop(socket: unknown): Promise<WebsocketClientInfo> {
    const entry = this.find(this.clients, socket);
    if (entry === undefined || !isObject(socket)) return {};
    const { code, reason } = closeOf(socket);
    const errorStr = await entry.engine.stop(code, reason);
    return { ...clientInfo(entry), ...(errorStr === '' ? null : { errorStr }) };
  }

  clientSend(socket: unknown): { success: boolean } & Partial<SendStatus> {
    const entry = this.find(this.clients, socket);
    const message = messageOf(socket);
    if (entry === undefined || message === null) return { success: false };
    return entry.engine.send(message);
  }

  async clientClear(socket: unknown): Promise<{ success: boolean }> {
    const entry = this.find(this.clients, socket);
    if (entry === undefined) return { success: false };
    await this.clear(this.clients, entry);
    return { success: true };
  }

  // ---- servers ----

  server(options: unknown): WebsocketServerInfo & { id?: number } {
    if (!isObject(options)) return {};
    this.foreignNames.check(options);
    if (has(options, 'id')) return serverInfo(this.find(this.servers, options));
    const settings = newServerSettings(this.version, options);
    settings.handshakeTimeout = integer(options, 'handshakeTimeoutSecs', settings.handshakeTimeout);
    if (settings.handshakeTimeout <= 0 && settings.problem === '') {
      settings.problem = `handshakeTimeoutSecs is ${show(options.handshakeTimeoutSecs)}, not a positive number`;
    }
    if (has(options, 'addressFamily')) settings.addressFamily = options.addressFamily;
    applyToServer(options, settings);
    const entry = this.addServer(settings, (base) => ({ ...base, lastClient: 0 }));
    write(options, 'id', entry.id);
    return { id: entry.id };
  }

  async serverStart(socket: unknown): Promise<WebsocketServerStatus> {
    const entry = this.find(this.servers, socket);
    if (entry === undefined || !isObject(socket)) return notStarted(this.#unknown(socket));
    this.foreignNames.check(socket);
    applyToServer(socket, entry.engine.settings);
    const status = await entry.engine.start();
    return status.success ? status : notStarted(status.errorStr);
  }

  async serverStop(socket: unknown): Promise<WebsocketServerInfo> {
    const entry = this.find(this.servers, socket);
    await entry?.engine.stop();
    return serverInfo(entry);
  }

  serverSend(socket: unknown): { statuses: WebsocketServerSendStatus[] } {
    const entry = this.find(this.servers, socket);
    const message = messageOf(socket);
    if (entry === undefined || message === null || !isObject(socket)) return { statuses: [] };
    const isTarget = targetsOf(socket);
    const statuses = entry.engine.connections
      .filter((connection) => isTarget(connection))
      .map((connection) => {
        const { url: uri, data } = connection;
        return { uri, ...sendMessage(connection, message), client: data.client };
      });
    return { statuses };
  }

  async serverClear(socket: unknown): Promise<{ success: boolean }> {
    const entry = this.find(this.servers, socket);
    if (entry === undefined) return { success: false };
    await this.clear(this.servers, entry);
    return { success: true };
  }

  #unknown(socket: unknown): string {
    const advice =
      isObject(socket) && socket.id === undefined ? insteadOf(this.version.idName, socket, 'ref') : '';
    return advice === '' ? 'unknown id' : `unknown id: ${advice}`;
  }

  // ---- clients and servers ----

  override async clearAll(): Promise<void> {
    this.#method = '';
    await super.clearAll();
  }
}
