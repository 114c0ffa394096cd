/** Checks the first two bytes of a frame: RFC 6455 §5.1, §5.2, §5.5 and RFC 7692 §6.1. */

import { isControl, isKnownOpcode } from './opcode.ts';
import { ProtocolError } from './violation.ts';

/**
 * Checks all rules for the first two bytes of a frame.
 * @param masked true if the frame must be masked
 * @param allowedReserved a bit mask for the first byte: the reserved bits that a negotiated extension allows
 * @throws {ProtocolError} if the bytes break a rule
 */
export function checkFirstBytes(
  first: number,
  second: number,
  masked: boolean,
  allowedReserved: number,
): void {
  const opcode = first & 0x0f;
  // §5.2: reserved bits MUST be 0, except if a negotiated extension defines them.
  if ((first & 0x70 & ~allowedReserved) !== 0) throw new ProtocolError('WS_RESERVED_BITS');
  // §5.2: if the opcode is unknown, the receiver MUST fail the connection.
  if (!isKnownOpcode(opcode)) throw new ProtocolError('WS_UNKNOWN_OPCODE', { opcode });
  // §5.1: a client MUST mask all frames, and a server MUST NOT mask frames. If the peer breaks this rule, the connection is closed.
  if (second >= 0x80 !== masked) throw new ProtocolError(masked ? 'WS_UNMASKED_FRAME' : 'WS_MASKED_FRAME');
  if (isControl(opcode)) {
    // §5.5: control frames MUST NOT be fragmented, and MUST NOT carry more than 125 bytes.
    if (first < 0x80) throw new ProtocolError('WS_FRAGMENTED_CONTROL');
    if ((second & 0x7f) > 125) throw new ProtocolError('WS_CONTROL_TOO_LONG');
    // 7692 §6.1: RSV1 may be set only on the first frame of a message. So a control frame must not have RSV1.
    if ((first & 0x40) !== 0) throw new ProtocolError('WS_RESERVED_BITS');
  } else if (opcode === 0 && (first & 0x40) !== 0) {
    // 7692 §6.1: a continuation frame must not have RSV1 either.
    throw new ProtocolError('WS_RESERVED_BITS');
  }
}
