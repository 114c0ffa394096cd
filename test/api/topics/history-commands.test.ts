/** Tests the commands that read a history. A command is repeated until it is answered, and only a few commands run at the same time. */
import { expect, test, vi } from 'vitest';
import { HistoryCommands } from '../../../src/api/topics/history-commands.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';

const isFinal = (error: unknown): boolean => (error as Error).message === 'refused';

function setUp(): HistoryCommands {
  const commands = new HistoryCommands(isFinal);
  commands.connected(true);
  return commands;
}

test('a command that reads a history waits until the connection is established', async () => {
  const commands = new HistoryCommands(isFinal);
  const run = vi.fn(async () => 'reply');
  const reply = commands.run(run);
  await Promise.resolve();
  expect(run).not.toHaveBeenCalled();
  commands.connected(true);
  expect(await reply).toBe('reply');
});

test('a failed history command is repeated when the bus connects again, or after 200 ms if that is earlier', async () => {
  useFakeClock();
  try {
    const commands = setUp();
    let calls = 0;
    const reply = commands.run(async () => {
      calls++;
      if (calls < 3) throw new Error('the connection was lost');
      return calls;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(calls).toBe(1);
    commands.connected(false);
    commands.connected(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(calls).toBe(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(await reply).toBe(3);
  } finally {
    useRealClock();
  }
});

test('a history command is not repeated if the server refuses it', async () => {
  const commands = setUp();
  const run = vi.fn(async () => {
    throw new Error('refused');
  });
  await expect(commands.run(run)).rejects.toThrow('refused');
  expect(run).toHaveBeenCalledTimes(1);
});

test('at most 16 history commands run at the same time, and the next command starts when a command is finished', async () => {
  const commands = setUp();
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const replies = Array.from({ length: 20 }, (_, at) =>
    commands
      .run(() => {
        started.push(at);
        return new Promise<void>((resolve, reject) => {
          ends.push(at === 0 ? () => reject(new Error('refused')) : resolve);
        });
      })
      .catch(() => {}),
  );
  await new Promise(setImmediate);
  expect(started).toHaveLength(16);
  ends[0]!();
  ends[1]!();
  await new Promise(setImmediate);
  expect(started).toEqual(Array.from({ length: 18 }, (_, at) => at));
  while (started.length < 20) {
    for (const end of ends) end();
    await new Promise(setImmediate);
  }
  for (const end of ends) end();
  await Promise.all(replies);
});

test('`end` rejects history commands that wait, and all later history commands', async () => {
  const commands = new HistoryCommands(isFinal);
  const waiting = commands.run(async () => 'reply');
  commands.end(new Error('the bus was closed'));
  await expect(waiting).rejects.toThrow('closed');
  commands.connected(true);
  await expect(commands.run(async () => 'reply')).rejects.toThrow('closed');
});
