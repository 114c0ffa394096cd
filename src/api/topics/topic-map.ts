/**
 * Keeps a value for each topic and each pattern. A map finds the value of a topic. A trie (a tree of the parts of names) finds the values
 * of the patterns that match a topic.
 */

import { PatternTrie } from './pattern-trie.ts';

/** A map from topics and patterns to values. A value is never undefined. */
export class TopicMap<Value> {
  readonly #values = new Map<string, Value>();
  readonly #patterns = new PatternTrie<Value>();

  /** The number of keys: topics and patterns. */
  get size(): number {
    return this.#values.size;
  }

  /** Returns the value of exactly this topic or pattern. */
  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Adds a value. @param key a valid topic or pattern that is not in the map yet */
  add(key: string, value: Value): void {
    this.#values.set(key, value);
    if (key.includes('*')) this.#patterns.set(key, value);
  }

  delete(key: string): void {
    if (this.#values.delete(key) && key.includes('*')) this.#patterns.delete(key);
  }

  /**
   * Returns the values of all keys that match a topic. The value of the topic itself comes first.
   * @param topic a valid name without wildcards
   */
  match(topic: string): Value[] {
    const own = this.#values.get(topic);
    const found = own === undefined ? [] : [own];
    this.#patterns.match(topic, found);
    return found;
  }

  values(): Iterable<Value> {
    return this.#values.values();
  }
}
