/**
 * Limits the total memory of the compression contexts of all connections. A context is the recent plaintext of a connection, to which later
 * messages may refer ("context takeover"). RFC 7692 §7.1.1 allows an endpoint to work without it. If the budget is used up when a
 * connection opens, this connection has no context, and keeps no memory for compression between messages.
 */

/** 64 MiB. */
export const DEFAULT_COMPRESSION_BUDGET = 67_108_864;

/** Counts the reserved memory. For each context, the budget reserves its maximum size until the connection ends. */
export class CompressionBudget {
  /** The limit in bytes. `Infinity` means that there is no limit. */
  limit: number;
  #used = 0;

  /** @throws {RangeError} if the limit is NaN, negative or not a number */
  constructor(limit: number = DEFAULT_COMPRESSION_BUDGET) {
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw new RangeError(`the limit is ${String(limit)}, not a number of bytes`);
    }
    this.limit = limit;
  }

  /** The number of bytes that are reserved now. */
  get used(): number {
    return this.#used;
  }

  /** Reserves memory. If this would exceed the limit, reserves nothing and returns false. */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The default budget. All connections share it, except connections with another budget. */
export const processCompressionBudget: CompressionBudget = new CompressionBudget();
