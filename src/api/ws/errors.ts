/**
 * Makes the errors that a program for `ws` expects. Such a program can compare the code and the text of an error. So this file converts
 * each ProtocolError (RFC 6455 §7.1.7) to the error of `ws` for the same fault. The `cause` of the new error is the ProtocolError. A
 * ProtocolError is not converted if `ws` has no code for it.
 */

import type { EventEmitter } from 'node:events';
import { ProtocolError, type ViolationCode } from '../../frame/violation.ts';
import type { HandshakeError } from '../../handshake/error.ts';

/** The error codes of `ws`. `Z_DATA_ERROR` is a code of zlib. `ws` passes it on if a compressed message is corrupt. */
export type WsErrorCode =
  | 'WS_ERR_EXPECTED_FIN'
  | 'WS_ERR_EXPECTED_MASK'
  | 'WS_ERR_INVALID_CLOSE_CODE'
  | 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH'
  | 'WS_ERR_INVALID_OPCODE'
  | 'WS_ERR_INVALID_UTF8'
  | 'WS_ERR_TOO_MANY_BUFFERED_PARTS'
  | 'WS_ERR_UNEXPECTED_MASK'
  | 'WS_ERR_UNEXPECTED_RSV_1'
  | 'WS_ERR_UNEXPECTED_RSV_2_3'
  | 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH'
  | 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
  | 'Z_DATA_ERROR';

const FRAME = 'Invalid WebSocket frame: ';

/** The code and the text of `ws` for each code of this library. If the text is null, the error keeps the text of this library. */
const protocolErrors: Readonly<Partial<Record<ViolationCode, readonly [WsErrorCode, string | null]>>> = {
  WS_RESERVED_BITS: ['WS_ERR_UNEXPECTED_RSV_2_3', null],
  WS_UNKNOWN_OPCODE: ['WS_ERR_INVALID_OPCODE', `${FRAME}invalid opcode`],
  WS_UNEXPECTED_CONTINUATION: ['WS_ERR_INVALID_OPCODE', `${FRAME}invalid opcode 0`],
  WS_INTERLEAVED_MESSAGE: ['WS_ERR_INVALID_OPCODE', null],
  WS_UNMASKED_FRAME: ['WS_ERR_EXPECTED_MASK', `${FRAME}MASK must be set`],
  WS_MASKED_FRAME: ['WS_ERR_UNEXPECTED_MASK', `${FRAME}MASK must be clear`],
  WS_FRAGMENTED_CONTROL: ['WS_ERR_EXPECTED_FIN', `${FRAME}FIN must be set`],
  WS_CONTROL_TOO_LONG: ['WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', null],
  WS_CLOSE_LENGTH: ['WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', `${FRAME}invalid payload length 1`],
  WS_CLOSE_CODE: ['WS_ERR_INVALID_CLOSE_CODE', null],
  WS_CLOSE_REASON: ['WS_ERR_INVALID_UTF8', `${FRAME}invalid UTF-8 sequence`],
  WS_INVALID_UTF8: ['WS_ERR_INVALID_UTF8', `${FRAME}invalid UTF-8 sequence`],
  WS_MESSAGE_TOO_BIG: ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'Max payload size exceeded'],
  WS_LENGTH_MSB: ['WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH', null],
  WS_EMPTY_FRAGMENTS: ['WS_ERR_TOO_MANY_BUFFERED_PARTS', null],
  WS_INVALID_DEFLATE: ['Z_DATA_ERROR', null],
  WS_NO_DEFLATE_OUTPUT: ['Z_DATA_ERROR', null],
};

/**
 * Converts an error of the connection to the error that an `error` listener receives. Returns the error unchanged if `ws` has no code for
 * it.
 */
export function toWsError(error: Error): Error {
  if (!(error instanceof ProtocolError)) return error;
  const [code, text] = protocolErrors[error.code] ?? [];
  if (code === undefined) return error;
  const opcode = error.opcode === null ? '' : ` ${error.opcode}`;
  const message = text === null || text === undefined ? error.message : `${text}${opcode}`;
  if (code === 'Z_DATA_ERROR') {
    return Object.assign(new Error(message, { cause: error }), { code, errno: -3 });
  }
  const Kind = code === 'WS_ERR_INVALID_UTF8' ? Error : RangeError;
  return Object.assign(new Kind(message, { cause: error }), { code });
}

/**
 * The text of `ws` for each fault of a 101 response. The key is a code of this library. The second text is used if the client has offered
 * no extension or no subprotocol.
 */
const responseErrors: Readonly<Record<string, readonly [string, string?]>> = {
  WS_RESPONSE_CONNECTION: ['Invalid Connection header'],
  WS_RESPONSE_ACCEPT: ['Invalid Sec-WebSocket-Accept header'],
  WS_RESPONSE_EXTENSION_NOT_OFFERED: [
    'Server indicated an extension that was not requested',
    'Server sent a Sec-WebSocket-Extensions header but no extension was requested',
  ],
  WS_RESPONSE_SUBPROTOCOL_NOT_OFFERED: [
    'Server sent an invalid subprotocol',
    'Server sent a subprotocol but none was requested',
  ],
  WS_RESPONSE_SUBPROTOCOL_MISSING: ['Server sent no subprotocol'],
};

/**
 * Makes the error for an invalid 101 response.
 * @param upgrade the value of the Upgrade field; undefined if the field is missing
 * @param wasOffered true if the client has offered a subprotocol (for an error about subprotocols), or an extension (for any other error)
 */
export function toResponseError(
  error: HandshakeError,
  upgrade: string | undefined,
  wasOffered: boolean,
): Error {
  if (upgrade?.toLowerCase() !== 'websocket') return new Error('Invalid Upgrade header', { cause: error });
  const [text, unasked] = responseErrors[error.code] ?? [];
  if (text === undefined && error.stage === 'extensions') {
    return new Error('Invalid Sec-WebSocket-Extensions header', { cause: error });
  }
  const shown = wasOffered ? text : (unasked ?? text);
  return new Error(shown ?? error.message, { cause: error });
}

/** Returns the text for a refused request. If the request has several faults, the text is about the fault that `ws` checks first. */
export function refusalText(error: HandshakeError, headers: Readonly<Record<string, unknown>>): string {
  const { upgrade, 'sec-websocket-key': key } = headers;
  if (error.code === 'WS_HANDSHAKE_METHOD') return 'Invalid HTTP method';
  if (typeof upgrade !== 'string' || upgrade.toLowerCase() !== 'websocket' || isUpgradeFault(error.code)) {
    return 'Invalid Upgrade header';
  }
  const hasKey = typeof key === 'string' && /^[+/0-9A-Za-z]{22}==$/.test(key);
  if (!hasKey || error.code === 'WS_HANDSHAKE_KEY') return 'Missing or invalid Sec-WebSocket-Key header';
  if (error.code.startsWith('WS_HANDSHAKE_VERSION')) return 'Missing or invalid Sec-WebSocket-Version header';
  if (error.code.startsWith('WS_HANDSHAKE_SUBPROTOCOL')) return 'Invalid Sec-WebSocket-Protocol header';
  if (error.code.startsWith('WS_HANDSHAKE_EXTENSION')) return UNACCEPTABLE_EXTENSIONS;
  return error.message;
}

/** The text of a refusal, if the server cannot accept any of the client's offers of permessage-deflate. */
export const UNACCEPTABLE_EXTENSIONS = 'Invalid or unacceptable Sec-WebSocket-Extensions header';

function isUpgradeFault(code: string): boolean {
  return code === 'WS_HANDSHAKE_UPGRADE' || code === 'WS_HANDSHAKE_UPGRADE_SYNTAX';
}

/**
 * Emits an event. If a listener throws, the error becomes an uncaught exception of the process. The caller continues.
 * @returns true if the event has a listener
 */
export function emitTo(emitter: EventEmitter, event: string, ...values: unknown[]): boolean {
  try {
    return emitter.emit(event, ...values);
  } catch (error) {
    rethrow(error);
    return true;
  }
}

/** Throws an error of the application in a later turn of the event loop. There it becomes an uncaught exception of the process. */
export function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
