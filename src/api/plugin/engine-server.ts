/**
 * Implements a server that behaves like a server of IXWebSocket, the WebSocket library inside the original plugins. The error texts and
 * limits are the same as in IXWebSocket. A program can start and stop the server many times. api/server.ts handles listening, handshakes
 * and connections. v1.ts and v2.ts have the commands.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import type { Connection } from '../connection.ts';
import { WebSocketServer } from '../server.ts';
import { reject } from '../upgrade-answer.ts';
import { ENGINE_COMPRESSION } from './engine-client.ts';
import { type ConnectionData, Ending, type EngineEvent, engineHandlers } from './engine-events.ts';
import { ADDRESS_FAMILY, closeReason, listenErrorText, NORMAL_CLOSURE } from './engine-texts.ts';
import { EventFlow } from './event-flow.ts';
import { toHeaderObject } from './header-object.ts';
import { serverMaterial, type TlsSettings } from './tls.ts';

export interface ServerSettings {
  /** The error text for an invalid option; '' if all options are valid. If there is an error text, `start` fails and returns it. */
  problem: string;
  port: number;
  host: string;
  backlog: number;
  maxConnections: number;
  /** A number of seconds. */
  handshakeTimeout: number;
  /** The address family, as a text or a number that `familyOf` accepts. */
  addressFamily: unknown;
  compresses: boolean;
  tls: TlsSettings | null;
  origins: OriginPolicy;
  /** A number of milliseconds. */
  closeTimeout: number;
  /** A number of bytes. Null means the default of a server. */
  maxMessageSize: number | null;
  unref: boolean;
}

/** The data that the plugin keeps with a connection. */
export interface ServerData extends ConnectionData {
  readonly headers: Readonly<Record<string, string>>;
  /** The number of the connection, which v1.ts or v2.ts assigns. */
  client: number;
}

export type ServerConnection = Connection<ServerData>;

export type ListenStatus =
  | { readonly success: true; readonly port: number; readonly host: string }
  | { readonly success: false; readonly errorStr: string };

/** The functions that an `EngineServer` calls. surface.ts implements these functions. */
export interface ServerEvents {
  /** Is called when a connection is open, before `emit` is called for this connection. */
  opened(connection: ServerConnection): void;
  emit(connection: ServerConnection, event: EngineEvent): void;
  /** Is called after the Close event. */
  closed(connection: ServerConnection): void;
  /** Returns true if too many events wait. The server then refuses new connections. */
  isFull(): boolean;
}

export class EngineServer {
  readonly settings: ServerSettings;
  readonly #events: ServerEvents;
  #server: WebSocketServer<ServerData> | null = null;
  #starting: Promise<ListenStatus> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(settings: ServerSettings, events: ServerEvents) {
    this.settings = settings;
    this.#events = events;
  }

  /** True while the server is starting, is listening or is stopping. */
  get isStarted(): boolean {
    return this.#starting !== null || this.#server !== null || this.#stopping !== null;
  }

  /** The open connections, in the order in which they were opened. */
  get connections(): ServerConnection[] {
    if (this.#server === null) return [];
    return [...this.#server.connections].filter((connection) => connection.state === 'open');
  }

  start(): Promise<ListenStatus> {
    if (this.isStarted) {
      return Promise.resolve({ success: false, errorStr: 'already started' });
    }
    const { problem } = this.settings;
    if (problem !== '') return Promise.resolve({ success: false, errorStr: problem });
    this.#starting = this.#listen().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #listen(): Promise<ListenStatus> {
    const { settings } = this;
    const family = familyOf(settings.addressFamily);
    if (family === null) return { success: false, errorStr: ADDRESS_FAMILY };
    const host = settings.host === '' ? (family === 4 ? '127.0.0.1' : '::1') : settings.host;
    try {
      const { tls } = settings;
      const server = this.#make();
      const listening = await server.listen({
        port: settings.port,
        host,
        family,
        backlog: settings.backlog,
        unref: settings.unref,
        tls: tls?.enabled ? await serverMaterial(tls) : undefined,
      });
      this.#server = server;
      return { success: true, port: listening.port, host: listening.address };
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      return { success: false, errorStr: listenErrorText(error, `${host}:${settings.port}`) };
    }
  }

  #make(): WebSocketServer<ServerData> {
    const { settings } = this;
    const handlers = engineHandlers<ServerData>((connection, event) => this.#events.emit(connection, event));
    return new WebSocketServer<ServerData>(
      {
        ...handlers,
        upgrade: (request) => {
          if (this.#events.isFull())
            return reject(503, 'Too many events are waiting\n', ['Retry-After', '1']);
          const headers = toHeaderObject(request.headers);
          return { data: { ending: new Ending(), flow: null, headers, client: 0 } };
        },
        open: (connection) => {
          connection.data.flow = new EventFlow(connection);
          if (settings.unref) connection.unref();
          this.#events.opened(connection);
          const { url: uri, data } = connection;
          this.#events.emit(connection, { type: 'open', uri, headers: data.headers });
        },
        close: (connection, code, reason, wasClean, info) => {
          void handlers.close?.(connection, code, reason, wasClean, info);
          this.#events.closed(connection);
        },
      },
      {
        origins: settings.origins,
        maxConnections: settings.maxConnections,
        handshakeTimeout: settings.handshakeTimeout * 1_000,
        closeTimeout: settings.closeTimeout,
        closeReason,
        heartbeat: { interval: Number.POSITIVE_INFINITY },
        compression: settings.compresses ? ENGINE_COMPRESSION : false,
        maxMessageSize: settings.maxMessageSize ?? undefined,
      },
    );
  }

  /** Closes every connection with 1000. Resolves when all connections are closed. */
  stop(): Promise<void> {
    this.#stopping ??= this.#end().finally(() => {
      this.#stopping = null;
    });
    return this.#stopping;
  }

  async #end(): Promise<void> {
    await this.#starting;
    const server = this.#server;
    if (server === null) return;
    await server.shutdown({ code: 1000, reason: NORMAL_CLOSURE, grace: this.settings.closeTimeout });
    this.#server = null;
  }
}

/**
 * Returns the IP version of an address family, or null for an invalid value. 2 and 4 mean IPv4. 6, 10, 23 and 30 mean IPv6. The last three
 * are the values of AF_INET6 on Linux, Windows and macOS.
 */
function familyOf(value: unknown): 4 | 6 | null {
  switch (value) {
    case 2:
    case 4:
    case 'IPv4':
      return 4;
    case 6:
    case 10:
    case 23:
    case 30:
    case 'IPv6':
      return 6;
    default:
      return null;
  }
}
