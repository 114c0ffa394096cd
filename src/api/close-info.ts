/** How a connection ended: RFC 6455 §7.1.4 to §7.1.6, and what this side did about it. */

/** How a connection ended (RFC 6455 §7.1.4 to §7.1.6). */
export interface CloseInfo {
  /** The peer's close code; 1005 if its Close frame had none, 1006 if there was no Close frame. */
  readonly code: number;
  /** The peer's reason. Not for end users (§5.5.1), and not to be trusted: escape it before you show it. */
  readonly reason: string;
  /** Whether both Close frames were exchanged, and ours had left the process, before TCP ended. */
  readonly wasClean: boolean;
  /** Whether the peer's Close frame came first. */
  readonly byPeer: boolean;
  /** What our own Close frame said: 1005 if it had no code, null if none was sent. After a failure this is the code that tells why. */
  readonly sentCode: number | null;
  /** The reason of the Close frame that we sent, '' if it had no reason. */
  readonly sentReason: string;
  /** What the connection failed with: the first error that was reported to `error`, or null. */
  readonly error: Error | null;
  /** Keys of `sendLatest` whose newest value was dropped, because it still waited when the connection began to close; absent if none did. */
  readonly unsentKeys?: readonly string[];
}
