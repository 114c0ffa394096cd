/**
 * Converts the events of a connection to the events of IXWebSocket, the WebSocket library inside the original plugins. The close codes and
 * reasons (RFC 6455 §7.1.5, §7.1.6) are the same as in IXWebSocket. api/connection.ts implements the connection itself. v1.ts and v2.ts
 * decide which events a program gets, and in which form.
 */

import { ConnectionError } from '../../frame/connection-error.ts';
import { ProtocolError } from '../../frame/violation.ts';
import type { Connection } from '../connection.ts';
import type { ConnectionHandlers } from '../handlers.ts';
import {
  ABNORMAL_CLOSURE,
  closeReason,
  INVALID_PAYLOAD,
  NO_STATUS_CODE,
  NORMAL_CLOSURE,
} from './engine-texts.ts';
import type { EventFlow } from './event-flow.ts';

export interface OpenEvent {
  readonly type: 'open';
  /** The path and query of the request. */
  readonly uri: string;
  /** The header fields. A client gets the fields of the response. A server gets the fields of the request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface MessageEvent {
  readonly type: 'message' | 'ping' | 'pong' | 'fragment';
  readonly binary: boolean;
  /** The text. The bytes of a binary message are decoded as UTF-8, and invalid bytes become U+FFFD. */
  readonly text: string;
  /** The bytes of a binary message; null for text. */
  readonly bytes: Buffer | null;
  readonly wireSize: number;
}

export interface CloseEvent {
  readonly type: 'close';
  readonly code: number;
  readonly reason: string;
  /** True if the peer began the closing handshake. */
  readonly remote: boolean;
}

export interface ErrorEvent {
  readonly type: 'error';
  readonly retries: number;
  /** A number of milliseconds. */
  readonly wait_time: number;
  readonly http_status: number;
  readonly reason: string;
  readonly decompressionError: boolean;
}

export type EngineEvent = OpenEvent | MessageEvent | CloseEvent | ErrorEvent;

/** Records how a connection ends, and then makes the Close event. The `data` of each connection contains an `Ending`. */
export class Ending {
  /** The code and reason that the program passed. */
  requested: { readonly code: number; readonly reason: string } = { code: 1000, reason: NORMAL_CLOSURE };
  beganBy: 'us' | 'peer' | null = null;
  failure: Error | null = null;

  /** Makes the Close event of the connection. */
  event(code: number, reason: string): CloseEvent {
    // The event has the code and reason that the program passed, no matter what the peer answered.
    if (this.beganBy === 'us') return { type: 'close', ...this.requested, remote: false };
    if (this.beganBy === 'peer') {
      const text = code === 1005 ? NO_STATUS_CODE : reason;
      return { type: 'close', code, reason: text, remote: true };
    }
    const { failure } = this;
    const isLost = failure === null || (failure instanceof ConnectionError && !isPingTimeout(failure));
    if (isLost) return { type: 'close', code: 1006, reason: ABNORMAL_CLOSURE, remote: false };
    const isOfPeer = failure instanceof ProtocolError && failure.code.startsWith('WS_CLOSE_');
    return {
      type: 'close',
      code: failure instanceof ProtocolError ? failure.closeCode : 1011,
      reason: closeReason(failure),
      remote: isOfPeer,
    };
  }
}

function isPingTimeout(error: ConnectionError): boolean {
  return error.code === 'WS_HEARTBEAT_TIMEOUT';
}

/** The data that clients and servers keep with a connection. */
export interface ConnectionData {
  readonly ending: Ending;
  /** Null until the connection is open. */
  flow: EventFlow | null;
}

/** Makes handlers that convert the native events of a connection, except `open`, to events of IXWebSocket. */
export function engineHandlers<Data extends ConnectionData>(
  emit: (connection: Connection<Data>, event: EngineEvent) => void,
): ConnectionHandlers<Data> {
  return {
    message(connection, message, _isBinary, wireSize) {
      const isText = typeof message === 'string';
      emit(connection, {
        type: 'message',
        binary: !isText,
        text: isText ? message : message.toString('utf8'),
        bytes: isText ? null : message,
        wireSize,
      });
    },
    fragment(connection) {
      emit(connection, { type: 'fragment', binary: false, text: '', bytes: null, wireSize: 0 });
    },
    ping(connection, payload) {
      emit(connection, controlEvent('ping', payload));
    },
    pong(connection, payload) {
      emit(connection, controlEvent('pong', payload));
    },
    closing({ data }, byPeer) {
      data.ending.beganBy = byPeer ? 'peer' : 'us';
      data.flow?.closing();
    },
    error(connection, error) {
      connection.data.ending.failure ??= error;
      if (!(error instanceof ProtocolError) || !isDecompression(error)) return;
      emit(connection, {
        type: 'error',
        retries: 0,
        wait_time: 0,
        http_status: 0,
        reason: error.reason,
        decompressionError: true,
      });
    },
    close(connection, code, reason) {
      emit(connection, connection.data.ending.event(code, reason));
    },
  };
}

function controlEvent(type: 'ping' | 'pong', payload: Buffer): MessageEvent {
  return { type, binary: false, text: payload.toString('utf8'), bytes: null, wireSize: payload.length };
}

function isDecompression({ code }: ProtocolError): boolean {
  return code === 'WS_INVALID_DEFLATE' || code === 'WS_NO_DEFLATE_OUTPUT';
}

/** The result of sending a message. */
export interface SendStatus {
  /** True if the connection accepted the message. This does not mean that the peer receives the message. */
  success: boolean;
  compressionError: boolean;
  /** The number of bytes of the text as UTF-8, or of the binary message. */
  payloadSize: number;
  /** The number of bytes on the wire, after compression. */
  wireSize: number;
}

// A message of 64 KiB or more is sent in fragments of 32 KiB. When fewer than 64 KiB remain, they become the last fragment.
const FRAGMENT_SIZE = 32_768;
const FRAGMENTED = { fragmentSize: FRAGMENT_SIZE, lastFragmentSize: 2 * FRAGMENT_SIZE - 1 };

/** Sends a message as IXWebSocket does. @returns the same status as IXWebSocket */
export function sendMessage<Data extends { readonly ending: Ending }>(
  connection: Connection<Data> | null,
  message: string | Uint8Array,
): SendStatus {
  if (connection === null || connection.state !== 'open') return notSent();
  const payloadSize = typeof message === 'string' ? Buffer.byteLength(message) : message.length;
  connection.send(message, payloadSize >= 2 * FRAGMENT_SIZE ? FRAGMENTED : undefined);
  if (isOpen(connection)) {
    return { success: true, compressionError: false, payloadSize, wireSize: connection.lastWireSize };
  }
  // If the failure is not a ConnectionError, the compressor failed. Then nothing was sent, and the connection cannot continue.
  const { failure } = connection.data.ending;
  if (failure !== null && !(failure instanceof ConnectionError))
    return { ...notSent(), compressionError: true };
  return { success: false, compressionError: false, payloadSize, wireSize: connection.lastWireSize };
}

/** Closes the connection with 1007, as IXWebSocket does if a program sends a text that is not UTF-8. */
export function closeInvalid<Data extends { readonly ending: Ending }>(
  connection: Connection<Data> | null,
): void {
  if (connection?.state !== 'open') return;
  connection.data.ending.requested = { code: 1007, reason: INVALID_PAYLOAD };
  void connection.close(1007, INVALID_PAYLOAD);
}

// With a direct comparison, the compiler would assume that `state` is still 'open' after sending. But sending can close a connection.
function isOpen(connection: { readonly state: string }): boolean {
  return connection.state === 'open';
}

export function notSent(): SendStatus {
  return { success: false, compressionError: false, payloadSize: 0, wireSize: 0 };
}
