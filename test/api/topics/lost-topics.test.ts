/** Tests the list of topics that have lost messages, and the message with this list. Also tests the state of a bus, and patterns. */
import { describe, expect, test } from 'vitest';
import { BusState } from '../../../src/api/topics/bus-state.ts';
import { LostTopics, parseTopics, serializeTopics } from '../../../src/api/topics/lost-topics.ts';
import { isPattern, matchesPattern } from '../../../src/api/topics/pattern.ts';
import { turns } from './recorder.ts';

describe('lost topics', () => {
  test('`LostTopics.take` returns each topic once, and then empties the list', () => {
    const lost = new LostTopics();
    expect(lost.isEmpty).toBe(true);
    for (const topic of ['a', 'b', 'a']) lost.add(topic);
    expect(lost.isEmpty).toBe(false);
    expect(lost.take()).toEqual(['a', 'b']);
    expect(lost.isEmpty).toBe(true);
    expect(lost.take()).toEqual([]);
  });

  test('if messages of more than 1,000 topics are lost, `LostTopics.take` returns null, which means all topics', () => {
    const lost = new LostTopics();
    for (let i = 0; i <= 1_000; i++) lost.add(`t${i}`);
    lost.add('one more');
    expect(lost.take()).toBe(null);
    lost.addAll(['a']);
    expect(lost.take()).toEqual(['a']);
  });

  test.each([[[]], [['a', 'é/"\n']], [null]])(
    'the list %j of lost topics is serialized, and the text is parsed to the same list',
    (topics) => {
      expect(parseTopics(serializeTopics(topics))).toEqual(topics);
    },
  );

  test.each(['', '{', '5', '["a", 5]', '{"a": 1}'])(
    'the invalid text %j is parsed as the list of all topics',
    (text) => {
      expect(parseTopics(Buffer.from(text))).toBe(null);
    },
  );
});

describe('the state of a bus', () => {
  test('a bus reports a change of its state to the listener that was set last', () => {
    const state = new BusState();
    const lines: string[] = [];
    state.listen((up) => lines.push(`old ${up}`));
    state.listen((up) => lines.push(`new ${up}`));
    for (const up of [true, false, false, true, true]) state.set(up);
    expect(lines).toEqual(['new false', 'new true']);
    state.close();
    state.set(false);
    expect(lines).toHaveLength(2);
  });

  test('if a listener is set while the server of the bus cannot be reached, the listener receives this state', async () => {
    const state = new BusState();
    const states: boolean[] = [];
    state.set(false);
    state.listen((up) => states.push(up));
    expect(states).toEqual([]);
    await turns(1);
    expect(states).toEqual([false]);
  });
});

test.each([
  ['a', 'a', true],
  ['a', 'b', false],
  ['a/*', 'a/b', true],
  ['a/*', 'a/b/c', false],
  ['a/*', 'a', false],
  ['*/b', 'a/b', true],
  ['*', 'a/b', false],
  ['**', 'a', true],
  ['**', 'a/b', true],
  ['a/**', 'a', false],
  ['a/**', 'a/b/c', true],
  ['a/**', 'b/b/c', false],
  ['a*', 'ab', false],
])('the answer to "does the pattern %s match the topic %s?" is %s', (pattern, topic, matches) => {
  expect(matchesPattern(pattern, topic)).toBe(matches);
  expect(isPattern(pattern)).toBe(/(?:^|\/)\*/.test(pattern));
});
