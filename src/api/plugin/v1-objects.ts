/**
 * Converts the events, options, clients and servers of version 1 of the plugin. Events become the contexts that a callback receives.
 * Options become settings. Clients and servers become the objects that commands return. v1.ts has the commands.
 */

import { isUtf8 } from 'node:buffer';
import { collection, flag, has, integer, isPlainObject, type Properties, text } from './arguments.ts';
import { type ClientSettings, ENGINE_COMPRESSION } from './engine-client.ts';
import type { EngineEvent } from './engine-events.ts';
import type { ServerConnection } from './engine-server.ts';
import type { ClientEntry, ServerEntry } from './surface.ts';
import type {
  WebsocketClient,
  WebsocketContext,
  WebsocketDeflateOptions,
  WebsocketMethod,
  WebsocketOpenContext,
  WebsocketServer,
} from './v1-types.ts';
import { applyClientSettings, versions } from './versions.ts';

/**
 * The callback of a client or server, and the options for its arguments. An event keeps the values that were set when the event was made.
 */
export interface Callback {
  method: string | WebsocketMethod;
  worker: string;
  window: number;
  process: number;
  asJson: boolean;
}

export interface V1Client extends ClientEntry {
  callback: Callback;
  deflate: Required<WebsocketDeflateOptions>;
  /** A number of seconds. */
  pingInterval: number;
  pingTimeout: number;
  strictUtf8: boolean;
  /** The options that `clientObject` returns only if the program has set them. */
  given: Pick<WebsocketClient, 'pingTimeout' | 'enablePong' | 'disablePerMessageDeflate'>;
}

export interface V1Server extends ServerEntry {
  /** The connections by their numbers: 1, 2, … A new connection gets the smallest free number. */
  readonly clients: Map<number, ServerConnection>;
  callback: Callback;
  strictUtf8: boolean;
}

export function contextOf(body: EngineEvent): WebsocketContext {
  switch (body.type) {
    case 'open':
      // If a header field has the name `uri`, the path and query replace its value.
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

/** Returns the properties that the event has in the original plugin: all properties except `bytes`, which this library adds. */
export function jsonOf(body: EngineEvent): Readonly<Record<string, unknown>> {
  const { bytes, ...context } = contextOf(body) as Record<string, unknown>;
  return body.type === 'open' ? (contextOf(body) as Record<string, unknown>) : context;
}

export function noCallback(): Callback {
  return { method: '', worker: '', window: 0, process: 0, asJson: false };
}

/** Applies the options of the callback. The new values are in a new object, because waiting events keep the old object. */
export function applyCallback(options: Properties, entry: { callback: Callback }): void {
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

export function applyToClient(options: Properties, entry: V1Client): void {
  applyCallback(options, entry);
  const { settings } = entry.engine;
  applyClientSettings(versions.v1, options, settings);
  if (has(options, 'pingInterval') || has(options, 'pingTimeout')) {
    entry.pingInterval = integer(options, 'pingInterval', entry.pingInterval);
    entry.pingTimeout = integer(options, 'pingTimeout', entry.pingTimeout);
    settings.pings = entry.pingInterval > 0 ? heartbeat(entry.pingInterval, entry.pingTimeout) : null;
  }
  entry.strictUtf8 = flag(options, 'strictUtf8', entry.strictUtf8);
  entry.given = {
    ...entry.given,
    ...(has(options, 'pingTimeout') ? { pingTimeout: entry.pingTimeout } : null),
    ...(has(options, 'enablePong') ? { enablePong: flag(options, 'enablePong', true) } : null),
    ...(has(options, 'disablePerMessageDeflate')
      ? { disablePerMessageDeflate: flag(options, 'disablePerMessageDeflate', false) }
      : null),
  };
  const { perMessageDeflate } = options;
  const chosen = isPlainObject(perMessageDeflate) && !isEcho(perMessageDeflate) ? perMessageDeflate : null;
  if (chosen === null && !has(options, 'disablePerMessageDeflate')) return;
  entry.deflate = chosen === null ? noDeflate() : deflateOf(chosen);
  const { enabled, ...parameters } = entry.deflate;
  settings.compression = enabled && { ...parameters, ...ENGINE_COMPRESSION };
}

/**
 * Each key is a `perMessageDeflate` object that a command has returned. The value is a copy of the object at that time. The original plugin
 * does not return such an object. If a program passes the object back unchanged, the object must not override `disablePerMessageDeflate`.
 */
const returned = new WeakMap<object, Readonly<Required<WebsocketDeflateOptions>>>();

function isEcho(options: Properties): boolean {
  const was = returned.get(options);
  if (was === undefined) return false;
  return Object.entries(deflateOf(options)).every(([name, value]) => was[name as keyof typeof was] === value);
}

export function noDeflate(): Required<WebsocketDeflateOptions> {
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

/**
 * Returns the settings of the pings. The client sends a ping every `seconds` seconds. If no pong arrives for `timeout` seconds, the client
 * ends the connection.
 */
function heartbeat(seconds: number, timeout: number): NonNullable<ClientSettings['pings']> {
  return {
    interval: seconds * 1_000,
    timeout: timeout > 0 ? timeout * 1_000 : Number.POSITIVE_INFINITY,
    answerEach: false,
    payload: () => Buffer.from(`ixwebsocket::heartbeat::${seconds}s`),
  };
}

export function clientObject(entry: V1Client): WebsocketClient {
  const { id: ref, engine, callback, deflate, pingInterval } = entry;
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
    ...entry.given,
    method,
    worker,
    window,
    process,
  };
}

export function serverObject({ id: ref, engine, callback }: V1Server): WebsocketServer {
  const { port, host, backlog, maxConnections } = engine.settings;
  const { method, worker, window, process } = callback;
  return { ref, port, host, backlog, maxConnections, method, worker, window, process };
}

/**
 * Returns the connections with the numbers in `clients`, in the same order. If a number occurs twice, its connection occurs twice too. If
 * `clients` is not a collection or a number, returns all open connections.
 */
export function targetsOf({ clients }: Properties, entry: V1Server): ServerConnection[] {
  if (!Array.isArray(clients) && typeof clients !== 'number') return entry.engine.connections;
  return collection(clients, 'number').flatMap((number) => entry.clients.get(Math.trunc(number)) ?? []);
}

/** Returns the message to send: bytes if `binary` is true, otherwise a text. Returns null if the bytes of a text are not UTF-8. */
export function messageOf(options: Properties, given: string | Uint8Array): string | Uint8Array | null {
  if (typeof given === 'string') return options.binary === true ? Buffer.from(given) : given;
  // The bytes are copied, because the caller might change the bytes after the call.
  if (options.binary === true) return Buffer.from(given);
  const data = given;
  return isUtf8(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8') : null;
}
