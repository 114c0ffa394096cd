/**
 * Has the close reasons and error texts of IXWebSocket, the WebSocket library inside the original plugins. An error text is the `errorStr`
 * of a status. The texts are the same as in IXWebSocket, because programs might compare them. Lower layers detect the failures. This file
 * has the text for each failure.
 */

import { ConnectionError } from '../../frame/connection-error.ts';
import { ProtocolError, type ViolationCode } from '../../frame/violation.ts';
import { HandshakeError } from '../../handshake/error.ts';
import { withoutPlace } from '../../transport/dial-failure.ts';

/** The version of IXWebSocket. Version 1 of the original plugin uses 5.1.6, and version 2 uses 11.0.8. */
export type EngineVersion = '5.1.6' | '11.0.8';

export const NORMAL_CLOSURE = 'Normal closure';
export const ABNORMAL_CLOSURE = 'Abnormal closure';
export const NO_STATUS_CODE = 'No status code';
const PING_TIMEOUT = 'Ping timeout';
const INTERNAL_ERROR = 'Internal error';
export const INVALID_PAYLOAD = 'Invalid frame payload data';

const reasons: Partial<Record<ViolationCode, string>> = {
  WS_RESERVED_BITS: 'Reserved bit used',
  WS_FRAGMENTED_CONTROL: 'Control message fragmented',
  WS_INTERLEAVED_MESSAGE: 'Fragmentation: data message out of sequence',
  WS_UNEXPECTED_CONTINUATION: 'Fragmentation: continuation opcode out of sequence',
  WS_CONTROL_TOO_LONG: 'Ping reason control frame with payload length > 125 octets',
  WS_UNKNOWN_OPCODE: 'Protocol error',
  WS_INVALID_UTF8: INVALID_PAYLOAD,
  WS_CLOSE_REASON: INVALID_PAYLOAD,
};

/**
 * Returns the reason for the Close frame and the Close event when we fail a connection. If an error is one that IXWebSocket does
 * not detect, the text comes from this library.
 */
export function closeReason(error: Error): string {
  if (error instanceof ProtocolError) {
    if (error.code === 'WS_CLOSE_CODE') return `Invalid close code: ${String(error.cause)}`;
    return reasons[error.code] ?? error.reason;
  }
  const isPing = error instanceof ConnectionError && error.code === 'WS_HEARTBEAT_TIMEOUT';
  return isPing ? PING_TIMEOUT : INTERNAL_ERROR;
}

/** For each error code of the system, the text that the C function `strerror` returns. */
const systemTexts: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
};

function systemText(error: Error & { code?: unknown }, text: string = error.message): string {
  return (typeof error.code === 'string' ? systemTexts[error.code] : undefined) ?? text;
}

export const ADDRESS_FAMILY =
  'SocketServer::listen() AF_INET and AF_INET6 are currently the only supported address families';

/** Returns the text for a server that cannot listen. */
export function listenErrorText(error: Error & { code?: unknown; syscall?: unknown }, where: string): string {
  if (error.code === 'EAFNOSUPPORT' || error.syscall === 'getaddrinfo') {
    return `SocketServer::listen() error calling inet_pton at address ${where} : ${error.message}`;
  }
  // An error that does not come from `listen` or `bind` has another cause, such as an unreadable certificate or an invalid option.
  if (error.syscall !== 'listen' && error.syscall !== 'bind') return inWordsOfPlugins(error.message);
  return `SocketServer::listen() error calling bind at address ${where} : ${systemText(error)}`;
}

/** Each pair has an option name in the texts of the native API, and the name of this option in the plugins. */
const optionNames: readonly (readonly [RegExp, string])[] = [
  [/\bneeds cert and key, or pfx\b/, 'needs certFile and keyFile'],
  [/\btls\.cert\b/g, 'certFile'],
  [/\btls\.key\b/g, 'keyFile'],
  [/\btls\.ca\b/g, 'caFile'],
  [/\btls\.ciphers\b/g, 'ciphers'],
];

/** Replaces the option names in a text of the native API. Users know only the names in the plugins. */
function inWordsOfPlugins(text: string): string {
  return optionNames.reduce((words, [name, here]) => words.replace(name, here), text);
}

/** Returns the text for an attempt to connect that failed. */
export function connectErrorText(error: Error, url: string, engine: EngineVersion = '11.0.8'): string {
  if (!(error instanceof HandshakeError)) return inWordsOfPlugins(error.message);
  const { code, stage, status } = error;
  // The texts of IXWebSocket already contain the URL. So the URL or address is removed from our text.
  const text = inWordsOfPlugins(withoutPlace(error));
  switch (stage) {
    case 'url':
      return `Could not parse url: '${url}'`;
    case 'dns':
      return unableToConnect(url, text);
    case 'tcp':
    case 'proxy':
      return unableToConnect(url, `Connect error: ${systemText(error, text)}`);
    case 'tls':
      return unableToConnect(url, text);
    case 'timeout':
    case 'abort':
      return unableToConnect(url, 'Cancelled');
    case 'redirect':
      if (code === 'WS_REDIRECT_LOCATION') {
        return `Missing Location Header for HTTP Redirect response. ${text}`;
      }
      return text;
    case 'extensions':
      return 'Failed to initialize per message deflate engine';
  }
  switch (code) {
    case 'WS_DIAL_CLOSED':
    case 'ECONNRESET':
    case 'EPIPE':
      return `Failed reading HTTP status line from ${url}`;
    case 'WS_RESPONSE_STATUS':
      if (engine === '5.1.6') {
        return `Got bad status connecting to ${placeOf(url).host}, status: ${status}, HTTP Status line: HTTP/1.1 ${status}`;
      }
      return `Expecting status 101 (Switching Protocol), got ${status} status connecting to ${url}, HTTP Status line: HTTP/1.1 ${status}`;
    case 'WS_RESPONSE_HTTP_VERSION':
      return engine === '5.1.6'
        ? `Server version is HTTP/1.0. Rejecting connection to ${placeOf(url).host}`
        : 'Expecting HTTP/1.1, got another version';
    case 'WS_RESPONSE_CONNECTION':
      return error.value === null
        ? 'Missing connection value'
        : `Invalid connection value: ${printable(error.value)}`;
    case 'WS_RESPONSE_ACCEPT':
      return 'Invalid Sec-WebSocket-Accept value';
    case 'WS_HANDSHAKE_START_LINE':
      return 'Expecting HTTP/1.1, got something else';
  }
  return code.startsWith('WS_HANDSHAKE_') ? `Error parsing HTTP headers: ${text}` : text;
}

function unableToConnect(url: string, detail: string): string {
  const { host, port } = placeOf(url);
  return `Unable to connect to ${host} on port ${port}, error: ${detail}`;
}

function placeOf(url: string): { host: string; port: string } {
  try {
    const { hostname, port, protocol } = new URL(url);
    const isSecure = protocol === 'wss:' || protocol === 'https:';
    return { host: hostname, port: port === '' ? (isSecure ? '443' : '80') : port };
  } catch {
    return { host: url, port: '0' };
  }
}

/** Escapes text from a peer, because a program may write the result to a log. */
function printable(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}
