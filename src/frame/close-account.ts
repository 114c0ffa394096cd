/**
 * Records how a connection closes (RFC 6455 §7.1.4 to §7.1.6). It stores the content of both Close frames and the first error, and whether
 * our Close frame has left the process. state-machine.ts sends Close frames and changes the state. close-code.ts defines the layout of a
 * Close frame.
 */

import { CloseCode, serializeClosePayload } from './close-code.ts';
import type { CloseRecord } from './endpoint-events.ts';
import type { ByteSink } from './sink.ts';
import { ProtocolError } from './violation.ts';

/** The record of one connection. */
export class CloseAccount {
  /** §7.1.5, §7.1.6: the code and the reason of the peer's Close frame. They are 1006 and '' until a Close frame arrives. */
  code: number = CloseCode.AbnormalClosure;
  reason = '';
  /** True if the peer's Close frame arrived before our Close frame was sent. */
  byPeer = false;
  /** The first error that was reported. */
  error: Error | null = null;
  #sentCode: number | null = null;
  #sentReason = '';
  #hasLeft = false;

  /** Call this before our Close frame is written. A synchronous transport may deliver the peer's answer during the write. */
  onSent(payload: Uint8Array): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.#sentCode = bytes.length === 0 ? CloseCode.NoStatusReceived : bytes.readUInt16BE(0);
    this.#sentReason = bytes.toString('utf8', 2);
  }

  /** Call this after our Close frame was passed to the sink. Later, the sink reports whether the frame has left the process. */
  watch(sink: ByteSink): void {
    sink.whenSent((error) => {
      this.#hasLeft = error === null;
    });
  }

  /** @param isOver true if both Close frames were exchanged (§7.1.3) */
  toRecord(isOver: boolean): CloseRecord {
    return {
      code: this.code,
      reason: this.reason,
      // §7.1.4: a close is clean if both Close frames were exchanged. We also require that our Close frame has left the process.
      wasClean: isOver && this.#hasLeft,
      byPeer: this.byPeer,
      sentCode: this.#sentCode,
      sentReason: this.#sentReason,
      error: this.error,
    };
  }
}

/**
 * Builds the payload of the Close frame that reports a failure (§7.1.7).
 * @param error the failure. A `ProtocolError` defines the close code. Any other error, such as an error from a callback, gives code 1011,
 *   and its text is not sent
 * @param wording returns the reason for the Close frame. If `wording` throws, or if its result is too long, the default reason is sent
 */
export function failurePayload(error: Error, wording: ((error: Error) => string) | null): Buffer {
  const violation = error instanceof ProtocolError ? error : null;
  const code = violation === null ? CloseCode.InternalError : violation.closeCode;
  if (wording !== null) {
    try {
      return serializeClosePayload(code, wording(error));
    } catch {
      // Even with an invalid reason, the connection must close.
    }
  }
  return serializeClosePayload(code, violation === null ? '' : violation.reason);
}
