/** Defines what the application learns about the end of a connection. */

/** Says how a connection ended (RFC 6455 §7.1.4 to §7.1.6). */
export interface CloseInfo {
  /** The peer's close code; 1005 if the peer's Close frame had no code, 1006 if the peer sent no Close frame. */
  readonly code: number;
  /**
   * The peer's reason. Reasons are not meant for end users (§5.5.1). The peer can choose any text, so escape the reason before you show it.
   */
  readonly reason: string;
  /**
   * Whether the closing handshake was complete when the TCP connection ended: the peer's Close frame had arrived, and ours had left the
   * process.
   */
  readonly wasClean: boolean;
  /** Whether the peer's Close frame came before ours. */
  readonly byPeer: boolean;
  /**
   * The code of the Close frame that we sent: 1005 if the frame had no code, null if we sent no Close frame. After a failure, this code
   * says why the connection failed.
   */
  readonly sentCode: number | null;
  /** The reason of the Close frame that we sent, '' if it had no reason. */
  readonly sentReason: string;
  /** The reason why the connection failed: the first error that the `error` handler received, or null. */
  readonly error: Error | null;
  /**
   * The keys of `sendLatest` whose newest value was never sent: the value still waited when the connection began to close. Absent if no
   * value waited.
   */
  readonly unsentKeys?: readonly string[];
}
