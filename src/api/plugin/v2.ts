/**
 * The commands of the IX WebSocket plugin, version 2, as functions: one callback for all sockets, `id`s, `uri` targets. What
 * they do is engine-client.ts and engine-server.ts; here are the objects that go in and come out, see docs/plugin.md.
 */

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
  write,
} from './arguments.ts';
import {
  type ClientBase,
  type ClientSettings,
  ENGINE_COMPRESSION,
  EngineClient,
  type ReadyState,
} from './engine-client.ts';
import { type EngineEvent, type SendStatus, sendMessage } from './engine-events.ts';
import { EngineServer, type ServerConnection, type ServerSettings } from './engine-server.ts';
import { EventQueue, type EventSource, type PluginEvents } from './event-queue.ts';
import { fromHeaderObject } from './header-object.ts';
import { IdTable } from './ids.ts';
import { toCompactJson } from './json.ts';
import { resolveMethod } from './methods.ts';
import { clientTls, serverTls } from './tls.ts';

/** The first parameter of the callback. Only the first four ever come. */
export const WebsocketEventType = {
  Message: 0,
  Open: 1,
  Close: 2,
  Error: 3,
  Ping: 4,
  Pong: 5,
  Fragment: 6,
} as const;

export type WebsocketEventType = (typeof WebsocketEventType)[keyof typeof WebsocketEventType];

/** Of an event on a server: which connection it is about. */
export interface WebsocketIdentity {
  remoteIp?: string;
  remotePort?: number;
  /** The target of the request (path and query): several connections may have the same. */
  uri?: string;
  /** Ours: the connection's number on its server, never used twice. */
  client?: number;
}

/** With type 0. */
export interface WebsocketMessage extends WebsocketIdentity {
  binary: boolean;
  /** The text; of a binary message, its bytes read as UTF-8, which may lose some. */
  str: string;
  /** Payload bytes as they came over the wire. */
  wireSize: number;
  /** Ours: the bytes of a binary message. */
  bytes?: Buffer;
}

/** With type 1. */
export interface WebsocketOpen extends WebsocketIdentity {
  /** Of the response at a client, of the request at a server. */
  headers: Readonly<Record<string, string>>;
  uri: string;
}

/** With type 2. */
export interface WebsocketClose extends WebsocketIdentity {
  code: number;
  reason: string;
  /** Whether the peer began it. */
  remote: boolean;
}

/** With type 3: an attempt to connect again failed; or, right before a Close, a message could not be decompressed. */
export interface WebsocketError extends WebsocketIdentity {
  /** How many attempts have failed since the connection was lost. */
  retries: number;
  /** Milliseconds until the next one. */
  wait_time: number;
  http_status: number;
  reason: string;
  decompressionError: boolean;
}

export type WebsocketEvent = WebsocketMessage | WebsocketOpen | WebsocketClose | WebsocketError;

/**
 * The callback. Which event it gets follows from the type; with `messageAs: 'json'` it is a text. A parameter may be declared as
 * one of these: `(type, id, event: WebsocketMessage) => …`.
 */
export type WebsocketMethod = {
  // A method, whose parameters may be narrower than what is said here.
  call(type: WebsocketEventType, id: number, message: WebsocketEvent | string): unknown;
}['call'];

/** What `websocketSetMethod` takes beside the method. */
export interface SetMethodOptions {
  /** The callback's third parameter: an object, or the compact JSON text of the original. @default 'object' */
  readonly messageAs?: 'object' | 'json';
}

/** Where certificates come from; paths of PEM files. */
export interface WebsocketTlsOptions {
  certFile?: string;
  keyFile?: string;
  /** "SYSTEM", "NONE", PEM text, or a path. @default "SYSTEM" for a client, "NONE" for a server */
  caFile?: string;
  /** An OpenSSL cipher list. @default Node's */
  ciphers?: string;
  /** A server's switch; the other four count only where it stands beside them. A client's URL decides. */
  tls?: boolean;
}

/** What `websocketClient` takes; times of the original are in the unit of the original. */
export interface WebsocketClientOptions extends WebsocketTlsOptions {
  /** Asks for information instead of creating a client. Written by the command. */
  id?: number;
  /** ws: or wss: */
  URL?: string;
  headers?: Readonly<Record<string, string>>;
  /** Seconds between pings; 0 or less: none. @default -1 */
  pingInterval?: number;
  /** @default true */
  enableAutomaticReconnection?: boolean;
  /** Milliseconds. @default 10000 */
  maxWaitBetweenReconnectionRetries?: number;
  /** Ours: milliseconds. @default 1 */
  minWaitBetweenReconnectionRetries?: number;
  /** Without effect: RFC 6455 §5.5.2 has every ping answered. */
  enablePong?: boolean;
  /** @default false */
  enablePerMessageDeflate?: boolean;
  /** Ours: milliseconds that a peer may take to answer a Close frame. @default 5000 */
  closeTimeout?: number;
  /** Ours: bytes of a received message; 1009 beyond. @default 16777216 */
  maxMessageSize?: number;
  /** Ours: the process may end while the client is there. @default false */
  unref?: boolean;
}

/** Information about a client; all absent for an unknown id. */
export interface WebsocketClientInfo {
  readyState?: ReadyState;
  URL?: string;
  perMessageDeflateOptionsEnabled?: boolean;
  pingInterval?: number;
  /** Bytes that have not left, with the headers of frames. */
  bufferedAmount?: number;
  automaticReconnectionEnabled?: boolean;
  maxWaitBetweenReconnectionRetries?: number;
  /** Ours: what was wrong with the code of `websocketClientStop`. */
  errorStr?: string;
}

export interface WebsocketClientStart extends WebsocketClientOptions {
  /** Seconds for the opening handshake. @default 30; 60 for later attempts */
  timeout?: number;
}

export interface WebsocketClientStatus {
  success: boolean;
  /** Absent for an unknown id. */
  http_status?: number;
  uri?: string;
  headers?: Record<string, string>;
  /** Where it failed. */
  errorStr?: string;
}

export interface WebsocketClientStop {
  id?: number;
  /** @default 1000 */
  code?: number;
  /** @default 'Normal closure' */
  reason?: string;
}

/** What `websocketServer` takes. */
export interface WebsocketServerOptions extends WebsocketTlsOptions {
  /** Asks for information instead of creating a server. Written by the command. */
  id?: number;
  /** 0: any free one, see the status of `websocketServerStart`. @default 8080 */
  port?: number;
  /** @default '127.0.0.1' */
  host?: string;
  /** @default 5 */
  backlog?: number;
  /** @default 128 */
  maxConnections?: number;
  /** @default 3 */
  handshakeTimeoutSecs?: number;
  /** 2 or 4, or "IPv4"; 6, 10, 23 or 30, or "IPv6". @default 2 */
  addressFamily?: number | 'IPv4' | 'IPv6';
  /** Without effect: RFC 6455 §5.5.2 has every ping answered. */
  enablePong?: boolean;
  /** @default true: accepted where a client offers it */
  enablePerMessageDeflate?: boolean;
  /** Ours: which pages in browsers may connect. @default 'any' */
  origins?: OriginPolicy;
  /** Ours, as of a client. @default 5000 */
  closeTimeout?: number;
  /** Ours, as of a client. @default 1048576 */
  maxMessageSize?: number;
  /** Ours: the process may end while the server is there. @default false */
  unref?: boolean;
}

/** Ours: one connection of a server. */
export interface WebsocketServerConnection {
  client: number;
  uri: string;
  remoteIp: string;
  remotePort: number;
  bufferedAmount: number;
}

/** Information about a server; all absent for an unknown id. */
export interface WebsocketServerInfo {
  /** The `uri` of each connection. */
  clients?: string[];
  /** Ours: the same, told apart. */
  connections?: WebsocketServerConnection[];
}

export interface WebsocketServerStatus {
  success: boolean;
  errorStr?: string;
  /** The name that the original used. @deprecated `errorStr` */
  errStr?: string;
  /** Ours: what it is bound to. */
  port?: number;
  host?: string;
}

export interface WebsocketServerSend {
  id?: number;
  /** Bytes go out as a binary message, which the original had not. */
  message?: string | Uint8Array;
  /** To whom: all connections with one of these targets. @default all */
  uri?: string | readonly string[] | null;
  /** Ours: to whom, by number. */
  client?: number | readonly number[];
}

export interface WebsocketServerSendStatus extends SendStatus {
  uri: string;
  /** Ours. */
  client: number;
}

interface V2Event {
  readonly source: EventSource;
  readonly size: number;
  readonly id: number;
  readonly body: EngineEvent;
  readonly connection: ServerConnection | null;
}

interface ClientEntry extends EventSource {
  readonly id: number;
  readonly engine: EngineClient;
  /** Seconds, as it was given: information shows 0 and less, which both mean no pings, as they are. */
  pingInterval: number;
  /** Pings so far, over all connections. */
  pings: number;
}

interface ServerEntry extends EventSource {
  readonly id: number;
  readonly engine: EngineServer;
  lastClient: number;
}

/** For tests: what a surface stands on. */
export type SurfaceBase = ClientBase;

/** The commands over one set of sockets, with one queue; the functions below are those of the one that programs use. */
export class V2Surface {
  readonly events: EventQueue<V2Event>;
  readonly #base: SurfaceBase;
  readonly #clients = new IdTable<ClientEntry>(1);
  readonly #servers = new IdTable<ServerEntry>(-1);
  #method: string | WebsocketMethod = '';
  #asJson = false;

  constructor(base: SurfaceBase = {}) {
    this.#base = base;
    this.events = new EventQueue<V2Event>((event) => this.#deliver(event), true);
  }

  setMethod(method: string | WebsocketMethod, options: SetMethodOptions = {}): void {
    this.#method = typeof method === 'function' || typeof method === 'string' ? method : '';
    this.#asJson = isObject(options) && options.messageAs === 'json';
    this.events.release();
  }

  getMethod(): string | WebsocketMethod {
    return this.#method;
  }

  #deliver({ id, body, connection }: V2Event): unknown {
    const method = resolveMethod(this.#method) as WebsocketMethod | undefined;
    if (method === undefined) return undefined;
    const type = eventTypes[body.type];
    const event = this.#asJson
      ? toCompactJson({ ...eventOf(body), ...(type === 3 ? null : identityOf(connection)) })
      : { ...eventOf(body), ...identityOf(connection), ...additionsOf(body, connection) };
    return method(type, id, event);
  }

  #push(entry: ClientEntry | ServerEntry, body: EngineEvent, connection: ServerConnection | null): void {
    if (eventTypes[body.type] > WebsocketEventType.Error) return;
    const size = 'text' in body ? body.text.length + (body.bytes?.length ?? 0) : 0;
    this.events.push({ source: entry, size, id: entry.id, body, connection });
  }

  // ---- clients ----

  client(options: unknown): WebsocketClientInfo & { id?: number } {
    if (!isObject(options)) return {};
    if (has(options, 'id')) return clientInfo(this.#find(this.#clients, options));
    const settings: ClientSettings = {
      url: '',
      headers: [],
      pings: null,
      reconnects: true,
      maxWait: 10_000,
      minWait: 1,
      compression: false,
      tls: null,
      redirects: 5,
      closeTimeout: 5_000,
      maxMessageSize: null,
      unref: flag(options, 'unref', false),
    };
    const entry = this.#clients.add((id) => {
      const made: ClientEntry = {
        id,
        engine: new EngineClient(settings, (event) => this.#push(made, event, null), this.#base),
        pingInterval: -1,
        pings: 0,
        queued: 0,
        onSettled: () => {},
      };
      return made;
    });
    applyToClient(options, entry);
    write(options, 'id', entry.id);
    return { id: entry.id };
  }

  async clientStart(socket: unknown): Promise<WebsocketClientStatus> {
    const entry = this.#find(this.#clients, socket);
    if (entry === undefined || !isObject(socket)) return { success: false, errorStr: 'unknown id' };
    applyToClient(socket, entry);
    const timeout = integer(socket, 'timeout', 0);
    const { errorStr, ...status } = await entry.engine.start(timeout > 0 ? timeout : null, 30);
    return status.success ? status : { ...status, errorStr };
  }

  async clientStop(socket: unknown): Promise<WebsocketClientInfo> {
    const entry = this.#find(this.#clients, socket);
    if (entry === undefined || !isObject(socket)) return {};
    const { code, reason } = closeOf(socket);
    const errorStr = await entry.engine.stop(code, reason);
    return { ...clientInfo(entry), ...(errorStr === '' ? null : { errorStr }) };
  }

  clientSend(socket: unknown): { success: boolean } & Partial<SendStatus> {
    const entry = this.#find(this.#clients, socket);
    const message = messageOf(socket);
    if (entry === undefined || message === null) return { success: false };
    return entry.engine.send(message);
  }

  async clientClear(socket: unknown): Promise<{ success: boolean }> {
    const entry = this.#find(this.#clients, socket);
    if (entry === undefined) return { success: false };
    this.#clients.remove(entry.id);
    await entry.engine.stop();
    this.#freeWhenSettled(this.#clients, entry);
    return { success: true };
  }

  // ---- servers ----

  server(options: unknown): WebsocketServerInfo & { id?: number } {
    if (!isObject(options)) return {};
    if (has(options, 'id')) return serverInfo(this.#find(this.#servers, options));
    const settings: ServerSettings = {
      port: integer(options, 'port', 8080),
      host: text(options, 'host', ''),
      backlog: integer(options, 'backlog', 5),
      maxConnections: integer(options, 'maxConnections', 128),
      handshakeTimeout: integer(options, 'handshakeTimeoutSecs', 3),
      addressFamily: has(options, 'addressFamily') ? options.addressFamily : 2,
      compresses: true,
      tls: null,
      origins: 'any',
      closeTimeout: 5_000,
      maxMessageSize: null,
      unref: flag(options, 'unref', false),
    };
    applyToServer(options, settings);
    const entry = this.#servers.add((id) => {
      const made: ServerEntry = {
        id,
        engine: new EngineServer(settings, {
          opened: (connection) => {
            connection.data.client = ++made.lastClient;
          },
          emit: (connection, event) => this.#push(made, event, connection),
          closed: () => {},
        }),
        lastClient: 0,
        queued: 0,
        onSettled: () => {},
      };
      return made;
    });
    write(options, 'id', entry.id);
    return { id: entry.id };
  }

  async serverStart(socket: unknown): Promise<WebsocketServerStatus> {
    const entry = this.#find(this.#servers, socket);
    if (entry === undefined || !isObject(socket)) return notStarted('unknown id');
    applyToServer(socket, entry.engine.settings);
    const status = await entry.engine.start();
    return status.success ? status : notStarted(status.errorStr);
  }

  async serverStop(socket: unknown): Promise<WebsocketServerInfo> {
    const entry = this.#find(this.#servers, socket);
    await entry?.engine.stop();
    return serverInfo(entry);
  }

  serverSend(socket: unknown): { statuses: WebsocketServerSendStatus[] } {
    const entry = this.#find(this.#servers, socket);
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
    const entry = this.#find(this.#servers, socket);
    if (entry === undefined) return { success: false };
    this.#servers.remove(entry.id);
    await entry.engine.stop();
    this.#freeWhenSettled(this.#servers, entry);
    return { success: true };
  }

  // ---- all of them ----

  /** What the original did when the application ended. */
  async clearAll(): Promise<void> {
    this.#method = '';
    this.events.reset();
    await Promise.all([
      ...this.#clients.values().map(({ id }) => this.clientClear({ id })),
      ...this.#servers.values().map(({ id }) => this.serverClear({ id })),
    ]);
    this.events.reset();
  }

  #find<Entry>(table: IdTable<Entry>, socket: unknown): Entry | undefined {
    return isObject(socket) ? table.get(integer(socket, 'id', 0)) : undefined;
  }

  #freeWhenSettled<Entry extends ClientEntry | ServerEntry>(table: IdTable<Entry>, entry: Entry): void {
    entry.onSettled = () => table.free(entry.id);
    if (entry.queued === 0) entry.onSettled();
  }
}

const eventTypes: Readonly<Record<EngineEvent['type'], WebsocketEventType>> = {
  message: WebsocketEventType.Message,
  open: WebsocketEventType.Open,
  close: WebsocketEventType.Close,
  error: WebsocketEventType.Error,
  ping: WebsocketEventType.Ping,
  pong: WebsocketEventType.Pong,
  fragment: WebsocketEventType.Fragment,
};

/** What the original tells of an event. */
function eventOf(body: EngineEvent): WebsocketEvent {
  switch (body.type) {
    case 'open':
      return { headers: body.headers, uri: body.uri };
    case 'close':
      return { code: body.code, reason: body.reason, remote: body.remote };
    case 'error': {
      const { type, ...error } = body;
      return error;
    }
    default:
      return { binary: body.binary, str: body.text, wireSize: body.wireSize };
  }
}

function identityOf(connection: ServerConnection | null): WebsocketIdentity {
  if (connection === null) return {};
  const { remoteAddress = '', remotePort = 0, url } = connection;
  return { remoteIp: remoteAddress, remotePort, uri: url };
}

/** What the original does not tell. */
function additionsOf(body: EngineEvent, connection: ServerConnection | null): object {
  return {
    ...(connection === null ? null : { client: connection.data.client }),
    ...('bytes' in body && body.bytes !== null ? { bytes: body.bytes } : null),
  };
}

function applyToClient(options: Properties, entry: ClientEntry): void {
  const { settings } = entry.engine;
  settings.url = text(options, 'URL', settings.url);
  if (isPlainObject(options.headers)) settings.headers = fromHeaderObject(options.headers);
  if (has(options, 'pingInterval')) {
    entry.pingInterval = integer(options, 'pingInterval', -1);
    settings.pings = entry.pingInterval > 0 ? heartbeat(entry) : null;
  }
  settings.reconnects = flag(options, 'enableAutomaticReconnection', settings.reconnects);
  settings.maxWait = integer(options, 'maxWaitBetweenReconnectionRetries', settings.maxWait);
  settings.minWait = integer(options, 'minWaitBetweenReconnectionRetries', settings.minWait);
  if (has(options, 'enablePerMessageDeflate')) {
    settings.compression = flag(options, 'enablePerMessageDeflate', false) && ENGINE_COMPRESSION;
  }
  settings.tls = clientTls(options) ?? settings.tls;
  applyLimits(options, settings);
}

function applyToServer(options: Properties, settings: ServerSettings): void {
  settings.compresses = flag(options, 'enablePerMessageDeflate', settings.compresses);
  settings.tls = serverTls(options) ?? settings.tls;
  if (has(options, 'origins')) settings.origins = options.origins as OriginPolicy;
  applyLimits(options, settings);
}

/** What both have beyond the original. */
function applyLimits(options: Properties, settings: ClientSettings | ServerSettings): void {
  // None at all would be refused below, at a time when nobody could be told.
  settings.closeTimeout = Math.max(1, integer(options, 'closeTimeout', settings.closeTimeout));
  if (has(options, 'maxMessageSize')) settings.maxMessageSize = integer(options, 'maxMessageSize', 0);
}

/** A ping at once and then every so many seconds; one that is not answered before the next ends the connection. */
function heartbeat(entry: ClientEntry): NonNullable<ClientSettings['pings']> {
  const seconds = entry.pingInterval;
  return {
    first: 0,
    interval: seconds * 1_000,
    payload: () => Buffer.from(`ixwebsocket::heartbeat::${seconds}s::${entry.pings++}`),
  };
}

function clientInfo(entry: ClientEntry | undefined): WebsocketClientInfo {
  if (entry === undefined) return {};
  const { settings, readyState, bufferedAmount } = entry.engine;
  return {
    readyState,
    URL: settings.url,
    perMessageDeflateOptionsEnabled: settings.compression !== false,
    pingInterval: entry.pingInterval,
    bufferedAmount,
    automaticReconnectionEnabled: settings.reconnects,
    maxWaitBetweenReconnectionRetries: settings.maxWait,
  };
}

function serverInfo(entry: ServerEntry | undefined): WebsocketServerInfo {
  if (entry === undefined) return {};
  const { connections } = entry.engine;
  return {
    clients: connections.map(({ url }) => url),
    connections: connections.map((connection) => ({
      client: connection.data.client,
      uri: connection.url,
      remoteIp: connection.remoteAddress ?? '',
      remotePort: connection.remotePort ?? 0,
      bufferedAmount: connection.bufferedAmount,
    })),
  };
}

function notStarted(errorStr: string): WebsocketServerStatus {
  return { success: false, errorStr, errStr: errorStr };
}

function closeOf(socket: Properties): { code: number; reason: string | undefined } {
  const { code, reason } = socket;
  return {
    code: code === undefined ? 1000 : typeof code === 'number' ? code : 0,
    reason: typeof reason === 'string' ? reason : undefined,
  };
}

function messageOf(socket: unknown): string | Uint8Array | null {
  if (!isObject(socket)) return null;
  const { message } = socket;
  if (typeof message === 'string') return message;
  // A copy: what was passed is its owner's again.
  return message instanceof Uint8Array ? Buffer.from(message) : null;
}

/** All connections, unless targets are named: exactly, in upper and lower case. */
function targetsOf(socket: Properties): (connection: ServerConnection) => boolean {
  // An empty text stands for nobody in particular; in a collection it is a target that nobody has.
  const uris = new Set(socket.uri === '' ? [] : collection(socket.uri, 'string'));
  const byNumber = has(socket, 'client');
  const clients = new Set(byNumber ? collection(socket.client, 'number') : []);
  if (uris.size === 0 && !byNumber) return () => true;
  return ({ url, data }) => uris.has(url) || clients.has(data.client);
}

// ---- the commands ----

const surface: V2Surface = new V2Surface();

/** The queue that the callback is fed from: its limits, and who hears of errors and drops. */
export const events: PluginEvents = surface.events;

/**
 * Websocket SET METHOD: the one callback for all clients and servers, called with `(type, id, message)`.
 * @param method a function; or a name, which `methods` is asked for at each event; '' drops events
 */
export function websocketSetMethod(method: string | WebsocketMethod, options?: SetMethodOptions): void {
  surface.setMethod(method, options);
}

/** Websocket Get method: what was set, '' where nothing was. */
export function websocketGetMethod(): string | WebsocketMethod {
  return surface.getMethod();
}

/**
 * Websocket client: creates one, and writes its `id` into the options; with an `id` in the options, information about it.
 * @returns `{ id }`, information, or `{}` for anything but an object and for an unknown id
 */
export function websocketClient(
  options?: WebsocketClientOptions | null,
): WebsocketClientInfo & { id?: number } {
  return surface.client(options);
}

/** Websocket client start: connects, with any option changed before. Resolves when the opening handshake has ended. */
export function websocketClientStart(socket: WebsocketClientStart): Promise<WebsocketClientStatus> {
  return surface.clientStart(socket);
}

/** Websocket client stop: closes, or gives up connecting. Resolves with information when it is closed. */
export function websocketClientStop(socket: WebsocketClientStop): Promise<WebsocketClientInfo> {
  return surface.clientStop(socket);
}

/** Websocket client send. @returns at once; `success` means that the local stack took it */
export function websocketClientSend(socket: {
  id?: number;
  message?: string | Uint8Array;
}): { success: boolean } & Partial<SendStatus> {
  return surface.clientSend(socket);
}

/** Websocket client clear: stops and forgets it. Resolves when it is closed. */
export function websocketClientClear(socket: { id?: number }): Promise<{ success: boolean }> {
  return surface.clientClear(socket);
}

/** Websocket server: as `websocketClient`. */
export function websocketServer(
  options?: WebsocketServerOptions | null,
): WebsocketServerInfo & { id?: number } {
  return surface.server(options);
}

/** Websocket server start: listens, with any option changed before that may change. */
export function websocketServerStart(socket: WebsocketServerOptions): Promise<WebsocketServerStatus> {
  return surface.serverStart(socket);
}

/** Websocket server stop: closes all connections with 1000, then the port. Resolves with information. */
export function websocketServerStop(socket: { id?: number }): Promise<WebsocketServerInfo> {
  return surface.serverStop(socket);
}

/** Websocket server send: to all connections, or to those with one of the targets. @returns a status for each, at once */
export function websocketServerSend(socket: WebsocketServerSend): { statuses: WebsocketServerSendStatus[] } {
  return surface.serverSend(socket);
}

/** Websocket server clear: stops and forgets it. */
export function websocketServerClear(socket: { id?: number }): Promise<{ success: boolean }> {
  return surface.serverClear(socket);
}

/** Stops and forgets all clients and servers, and the method; what waits in the queue is dropped. */
export function clearAll(): Promise<void> {
  return surface.clearAll();
}
