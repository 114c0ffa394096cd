/**
 * Compares the patterns that `PatternTrie` finds with the result of a simple function, which tests each pattern. Also checks that the trie
 * removes the nodes of deleted patterns.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Node, PatternTrie } from '../../../src/api/topics/pattern-trie.ts';
import { TopicMap } from '../../../src/api/topics/topic-map.ts';

const part = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const topics = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const patterns = fc
  .tuple(fc.array(fc.oneof(part, fc.constant('*')), { maxLength: 4 }), fc.constantFrom('', 'a', '*', '**'))
  .map(([parts, last]) => (last === '' ? parts : [...parts, last]))
  .filter((parts) => parts.length > 0)
  .map((parts) => parts.join('/'));

/** Compares a pattern and a topic part by part, as docs/topics.md defines patterns. */
function matches(pattern: string, topic: string): boolean {
  const [wanted, given] = [pattern.split('/'), topic.split('/')];
  for (const [at, one] of wanted.entries()) {
    if (one === '**') return given.length > at;
    if (at >= given.length || (one !== '*' && one !== given[at])) return false;
  }
  return wanted.length === given.length;
}

function matchesOf(trie: PatternTrie<string>, topic: string): string[] {
  const found: string[] = [];
  trie.match(topic, found);
  return found.sort();
}

describe('PatternTrie', () => {
  test.each([
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['a/*', 'a', false],
    ['a/*', 'a/b', true],
    ['a/*/c', 'a/b/c', true],
    ['a/*/c', 'a/c', false],
    ['**', 'a', true],
    ['**', 'a/b/c', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['*/**', 'a', false],
    ['*/**', 'a/b', true],
  ])(
    'the answer to "does the trie find the pattern %s for the topic %s?" is %s',
    (pattern, topic, isMatch) => {
      const trie = new PatternTrie<string>();
      trie.set(pattern, pattern);
      expect(matchesOf(trie, topic)).toEqual(isMatch ? [pattern] : []);
    },
  );

  test('a PatternTrie finds exactly the patterns that match, even after patterns were added and deleted', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(patterns, { maxLength: 40 }),
        fc.array(topics, { minLength: 1, maxLength: 20 }),
        fc.infiniteStream(fc.boolean()),
        (all, asked, goes) => {
          const trie = new PatternTrie<string>();
          for (const pattern of all) trie.set(pattern, pattern);
          const left = all.filter(() => !goes.next().value);
          const compare = (present: readonly string[]): void => {
            expect(trie.size).toBe(present.length);
            for (const topic of asked)
              expect(matchesOf(trie, topic)).toEqual(present.filter((one) => matches(one, topic)).sort());
          };
          compare(all);
          for (const pattern of all) if (!left.includes(pattern)) trie.delete(pattern);
          compare(left);
          for (const pattern of left) trie.delete(pattern);
          compare([]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a PatternTrie removes the nodes of a deleted pattern, so that names from peers do not fill the memory', () => {
    const trie = new PatternTrie<number>();
    trie.set('kept/*', 0);
    const count = ({ children, one }: Node<number>): number =>
      [...(children?.values() ?? []), ...(one === null ? [] : [one])].reduce(
        (sum, node) => sum + count(node),
        1,
      );
    const nodes = (): number => count(trie.root);
    const before = nodes();
    for (let at = 0; at < 1_000; at++) trie.set(`a${at}/*/b/**`, at);
    expect(nodes()).toBeGreaterThan(before + 1_000);
    for (let at = 0; at < 1_000; at++) trie.delete(`a${at}/*/b/**`);
    expect(nodes()).toBe(before);
  });
});

describe('TopicMap', () => {
  test('a TopicMap finds the topic and all patterns that match the topic', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(patterns, topics), { maxLength: 30 }),
        topics,
        fc.nat(29),
        (keys, asked, gone) => {
          const map = new TopicMap<string>();
          for (const key of keys) map.add(key, key);
          const removed = keys[gone];
          if (removed !== undefined) map.delete(removed);
          const left = keys.filter((key) => key !== removed);
          expect(map.size).toBe(left.length);
          expect([...map.values()].sort()).toEqual([...left].sort());
          expect(map.match(asked).sort()).toEqual(left.filter((key) => matches(key, asked)).sort());
          for (const key of keys) expect(map.get(key)).toBe(key === removed ? undefined : key);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a TopicMap with 100,000 topics finds one of them, and does not find a name that was not added', () => {
    const map = new TopicMap<string>();
    for (let at = 0; at < 100_000; at++) map.add(`room/${at}`, String(at));
    expect(map.match('room/99999')).toEqual(['99999']);
    expect(map.match('room/100000')).toEqual([]);
  });
});
