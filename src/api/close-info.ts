/** Defines what the application learns about the end of a connection. */

/** How a connection ended (RFC 6455 §7.1.4 to §7.1.6). */
export interface CloseInfo {
  /** The close code of the peer's Close frame. 1005 if the frame had no code. 1006 if the peer sent no Close frame. */
  readonly code: number;
  /**
   * The reason in the peer's Close frame. It is not meant for end users (§5.5.1). The peer can choose any text, so escape the reason before
   * you show it.
   */
  readonly reason: string;
  /**
   * True if the closing handshake was complete when the TCP connection ended. This means that the peer's Close frame had arrived, and our
   * Close frame had left the process.
   */
  readonly wasClean: boolean;
  /** True if the peer sent its Close frame first. */
  readonly byPeer: boolean;
  /**
   * The close code of our Close frame. 1005 if the frame had no code. Null if we sent no Close frame. After a failure, this code says why
   * the connection failed.
   */
  readonly sentCode: number | null;
  /** The reason in our Close frame. '' if the frame had no reason. */
  readonly sentReason: string;
  /** The first error that the `error` handler received. It says why the connection failed. Null if the connection did not fail. */
  readonly error: Error | null;
  /**
   * The keys of `sendLatest` whose newest values were never sent, because the connection began to close. Absent if there are no such keys.
   */
  readonly unsentKeys?: readonly string[];
}
