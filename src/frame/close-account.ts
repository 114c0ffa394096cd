/**
 * Records the content of both Close frames and the first error (RFC 6455 §7.1.4 to §7.1.6). Also records whether our Close frame left the
 * process. state-machine.ts decides when Close frames are sent and how they change the state. close-code.ts has the layout of Close frames.
 */

import { CloseCode, serializeClosePayload } from './close-code.ts';
import type { CloseRecord } from './endpoint-events.ts';
import type { ByteSink } from './sink.ts';
import { ProtocolError } from './violation.ts';

/** Records how one connection closes. */
export class CloseAccount {
  /** §7.1.5, §7.1.6: the code and the reason of the peer's first Close frame. Before a Close frame arrives: 1006 and ''. */
  code: number = CloseCode.AbnormalClosure;
  reason = '';
  /** Whether the peer's Close frame arrived before our Close frame was sent. */
  byPeer = false;
  /** The first error that was reported. */
  error: Error | null = null;
  #sentCode: number | null = null;
  #sentReason = '';
  #hasLeft = false;

  /** Call this before our Close frame is written: a synchronous transport may deliver the peer's answer during the write. */
  onSent(payload: Uint8Array): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.#sentCode = bytes.length === 0 ? CloseCode.NoStatusReceived : bytes.readUInt16BE(0);
    this.#sentReason = bytes.toString('utf8', 2);
  }

  /**
   * Call this after our Close frame was passed to the sink. The account records the result (whether the frame left) when the sink reports
   * it.
   */
  watch(sink: ByteSink): void {
    sink.whenSent((error) => {
      this.#hasLeft = error === null;
    });
  }

  /** @param isOver whether the peer's Close frame arrived and our Close frame was sent (§7.1.3) */
  toRecord(isOver: boolean): CloseRecord {
    return {
      code: this.code,
      reason: this.reason,
      // §7.1.4: the close is clean only if both Close frames were exchanged. Our Close frame counts only if it left the process.
      wasClean: isOver && this.#hasLeft,
      byPeer: this.byPeer,
      sentCode: this.#sentCode,
      sentReason: this.#sentReason,
      error: this.error,
    };
  }
}

/**
 * §7.1.7: builds the payload of the Close frame that reports a failure.
 * @param error a `ProtocolError` gives its own close code. Any other error, such as one that a callback threw, gives 1011 and a reason
 *   without any text of the error
 * @param wording returns the reason. If it throws, or its result is too long, the default reason is used
 */
export function failurePayload(error: Error, wording: ((error: Error) => string) | null): Buffer {
  const violation = error instanceof ProtocolError ? error : null;
  const code = violation === null ? CloseCode.InternalError : violation.closeCode;
  if (wording !== null) {
    try {
      return serializeClosePayload(code, wording(error));
    } catch {
      // An invalid reason must not prevent the close.
    }
  }
  return serializeClosePayload(code, violation === null ? '' : violation.reason);
}
