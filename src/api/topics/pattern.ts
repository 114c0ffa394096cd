/** Compares one topic with one pattern. pattern-trie.ts finds the matching patterns among many patterns. */

/** True if a name has a wildcard. A wildcard is a part that is `*` or `**`. */
export function isPattern(pattern: string): boolean {
  return pattern.includes('*') && pattern.split('/').some(isWildcard);
}

export function isWildcard(part: string): boolean {
  return part === '*' || part === '**';
}

/** True if a topic matches a pattern. In the pattern, `*` stands for one part, and `**` at the end stands for one or more parts. */
export function matchesPattern(pattern: string, topic: string): boolean {
  const wanted = pattern.split('/');
  const parts = topic.split('/');
  const last = wanted.length - 1;
  if (wanted[last] === '**' ? parts.length <= last : parts.length !== wanted.length) return false;
  return wanted.every((part, at) => part === '*' || (part === '**' && at === last) || part === parts[at]);
}
