/** Keeps the numbers of messages of this process. The bus has neither accepted nor refused these messages yet. */

export class Unsettled {
  /** The numbers of these messages for each topic, in ascending order. */
  readonly #byTopic = new Map<string, Set<number>>();

  add(topic: string, number: number): void {
    const numbers = this.#byTopic.get(topic);
    if (numbers === undefined) this.#byTopic.set(topic, new Set([number]));
    else numbers.add(number);
  }

  delete(topic: string, number: number): void {
    const numbers = this.#byTopic.get(topic);
    numbers?.delete(number);
    if (numbers?.size === 0) this.#byTopic.delete(topic);
  }

  /** Whether the bus has not yet accepted or refused some message of the topic. Only messages up to this number count. */
  has(topic: string, number: number): boolean {
    const [first = Number.POSITIVE_INFINITY] = this.#byTopic.get(topic) ?? [];
    return first <= number;
  }
}
