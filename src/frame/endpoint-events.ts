/**
 * The events of an endpoint: messages and control frames (RFC 6455 §6.2, §5.5), and how the connection ended (§7.1.4 to §7.1.6).
 * state-machine.ts, frame-dispatch.ts, stream-dispatch.ts and delivery.ts report the events.
 */

/** How a connection ended. */
export interface CloseRecord {
  /** §7.1.5: the code of the peer's Close frame. 1005 if the frame had no code, 1006 if no Close frame arrived. */
  readonly code: number;
  /** §7.1.6: the peer's reason. */
  readonly reason: string;
  /** §7.1.4: whether both Close frames were exchanged, and our Close frame had left the process. */
  readonly wasClean: boolean;
  /** Whether the peer's Close frame arrived before we sent a Close frame. */
  readonly byPeer: boolean;
  /** The code of our Close frame. 1005 if our frame had no code, null if we sent no Close frame. */
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
  /** A text message: a string, or bytes if the option `text` is 'bytes'. `wireSize` is the number of its payload bytes on the wire. */
  onText(text: string | Buffer, wireSize: number): void;
  /** A binary message. The application may keep the buffer. */
  onBinary(payload: Buffer, wireSize: number): void;
  /** A data frame without FIN has arrived completely. */
  onFragment(): void;
  /** Called only if `maxStreamSize` is set: a message begins, and its parts are reported as they arrive. Compressed messages come whole. */
  onMessageStart?(isBinary: boolean): void;
  /** The next bytes of the message. The application may keep them. Text was checked, but a character may be divided between two parts. */
  onMessagePart?(part: Buffer): void;
  /** The message is complete; it had `wireSize` payload bytes on the wire. Never called if the connection ends before the message. */
  onMessageEnd?(wireSize: number): void;
  /** A ping. The endpoint has already sent or queued the pong, unless `autoPong` is false. */
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The closing handshake began: the peer sent a Close frame, or `close` was called. */
  onClosing(byPeer: boolean): void;
  /** The connection is closed (§7.1.4 to §7.1.6). Called exactly once. */
  onClose(record: CloseRecord): void;
  /** The connection failed: with a `ProtocolError`, a `ConnectionError`, or the error that a callback threw. `onClose` follows. */
  onError(error: Error): void;
}
