/** `sendLatest` over real sockets: the order of values, the newest value, a peer that does not read, and both roles. */
import { afterEach, expect, test } from 'vitest';
import type { Connection } from '../../src/api/connection.ts';
import { closeServers } from '../transport/servers.ts';
import { pair, until } from './pair.ts';

afterEach(closeServers);

/** Returns the numbers that arrive, and stops after the number `last`. */
async function numbersUntil(connection: Connection, last: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const message of connection) {
    numbers.push(Number(message));
    if (numbers.at(-1) === last) break;
  }
  return numbers;
}

test.each([
  ['listen', {}],
  ['listen over TLS', {}],
  ['listen', { compression: { threshold: 0 } }],
] as const)(
  'values of sendLatest arrive in order, and the last value that arrives is the newest one (%s, %j)',
  async (kind, options) => {
    const { left, right } = await pair({}, options, options, kind);
    const received = numbersUntil(right, 3_000);
    for (let number = 1; number <= 3_000; number++) {
      left.sendLatest('number', `${number}`);
      if (number % 3 === 0) await new Promise(setImmediate);
    }
    const numbers = await received;
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(left.rtt).toBeGreaterThan(0);
  },
);

test('sendLatest also works on a client', async () => {
  const received: unknown[] = [];
  const { right } = await pair({ message: (_, message) => void received.push(message) });
  right.sendLatest('a', 'old');
  right.sendLatest('a', 'new');
  right.sendLatest('b', Buffer.alloc(100_000, 7));
  await until(() => received.length === 2);
  expect(received).toEqual(['new', Buffer.alloc(100_000, 7)]);
  await until(() => right.rtt !== undefined);
});

test('FAULT-4: while a peer does not read, one value is in transit and one value waits; when the peer reads again, it gets only the newest value', async () => {
  const { left, right } = await pair({}, {}, { maxMessageSize: 1_000_000 });
  const texts: string[] = [];
  const reader = (async () => {
    for await (const message of right) {
      texts.push(String(message));
      if (texts.at(-1)!.startsWith('last')) break;
    }
  })();
  left.sendLatest('a', 'first');
  await until(() => texts.length === 1 && left.rtt !== undefined);
  right.pause();
  for (let number = 0; number < 2_000; number++) {
    left.sendLatest('a', `${number} ${'x'.repeat(1_000)}`);
    if (number % 20 === 0) await new Promise(setImmediate);
  }
  left.sendLatest('a', 'last');
  // The kernel's buffers would have had enough room for the two megabytes.
  expect(left.bufferedAmount).toBeLessThan(2_000);
  right.resume();
  await reader;
  expect(texts.length).toBeLessThanOrEqual(3);
  expect(texts.at(-1)).toBe('last');
});

test('messages of `send` arrive in order, even if sendLatest sends values between these messages', async () => {
  const { left, right } = await pair();
  const sent: string[] = [];
  const texts: string[] = [];
  const reader = (async () => {
    for await (const message of right) {
      texts.push(String(message));
      if (texts.at(-1) === 'end') break;
    }
  })();
  for (let number = 0; number < 300; number++) {
    sent.push(`message ${number}`);
    left.send(`message ${number}`);
    left.sendLatest('value', `value ${number}`);
    if (number % 7 === 0) await new Promise(setImmediate);
  }
  await until(() => texts.includes('value 299'));
  left.send('end');
  await reader;
  expect(texts.filter((text) => text.startsWith('message'))).toEqual(sent);
});
