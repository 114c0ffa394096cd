/**
 * Limits the memory that the compression contexts of all connections hold together. RFC 7692 §7.1.1 allows an endpoint to work without
 * context takeover. If the budget is used up when a connection opens, the connection has no context takeover. It then holds no memory for
 * compression between messages.
 */

/** 64 MiB. */
export const DEFAULT_COMPRESSION_BUDGET = 67_108_864;

/** Counts the reserved memory. For each context, its largest possible size is reserved until the connection ends. */
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

  /** Reserves memory. @returns false, and reserves nothing, if the reserved memory would exceed the limit */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The budget of the process. Every connection uses this budget unless the application passes another one. */
export const processCompressionBudget: CompressionBudget = new CompressionBudget();
