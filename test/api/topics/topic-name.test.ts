/** Tests which names of topics are valid. The names may come from peers. */
import { describe, expect, test } from 'vitest';
import { checkTopic } from '../../../src/api/topics/topic-name.ts';
import { codeOf } from './code-of.ts';

const limits = { maxTopicLength: 20, maxTopicParts: 4 };

describe('checkTopic', () => {
  test.each(['a', 'a/b/c/d', 'Zimmer 1', 'größe', '🙂', '.', 'a$', '-', 'x'.repeat(20)])(
    '%s is a valid topic',
    (name) => {
      expect(checkTopic(name, limits, false)).toBe(false);
      expect(checkTopic(name, limits, true)).toBe(false);
    },
  );

  test.each(['*', '**', 'a/*', 'a/**', '*/*/*/**', '*/a'])(
    '%s is a pattern, and it is refused if patterns are not allowed',
    (name) => {
      expect(checkTopic(name, limits, true)).toBe(true);
      expect(codeOf(() => checkTopic(name, limits, false))).toBe('WS_TOPIC_WILDCARD');
    },
  );

  test.each(['a*', '*a', '***', '**/a', 'a/**/b', 'a/b*'])('%s is neither a topic nor a pattern', (name) => {
    expect(codeOf(() => checkTopic(name, limits, true))).toBe('WS_TOPIC_WILDCARD');
    expect(codeOf(() => checkTopic(name, limits, false))).toBe('WS_TOPIC_WILDCARD');
  });

  test.each([
    ['no characters', ''],
    ['an empty part at the beginning', '/a'],
    ['an empty part at the end', 'a/'],
    ['an empty part in the middle', 'a//b'],
    ['a line feed', 'a\nb'],
    ['NUL', '\0'],
    ['a C1 control character', 'a\u0085'],
    ['the first half of a surrogate pair without the second half', 'a\ud83d'],
    ['the second half of a surrogate pair without the first half', '\ude42'],
    ['the prefix of reserved topics', '$presence'],
  ])('a name is refused if it has %s', (_, name) => {
    expect(codeOf(() => checkTopic(name, limits, true))).toBe('WS_TOPIC_NAME');
  });

  test('a name is refused if it is too long or has too many parts', () => {
    expect(codeOf(() => checkTopic('x'.repeat(21), limits, true))).toBe('WS_TOPIC_TOO_LONG');
    expect(codeOf(() => checkTopic('a/b/c/d/e', limits, true))).toBe('WS_TOPIC_TOO_LONG');
    expect(codeOf(() => checkTopic('/'.repeat(8_192), limits, true))).toBe('WS_TOPIC_TOO_LONG');
  });

  test.each([null, undefined, 1, ['a'], {}])(
    '`checkTopic` throws a TypeError for the value %s, because only a mistake of the program can lead to such a value',
    (value) => {
      expect(() => checkTopic(value as unknown as string, limits, true)).toThrow(TypeError);
    },
  );
});
