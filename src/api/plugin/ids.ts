/**
 * Assigns the numbers of clients (1, 2, …) and servers (-1, -2, …). A new client or server gets the free number nearest to 0. After
 * `clear`, a number becomes free when the last event with this number was delivered. So an event never seems to belong to a later client or
 * server.
 */

export class IdTable<Entry> {
  readonly #sign: 1 | -1;
  readonly #entries = new Map<number, Entry>();
  /** The numbers of removed entries that are not free yet. */
  readonly #reserved = new Set<number>();

  constructor(sign: 1 | -1) {
    this.#sign = sign;
  }

  add(make: (id: number) => Entry): Entry {
    let id: number = this.#sign;
    while (this.#entries.has(id) || this.#reserved.has(id)) id += this.#sign;
    const entry = make(id);
    this.#entries.set(id, entry);
    return entry;
  }

  get(id: number): Entry | undefined {
    return this.#entries.get(id);
  }

  values(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Removes an entry, so that `get` no longer finds the entry. The number stays taken until `free` is called. */
  remove(id: number): void {
    if (this.#entries.delete(id)) this.#reserved.add(id);
  }

  free(id: number): void {
    this.#reserved.delete(id);
  }
}
