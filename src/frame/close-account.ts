/**
 * What both Close frames said, whether ours left, and what went wrong: RFC 6455 §7.1.4 to §7.1.6. When they are sent, and what
 * they do to the state, is endpoint.ts; their layout is close-code.ts.
 */

import { CloseCode, serializeClosePayload } from './close-code.ts';
import type { CloseRecord } from './endpoint-events.ts';
import type { ByteSink } from './sink.ts';
import { ProtocolError } from './violation.ts';

/** The account of one connection's end. */
export class CloseAccount {
  /** §7.1.5, §7.1.6: of the peer's first Close frame. */
  code: number = CloseCode.AbnormalClosure;
  reason = '';
  byPeer = false;
  /** The first error that was reported. */
  error: Error | null = null;
  #sentCode: number | null = null;
  #sentReason = '';
  #hasLeft = false;

  /** Our Close frame is being written. Call it before, since a synchronous transport may bring the answer at once. */
  onSent(payload: Uint8Array): void {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.#sentCode = bytes.length === 0 ? CloseCode.NoStatusReceived : bytes.readUInt16BE(0);
    this.#sentReason = bytes.toString('utf8', 2);
  }

  /** It was handed to the sink. */
  watch(sink: ByteSink): void {
    sink.whenSent((error) => {
      this.#hasLeft = error === null;
    });
  }

  /** @param isOver §7.1.3: the peer's Close frame came, and ours was not left out */
  toRecord(isOver: boolean): CloseRecord {
    return {
      code: this.code,
      reason: this.reason,
      // §7.1.4: cleanly, if both Close frames were exchanged first. Ours was not, if it never left.
      wasClean: isOver && this.#hasLeft,
      byPeer: this.byPeer,
      sentCode: this.#sentCode,
      sentReason: this.#sentReason,
      error: this.error,
    };
  }
}

/**
 * §7.1.7: what the Close frame of a failure carries.
 * @param error a `ProtocolError`; anything else came out of a callback and gives 1011, with nothing of it on the wire
 * @param wording makes the reason; if it throws or returns too much, the default holds
 */
export function failurePayload(error: Error, wording: ((error: Error) => string) | null): Buffer {
  const violation = error instanceof ProtocolError ? error : null;
  const code = violation === null ? CloseCode.InternalError : violation.closeCode;
  if (wording !== null) {
    try {
      return serializeClosePayload(code, wording(error));
    } catch {
      // An invalid reason must not keep us from closing.
    }
  }
  return serializeClosePayload(code, violation === null ? '' : violation.reason);
}
