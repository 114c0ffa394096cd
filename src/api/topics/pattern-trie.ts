/**
 * Finds the patterns that match a topic, without testing every pattern. The patterns are stored in a trie (a tree of their parts). Each
 * node is one part of a pattern. If a topic has n parts, the search follows at most 2ⁿ paths, and visits each node at most once. The option
 * `maxTopicParts` keeps n small.
 */

/** @internal A node of the trie (a tree of patterns). It is one part of one or more patterns. */
export class Node<Value> {
  children: Map<string, Node<Value>> | null = null;
  /** The child node for the part `*`. */
  one: Node<Value> | null = null;
  /** The value of the pattern that ends here. */
  value: Value | undefined = undefined;
  /** The value of the pattern that consists of the parts up to this node, and then `**`. */
  rest: Value | undefined = undefined;

  get isEmpty(): boolean {
    return this.children === null && this.one === null && this.value === undefined && this.rest === undefined;
  }

  child(part: string): Node<Value> | undefined {
    return part === '*' ? (this.one ?? undefined) : this.children?.get(part);
  }

  addChild(part: string): Node<Value> {
    const node = new Node<Value>();
    if (part === '*') this.one = node;
    else {
      this.children ??= new Map();
      this.children.set(part, node);
    }
    return node;
  }

  removeChild(part: string): void {
    if (part === '*') this.one = null;
    else if (this.children?.delete(part) && this.children.size === 0) this.children = null;
  }
}

/** Stores one value for each pattern. A value is never undefined. */
export class PatternTrie<Value> {
  /** The root of the tree. Tests use it to check that no unused node remains. */
  readonly root: Node<Value> = new Node<Value>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a value. @param pattern a valid pattern that has no value yet */
  set(pattern: string, value: Value): void {
    const { parts, endsWithRest } = split(pattern);
    let node = this.root;
    for (const part of parts) node = node.child(part) ?? node.addChild(part);
    if (endsWithRest) node.rest = value;
    else node.value = value;
    this.#size++;
  }

  /** Removes the value of a pattern. @param pattern a pattern that has a value */
  delete(pattern: string): void {
    const { parts, endsWithRest } = split(pattern);
    const path = [this.root];
    for (const part of parts) path.push(path.at(-1)!.child(part)!);
    const last = path.at(-1)!;
    if (endsWithRest) last.rest = undefined;
    else last.value = undefined;
    this.#size--;
    // Unused nodes are removed. Otherwise a peer could fill the memory by subscribing to many names and unsubscribing again.
    for (let at = parts.length; at > 0 && path[at]!.isEmpty; at--) path[at - 1]!.removeChild(parts[at - 1]!);
  }

  /** Adds to `found` the values of all patterns that match the topic. @param topic a valid name without wildcards */
  match(topic: string, found: Value[]): void {
    if (this.#size > 0) collect(this.root, topic.split('/'), 0, found);
  }
}

function collect<Value>(node: Node<Value>, parts: readonly string[], at: number, found: Value[]): void {
  if (at === parts.length) {
    if (node.value !== undefined) found.push(node.value);
    return;
  }
  if (node.rest !== undefined) found.push(node.rest);
  const child = node.children?.get(parts[at]!);
  if (child !== undefined) collect(child, parts, at + 1, found);
  if (node.one !== null) collect(node.one, parts, at + 1, found);
}

function split(pattern: string): { readonly parts: readonly string[]; readonly endsWithRest: boolean } {
  const parts = pattern.split('/');
  const endsWithRest = parts.at(-1) === '**';
  return { parts: endsWithRest ? parts.slice(0, -1) : parts, endsWithRest };
}
