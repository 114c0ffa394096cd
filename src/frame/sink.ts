/**
 * The interface between the protocol and any transport: a sink takes the bytes that an endpoint sends. The RFC asks only that frames stay
 * whole and in order (§5.4). The transport does coalescing, backpressure and the end of TCP (§7.1.1).
 */

/** Receives null when the bytes have left the process, or the reason why they will not leave. */
export type SendCallback = (error: Error | null) => void;

/** Memory that several connections hold. The memory budget counts it only once, until the last connection has released it. */
export interface SharedMemory {
  /** The size of the memory, in bytes. */
  readonly bytes: number;
  /** Adds a holder. */
  hold(): void;
  release(): void;
}

/**
 * Takes the bytes that an endpoint sends. The endpoint calls the sink from any of its own methods, `receive` included. During such a call,
 * the sink must not call any method of the endpoint except `transportBlocked`.
 */
export interface ByteSink {
  /**
   * Returns memory for `size` bytes: the endpoint writes them at `buffer[offset…]`. The memory is valid until the next call of the sink.
   */
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number };
  /** Sends the first `size` of the reserved bytes. Reserved bytes that are not committed are never sent. */
  commit(size: number): void;
  /**
   * Commits a header (the first `size` of the reserved bytes), and then a large payload, in one step. Nothing may come between them. The
   * endpoint does not copy the payload.
   * @param isStable true: the payload does not change any more. False: the payload belongs to the application. While the sink keeps the
   *   payload, the application may change its content. It may also transfer its memory, which changes its `length`
   * @param shared the memory that contains the payload, if other connections hold it too
   */
  append(payload: Uint8Array, size: number, isStable: boolean, shared: SharedMemory | null): void;
  /** The closing handshake began: flush all bytes now, and start the transport's deadline (§7.1.1). May be called more than once. */
  closing(): void;
  /** §7.1.1: half-close the connection when all bytes have left. May be called more than once. */
  end(): void;
  /** Drop the connection, sending nothing more. */
  destroy(): void;
  /** Reading may continue: the reason for which `receive` returned false is over. */
  resumeReading(): void;
  /** Calls `done` when everything that was committed so far has left the process. If that fails, `done` receives the reason. */
  whenSent(done: SendCallback): void;
  /** Bytes that were committed and have not left yet. */
  readonly bufferedAmount: number;
  /** Whether the transport is blocked: committed bytes wait. The transport calls `Endpoint.transportDrained` when all bytes have left. */
  readonly blocked: boolean;
}
