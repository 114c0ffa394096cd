/** Tests gap marks. A gap mark is written into a history if a message could not be published. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GapMarks } from '../../../src/api/topics/gap-marks.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';

let sent: string[];
let isReady: boolean;
/** If true, the server of the bus refuses gap marks. */
let isRefusing: boolean;
let marks: GapMarks;

beforeEach(() => {
  useFakeClock();
  sent = [];
  isReady = true;
  isRefusing = false;
  const send = async (text: string): Promise<void> => {
    if (isRefusing) throw new Error('refused');
    sent.push(text);
  };
  marks = new GapMarks({
    get isReady() {
      return isReady;
    },
    mark: (topic) => send(topic),
    notifyAll: () => send('all topics'),
  });
});
afterEach(() => {
  marks.end();
  useRealClock();
});

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

test('the gap mark of a topic is sent once, before the next message of the topic', async () => {
  marks.add('a');
  marks.add('a');
  marks.add('b');
  marks.sendFor('a');
  marks.sendFor('a');
  marks.sendFor('c');
  await settled();
  expect(sent).toEqual(['a']);
  marks.send();
  marks.send();
  await settled();
  expect(sent).toEqual(['a', 'b']);
});

test('gap marks wait as long as no command can be sent', async () => {
  isReady = false;
  marks.add('a');
  marks.send();
  await settled();
  expect(sent).toEqual([]);
  isReady = true;
  marks.send();
  await settled();
  expect(sent).toEqual(['a']);
});

test('a gap mark that the server refuses is sent again after a second', async () => {
  isRefusing = true;
  marks.add('a');
  marks.add('b');
  marks.send();
  await settled();
  isRefusing = false;
  vi.advanceTimersByTime(999);
  await settled();
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1);
  await settled();
  expect(sent).toEqual(['a', 'b']);
});

test('after `end`, a refused gap mark is not sent again', async () => {
  isRefusing = true;
  marks.add('a');
  marks.send();
  await settled();
  isRefusing = false;
  marks.end();
  vi.advanceTimersByTime(10_000);
  await settled();
  expect(sent).toEqual([]);
});

test('if more than 100,000 topics need a gap mark, one notification for all topics is sent instead; if the server refuses the notification, it is sent again', async () => {
  for (let at = 0; at <= 100_000; at++) marks.add(String(at));
  marks.add('one more');
  isRefusing = true;
  marks.sendFor('any');
  await settled();
  isRefusing = false;
  vi.advanceTimersByTime(1_000);
  await settled();
  marks.send();
  await settled();
  expect(sent).toEqual(['all topics']);
});
