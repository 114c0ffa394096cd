/**
 * What an endpoint reports to its user: messages and control frames (RFC 6455 §6.2, §5.5), and how it ended (§7.1.4 to §7.1.6).
 * When each is reported is endpoint.ts, receiver.ts and delivery.ts.
 */

/** How a connection ended. */
export interface CloseRecord {
  /** §7.1.5: what the peer's Close frame said; 1005 if it had no code, 1006 if there was no Close frame. */
  readonly code: number;
  /** §7.1.6: the peer's reason. */
  readonly reason: string;
  /** §7.1.4: both Close frames were exchanged, and ours had left the process. */
  readonly wasClean: boolean;
  /** The peer's Close frame came first. */
  readonly byPeer: boolean;
  /** What our own Close frame said; 1005 if it had no code, null if none was sent. */
  readonly sentCode: number | null;
  readonly sentReason: string;
  /** What the connection failed with, or null. */
  readonly error: Error | null;
}

/**
 * What an endpoint reports. Every field is consistent before a call: send, ping, close, pause and terminate are allowed
 * inside any of them. An exception out of a call closes the connection with 1011 and comes back through `onError`.
 */
export interface EndpointEvents {
  /** A text message; bytes instead of a string with `text: 'bytes'`. `wireSize` is its payload bytes on the wire. */
  onText(text: string | Buffer, wireSize: number): void;
  /** A binary message. The buffer is the receiver's to keep. */
  onBinary(payload: Buffer, wireSize: number): void;
  /** A data frame without FIN arrived whole. */
  onFragment(): void;
  /** With `maxStreamSize`: a message begins, whose parts follow while they arrive. A compressed message is reported whole instead. */
  onMessageStart?(isBinary: boolean): void;
  /** The next bytes of it, which are the receiver's to keep. Those of a text are checked; the last character may be cut. */
  onMessagePart?(part: Buffer): void;
  /** It is complete, with so many payload bytes on the wire. If the connection ends before that, this is never called. */
  onMessageEnd?(wireSize: number): void;
  /** A ping, already answered. */
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The closing handshake began, by us or by the peer. */
  onClosing(byPeer: boolean): void;
  /** Exactly once: the connection is closed (§7.1.4 to §7.1.6). */
  onClose(record: CloseRecord): void;
  /** Why the connection failed: a `ProtocolError`, or what a callback threw. `onClose` follows. */
  onError(error: Error): void;
}
