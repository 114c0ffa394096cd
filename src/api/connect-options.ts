/**
 * Defines the options of `connect`, and specifies their values (option-spec.ts). options.ts has the options that servers and clients share.
 * transport/dial.ts connects to the server.
 */

import type { DialOptions } from '../transport/dial.ts';
import { MAX_REDIRECTS } from '../transport/redirect.ts';
import type { ConnectionHandlers } from './handlers.ts';
import { checkHandlers } from './option-names.ts';
import { custom, flag, integer, limit, type SpecsOf, show, type ValuesOf } from './option-spec.ts';
import { type ConnectionOptions, type ConnectionValues, connectionSpecs } from './options.ts';

/** The options of `connect` except `data`. They say how to connect, which events the application handles, and which limits apply. */
export interface ConnectSettings<Data = undefined, Text extends string | Buffer = string>
  extends DialOptions,
    ConnectionOptions {
  /** The handlers for the events of the connection. Without a `message` handler, the application reads messages with `for await`. */
  readonly handlers?: ConnectionHandlers<Data, Text> | undefined;
  /** If true, the process may end while the connection is open (see `Connection.unref`). @default false */
  readonly unref?: boolean | undefined;
}

/** The option `data` of `connect`. The option is required if `Data` does not include undefined. */
export type ConnectData<Data> = undefined extends Data
  ? { readonly data?: Data | undefined }
  : { readonly data: Data };

/** The options of `connect`. */
export type ConnectOptions<Data = undefined, Text extends string | Buffer = string> = ConnectSettings<
  Data,
  Text
> &
  ConnectData<Data>;

/** The options in the form that the implementation of `connect` uses. `data` may be absent. A text message may be a string or a Buffer. */
export interface AllConnectOptions<Data> extends ConnectSettings<Data, string | Buffer> {
  readonly data?: Data | undefined;
}

type DialValues = ValuesOf<
  DialOptions,
  Exclude<keyof DialOptions, 'requireSubprotocol' | 'handshakeTimeout' | 'redirects'>
>;

/** The options for the path to the server, and for the request. */
export const dialSpecs: SpecsOf<DialOptions, DialValues> = {
  subprotocols: custom<readonly string[]>('a list of tokens', {
    text: 'The subprotocols that the client offers, in order of preference. Each is a token, and none may occur twice.',
  }),
  requireSubprotocol: flag({
    default: false,
    text: 'If true, the attempt fails when the client offered subprotocols and the server chose none of them.',
  }),
  headers: custom<NonNullable<DialOptions['headers']>>('a `HeaderFieldsInit`', {
    text: 'Additional header fields of the request. The value is an object (each property is a string or a list of strings), a flat list (name, value, name, value …), or an iterable of pairs (a `Map`, or the `Headers` of `fetch`). Fields that belong to the opening handshake are refused.',
  }),
  origin: custom<string>(
    'a string',
    { text: 'The value of the `Origin` field. Only browsers have to send this field.' },
    checkText,
  ),
  handshakeTimeout: limit('ms', {
    default: 10_000,
    text: 'The longest time for the whole attempt. It includes name lookup, TCP, proxy, TLS, redirects and the response.',
  }),
  signal: custom<AbortSignal>(
    'an `AbortSignal`',
    {
      text: 'A signal that aborts the attempt. `connect` then rejects with the reason of the signal. If the connection is already open, it stays open.',
    },
    checkMethod('throwIfAborted', 'an AbortSignal'),
  ),
  tls: custom<NonNullable<DialOptions['tls']>>(
    'an object',
    {
      text: 'Options for `tls.connect`: `ca`, `cert`, `key`, `servername` and others. The certificate and the host name are verified by default.',
    },
    checkObject,
  ),
  tcp: custom<NonNullable<DialOptions['tcp']>>(
    'an object',
    { text: 'Options for `net.connect`: `lookup`, `family`, `localAddress` and others.' },
    checkObject,
  ),
  socketPath: custom<string>(
    'a path',
    {
      text: 'The path of a Unix domain socket or Windows pipe. It is used instead of the host and the port of the URL.',
    },
    checkPath,
  ),
  socket: custom<NonNullable<DialOptions['socket']>>(
    'a `Duplex`, or a function',
    {
      text: 'A stream to the server, or a function that returns a stream for each hop: see [A socket of your own](api.md#a-socket-of-your-own). For `wss:`, the client starts TLS on the stream. If the stream is already a TLS socket, the client does not start TLS.',
    },
    (value, name) => {
      if (typeof value !== 'function') checkMethod('pipe', 'a Duplex, such as a net.Socket')(value, name);
    },
  ),
  proxy: custom<string | URL>(
    "a URL, or `'env'`",
    {
      text: "The URL of a proxy. Use `http:` or `https:` for a proxy with HTTP CONNECT, and `socks5:` or `socks5h:` for a SOCKS5 proxy. A SOCKS5 proxy also resolves the name of the server. With `'env'`, the proxy comes from the environment variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`. The URL of a proxy cannot be combined with `socket` or `socketPath`.",
    },
    checkProxy,
  ),
  redirects: integer(0, MAX_REDIRECTS, {
    default: 0,
    text: 'The maximum number of redirects that are followed. A redirect from `wss` to `ws` is never followed. If a redirect leads to another origin, this origin receives none of `headers`, no credentials of the URL, and no client certificate. For this origin, the client does not use `secureContext` of the option `tls`. The origin also receives no subprotocols, because some applications send a token in them.',
  }),
  crossOriginHeaders: custom<readonly string[]>('a list of names', {
    text: "The names of the fields in `headers` that another origin may receive after a redirect. The name `'Sec-WebSocket-Protocol'` stands for the subprotocols. The names `Authorization` and `Cookie` are refused.",
  }),
};

interface ConnectValues extends ConnectionValues, DialValues {
  readonly handlers: ConnectionHandlers<unknown, string | Buffer> | undefined;
  readonly data: unknown;
  readonly unref: boolean;
}

export const connectSpecs: SpecsOf<AllConnectOptions<unknown>, ConnectValues> = {
  ...connectionSpecs,
  ...dialSpecs,
  handlers: custom<ConnectionHandlers<unknown, string | Buffer>>(
    'an object',
    {
      text: 'The handlers for the events of the connection: see [`ConnectionHandlers`](api.md#handlers). Without a `message` handler, the application reads messages with `for await`.',
    },
    (value) => checkHandlers(value as object),
  ),
  data: custom<unknown>('any value', {
    text: 'The value of `connection.data`, of type `Data`. TypeScript requires this option if `Data` does not include undefined.',
  }),
  unref: flag({
    default: false,
    text: 'If true, the process may end while the connection is open (see `Connection.unref`).',
  }),
};

/**
 * Checks that at most one of the options `socket`, `socketPath` and `proxy` is given. Otherwise the client would have to ignore some of
 * them. `proxy: 'env'` may be combined with `socket` or `socketPath`, because an application can use 'env' as its default.
 * @throws {TypeError} if more than one of these options is given
 */
export function checkRoute({
  socket,
  socketPath,
  proxy,
}: Pick<DialOptions, 'socket' | 'socketPath' | 'proxy'>): void {
  const routes = { socket, socketPath, proxy: proxy === 'env' ? undefined : proxy };
  const given = Object.entries(routes).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length < 2) return;
  throw new TypeError(`${given.join(' and ')} exclude each other: each is the path to the server`);
}

function checkText(value: unknown, name: string): void {
  if (typeof value !== 'string') throw new TypeError(`${name} is ${show(value)}, not a string`);
}

// An empty path is an error, because `net.connect` would ignore it.
function checkPath(value: unknown, name: string): void {
  if (typeof value === 'string' && value !== '') return;
  throw new TypeError(`${name} is ${value === '' ? 'empty' : show(value)}, not the path of a socket`);
}

function checkProxy(value: unknown, name: string): void {
  if (typeof value === 'string' || value instanceof URL) return;
  throw new TypeError(`${name} is ${show(value)}, not a URL or 'env'`);
}

function checkObject(value: unknown, name: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`${name} is ${show(value)}, not an object of options`);
}

function checkMethod(method: string, what: string): (value: unknown, name: string) => void {
  return (value, name) => {
    if (typeof (value as Record<string, unknown> | null)?.[method] === 'function') return;
    throw new TypeError(`${name} is not ${what}`);
  };
}
