/**
 * Limits the memory that all compression contexts hold together. RFC 7692 §7.1.1 allows an endpoint to work without context takeover.
 * So a connection that opens when the budget is used up gets no context takeover, and holds no memory for
 * compression between messages.
 */

/** 64 MiB. */
export const DEFAULT_COMPRESSION_BUDGET = 67_108_864;

/** Counts the largest possible size of each context, from negotiation to the end of the connection. */
export class CompressionBudget {
  /** The limit in bytes. `Infinity` disables it. */
  limit: number;
  #used = 0;

  /** @throws {RangeError} for a limit that is NaN, negative or not a number */
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

  /** Reserves `bytes`. @returns false if the limit has no room for `bytes`; nothing is reserved then */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The budget of the process, which every connection uses unless it has another budget. */
export const processCompressionBudget: CompressionBudget = new CompressionBudget();
