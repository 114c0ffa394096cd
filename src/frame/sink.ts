/**
 * Where an endpoint's bytes go: the seam between the protocol and any transport. The RFC asks only that frames stay whole and
 * in order (§5.4); coalescing, backpressure and the end of TCP (§7.1.1) are the transport's.
 */

/** Receives null once the bytes have left the process, or why they never will. */
export type SendCallback = (error: Error | null) => void;

/** Memory that several connections hold at once. It is counted once, until the last of them releases it. */
export interface SharedMemory {
  /** What it costs, in bytes. */
  readonly bytes: number;
  /** There is one more holder. */
  hold(): void;
  release(): void;
}

/**
 * Where an endpoint's bytes go. Calls come from any of the endpoint's methods, `receive` included. A sink never calls the
 * endpoint back from inside one of its members, except through `transportBlocked`.
 */
export interface ByteSink {
  /** Room for `size` bytes to be written in place at `buffer[offset…]`; valid until the next call. */
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number };
  /** The first `size` of the reserved bytes are to be sent. What was not committed is never sent. */
  commit(size: number): void;
  /**
   * Commits the first `size` of the reserved bytes, a header, and a large payload after it, in one step: nothing may come in
   * between. The endpoint does not copy the payload.
   * @param isStable nothing changes the payload any more. If false, it is the application's: a sink that keeps it must expect
   *   that its content changes, and that its `length` does when its memory is transferred
   * @param shared the memory that the payload lies in, if other connections hold it too
   */
  append(payload: Uint8Array, size: number, isStable: boolean, shared: SharedMemory | null): void;
  /** The closing handshake began: what is here leaves now, and the transport's deadline for it (§7.1.1) starts. Repeatable. */
  closing(): void;
  /** §7.1.1: half-close once everything has left. May be called more than once. */
  end(): void;
  /** Drop the connection, sending nothing more. */
  destroy(): void;
  /** Reading may go on: the reason for which `receive` returned false is over. */
  resumeReading(): void;
  /** Calls `done` once everything that was committed so far has left the process, or with the reason why it never will. */
  whenSent(done: SendCallback): void;
  /** Bytes that were committed and have not left yet. */
  readonly bufferedAmount: number;
  /** Whether the transport takes no more for now; `Endpoint.transportDrained` is to be called when everything has left. */
  readonly blocked: boolean;
}
