/**
 * Specifies the options of 4D's `WebSocketServer`: the options that 4D documents, and the options of the native server. `closeTimeout` and
 * `origins` have other defaults than on the native server.
 */

import type { OriginPolicy } from '../../handshake/origin.ts';
import { checkOptions, type OptionNames } from '../option-names.ts';
import {
  custom,
  integer,
  limit,
  oneOf,
  readValues,
  type SpecsOf,
  show,
  type ValuesOf,
} from '../option-spec.ts';
import { allServerSpecs, type ServerOptions } from '../server-options.ts';
import { checkDataType, type DataType } from './data.ts';
import { toPathPattern } from './path.ts';
import { WebServer, webServer } from './web-server.ts';
import { webServerSpecs } from './web-server-settings.ts';
import { serializeOption, warnAfterOption } from './worker.ts';

/** The options that 4D documents (WebSocketServer, "options parameter"), and the options of the native server (../server.ts). */
export interface WebSocketServerOptions<T extends DataType = 'text'>
  extends Omit<ServerOptions, 'text' | 'maxLatestKeys' | 'closeTimeout' | 'origins'> {
  /**
   * The path of the server, without a query. The leading slash is optional. A slash at the end is significant. If the path ends with `*`,
   * the server serves every path that begins with the text before the `*`. If several paths with `*` match, the longest path is used. A
   * RegExp is allowed too.
   * @default every path that no other server has
   */
  readonly path?: string | RegExp | undefined;
  /** The type of the data that `onMessage` receives. @default 'text' */
  readonly dataType?: T | undefined;
  /** The web server that the WebSocket server runs on. @default `webServer` */
  readonly server?: WebServer | undefined;
  /** If false, a callback does not wait until the Promise of the previous callback has settled. @default true */
  readonly serialize?: boolean | undefined;
  /**
   * Milliseconds. If a callback takes longer than this while other callbacks wait for it, the library calls `onError`. @default 10000
   */
  readonly warnAfter?: number | undefined;
  /**
   * What happens if `onConnection` does not accept a client.
   * - 'refuse': the server answers the request with HTTP 403, or with 500 if `onConnection` threw.
   * - 'close': the server completes the opening handshake, and then calls `onConnection`. If `onConnection` refuses the client, the server
   *   closes the connection with 1008, or with 1011 if `onConnection` threw.
   * @default 'refuse'
   */
  readonly cancel?: 'refuse' | 'close' | undefined;
  /** The number of proxies in front of the server that add an address to X-Forwarded-For. @default 0 */
  readonly trustedProxies?: number | undefined;
  /** Milliseconds that the closing handshake may take. The default of 4D is not documented. @default 30000 */
  readonly closeTimeout?: number | undefined;
  /** The origins from which browsers may connect. As in 4D, any origin is allowed by default. @default 'any' */
  readonly origins?: OriginPolicy | undefined;
}

/** The options that this file reads. The native server reads all other options. */
type OwnName =
  | 'path'
  | 'dataType'
  | 'server'
  | 'serialize'
  | 'warnAfter'
  | 'cancel'
  | 'trustedProxies'
  | 'closeTimeout'
  | 'origins';
type OwnOptions = Pick<WebSocketServerOptions<DataType>, OwnName>;
export type OwnValues = ValuesOf<OwnOptions, 'path'>;

/** The options of 4D, and the options of the native server that have another default here. */
export const fourDServerSpecs: SpecsOf<OwnOptions, OwnValues> = {
  path: custom<string | RegExp>(
    'a path or a RegExp',
    {
      defaultText: 'every path that no other server has',
      text: 'The path that the server serves, without a query. If the path ends with `*`, the server serves every path that begins with the text before the `*`.',
    },
    (value) => toPathPattern(value as string | RegExp),
  ),
  dataType: custom<DataType, DataType>(
    "`'text'`, `'blob'` or `'object'`",
    { default: 'text', text: 'The type of the `data` that `onMessage` receives.' },
    (value) => checkDataType(value as DataType),
  ),
  server: custom<WebServer, WebServer>(
    'a `WebServer`',
    {
      default: webServer,
      defaultText: '`webServer`',
      text: 'The web server that the WebSocket server runs on.',
    },
    (value) => {
      if (value instanceof WebServer) return;
      throw new TypeError(`server is ${show(value)}, not a WebServer: see WebServer.of`);
    },
  ),
  serialize: serializeOption,
  warnAfter: warnAfterOption,
  cancel: oneOf(['refuse', 'close'], {
    default: 'refuse',
    text: "How `onConnection` cancels a connection. `'refuse'` answers the request with HTTP 403, or 500 after an exception. `'close'` completes the opening handshake, and then closes with 1008, or 1011 after an exception.",
  }),
  trustedProxies: integer(0, Number.POSITIVE_INFINITY, {
    default: 0,
    text: 'The number of proxies in front of the server that add an address to X-Forwarded-For.',
  }),
  // C78: 4D does not document its default.
  closeTimeout: limit('ms', { default: 30_000, text: 'How long the closing handshake may take.' }),
  origins: custom<OriginPolicy, OriginPolicy>('as for the native server', {
    default: 'any',
    text: 'The origins whose pages may connect.',
  }),
};

// A program cannot pass these options. The value of `text` depends on `dataType`. `maxLatestKeys` has no use, because a WebSocketConnection
// has no `sendLatest`.
const { text, maxLatestKeys, ...nativeNames } = allServerSpecs;

const names: OptionNames<WebSocketServerOptions> = { ...nativeNames, ...fourDServerSpecs };

const places: ReadonlyMap<string, string> = new Map(
  Object.keys(webServerSpecs).map((name) => [name, 'it is a setting of the WebServer']),
);

/**
 * Checks the options, and adds defaults. `own` has the options that this file specifies. `native` has the options for the native server.
 * @throws {TypeError | RangeError} for invalid options
 */
export function readServerOptions<T extends DataType>(
  options: WebSocketServerOptions<T>,
): { readonly own: OwnValues; readonly native: ServerOptions } {
  checkOptions('WebSocketServer', options, names, places);
  // In 4D, Null means that an option is absent.
  const { path, dataType } = options;
  const given = { ...options, path: path ?? undefined, dataType: dataType ?? undefined };
  const own = readValues<typeof fourDServerSpecs>(given, fourDServerSpecs, 'server');
  const { origins, closeTimeout } = own;
  const rest = Object.entries(options).filter(([name]) => !Object.hasOwn(fourDServerSpecs, name));
  return {
    own,
    native: {
      ...Object.fromEntries(rest),
      origins,
      closeTimeout,
      text: own.dataType === 'blob' ? 'bytes' : 'string',
    },
  };
}
