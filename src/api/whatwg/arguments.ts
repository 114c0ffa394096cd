/**
 * Converts and checks the arguments of the class `WebSocket`. Web IDL defines the conversions ("JavaScript type mapping"). The WebSockets
 * Standard defines the checks ("The WebSocket interface").
 */

import { toUSVString, types } from 'node:util';
import { type AllConnectOptions, type ConnectOptions, connectSpecs } from '../connect-options.ts';
import { checkOptions, describe, type OptionNames } from '../option-names.ts';

/** The options of the function `connect` that the constructor of `WebSocket` accepts too. The standard has no such options. */
export interface WebSocketOptions
  extends Omit<ConnectOptions, 'handlers' | 'data' | 'text' | 'subprotocols' | 'maxLatestKeys'> {}

/** The second argument of the constructor, if it is an object. The `WebSocket` of Node.js accepts such an object too. */
export interface WebSocketInit extends WebSocketOptions {
  /** The subprotocols that the client offers, in order of preference. */
  readonly protocols?: string | readonly string[] | undefined;
}

const {
  handlers: _handlers,
  data: _data,
  text: _text,
  subprotocols: _subprotocols,
  maxLatestKeys: _maxLatestKeys,
  ...names
} = connectSpecs;
const optionNames: OptionNames<WebSocketOptions> = names;

const places: ReadonlyMap<string, string> = new Map([
  ['handlers', 'a WebSocket has event listeners'],
  ['data', 'a WebSocket has no data'],
  ['text', 'text messages are strings'],
  ['maxLatestKeys', 'this class has no sendLatest'],
  ['subprotocols', 'pass them as the second argument'],
  ['protocols', 'pass them as the second argument'],
  ['protocol', 'use protocols'],
  ['dispatcher', 'a dispatcher of undici cannot be used; use proxy, tls, tcp or socket'],
]);

/** The subprotocols and the options that were passed to the constructor. */
export interface WebSocketArguments {
  readonly protocols: readonly string[];
  readonly options: WebSocketOptions;
}

/**
 * Reads the second and third argument of the constructor.
 * @throws {TypeError} for unknown options
 */
export function toArguments(second: unknown, third: unknown): WebSocketArguments {
  // Web IDL ignores arguments that an interface does not have. So a third argument that is not an object is ignored.
  const options = isObject(third) ? (third as WebSocketOptions) : {};
  checkOptions('WebSocket', options, optionNames, places);
  if (!isDictionary(second)) return { protocols: toStrings(second), options: checked(options) };
  const { protocols, ...init } = second;
  checkOptions('WebSocket', init, optionNames, places);
  return { protocols: toStrings(protocols), options: checked({ ...init, ...options }) };
}

// Checks the application's `signal`, because `connect` receives the signal of session.ts instead. `connect` checks all other options.
function checked(options: WebSocketOptions): WebSocketOptions {
  connectSpecs.signal.read(options.signal, 'signal', 'client');
  return options;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isDictionary(value: unknown): value is WebSocketInit {
  const iterator = isObject(value) ? (value as Partial<Iterable<unknown>>)[Symbol.iterator] : null;
  return isObject(value) && (iterator === undefined || iterator === null);
}

// Web IDL: the type is `(DOMString or sequence<DOMString>)`.
function toStrings(given: unknown): string[] {
  if (given === undefined) return [];
  if (isObject(given)) return Array.from(given as Iterable<unknown>, (protocol) => `${protocol}`);
  return [`${given}`];
}

/**
 * Makes the options for `connect`, with the handlers and the signal of the session. `requireSubprotocol` is true by default, because the
 * standard is stricter than RFC 6455 §4.1. If the client offers subprotocols, the server has to choose one of them ("establish a WebSocket
 * connection").
 */
export function toConnectOptions(
  { protocols, options }: WebSocketArguments,
  own: Pick<AllConnectOptions<undefined>, 'handlers' | 'signal'>,
): AllConnectOptions<undefined> {
  return { requireSubprotocol: true, ...options, ...own, subprotocols: protocols };
}

// Reading `location` might throw if the runtime has no page.
function pageUrl(): unknown {
  try {
    return (globalThis as { readonly location?: { readonly href?: unknown } }).location?.href;
  } catch {
    return undefined;
  }
}

/**
 * Parses the URL as in the first steps of the constructor. http: becomes ws:, and https: becomes wss:. On a web page, a relative URL is
 * resolved against the URL of the page.
 * @throws {DOMException} a SyntaxError for an invalid URL
 */
export function parseUrl(given: string): URL {
  const base = pageUrl();
  const text = toUSVString(given);
  // Error texts are written to logs. If the URL contains "@", it might contain a password. The text then does not show the URL.
  const shown = text.includes('@') ? 'the URL' : `the URL ${JSON.stringify(text)}`;
  let url: URL;
  try {
    url = typeof base === 'string' ? new URL(text, base) : new URL(text);
  } catch {
    throw new DOMException(`${shown} is not valid`, 'SyntaxError');
  }
  if (url.protocol === 'http:') url.protocol = 'ws:';
  else if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
    throw new DOMException(`${shown} is neither ws: nor wss:, http: nor https:`, 'SyntaxError');
  }
  // A fragment is refused, even if it is empty. `url.hash` does not show an empty fragment, so the code looks for "#".
  if (url.href.includes('#')) throw new DOMException(`${shown} has a fragment`, 'SyntaxError');
  return url;
}

// RFC 9110 §5.6.2: the characters of a token.
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Checks the subprotocols (RFC 6455 §4.1 (10)). Each name has to be a token, and no name may occur twice. The tests of the standard also
 * refuse two names that differ only in case.
 * @throws {DOMException} a SyntaxError for an invalid name
 */
export function checkProtocols(protocols: readonly string[]): void {
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (!token.test(protocol)) {
      throw new DOMException(`the subprotocol ${JSON.stringify(protocol)} is not a token`, 'SyntaxError');
    }
    const folded = protocol.toLowerCase();
    if (seen.has(folded)) {
      throw new DOMException(`the subprotocol ${JSON.stringify(protocol)} is repeated`, 'SyntaxError');
    }
    seen.add(folded);
  }
}

/** Converts a close code. Web IDL: the type is `[Clamp] unsigned short`. */
export function toCloseCode(given: unknown): number | null {
  if (given === undefined) return null;
  const number = +(given as number);
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), 65_535);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  // Rounds to the nearest integer. A value halfway between two integers is rounded to the even integer.
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

const MAX_REASON_SIZE = 123;

/**
 * Implements "validate close code and reason" of the standard.
 * @throws {DOMException} an InvalidAccessError for an invalid code, or a SyntaxError for a reason that is too long
 */
export function checkCloseArguments(code: number | null, reason: string): void {
  if (code !== null && code !== 1000 && (code < 3000 || code > 4999)) {
    throw new DOMException(`the close code is ${code}, not 1000 or 3000 to 4999`, 'InvalidAccessError');
  }
  const size = Buffer.byteLength(reason);
  if (size > MAX_REASON_SIZE) {
    throw new DOMException(
      `the close reason takes ${size} bytes of UTF-8, at most ${MAX_REASON_SIZE} fit`,
      'SyntaxError',
    );
  }
}

/** Checks the number of arguments. Web IDL: a missing argument throws a TypeError. */
export function requireArguments(what: string, required: number, given: number): void {
  if (given >= required) return;
  throw new TypeError(`${what} needs ${required === 1 ? 'an argument' : `${required} arguments`}`);
}

const noBytes: Uint8Array = new Uint8Array(0);

/**
 * Converts an argument of `send` to a message. Web IDL: the type is `(BufferSource or Blob or USVString)`. Bytes are not copied.
 * @throws {TypeError} for memory that is resizable, or shared with another thread
 */
export function toMessage(given: unknown): string | Uint8Array | Blob {
  if (typeof given === 'string') return given;
  if (given instanceof Blob) return given;
  if (ArrayBuffer.isView(given)) {
    checkMemory(given.buffer);
    return isDetached(given.buffer)
      ? noBytes
      : new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  }
  if (types.isAnyArrayBuffer(given)) {
    checkMemory(given);
    return isDetached(given) ? noBytes : new Uint8Array(given);
  }
  return `${given}`;
}

function checkMemory(memory: ArrayBufferLike): void {
  if (!types.isSharedArrayBuffer(memory) && (memory as { resizable?: boolean }).resizable !== true) return;
  throw new TypeError(`${describe(memory)} that is shared or resizable cannot be sent: send a copy`);
}

// A detached buffer has no bytes. `new Uint8Array` throws an error for a detached buffer.
function isDetached(memory: ArrayBufferLike): boolean {
  if (memory.byteLength > 0) return false;
  try {
    new Uint8Array(memory);
    return false;
  } catch {
    return true;
  }
}
