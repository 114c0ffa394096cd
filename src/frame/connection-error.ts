/**
 * Lists the faults of this side, and of the network, that end a connection. For most of these faults, no Close frame is sent, and the close
 * code is 1006 (RFC 6455 §7.1.5). For two faults, a Close frame with code 1011 is sent. WS_HEARTBEAT_TIMEOUT: the peer does not answer a
 * ping of a fixed schedule. WS_STREAM_CUT: a message in parts cannot be finished. violation.ts lists the faults of the peer.
 */

/** One fault that ends a connection. */
export interface ConnectionFault {
  readonly section: string;
  readonly text: string;
}

export const connectionFaults = {
  WS_SEND_CAP: {
    section: '6455 §10.4',
    text: 'the peer does not read: more bytes wait to be sent than "sendCap" allows, or the peer accepted no byte in time',
  },
  WS_HEARTBEAT_TIMEOUT: {
    section: '6455 §5.5.2',
    text: 'the peer was silent and did not answer a ping in time',
  },
  WS_CLOSE_TIMEOUT: {
    section: '6455 §7.1.1',
    text: 'the closing handshake was not finished in time',
  },
  WS_CONNECTION_LOST: {
    section: '6455 §7.1.5',
    text: 'the connection ended without a Close frame',
  },
  WS_NOT_SENT: {
    section: '6455 §6.1',
    text: 'the message was not sent: the connection is closing or has ended',
  },
  WS_STREAM_CUT: {
    section: '6455 §5.4',
    text: 'a message that was being sent in parts could not be finished',
  },
  WS_STREAM_LOST: {
    section: '6455 §5.4',
    text: 'the connection ended before the message did',
  },
  WS_SOCKET: { section: '6455 §7.2.1', text: 'the socket failed' },
} as const;

export type ConnectionFaultCode = keyof typeof connectionFaults;

/** The connection was dropped, or a message could not be sent. `code` is the reason. `cause` is the underlying error, if there is one. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: ConnectionFaultCode;
  /** The RFC and the section for this reason. */
  readonly section: string;
  /** The peer: on a client the URL, on a server the peer's address. Null until the error is reported. */
  peer: string | null = null;

  constructor(code: ConnectionFaultCode, options?: ErrorOptions) {
    const fault: ConnectionFault = connectionFaults[code];
    const cause = options?.cause;
    super(
      cause instanceof Error
        ? `${connectionFaults[code].text}: ${cause.message}`
        : connectionFaults[code].text,
      options,
    );
    this.code = code;
    this.section = fault.section;
  }
}
