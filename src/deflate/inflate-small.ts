/** Decompresses with our own engine, engine/inflate.ts (RFC 7692 §7.2.2). Converts an error of the engine to a ProtocolError. */

import { ProtocolError } from '../frame/violation.ts';
import { inflate } from './engine/inflate.ts';
import { InflateError } from './engine/inflate-error.ts';
import type { Window } from './engine/window.ts';

/**
 * Decompresses a message synchronously with our own engine.
 * @param window the plaintext of earlier messages; null if there is no context
 * @returns the message. Null if the message exceeds `maxOutput` bytes, and `maxOutput` is below `maxLength`: then try another engine
 * @throws {ProtocolError} WS_MESSAGE_TOO_BIG, WS_INVALID_DEFLATE, WS_NO_DEFLATE_OUTPUT
 */
export function inflateSmall(
  payload: Uint8Array,
  window: Window | null,
  maxOutput: number,
  maxLength: number,
): Buffer | null {
  try {
    const message = inflate(payload, window, maxOutput);
    return Buffer.from(message.buffer, message.byteOffset, message.length);
  } catch (error) {
    if (!(error instanceof InflateError)) throw error;
    if (error.reason === 'too-big' && maxOutput < maxLength) return null;
    if (error.reason === 'too-big') throw new ProtocolError('WS_MESSAGE_TOO_BIG');
    throw new ProtocolError(error.reason === 'corrupt' ? 'WS_INVALID_DEFLATE' : 'WS_NO_DEFLATE_OUTPUT');
  }
}
