/** Tests `Tasks`, which runs the tasks of a connection one after the other, and limits how many messages wait. */
import { describe, expect, test } from 'vitest';
import { Tasks } from '../../../src/api/whatwg/tasks.ts';

/** Creates a `Tasks` object that records its calls. */
function noted() {
  const notes: (string | number)[] = [];
  let onMessage: (message: string | Buffer) => void = () => {};
  let waiting = 0;
  const tasks = new Tasks({
    onMessage(message) {
      notes.push(message.length);
      onMessage(message);
    },
    onTask() {},
    onWaiting(bytes) {
      waiting = bytes;
    },
    pauseReading: () => void notes.push('pause'),
    resumeReading: () => void notes.push('resume'),
  });
  return {
    tasks,
    notes,
    get waiting() {
      return waiting;
    },
    set onMessage(handler: typeof onMessage) {
      onMessage = handler;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the order of tasks', () => {
  test('tasks run in the order of the calls of add and addMessage, and never during these calls', async () => {
    const { tasks, notes } = noted();
    tasks.add(() => notes.push('first'));
    tasks.addMessage('ab');
    tasks.add(() => notes.push('last'));
    expect(notes).toEqual([]);
    await turn();
    expect(notes).toEqual(['first', 2, 'last']);
  });

  test('if a task throws or adds another task, the next tasks are not delayed', async () => {
    const { tasks, notes } = noted();
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', () => notes.push('uncaught'));
    try {
      tasks.add(() => tasks.add(() => notes.push('added')));
      tasks.add(() => {
        throw new Error('in a task');
      });
      tasks.addMessage('abc');
      while (!notes.includes('added')) await turn();
      expect(notes).toEqual(['uncaught', 3, 'added']);
    } finally {
      for (const listener of others) process.on('uncaughtException', listener);
    }
  });
});

describe('the limit of waiting messages', () => {
  test('if 256 messages wait, the connection stops reading, and it continues when no message waits', async () => {
    const { tasks, notes } = noted();
    for (let n = 0; n < 255; n++) tasks.addMessage('');
    expect(notes).toEqual([]);
    tasks.addMessage('');
    expect(notes).toEqual(['pause']);
    // A message that was already read also waits. The connection is not paused a second time.
    tasks.addMessage('');
    expect(notes).toEqual(['pause']);
    await turn();
    expect(notes.filter((note) => note === 0).length).toBe(257);
    expect(notes.at(-1)).toBe('resume');
    expect(notes.filter((note) => note === 'resume').length).toBe(1);
  });

  test('if messages of 64 KiB wait, the connection stops reading', async () => {
    const { tasks, notes } = noted();
    tasks.addMessage(Buffer.alloc(65_535));
    expect(notes).toEqual([]);
    tasks.addMessage('x');
    expect(notes).toEqual(['pause']);
    await turn();
    expect(notes).toEqual(['pause', 65_535, 1, 'resume']);
  });

  test('after each change, the memory of all waiting messages is reported', async () => {
    const made = noted();
    const seen: number[] = [];
    made.onMessage = () => seen.push(made.waiting);
    made.tasks.addMessage('abc');
    made.tasks.addMessage(Buffer.alloc(1_000));
    made.tasks.add(() => {});
    expect(made.waiting).toBe(1_003 + 2 * 128);
    await turn();
    expect(seen).toEqual([1_000 + 128, 0]);
  });

  test('the connection can stop reading and continue again several times', async () => {
    const made = noted();
    const { tasks, notes } = made;
    let rounds = 0;
    made.onMessage = () => {
      if (rounds < 3) tasks.addMessage('x'.repeat(70_000));
      rounds++;
    };
    tasks.addMessage('x'.repeat(70_000));
    while (rounds < 4) await turn();
    expect(notes.filter((note) => note === 'pause').length).toBe(
      notes.filter((note) => note === 'resume').length,
    );
  });
});
