/**
 * Lists the differences between version 1 and version 2 of the plugin: names and defaults, side by side. This file also turns options into
 * the settings of engine-client.ts and engine-server.ts, in the same way for both versions. docs/plugin.md has a table of the differences.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import { show } from '../option-spec.ts';
import { flag, has, integer, type Properties, text } from './arguments.ts';
import type { ClientSettings } from './engine-client.ts';
import type { ServerSettings } from './engine-server.ts';
import { insteadOf, portOf } from './option-problems.ts';

export interface Version {
  /** The property that names a client or a server. */
  readonly idName: 'ref' | 'id';
  /** The option with a client's URL. */
  readonly urlName: 'url' | 'URL';
  /**
   * The version of IXWebSocket, the WebSocket library inside the original plugin. A failed start returns the error text of this version.
   */
  readonly engine: '5.1.6' | '11.0.8';
  /** Seconds that a client's opening handshake may take. */
  readonly startTimeout: number;
  /** The number of redirects that a client follows. */
  readonly redirects: number;
  /** The address to listen on. '' stands for the loopback address of the address family. */
  readonly host: string;
  readonly maxConnections: number;
  /**
   * If true, one method receives all events, and events wait until the program sets this method. If false, each client or server has its
   * own method, and events do not wait.
   */
  readonly waitsForMethod: boolean;
}

export const versions: { readonly v1: Version; readonly v2: Version } = {
  v1: {
    idName: 'ref',
    urlName: 'url',
    engine: '5.1.6',
    startTimeout: 20,
    redirects: 0,
    host: '127.0.0.1',
    maxConnections: 32,
    waitsForMethod: false,
  },
  v2: {
    idName: 'id',
    urlName: 'URL',
    engine: '11.0.8',
    startTimeout: 30,
    redirects: 5,
    host: '',
    maxConnections: 128,
    waitsForMethod: true,
  },
};

/** Makes the settings of a new client, before its options are applied. */
export function newClientSettings(version: Version, options: Properties): ClientSettings {
  return {
    engine: version.engine,
    urlProblem: '',
    headersProblem: '',
    url: '',
    headers: [],
    pings: null,
    reconnects: true,
    maxWait: 10_000,
    minWait: 1,
    compression: false,
    tls: null,
    redirects: version.redirects,
    closeTimeout: 5_000,
    maxMessageSize: null,
    unref: flag(options, 'unref', false),
  };
}

/** Applies the client options that both versions have. Every command that accepts client options calls this function. */
export function applyClientSettings(version: Version, options: Properties, settings: ClientSettings): void {
  settings.url = text(options, version.urlName, settings.url);
  const meant = insteadOf(version.idName, options, version.urlName === 'URL' ? 'url' : 'URL');
  if (settings.url === '') settings.urlProblem = meant || settings.urlProblem;
  settings.reconnects = flag(options, 'enableAutomaticReconnection', settings.reconnects);
  applyLimits(options, settings);
}

/**
 * Makes the settings of a new server from the options that both versions have. Version 2 has more options, which v2.ts and v2-objects.ts
 * apply.
 */
export function newServerSettings(version: Version, options: Properties): ServerSettings {
  const settings: ServerSettings = {
    problem: '',
    port: 8080,
    host: version.host,
    backlog: 5,
    maxConnections: version.maxConnections,
    handshakeTimeout: 3,
    addressFamily: 2,
    compresses: true,
    tls: null,
    origins: 'any',
    closeTimeout: 5_000,
    maxMessageSize: null,
    unref: flag(options, 'unref', false),
  };
  settings.problem = applyBinding(options, settings);
  applyServerSettings(options, settings);
  return settings;
}

/**
 * Applies the options for the address of a server, and for its number of connections. In version 1, these options may change while the
 * server is stopped. In version 2, they cannot change.
 * @returns '', or the text of the problem. After a problem, the settings are unchanged
 */
export function applyBinding(options: Properties, settings: ServerSettings): string {
  const { host = null } = options;
  const port = portOf(options.port ?? settings.port);
  if (typeof port === 'string') return port;
  if (host !== null && typeof host !== 'string') return `host is ${show(host)}, not a text`;
  settings.port = port;
  settings.host = text(options, 'host', settings.host);
  settings.backlog = integer(options, 'backlog', settings.backlog);
  settings.maxConnections = integer(options, 'maxConnections', settings.maxConnections);
  return '';
}

/**
 * Applies `origins`, `closeTimeout` and `maxMessageSize` to a server. Both versions call this function when a server is made. Version 2
 * also calls this function when the server is started.
 */
export function applyServerSettings(options: Properties, settings: ServerSettings): void {
  if (has(options, 'origins')) settings.origins = options.origins as OriginPolicy;
  applyLimits(options, settings);
}

/** Applies the options that this library adds to the options of the original plugin. */
function applyLimits(options: Properties, settings: ClientSettings | ServerSettings): void {
  // The native API refuses a timeout of 0, at a time when no command can report the problem. So 0 becomes 1.
  settings.closeTimeout = Math.max(1, integer(options, 'closeTimeout', settings.closeTimeout));
  if (has(options, 'maxMessageSize')) settings.maxMessageSize = integer(options, 'maxMessageSize', 0);
}
