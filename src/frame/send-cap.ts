/**
 * Says whether more bytes wait than the send cap allows (RFC 6455 §10.4). Each waiting message counts as 128 bytes more than its payload.
 * Otherwise a very large number of small messages could fill the memory.
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

  /** Counts a message of `size` payload bytes. @param waiting how many bytes wait already @returns whether the message exceeds the cap */
  isExceededBy(size: number, waiting: number): boolean {
    this.#messages++;
    this.#bytes += size;
    // An empty queue always takes one message, with any number of frames.
    if (waiting === 0) return false;
    // Some of the messages counted here may have left, but not all. We assume that messages and bytes left in the same proportion.
    const left = Math.min(1, (waiting + size) / (this.#bytes + 1));
    return waiting + size + left * this.#messages * ITEM_COST > this.#limit;
  }
}
