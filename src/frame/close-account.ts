/**
 * Records what both Close frames said, whether ours left, and what went wrong: RFC 6455 §7.1.4 to §7.1.6. endpoint.ts decides when
 * Close frames are sent and how they change the state; close-code.ts has their layout.
 */

import { CloseCode, serializeClosePayload } from './close-code.ts';
import type { CloseRecord } from './endpoint-events.ts';
import type { ByteSink } from './sink.ts';
import { ProtocolError } from './violation.ts';

/** The account of one connection's end. */
export class CloseAccount {
  /** §7.1.5, §7.1.6: the code and, below, the reason of the peer's first Close frame. */
  code: number = CloseCode.AbnormalClosure;
  reason = '';
  byPeer = false;
  /** The first error that was reported. */
  error: Error | null = null;
  #sentCode: number | null = null;
  #sentReason = '';
  #hasLeft = false;

  /** Call this before our Close frame is written: a synchronous transport may bring the peer's answer during the write. */
  onSent(payload: Uint8Array): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.#sentCode = bytes.length === 0 ? CloseCode.NoStatusReceived : bytes.readUInt16BE(0);
    this.#sentReason = bytes.toString('utf8', 2);
  }

  /** Call this once our Close frame was passed to the sink: the account records whether the frame leaves. */
  watch(sink: ByteSink): void {
    sink.whenSent((error) => {
      this.#hasLeft = error === null;
    });
  }

  /** @param isOver §7.1.3: the peer's Close frame arrived, and ours was sent */
  toRecord(isOver: boolean): CloseRecord {
    return {
      code: this.code,
      reason: this.reason,
      // §7.1.4: the close is clean only if both Close frames were exchanged; ours counts only if it left.
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
 * @param error a `ProtocolError`; any other error was thrown by a callback: it gives 1011, and none of its text is sent
 * @param wording returns the reason; if it throws or its result is too long, the default reason is used
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
