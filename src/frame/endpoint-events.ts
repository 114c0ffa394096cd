/**
 * The events of an endpoint: messages and control frames (RFC 6455 §6.2, §5.5), and how the connection ended (§7.1.4 to §7.1.6).
 * endpoint.ts, receiver.ts and delivery.ts decide when each event is reported.
 */

/** How a connection ended. */
export interface CloseRecord {
  /** §7.1.5: the code of the peer's Close frame; 1005 if it had no code, 1006 if there was no Close frame. */
  readonly code: number;
  /** §7.1.6: the peer's reason. */
  readonly reason: string;
  /** §7.1.4: both Close frames were exchanged, and ours had left the process. */
  readonly wasClean: boolean;
  /** The peer's Close frame came first. */
  readonly byPeer: boolean;
  /** The code of our Close frame; 1005 if it had no code, null if none was sent. */
  readonly sentCode: number | null;
  readonly sentReason: string;
  /** The error that the connection failed with, or null. */
  readonly error: Error | null;
}

/**
 * Receives the events of an endpoint. The endpoint's state is consistent before each call: send, ping, close, pause and terminate are
 * allowed inside every handler. If a handler throws, the connection closes with 1011 and the error is reported through `onError`.
 */
export interface EndpointEvents {
  /** A text message: a string, or bytes with `text: 'bytes'`. `wireSize` is the number of its payload bytes on the wire. */
  onText(text: string | Buffer, wireSize: number): void;
  /** A binary message. The application may keep the buffer. */
  onBinary(payload: Buffer, wireSize: number): void;
  /** A data frame without FIN has arrived completely. */
  onFragment(): void;
  /** With `maxStreamSize`: a message begins; its parts follow as they arrive. A compressed message is reported whole instead. */
  onMessageStart?(isBinary: boolean): void;
  /** The next bytes of the message, which the application may keep. Text was checked; its last character may end in the next part. */
  onMessagePart?(part: Buffer): void;
  /** The message is complete; it had `wireSize` payload bytes on the wire. Never called if the connection ends first. */
  onMessageEnd?(wireSize: number): void;
  /** A ping; the endpoint has already answered it, unless `autoPong` is false. */
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The closing handshake began, by us or by the peer. */
  onClosing(byPeer: boolean): void;
  /** The connection is closed (§7.1.4 to §7.1.6). Called exactly once. */
  onClose(record: CloseRecord): void;
  /** The connection failed: with a `ProtocolError`, a `ConnectionError`, or the error that a callback threw. `onClose` follows. */
  onError(error: Error): void;
}
