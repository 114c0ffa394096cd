/** Keeps the numbers of the messages that this process has passed to the bus, until the bus accepts or refuses them. */

export class Unsettled {
  /** For each topic, the numbers of the messages that the bus has neither accepted nor refused, in ascending order. */
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

  /** True if a message of the topic with this number, or a lower number, still waits for the answer of the bus. */
  has(topic: string, number: number): boolean {
    const [first = Number.POSITIVE_INFINITY] = this.#byTopic.get(topic) ?? [];
    return first <= number;
  }
}
