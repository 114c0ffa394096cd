/**
 * Defines the close codes and the payload of Close frames: RFC 6455 §5.5.1, §7.4 and the IANA registry (§11.7). state-machine.ts implements
 * §7.1: when a Close frame is sent, and its effect.
 */

import { isUtf8 } from 'node:buffer';
import { ProtocolError } from './violation.ts';

/** Registered close codes (§7.4.1). 1012 to 1014 were registered with IANA later. */
export const CloseCode = {
  NormalClosure: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  /** Reported if the peer's Close frame has no code. Never sent. */
  NoStatusReceived: 1005,
  /** Reported if the connection ends without a Close frame. Never sent. */
  AbnormalClosure: 1006,
  InvalidPayload: 1007,
  PolicyViolation: 1008,
  MessageTooBig: 1009,
  MandatoryExtension: 1010,
  InternalError: 1011,
  ServiceRestart: 1012,
  TryAgainLater: 1013,
  BadGateway: 1014,
  /** Reported for a failed TLS handshake. Never sent. */
  TlsHandshake: 1015,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

// §5.5: the payload of a control frame has at most 125 bytes. In a Close frame, the first two bytes are the code.
const MAX_REASON_SIZE = 123;

/**
 * Returns true if a Close frame may contain this code. The rule is the same for sent and received frames.
 *
 * §7.4.1: 1005, 1006 and 1015 MUST NOT be sent. §7.4.2: codes below 1000 and from 5000 on are not defined. 1004 and 1016–2999 are reserved.
 * 3000–3999 are for libraries and applications, which register them. 4000–4999 are for private use.
 */
export function isWireCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/** The code and the reason of a received Close frame. */
export interface ClosePayload {
  /** The code of the frame, or 1005 if the frame has no code (§7.1.5). */
  readonly code: number;
  readonly reason: string;
}

/**
 * Reads the payload of a Close frame from `buffer[start, end)`.
 * @throws {ProtocolError} if the payload has one byte, if the reason is not UTF-8, or if the code must not be sent. In the last case, the
 *   error's `cause` is the code.
 */
export function parseClosePayload(buffer: Buffer, start: number, end: number): ClosePayload {
  if (start === end) return { code: CloseCode.NoStatusReceived, reason: '' };
  // §5.5.1: if the payload is not empty, its first two bytes MUST be the code.
  if (end - start === 1) throw new ProtocolError('WS_CLOSE_LENGTH');
  const code = buffer.readUInt16BE(start);
  if (!isWireCloseCode(code)) throw new ProtocolError('WS_CLOSE_CODE', { cause: code });
  // §5.5.1: the rest of the payload is the reason, in UTF-8.
  if (!isUtf8(buffer.subarray(start + 2, end))) throw new ProtocolError('WS_CLOSE_REASON');
  return { code, reason: buffer.toString('utf8', start + 2, end) };
}

const NO_PAYLOAD: Buffer = Buffer.alloc(0);

/**
 * Builds the payload of a Close frame. Without a code, the payload is empty.
 * @throws {RangeError} if the code must not be sent, or if the reason has more than 123 bytes of UTF-8.
 * @throws {TypeError} if the reason is not a string, or if there is a reason but no code.
 */
export function serializeClosePayload(code?: number, reason = ''): Buffer {
  if (code === undefined) {
    if (reason !== '') throw new TypeError('a close reason needs a close code');
    return NO_PAYLOAD;
  }
  if (!isWireCloseCode(code)) {
    throw new RangeError(`close code ${String(code)} may not be sent: use 1000, or 3000 to 4999`);
  }
  if (typeof reason !== 'string') throw new TypeError(`the close reason is a ${typeof reason}, not a string`);
  const size = Buffer.byteLength(reason);
  if (size > MAX_REASON_SIZE) {
    throw new RangeError(`the close reason takes ${size} bytes of UTF-8, at most ${MAX_REASON_SIZE} fit`);
  }
  const payload = Buffer.allocUnsafe(2 + size);
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}
