/**
 * Converts the events, options, clients and servers of version 2 of the plugin. Events become the objects that the callback receives.
 * Options become settings. Clients and servers become the information that commands return. v2.ts has the commands.
 */

import {
  collection,
  flag,
  has,
  integer,
  isObject,
  isPlainObject,
  type Properties,
  toSendable,
} from './arguments.ts';
import { type ClientSettings, ENGINE_COMPRESSION } from './engine-client.ts';
import type { EngineEvent } from './engine-events.ts';
import type { ServerConnection, ServerSettings } from './engine-server.ts';
import { fromHeaderObject } from './header-object.ts';
import type { ClientEntry, ServerEntry } from './surface.ts';
import { clientTls, serverTls } from './tls.ts';
import {
  type WebsocketClientInfo,
  type WebsocketEvent,
  WebsocketEventType,
  type WebsocketIdentity,
  type WebsocketServerInfo,
  type WebsocketServerStatus,
} from './v2-types.ts';
import { applyClientSettings, applyServerSettings, versions } from './versions.ts';

export interface V2Client extends ClientEntry {
  /** Seconds between pings. With 0 or less, no pings are sent. `clientInfo` returns this value. */
  pingInterval: number;
  /** The number of pings that the client has sent so far, on all its connections. */
  pings: number;
}

export interface V2Server extends ServerEntry {
  lastClient: number;
}

export const eventTypes: Readonly<Record<EngineEvent['type'], WebsocketEventType>> = {
  message: WebsocketEventType.Message,
  open: WebsocketEventType.Open,
  close: WebsocketEventType.Close,
  error: WebsocketEventType.Error,
  ping: WebsocketEventType.Ping,
  pong: WebsocketEventType.Pong,
  fragment: WebsocketEventType.Fragment,
};

/** Returns the properties that an event has in the original. */
export function eventOf(body: EngineEvent): WebsocketEvent {
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

export function identityOf(connection: ServerConnection | null): WebsocketIdentity {
  if (connection === null) return {};
  const { remoteAddress = '', remotePort = 0, url } = connection;
  return { remoteIp: remoteAddress, remotePort, uri: url };
}

/** Returns the properties that this library adds to an event of the original plugin. */
export function additionsOf(body: EngineEvent, connection: ServerConnection | null): object {
  return {
    ...(connection === null ? null : { client: connection.data.client }),
    ...('bytes' in body && body.bytes !== null ? { bytes: body.bytes } : null),
  };
}

export function applyToClient(options: Properties, entry: V2Client): void {
  const { settings } = entry.engine;
  applyClientSettings(versions.v2, options, settings);
  if (isPlainObject(options.headers)) {
    settings.headers = fromHeaderObject(options.headers);
    settings.headersProblem = '';
  }
  if (has(options, 'pingInterval')) {
    entry.pingInterval = integer(options, 'pingInterval', -1);
    settings.pings = entry.pingInterval > 0 ? heartbeat(entry) : null;
  }
  settings.maxWait = integer(options, 'maxWaitBetweenReconnectionRetries', settings.maxWait);
  settings.minWait = integer(options, 'minWaitBetweenReconnectionRetries', settings.minWait);
  if (has(options, 'enablePerMessageDeflate')) {
    settings.compression = flag(options, 'enablePerMessageDeflate', false) && ENGINE_COMPRESSION;
  }
  settings.tls = clientTls(options) ?? settings.tls;
}

export function applyToServer(options: Properties, settings: ServerSettings): void {
  settings.compresses = flag(options, 'enablePerMessageDeflate', settings.compresses);
  settings.tls = serverTls(options) ?? settings.tls;
  applyServerSettings(options, settings);
}

/**
 * Returns the settings of the pings. The client sends the first ping when the connection opens, and then one in each interval. If a ping
 * has no answer when the next ping is due, the client ends the connection.
 */
function heartbeat(entry: V2Client): NonNullable<ClientSettings['pings']> {
  const seconds = entry.pingInterval;
  return {
    first: 0,
    interval: seconds * 1_000,
    payload: () => Buffer.from(`ixwebsocket::heartbeat::${seconds}s::${entry.pings++}`),
  };
}

export function clientInfo(entry: V2Client | undefined): WebsocketClientInfo {
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

export function serverInfo(entry: V2Server | undefined): WebsocketServerInfo {
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

export function notStarted(errorStr: string): WebsocketServerStatus {
  return { success: false, errorStr, errStr: errorStr };
}

export function closeOf(socket: Properties): { code: number; reason: string | undefined } {
  const { code, reason } = socket;
  return {
    code: code === undefined ? 1000 : typeof code === 'number' ? code : 0,
    reason: typeof reason === 'string' ? reason : undefined,
  };
}

export function messageOf(socket: unknown): string | Uint8Array | null {
  const message = isObject(socket) ? toSendable(socket.message) : null;
  // The bytes are copied, because the caller might change the bytes after the call.
  return message instanceof Uint8Array ? Buffer.from(message) : message;
}

/**
 * Returns a function that returns true if a connection receives the message. Without `uri` and `client`, every connection receives the
 * message. Upper and lower case matter in a URI.
 */
export function targetsOf(socket: Properties): (connection: ServerConnection) => boolean {
  // An empty text as `uri` is ignored. An empty text in a collection matches no connection.
  const uris = new Set(socket.uri === '' ? [] : collection(socket.uri, 'string'));
  const byNumber = has(socket, 'client');
  const clients = new Set(byNumber ? collection(socket.client, 'number') : []);
  if (uris.size === 0 && !byNumber) return () => true;
  return ({ url, data }) => uris.has(url) || clients.has(data.client);
}
