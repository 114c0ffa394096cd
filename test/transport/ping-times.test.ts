/** Tests which pong answers which ping, and the time between them: RFC 6455 §5.5.2, §5.5.3. */
import { expect, test } from 'vitest';
import { PingTimes } from '../../src/transport/ping-times.ts';

const text = (payload: string): Buffer => Buffer.from(payload);

test('design: rtt is the time from a ping to the pong with the same payload', () => {
  const times = new PingTimes();
  expect([times.rtt, times.lastAnswered]).toEqual([undefined, 0]);
  expect(times.sent(text('a'), 100)).toBe(1);
  expect(times.sent(text('b'), 110)).toBe(2);
  times.answered(text('a'), 130);
  expect([times.rtt, times.lastAnswered]).toEqual([30, 1]);
  times.answered(text('b'), 135);
  expect([times.rtt, times.lastAnswered]).toEqual([25, 2]);
});

test('C8: if a peer answers only the newest of several pings, the earlier pings count as answered as well', () => {
  const times = new PingTimes();
  for (const payload of ['a', 'b', 'c']) times.sent(text(payload), 0);
  times.answered(text('c'), 7);
  expect([times.rtt, times.lastAnswered]).toEqual([7, 3]);
  // A pong that arrives late or out of order is ignored.
  times.answered(text('a'), 900);
  expect([times.rtt, times.lastAnswered]).toEqual([7, 3]);
});

test('C8: a pong without a ping, or a second pong for a ping, has no effect', () => {
  const times = new PingTimes();
  times.answered(text(''), 5);
  times.sent(text('a'), 10);
  times.answered(text('other'), 11);
  expect([times.rtt, times.lastAnswered]).toEqual([undefined, 0]);
  times.answered(text('a'), 12);
  times.answered(text('a'), 500);
  expect([times.rtt, times.lastAnswered]).toEqual([2, 1]);
});

test('design: if the peer skips one of several pings with the same payload, the rtt stays correct', () => {
  const times = new PingTimes();
  times.sent(text(''), 0);
  times.sent(text(''), 1_000);
  times.answered(text(''), 1_010);
  expect(times.lastAnswered).toBe(1);
  times.sent(text(''), 2_000);
  times.answered(text(''), 2_010);
  expect([times.rtt, times.lastAnswered]).toEqual([10, 3]);
});

test('FAULT-4: if a peer answers no ping, we remember only eight of the pings, and accept a pong for any of these eight', () => {
  const times = new PingTimes();
  for (let number = 1; number <= 1_000; number++) times.sent(text(`${number}`), number);
  times.answered(text('500'), 2_000);
  expect(times.lastAnswered).toBe(0);
  times.answered(text('7'), 2_000);
  expect([times.rtt, times.lastAnswered]).toEqual([1_993, 7]);
  times.answered(text('1000'), 2_000);
  expect([times.rtt, times.lastAnswered]).toEqual([1_000, 1_000]);
});

test('design: the application may change the payload of a ping after the ping was sent', () => {
  const times = new PingTimes();
  const payload = text('abc');
  times.sent(payload, 0);
  payload.fill(0);
  times.answered(text('abc'), 3);
  expect(times.rtt).toBe(3);
});
