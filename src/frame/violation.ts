/**
 * Lists every rule that a peer can break after the opening handshake, in one table: rule → close code, section, text. docs/errors.md is
 * generated from this table. For each row, at least one test breaks the rule. Only frame/ and deflate/ throw violations. `Endpoint.fail`
 * sends a Close frame for a violation (RFC 6455 §7.1.7).
 */

/** One rule that a receiver enforces. `text` is the reason of our Close frame: at most 123 bytes, and no text from the peer. */
export interface Violation {
  readonly closeCode: number;
  readonly section: string;
  readonly text: string;
}

export const violations = {
  WS_RESERVED_BITS: {
    closeCode: 1002,
    section: '6455 §5.2',
    text: 'a reserved bit is set that no extension was negotiated for',
  },
  WS_UNKNOWN_OPCODE: { closeCode: 1002, section: '6455 §5.2', text: 'the opcode is reserved' },
  WS_UNMASKED_FRAME: { closeCode: 1002, section: '6455 §5.1', text: 'a client must mask its frames' },
  WS_MASKED_FRAME: { closeCode: 1002, section: '6455 §5.1', text: 'a server must not mask its frames' },
  WS_FRAGMENTED_CONTROL: {
    closeCode: 1002,
    section: '6455 §5.5',
    text: 'a control frame must not be fragmented',
  },
  WS_CONTROL_TOO_LONG: {
    closeCode: 1002,
    section: '6455 §5.5',
    text: 'a control frame carries at most 125 bytes',
  },
  WS_NON_MINIMAL_LENGTH: {
    closeCode: 1002,
    section: '6455 §5.2',
    text: 'the payload length is not in its shortest form',
  },
  WS_LENGTH_MSB: {
    closeCode: 1002,
    section: '6455 §5.2',
    text: 'the most significant bit of a 64-bit payload length must be 0',
  },
  WS_UNEXPECTED_CONTINUATION: {
    closeCode: 1002,
    section: '6455 §5.4',
    text: 'a continuation frame without a message to continue',
  },
  WS_INTERLEAVED_MESSAGE: {
    closeCode: 1002,
    section: '6455 §5.4',
    text: 'a new message before the last fragment of the one before',
  },
  WS_CLOSE_LENGTH: { closeCode: 1002, section: '6455 §5.5.1', text: 'a Close payload of one byte' },
  WS_CLOSE_CODE: {
    closeCode: 1002,
    section: '6455 §7.4',
    text: 'the close code must not appear in a Close frame',
  },
  WS_CLOSE_REASON: { closeCode: 1007, section: '6455 §5.5.1', text: 'the close reason is not UTF-8' },
  WS_INVALID_UTF8: { closeCode: 1007, section: '6455 §8.1', text: 'a text message is not UTF-8' },
  WS_INVALID_DEFLATE: {
    closeCode: 1007,
    section: '7692 §7.2.2',
    text: 'a compressed message is corrupt or cut off',
  },
  WS_NO_DEFLATE_OUTPUT: {
    closeCode: 1007,
    section: '7692 §7.2.2',
    text: 'too much of a compressed message decompresses to nothing',
  },
  WS_EMPTY_FRAGMENTS: {
    closeCode: 1008,
    section: '6455 §10.4',
    text: 'too many fragments without payload in a row',
  },
  WS_MESSAGE_TIMEOUT: {
    closeCode: 1008,
    section: '6455 §10.4',
    text: 'no progress inside a message within the deadline',
  },
  WS_MESSAGE_TOO_BIG: { closeCode: 1009, section: '6455 §10.4', text: 'the message is over the size limit' },
  WS_MEMORY_BUDGET: {
    closeCode: 1013,
    section: '6455 §10.4',
    text: 'out of memory for unfinished messages, try again later',
  },
} as const;

export type ViolationCode = keyof typeof violations;

/** The details of WS_MESSAGE_TOO_BIG: the size of the message, and the limit. */
export interface MessageSize {
  /** Bytes that the frames have announced so far; null for a compressed message, because its decompressed size is unknown. */
  readonly size: number | null;
  /** The maximum number of bytes of a message. */
  readonly limit: number;
}

/** The peer broke a rule of the protocol, or one of our limits. See docs/errors.md for every code. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** The rule's name in the `violations` table, stable across versions. */
  readonly code: ViolationCode;
  /** The code of the Close frame that we send to the peer (RFC 6455 §7.4). */
  readonly closeCode: number;
  /** The RFC and section of the rule, such as `6455 §5.5`. */
  readonly section: string;
  /** WS_UNKNOWN_OPCODE: the opcode, 0 to 15; null for every other rule. */
  readonly opcode: number | null;
  /** The default reason of our Close frame. The error's message contains `reason` and, as soon as `peer` is known, `peer`. */
  readonly reason: string;
  /** The other end of the connection: the URL on a client, the address on a server. Null until `onError` is reported. */
  peer: string | null = null;

  constructor(
    code: ViolationCode,
    options?: ErrorOptions & Partial<MessageSize> & { readonly opcode?: number },
  ) {
    const violation: Violation = violations[code];
    const reason = violation.text + describeSize(options);
    super(reason, options);
    this.code = code;
    this.closeCode = violation.closeCode;
    this.section = violation.section;
    this.opcode = options?.opcode ?? null;
    this.reason = reason;
  }
}

function describeSize(options: Partial<MessageSize> | undefined): string {
  if (options?.limit === undefined) return '';
  const { size = null, limit } = options;
  return size === null ? `: more than ${limit} bytes` : `: ${size} bytes, the limit is ${limit}`;
}
