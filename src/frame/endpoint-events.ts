/**
 * The events of an endpoint: messages and control frames (RFC 6455 §6.2, §5.5), and the end of the connection (§7.1.4 to §7.1.6).
 * state-machine.ts, frame-dispatch.ts, stream-dispatch.ts and delivery.ts report the events.
 */

/** How a connection ended. */
export interface CloseRecord {
  /** §7.1.5: the code of the peer's Close frame. 1005 if the frame has no code, 1006 if no Close frame has arrived. */
  readonly code: number;
  /** §7.1.6: the reason in the peer's Close frame. */
  readonly reason: string;
  /** §7.1.4: true if both Close frames were exchanged. Our Close frame counts only if it has left the process. */
  readonly wasClean: boolean;
  /** True if the peer's Close frame arrived before we sent a Close frame. */
  readonly byPeer: boolean;
  /** The code of our Close frame. 1005 if our frame has no code, null if we sent no Close frame. */
  readonly sentCode: number | null;
  readonly sentReason: string;
  /** The error of the connection, or null. */
  readonly error: Error | null;
}

/**
 * Receives the events of an endpoint. Every handler may call send, ping, close, pause and terminate. If a handler throws, the connection
 * closes with 1011, and `onError` receives the error.
 */
export interface EndpointEvents {
  /**
   * Is called with each text message: a string, or bytes if the option `text` is 'bytes'. `wireSize` is the payload size on the wire,
   * before decompression.
   */
  onText(text: string | Buffer, wireSize: number): void;
  /** Is called with each binary message. The application may keep the buffer. */
  onBinary(payload: Buffer, wireSize: number): void;
  /** Is called when a complete data frame without FIN has arrived. */
  onFragment(): void;
  /**
   * Is called when a message begins, and its parts follow. It is called only if `maxStreamSize` is set. Compressed messages are reported
   * whole, with `onText` or `onBinary`.
   */
  onMessageStart?(isBinary: boolean): void;
  /**
   * Is called with the next bytes of the message. The application may keep these bytes. Text is valid UTF-8, but a part may end inside a
   * character.
   */
  onMessagePart?(part: Buffer): void;
  /** Is called when the message is complete, unless the connection ends earlier. `wireSize` is the payload size of the message. */
  onMessageEnd?(wireSize: number): void;
  /** Is called for each ping. The endpoint has already sent or queued the pong, except if `autoPong` is false. */
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** Is called when the closing handshake begins: the peer has sent a Close frame, or `close` was called. */
  onClosing(byPeer: boolean): void;
  /** Is called exactly once, when the connection is closed (§7.1.4 to §7.1.6). */
  onClose(record: CloseRecord): void;
  /** Is called when the connection fails: with a `ProtocolError`, a `ConnectionError`, or what a callback threw. `onClose` follows. */
  onError(error: Error): void;
}
