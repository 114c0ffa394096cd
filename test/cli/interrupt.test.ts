import { expect, test } from 'vitest';
import { Interrupt } from '../../src/cli/interrupt.ts';

function setUp(): { interrupt: Interrupt; heard: (string | number)[]; at: (time: number) => void } {
  const heard: (string | number)[] = [];
  let now = 1000;
  const interrupt = new Interrupt(
    (signal) => heard.push(signal),
    (code) => heard.push(code),
    () => now,
  );
  return {
    interrupt,
    heard,
    at(time) {
      now = time;
    },
  };
}

test('the first signal asks the command to end, and each later signal exits with the exit code of the signal', () => {
  const { interrupt, heard, at } = setUp();
  interrupt.raise('SIGINT');
  expect(heard).toEqual(['SIGINT']);
  at(1500);
  interrupt.raise('SIGINT');
  interrupt.raise('SIGTERM');
  expect(heard).toEqual(['SIGINT', 130, 143]);
  interrupt.release();
});

test('a second SIGINT within half a second is ignored, because npm passes on the same Ctrl-C', () => {
  const { interrupt, heard, at } = setUp();
  interrupt.raise('SIGINT');
  at(1499);
  interrupt.raise('SIGINT');
  expect(heard).toEqual(['SIGINT']);
  interrupt.release();
});

test('the command handles signals of the process until `release` is called', () => {
  const before = process.listenerCount('SIGTERM');
  const { interrupt, heard } = setUp();
  expect(process.listenerCount('SIGTERM')).toBe(before + 1);
  process.emit('SIGTERM', 'SIGTERM');
  expect(heard).toEqual(['SIGTERM']);
  interrupt.release();
  expect(process.listenerCount('SIGTERM')).toBe(before);
  expect(process.listenerCount('SIGINT')).toBe(before);
});
