/**
 * Checks the send cap (the maximum number of bytes that may wait to be sent, RFC 6455 §10.4). Each waiting message counts 128 bytes in
 * addition to its payload. Otherwise a very large number of small messages could fill the memory.
 */

// The bytes that the send cap counts for a message in addition to its payload.
const ITEM_COST = 128;

/** Counts the messages that were sent since the transport last had no bytes to send. */
export class SendCap {
  readonly #limit: number;
  #messages = 0;
  #bytes = 0;

  /** @param limit the maximum number of bytes that may wait */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Counts a message of `size` payload bytes.
   * @param waiting the number of bytes that wait before this message is added
   * @returns true if, together with this message, more bytes wait than the limit allows
   */
  isExceededBy(size: number, waiting: number): boolean {
    this.#messages++;
    this.#bytes += size;
    // If no byte is waiting, a message of any size is accepted, even if it has many frames.
    if (waiting === 0) return false;
    // Some of the counted messages may have left, but we do not know how many. We assume the same percentage as for the bytes.
    const left = Math.min(1, (waiting + size) / (this.#bytes + 1));
    return waiting + size + left * this.#messages * ITEM_COST > this.#limit;
  }
}
