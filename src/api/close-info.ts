/** Describes how a connection ended (RFC 6455 §7.1.4 to §7.1.6), and what this side sent. */

/** How a connection ended (RFC 6455 §7.1.4 to §7.1.6). */
export interface CloseInfo {
  /** The peer's close code; 1005 if its Close frame had none, 1006 if there was no Close frame. */
  readonly code: number;
  /** The peer's reason. It is not meant for end users (§5.5.1). Do not trust it: escape it before you show it. */
  readonly reason: string;
  /** Whether both Close frames were exchanged, and ours had left the process, before TCP ended. */
  readonly wasClean: boolean;
  /** Whether the peer's Close frame came first. */
  readonly byPeer: boolean;
  /** The code of the Close frame that we sent: 1005 if that frame had no code, null if we sent none. After a failure this code says why. */
  readonly sentCode: number | null;
  /** The reason of the Close frame that we sent, '' if it had no reason. */
  readonly sentReason: string;
  /** The reason why the connection failed: the first error that the `error` handler received, or null. */
  readonly error: Error | null;
  /**
   * Keys of `sendLatest` whose newest value was dropped, because it still waited when the connection began to close; absent if no value
   * waited.
   */
  readonly unsentKeys?: readonly string[];
}
