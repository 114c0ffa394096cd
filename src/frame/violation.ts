/**
 * Lists every rule that a peer can break after the opening handshake, with its close code, RFC section and text. docs/errors.md is
 * generated from this table. For each rule, at least one test breaks it. frame/ and deflate/ throw these errors. `Endpoint.fail` then sends
 * a Close frame (RFC 6455 §7.1.7).
 */

/** One rule that a receiver checks. `text` is the reason in our Close frame: at most 123 bytes, and no text from the peer. */
export interface Violation {
  readonly closeCode: number;
  readonly section: string;
  readonly text: string;
}

export const violations = {
  WS_RESERVED_BITS: {
    closeCode: 1002,
    section: '6455 §5.2',
    text: 'a reserved bit is set, but no negotiated extension uses it',
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
    text: 'a new message began before the previous message was complete',
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
    text: 'too many bytes of a compressed message produce no output',
  },
  WS_EMPTY_FRAGMENTS: {
    closeCode: 1008,
    section: '6455 §10.4',
    text: 'too many fragments without payload in a row',
  },
  WS_MESSAGE_TIMEOUT: {
    closeCode: 1008,
    section: '6455 §10.4',
    text: 'an incomplete message made no progress within the deadline',
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
  /**
   * The size of the message's frames so far, as their headers announce it. Null if the message is compressed, because its decompressed size
   * is not known.
   */
  readonly size: number | null;
  /** The maximum number of bytes of a message. */
  readonly limit: number;
}

/** The peer has broken a rule of the protocol, or exceeded one of our limits. docs/errors.md lists all codes. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** The name of the rule in the table `violations`. It does not change between versions. */
  readonly code: ViolationCode;
  /** The code of the Close frame that we send to the peer (RFC 6455 §7.4). */
  readonly closeCode: number;
  /** The RFC and section of the rule, such as `6455 §5.5`. */
  readonly section: string;
  /** For WS_UNKNOWN_OPCODE, the opcode (0 to 15). For all other rules, null. */
  readonly opcode: number | null;
  /**
   * The default reason for our Close frame. The error's message contains this reason. When `peer` is known, the message contains `peer`
   * too.
   */
  readonly reason: string;
  /** The peer: on a client the URL, on a server the peer's address. Null until `onError` is reported. */
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
