/**
 * The interface between the protocol and the transport: a sink takes the bytes that an endpoint sends. RFC 6455 requires only that frames
 * stay whole and in order (§5.4). The transport implements batching, backpressure and the end of TCP (§7.1.1).
 */

/** Is called with null when the bytes have left the process, or with an error if they cannot leave. */
export type SendCallback = (error: Error | null) => void;

/** Memory that several connections use (the holders). The memory budget counts it once, until the last holder has released it. */
export interface SharedMemory {
  /** The size of the memory, in bytes. */
  readonly bytes: number;
  /** Adds a holder. */
  hold(): void;
  release(): void;
}

/**
 * Takes the bytes that an endpoint sends. Every method of the endpoint may call the sink, even `receive`. A method of the sink may call
 * `transportBlocked` of the endpoint, but no other method of the endpoint.
 */
export interface ByteSink {
  /**
   * Returns memory for `size` bytes. The endpoint writes into `buffer`, from index `offset` on. The memory may be used until the next
   * call of the sink.
   */
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number };
  /** Sends the first `size` reserved bytes. The other reserved bytes are not sent. */
  commit(size: number): void;
  /**
   * Sends a header (the first `size` reserved bytes), and directly after it a large payload. The endpoint has not copied the payload.
   * @param isStable if true, no code changes the payload any more. If false, the application may change the payload at
   *   any time. It may even transfer the payload's memory. After a transfer, the `length` of the payload is 0
   * @param shared the memory that contains the payload, if other connections use this memory too
   */
  append(payload: Uint8Array, size: number, isStable: boolean, shared: SharedMemory | null): void;
  /**
   * Is called when the closing handshake begins. Flushes all bytes, and starts the transport's closing timeout (§7.1.1). May be called more
   * than once.
   */
  closing(): void;
  /** §7.1.1: ends our direction of the TCP connection when all bytes have left. May be called more than once. */
  end(): void;
  /** Drops the connection, and sends no more bytes. */
  destroy(): void;
  /** Is called some time after `receive` has returned false. From now on, the transport may read again. */
  resumeReading(): void;
  /** Calls `done` when all committed bytes have left the process. If they cannot leave, `done` receives an error. */
  whenSent(done: SendCallback): void;
  /** The number of committed bytes that have not left. */
  readonly bufferedAmount: number;
  /**
   * True if the transport is blocked, so that committed bytes wait. When all bytes have left, the transport calls
   * `Endpoint.transportDrained`.
   */
  readonly blocked: boolean;
}
