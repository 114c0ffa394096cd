/**
 * The commands of the IX WebSocket plugin, version 1, as functions: a callback for each socket, `ref`s, BLOBs, all event types.
 * What they do is engine-client.ts and engine-server.ts; here are the objects that go in and come out, see docs/plugin.md.
 */

import { isUtf8 } from 'node:buffer';
import type { OriginPolicy } from '../../handshake/origin.ts';
import {
  collection,
  flag,
  has,
  integer,
  isObject,
  isPlainObject,
  type Properties,
  text,
} from './arguments.ts';
import { type ClientBase, type ClientSettings, ENGINE_COMPRESSION, EngineClient } from './engine-client.ts';
import { closeInvalid, type EngineEvent, notSent, type SendStatus, sendMessage } from './engine-events.ts';
import { EngineServer, type ServerConnection, type ServerSettings } from './engine-server.ts';
import { EventQueue, type EventSource, type PluginEvents } from './event-queue.ts';
import { IdTable } from './ids.ts';
import { toStyledJson } from './json.ts';
import { resolveMethod } from './methods.ts';

export type WebsocketEventType = EngineEvent['type'];

/** With message, ping, pong, fragment. */
export interface WebsocketDataContext {
  wireSize: number;
  binary: boolean;
  /** The text, or a ping's payload; of a binary message, its bytes read as UTF-8, which may lose some. */
  data: string;
  /** Ours: the bytes of a binary message. */
  bytes?: Buffer;
}

/** With open: `uri`, and every header field beside it. */
export type WebsocketOpenContext = { uri: string } & Record<string, string>;

/** With close. */
export interface WebsocketCloseContext {
  code: number;
  reason: string;
  /** Whether the peer began it. */
  remote: boolean;
}

/** With error, of clients: an attempt to connect again failed; or a message could not be decompressed. */
export interface WebsocketErrorContext {
  decompressionError: boolean;
  reason: string;
  http_status: number;
  /** Milliseconds until the next attempt. */
  wait_time: number;
  retries: number;
}

export type WebsocketContext =
  | WebsocketDataContext
  | WebsocketOpenContext
  | WebsocketCloseContext
  | WebsocketErrorContext;

/**
 * The callback. Which context it gets follows from the type; with `contextAs: 'json'` it is a text. A parameter may be declared as
 * one of these: `(server, client, type, context: WebsocketDataContext) => …`.
 */
export type WebsocketMethod = {
  // A method, whose parameters may be narrower than what is said here.
  call(
    server: number,
    client: number,
    type: WebsocketEventType,
    context: WebsocketContext | string,
    worker: string,
    window: number,
    process: number,
  ): unknown;
}['call'];

/** What events are for: handed to the callback as it is. */
export interface WebsocketMethodOptions {
  /** Called with `(server, client, type, context, worker, window, process)`; a function, or a name in `methods`. */
  method?: string | WebsocketMethod;
  worker?: string;
  window?: number;
  process?: number;
  /** Ours: the context as an object, or as the JSON text of the original. @default 'object' */
  contextAs?: 'object' | 'json';
}

/** The sub-options of permessage-deflate. */
export interface WebsocketDeflateOptions {
  enabled?: boolean;
  clientNoContextTakeover?: boolean;
  serverNoContextTakeover?: boolean;
  /** 8 to 15. @default 15 */
  serverMaxWindowBits?: number;
  clientMaxWindowBits?: number;
}

/** What may be changed until a client is started. */
export interface WebsocketClientOptions extends WebsocketMethodOptions {
  url?: string;
  /** Seconds between pings; 0 or less: none. @default -1 */
  pingInterval?: number;
  /** Seconds without a pong after which the connection is closed, while there are pings. @default -1 */
  pingTimeout?: number;
  /** @default true */
  enableAutomaticReconnection?: boolean;
  /** Without effect: RFC 6455 §5.5.2 has every ping answered. */
  enablePong?: boolean;
  perMessageDeflate?: WebsocketDeflateOptions;
  /** Where there is no `perMessageDeflate`: either value leaves it off. */
  disablePerMessageDeflate?: boolean;
  /** Ours: a text that is not UTF-8 closes the connection with 1007, as in the original; otherwise it is refused. */
  strictUtf8?: boolean;
  /** Ours: milliseconds that a peer may take to answer a Close frame. @default 5000 */
  closeTimeout?: number;
  /** Ours: bytes of a received message; 1009 beyond. @default 16777216 */
  maxMessageSize?: number;
  /** Ours: the process may end while the client is there. @default false */
  unref?: boolean;
}

/** The configuration of a client. */
export interface WebsocketClient {
  ref: number;
  url: string;
  pingInterval: number;
  isAutomaticReconnectionEnabled: boolean;
  perMessageDeflateOptions: Required<WebsocketDeflateOptions>;
  /** Ours: the same two under the names of the options. */
  enableAutomaticReconnection: boolean;
  perMessageDeflate: Required<WebsocketDeflateOptions>;
  method: string | WebsocketMethod;
  worker: string;
  window: number;
  process: number;
}

export interface WebsocketClientStatus {
  success: boolean;
  /** Absent for an unknown ref. */
  http_status?: number;
  /** '' where all is well. */
  errorStr: string;
  uri?: string;
  headers?: Record<string, string>;
}

export interface WebsocketServerOptions extends WebsocketMethodOptions {
  /** 0: any free one, see the status of `websocketServerStart`. @default 8080 */
  port?: number;
  /** @default '127.0.0.1' */
  host?: string;
  /** @default 5 */
  backlog?: number;
  /** @default 32 */
  maxConnections?: number;
  /** Ours: which pages in browsers may connect. @default 'any' */
  origins?: OriginPolicy;
  /** Ours, as of a client. */
  strictUtf8?: boolean;
  /** Ours, as of a client. @default 5000 */
  closeTimeout?: number;
  /** Ours, as of a client. @default 1048576 */
  maxMessageSize?: number;
  /** Ours: the process may end while the server is there. @default false */
  unref?: boolean;
}

/** The configuration of a server. */
export interface WebsocketServer {
  ref: number;
  port: number;
  host: string;
  backlog: number;
  maxConnections: number;
  method: string | WebsocketMethod;
  worker: string;
  window: number;
  process: number;
}

export interface WebsocketServerStatus {
  success: boolean;
  /** '' where all is well. */
  message: string;
  /** Ours: what it is bound to. */
  port?: number;
  host?: string;
}

export interface WebsocketServerSendStatus extends SendStatus {
  client: number;
}

/** An event that waits in the queue. */
export interface WebsocketWaitingEvent {
  type: WebsocketEventType;
  context: WebsocketContext;
}

/** What goes to a callback, as it was when the event was made. */
interface Callback {
  method: string | WebsocketMethod;
  worker: string;
  window: number;
  process: number;
  asJson: boolean;
}

interface V1Event {
  readonly source: EventSource;
  readonly size: number;
  readonly server: number;
  readonly client: number;
  readonly body: EngineEvent;
  readonly callback: Readonly<Callback>;
}

interface ClientEntry extends EventSource {
  readonly ref: number;
  readonly engine: EngineClient;
  callback: Callback;
  deflate: Required<WebsocketDeflateOptions>;
  /** Seconds. */
  pingInterval: number;
  pingTimeout: number;
  strictUtf8: boolean;
}

interface ServerEntry extends EventSource {
  readonly ref: number;
  readonly engine: EngineServer;
  /** Connections by number: 1, 2, …, the smallest that is free. */
  readonly clients: Map<number, ServerConnection>;
  callback: Callback;
  strictUtf8: boolean;
}

/** The commands over one set of sockets, with one queue; the functions below are those of the one that programs use. */
export class V1Surface {
  readonly events: EventQueue<V1Event>;
  readonly #base: ClientBase;
  readonly #clients = new IdTable<ClientEntry>(1);
  readonly #servers = new IdTable<ServerEntry>(-1);

  constructor(base: ClientBase = {}) {
    this.#base = base;
    this.events = new EventQueue<V1Event>(deliver, false);
  }

  // ---- servers ----

  server(given: unknown = {}): WebsocketServer {
    const options = isObject(given) ? given : {};
    const settings: ServerSettings = {
      port: integer(options, 'port', 8080),
      host: text(options, 'host', '127.0.0.1'),
      backlog: integer(options, 'backlog', 5),
      maxConnections: integer(options, 'maxConnections', 32),
      handshakeTimeout: 3,
      addressFamily: 2,
      compresses: true,
      tls: null,
      origins: has(options, 'origins') ? (options.origins as OriginPolicy) : 'any',
      closeTimeout: Math.max(1, integer(options, 'closeTimeout', 5_000)),
      maxMessageSize: has(options, 'maxMessageSize') ? integer(options, 'maxMessageSize', 0) : null,
      unref: flag(options, 'unref', false),
    };
    const entry = this.#servers.add((ref) => {
      const made: ServerEntry = {
        ref,
        engine: new EngineServer(settings, {
          opened: (connection) => {
            let number = 1;
            while (made.clients.has(number)) number++;
            connection.data.client = number;
            made.clients.set(number, connection);
          },
          emit: (connection, event) => this.#push(made, made.ref, connection.data.client, event),
          closed: (connection) => void made.clients.delete(connection.data.client),
        }),
        clients: new Map(),
        callback: noCallback(),
        strictUtf8: flag(options, 'strictUtf8', false),
        queued: 0,
        onSettled: () => {},
      };
      return made;
    });
    applyCallback(options, entry);
    return serverObject(entry);
  }

  async serverStart(server: unknown): Promise<WebsocketServerStatus> {
    const entry = this.#server(server);
    if (entry === undefined) return { success: false, message: 'unknown id' };
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
    if (entry === undefined || !isObject(server) || !(data instanceof Uint8Array)) return [];
    const message = messageOf(server, data);
    return targetsOf(server, entry).map((connection) => {
      const { client } = connection.data;
      if (message !== null) return { ...sendMessage(connection, message), client };
      if (entry.strictUtf8) closeInvalid(connection);
      return { ...notSent(), client };
    });
  }

  async serverClear(server: unknown): Promise<Record<string, never>> {
    const entry = this.#server(server);
    if (entry === undefined) return {};
    this.#servers.remove(entry.ref);
    await entry.engine.stop();
    freeWhenSettled(this.#servers, entry);
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
    const settings: ClientSettings = {
      url: '',
      headers: [],
      pings: null,
      reconnects: true,
      maxWait: 10_000,
      minWait: 1,
      compression: false,
      tls: null,
      redirects: 0,
      closeTimeout: 5_000,
      maxMessageSize: null,
      unref: flag(options, 'unref', false),
    };
    const entry = this.#clients.add((ref) => {
      const made: ClientEntry = {
        ref,
        engine: new EngineClient(settings, (event) => this.#push(made, 0, made.ref, event), this.#base),
        callback: noCallback(),
        deflate: noDeflate(),
        pingInterval: -1,
        pingTimeout: -1,
        strictUtf8: false,
        queued: 0,
        onSettled: () => {},
      };
      return made;
    });
    applyToClient(options, entry);
    return clientObject(entry);
  }

  async clientStart(client: unknown): Promise<WebsocketClientStatus> {
    const entry = this.#client(client);
    if (entry === undefined || !isObject(client)) return { success: false, errorStr: 'unknown id' };
    const timeout = integer(client, 'timeout', 0);
    return entry.engine.start(timeout > 0 ? timeout : null, 20);
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
    if (entry === undefined || !isObject(client) || !(data instanceof Uint8Array)) return {};
    const message = messageOf(client, data);
    if (message !== null) return entry.engine.send(message);
    if (entry.strictUtf8) entry.engine.closeInvalid();
    return notSent();
  }

  async clientClear(client: unknown): Promise<Record<string, never>> {
    const entry = this.#client(client);
    if (entry === undefined) return {};
    this.#clients.remove(entry.ref);
    await entry.engine.stop();
    freeWhenSettled(this.#clients, entry);
    return {};
  }

  clientMessages(client: unknown): WebsocketWaitingEvent[] {
    return this.#waiting(this.#client(client));
  }

  // ---- all of them ----

  /** What the original did when the application ended. */
  async clearAll(): Promise<void> {
    this.events.reset();
    await Promise.all([
      ...this.#clients.values().map(({ ref }) => this.clientClear({ ref })),
      ...this.#servers.values().map(({ ref }) => this.serverClear({ ref })),
    ]);
    this.events.reset();
    this.events.release();
  }

  /** The entry, with the options that came along. */
  #server(server: unknown): ServerEntry | undefined {
    const entry = isObject(server) ? this.#servers.get(integer(server, 'ref', 0)) : undefined;
    if (entry !== undefined && isObject(server)) applyCallback(server, entry);
    return entry;
  }

  #client(client: unknown): ClientEntry | undefined {
    const entry = isObject(client) ? this.#clients.get(integer(client, 'ref', 0)) : undefined;
    if (entry !== undefined && isObject(client)) applyToClient(client, entry);
    return entry;
  }

  #push(entry: ClientEntry | ServerEntry, server: number, client: number, body: EngineEvent): void {
    const size = 'text' in body ? body.text.length + (body.bytes?.length ?? 0) : 0;
    this.events.push({ source: entry, size, server, client, body, callback: entry.callback });
  }

  #waiting(entry: EventSource | undefined): WebsocketWaitingEvent[] {
    if (entry === undefined) return [];
    return this.events.of(entry).map(({ body }) => ({ type: body.type, context: contextOf(body) }));
  }
}

function deliver({ server, client, body, callback }: V1Event): unknown {
  const method = resolveMethod(callback.method) as WebsocketMethod | undefined;
  if (method === undefined) return undefined;
  const { worker, window, process, asJson } = callback;
  const context = asJson ? toStyledJson(jsonOf(body)) : contextOf(body);
  return method(server, client, body.type, context, worker, window, process);
}

function contextOf(body: EngineEvent): WebsocketContext {
  switch (body.type) {
    case 'open':
      // A header field of that name gives way.
      return Object.assign(Object.create(null), body.headers, { uri: body.uri }) as WebsocketOpenContext;
    case 'close':
      return { code: body.code, reason: body.reason, remote: body.remote };
    case 'error': {
      const { type, ...context } = body;
      return context;
    }
    default: {
      const { wireSize, binary, text: data, bytes } = body;
      return { wireSize, binary, data, ...(bytes === null ? null : { bytes }) };
    }
  }
}

/** The same without what is ours. */
function jsonOf(body: EngineEvent): Readonly<Record<string, unknown>> {
  const { bytes, ...context } = contextOf(body) as Record<string, unknown>;
  return body.type === 'open' ? (contextOf(body) as Record<string, unknown>) : context;
}

function noCallback(): Callback {
  return { method: '', worker: '', window: 0, process: 0, asJson: false };
}

/** Events that were made before keep what they have: a change makes a new object. */
function applyCallback(options: Properties, entry: { callback: Callback }): void {
  const old = entry.callback;
  const { method } = options;
  entry.callback = {
    method:
      typeof method === 'function'
        ? (method as WebsocketMethod)
        : text(options, 'method', old.method as string),
    worker: text(options, 'worker', old.worker),
    window: integer(options, 'window', old.window),
    process: integer(options, 'process', old.process),
    asJson: has(options, 'contextAs') ? options.contextAs === 'json' : old.asJson,
  };
}

function applyToClient(options: Properties, entry: ClientEntry): void {
  applyCallback(options, entry);
  const { settings } = entry.engine;
  settings.url = text(options, 'url', settings.url);
  settings.reconnects = flag(options, 'enableAutomaticReconnection', settings.reconnects);
  if (has(options, 'pingInterval') || has(options, 'pingTimeout')) {
    entry.pingInterval = integer(options, 'pingInterval', entry.pingInterval);
    entry.pingTimeout = integer(options, 'pingTimeout', entry.pingTimeout);
    settings.pings = entry.pingInterval > 0 ? heartbeat(entry.pingInterval, entry.pingTimeout) : null;
  }
  settings.closeTimeout = Math.max(1, integer(options, 'closeTimeout', settings.closeTimeout));
  if (has(options, 'maxMessageSize')) settings.maxMessageSize = integer(options, 'maxMessageSize', 0);
  entry.strictUtf8 = flag(options, 'strictUtf8', entry.strictUtf8);
  const { perMessageDeflate } = options;
  const chosen = isPlainObject(perMessageDeflate) && !isEcho(perMessageDeflate) ? perMessageDeflate : null;
  if (chosen === null && !has(options, 'disablePerMessageDeflate')) return;
  entry.deflate = chosen === null ? noDeflate() : deflateOf(chosen);
  const { enabled, ...parameters } = entry.deflate;
  settings.compression = enabled && { ...parameters, ...ENGINE_COMPRESSION };
}

/**
 * What our own `perMessageDeflate` in a client's object was when it was returned. Programs hand that object on as it is, and in
 * the original, which has not got this property, it does not stand in the way of `disablePerMessageDeflate`.
 */
const returned = new WeakMap<object, Readonly<Required<WebsocketDeflateOptions>>>();

function isEcho(options: Properties): boolean {
  const was = returned.get(options);
  if (was === undefined) return false;
  return Object.entries(deflateOf(options)).every(([name, value]) => was[name as keyof typeof was] === value);
}

function noDeflate(): Required<WebsocketDeflateOptions> {
  return deflateOf({});
}

function deflateOf(options: Properties): Required<WebsocketDeflateOptions> {
  return {
    enabled: flag(options, 'enabled', false),
    clientNoContextTakeover: flag(options, 'clientNoContextTakeover', false),
    serverNoContextTakeover: flag(options, 'serverNoContextTakeover', false),
    serverMaxWindowBits: windowBits(options, 'serverMaxWindowBits'),
    clientMaxWindowBits: windowBits(options, 'clientMaxWindowBits'),
  };
}

function windowBits(options: Properties, name: string): number {
  return Math.min(Math.max(integer(options, name, 15), 8), 15);
}

/** A ping every so many seconds; the connection ends where no pong has come for `timeout` seconds. */
function heartbeat(seconds: number, timeout: number): NonNullable<ClientSettings['pings']> {
  return {
    interval: seconds * 1_000,
    timeout: timeout > 0 ? timeout * 1_000 : Number.POSITIVE_INFINITY,
    answerEach: false,
    payload: () => Buffer.from(`ixwebsocket::heartbeat::${seconds}s`),
  };
}

function clientObject(entry: ClientEntry): WebsocketClient {
  const { ref, engine, callback, deflate, pingInterval } = entry;
  const { method, worker, window, process } = callback;
  const perMessageDeflate = { ...deflate };
  returned.set(perMessageDeflate, deflate);
  return {
    ref,
    url: engine.settings.url,
    pingInterval,
    isAutomaticReconnectionEnabled: engine.settings.reconnects,
    perMessageDeflateOptions: { ...deflate },
    enableAutomaticReconnection: engine.settings.reconnects,
    perMessageDeflate,
    method,
    worker,
    window,
    process,
  };
}

function serverObject({ ref, engine, callback }: ServerEntry): WebsocketServer {
  const { port, host, backlog, maxConnections } = engine.settings;
  const { method, worker, window, process } = callback;
  return { ref, port, host, backlog, maxConnections, method, worker, window, process };
}

/** Those whose numbers are in `clients`, in that order and as often as they are in it; without such a collection, all. */
function targetsOf({ clients }: Properties, entry: ServerEntry): ServerConnection[] {
  if (!Array.isArray(clients) && typeof clients !== 'number') return entry.engine.connections;
  return collection(clients, 'number').flatMap((number) => entry.clients.get(Math.trunc(number)) ?? []);
}

/** A text, or bytes where they were asked for; null for a text that is not UTF-8. */
function messageOf(options: Properties, data: Uint8Array): string | Uint8Array | null {
  // A copy: what was passed is its owner's again.
  if (options.binary === true) return Buffer.from(data);
  return isUtf8(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8') : null;
}

function freeWhenSettled<Entry extends EventSource & { readonly ref: number }>(
  table: IdTable<Entry>,
  entry: Entry,
): void {
  entry.onSettled = () => table.free(entry.ref);
  if (entry.queued === 0) entry.onSettled();
}

// ---- the commands ----

const surface: V1Surface = new V1Surface();

/** The queue that the callbacks are fed from: its limits, and who hears of errors and drops. */
export const events: PluginEvents = surface.events;

/** Websocket server: creates one. @returns its configuration, with its `ref` */
export function websocketServer(options?: WebsocketServerOptions | null): WebsocketServer {
  return surface.server(options);
}

/** Websocket client: creates one. @returns its configuration, with its `ref` */
export function websocketClient(options?: WebsocketClientOptions | null): WebsocketClient {
  return surface.client(options);
}

/** Websocket server start: listens. `method`, `worker`, `window` and `process` may be changed. */
export function websocketServerStart(
  server: { ref?: number } & WebsocketMethodOptions,
): Promise<WebsocketServerStatus> {
  return surface.serverStart(server);
}

/** Websocket client start: connects, with any option changed before. @param client `timeout` in seconds, default 20 */
export function websocketClientStart(
  client: { ref?: number; timeout?: number } & WebsocketClientOptions,
): Promise<WebsocketClientStatus> {
  return surface.clientStart(client);
}

/** Websocket server stop. @returns the configuration, when all connections are closed; `{}` for an unknown ref */
export function websocketServerStop(
  server: { ref?: number } & WebsocketMethodOptions,
): Promise<Partial<WebsocketServer>> {
  return surface.serverStop(server);
}

/** Websocket client stop. @returns the configuration, when it is closed; `{}` for an unknown ref */
export function websocketClientStop(
  client: { ref?: number } & WebsocketClientOptions,
): Promise<Partial<WebsocketClient>> {
  return surface.clientStop(client);
}

/**
 * Websocket server send: to all connections, or to those whose numbers are in `clients`, in its order.
 * @param data UTF-8, sent as a text message; with `binary: true` any bytes, sent as a binary one
 * @returns a status for each, at once
 */
export function websocketServerSend(
  server: { ref?: number; clients?: readonly number[] | null; binary?: boolean } & WebsocketMethodOptions,
  data: Uint8Array,
): WebsocketServerSendStatus[] {
  return surface.serverSend(server, data);
}

/** Websocket client send. @param data as of `websocketServerSend` @returns at once; `{}` for an unknown ref */
export function websocketClientSend(
  client: { ref?: number; binary?: boolean } & WebsocketClientOptions,
  data: Uint8Array,
): Partial<SendStatus> {
  return surface.clientSend(client, data);
}

/** Websocket server clear: stops and forgets it. @returns `{}`, when it is closed */
export function websocketServerClear(server: { ref?: number }): Promise<Record<string, never>> {
  return surface.serverClear(server);
}

/** Websocket client clear: stops and forgets it. @returns `{}`, when it is closed */
export function websocketClientClear(client: { ref?: number }): Promise<Record<string, never>> {
  return surface.clientClear(client);
}

/** Websocket server clients: the numbers of the connections, ascending. */
export function websocketServerClients(server: { ref?: number }): number[] {
  return surface.serverClients(server);
}

/** Websocket server messages: the events of this server that wait in the queue; they stay there. */
export function websocketServerMessages(server: { ref?: number }): WebsocketWaitingEvent[] {
  return surface.serverMessages(server);
}

/** Websocket client messages: the same of a client. */
export function websocketClientMessages(client: { ref?: number }): WebsocketWaitingEvent[] {
  return surface.clientMessages(client);
}

/** Stops and forgets all clients and servers; what waits in the queue is dropped. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
