/** The rules for the first two bytes of a frame: RFC 6455 §5.1, §5.2, §5.5 and RFC 7692 §6.1. parser.ts finds these bytes. */

import { isControl, isKnownOpcode } from './opcode.ts';
import { ProtocolError } from './violation.ts';

/**
 * Checks every rule that the first two bytes of a frame can break.
 * @param masked whether the sender of the frame has to mask it
 * @param allowedReserved the reserved bits that a negotiated extension allows, at their positions in the first byte
 * @throws {ProtocolError} for the first rule that the two bytes break
 */
export function checkFirstBytes(
  first: number,
  second: number,
  masked: boolean,
  allowedReserved: number,
): void {
  const opcode = first & 0x0f;
  // §5.2: reserved bits MUST be 0 unless an extension that defines them was negotiated.
  if ((first & 0x70 & ~allowedReserved) !== 0) throw new ProtocolError('WS_RESERVED_BITS');
  // §5.2: on an unknown opcode the receiver MUST fail the connection.
  if (!isKnownOpcode(opcode)) throw new ProtocolError('WS_UNKNOWN_OPCODE', { opcode });
  // §5.1: the client MUST mask all frames, the server MUST NOT mask any. Each side closes if the other breaks this rule.
  if (second >= 0x80 !== masked) throw new ProtocolError(masked ? 'WS_UNMASKED_FRAME' : 'WS_MASKED_FRAME');
  if (isControl(opcode)) {
    // §5.5: control frames MUST NOT be fragmented, and MUST NOT carry more than 125 bytes.
    if (first < 0x80) throw new ProtocolError('WS_FRAGMENTED_CONTROL');
    if ((second & 0x7f) > 125) throw new ProtocolError('WS_CONTROL_TOO_LONG');
    // 7692 §6.1: RSV1 may be set on the first frame of a data message, never on a control frame.
    if ((first & 0x40) !== 0) throw new ProtocolError('WS_RESERVED_BITS');
  } else if (opcode === 0 && (first & 0x40) !== 0) {
    // 7692 §6.1: RSV1 is never set on a continuation either.
    throw new ProtocolError('WS_RESERVED_BITS');
  }
}
