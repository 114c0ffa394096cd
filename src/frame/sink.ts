/**
 * Where an endpoint's bytes go: the seam between the protocol and any transport. The RFC asks only that frames stay whole and
 * in order (§5.4); coalescing, backpressure and the end of TCP (§7.1.1) are the transport's.
 */

/** Where an endpoint's bytes go. Calls come from any of the endpoint's methods, `receive` included. */
export interface ByteSink {
  /** Room for `size` bytes to be written in place at `buffer[offset…]`; valid until the next call. */
  reserve(size: number): { readonly buffer: Buffer; readonly offset: number };
  /** The first `size` of the reserved bytes are to be sent. What was not committed never is. */
  commit(size: number): void;
  /**
   * Commits the first `size` of the reserved bytes, a header, and a large payload behind it, in one step: nothing may come in
   * between. The payload is not copied, so it must not change until it is gone.
   */
  append(payload: Uint8Array, size: number): void;
  /** The frames of one message come, up to `finish`: for a limit on what may wait they are one. */
  begin?(): void;
  finish?(): void;
  /** The closing handshake began: what is here leaves now, and the transport's deadline for it (§7.1.1) starts. */
  closing(): void;
  /**
   * §7.1.1: half-close once everything is out. May be called more than once. The transport's own end is reported to the endpoint
   * later, not from inside this call or `destroy`.
   */
  end(): void;
  /** Drop the connection, sending nothing more. */
  destroy(): void;
  /**
   * So many bytes more (or, negative, less) wait inside the endpoint, for its codec mostly; they count as buffered.
   * @param isShared other connections hold the same memory
   */
  hold?(size: number, isShared?: boolean): void;
  /** With a codec: reading may go on; what made `receive` return false inside the endpoint is done. */
  resume?(): void;
  /** With a codec: whether what is sent now answers a message that came out of it, outside of `receive`. */
  replying?: boolean;
  /** Bytes that have not left yet. */
  readonly bufferedAmount: number;
  /** Whether the transport takes no more for now; `Endpoint.drained` is to be called when it does again. */
  readonly blocked: boolean;
}
