/** Keeps the numbers of the messages of this process that the bus has neither accepted nor refused yet. */

export class Unsettled {
  /** The numbers of the messages for each topic, in ascending order. */
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

  /** Whether the bus still has to settle a message of the topic with this number or a lower one. */
  has(topic: string, number: number): boolean {
    const [first = Number.POSITIVE_INFINITY] = this.#byTopic.get(topic) ?? [];
    return first <= number;
  }
}
