/** Tests the limits for a hostile subscriber, and what happens to messages for a slow subscriber. */
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TopicError } from '../../../src/api/topics/topic-error.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import { useFakeClock, useRealClock } from '../../transport/fake-clock.ts';
import { closeServers } from '../../transport/servers.ts';
import { until } from '../pair.ts';
import { codeOf } from './code-of.ts';
import { arrived, type Guest, openRoom } from './rooms.ts';

afterAll(closeServers);

describe('a hostile subscriber', () => {
  let guest: Guest;

  beforeEach(async () => {
    guest = await (await openRoom()).join();
  });

  test('a subscriber that sends a million names can subscribe to only 100 topics', async () => {
    await using topics = new Topics();
    const seen = new Map<string, number>();
    // The test switches stack traces off, because a million of them would take half a minute.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    for (let at = 0; at < 1_000_000; at++) {
      const code = codeOfQuick(() => topics.subscribe(guest.seat, `t/${at}`));
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }
    Error.stackTraceLimit = stackTraceLimit;
    expect([...seen]).toEqual([
      ['done', 100],
      ['WS_TOPIC_LIMIT', 999_900],
    ]);
    expect(topics.size).toBe(100);
    // The subscriber keeps its topics. Its limit does not affect other subscribers.
    expect(topics.subscribe(guest.seat, 't/0')).toBe(true);
    const other = await (await openRoom()).join();
    expect(topics.subscribe(other.seat, 't/100')).toBe(true);
  });

  test('a subscriber cannot subscribe to a name of 8 KB, or to a name with too many parts', async () => {
    await using topics = new Topics();
    expect(codeOf(() => topics.subscribe(guest.seat, 'x'.repeat(8_192)))).toBe('WS_TOPIC_TOO_LONG');
    expect(codeOf(() => topics.subscribe(guest.seat, 'x/'.repeat(4_096)))).toBe('WS_TOPIC_TOO_LONG');
    expect(codeOf(() => topics.subscribe(guest.seat, 'x'.repeat(257)))).toBe('WS_TOPIC_TOO_LONG');
    expect(codeOf(() => topics.subscribe(guest.seat, `1${'/x'.repeat(8)}`))).toBe('WS_TOPIC_TOO_LONG');
    expect(topics.size).toBe(0);
    expect(topics.subscribe(guest.seat, 'x'.repeat(256))).toBe(true);
    expect(topics.subscribe(guest.seat, `1${'/x'.repeat(7)}`)).toBe(true);
  });

  test('a subscriber can subscribe to patterns only if the program allows wildcards', async () => {
    await using topics = new Topics();
    for (const pattern of ['*', '**', '*/*', 'secret/**'])
      expect(codeOf(() => topics.subscribe(guest.seat, pattern))).toBe('WS_TOPIC_WILDCARD');
    topics.publish('secret/1', 'not for you');
    topics.subscribe(guest.seat, 'done');
    topics.publish('done', 'done');
    await arrived(guest);
    expect(guest.received).toEqual(['done']);
  });

  test('if one subscriber uses all `maxTopics` topics, another subscriber can subscribe to these topics, but not to a new topic', async () => {
    await using topics = new Topics({ maxTopics: 3 });
    const other = await (await openRoom()).join();
    for (const name of ['a', 'b', 'c']) topics.subscribe(guest.seat, name);
    expect(codeOf(() => topics.subscribe(other.seat, 'd'))).toBe('WS_TOPIC_FULL');
    expect(topics.subscribe(other.seat, 'a')).toBe(true);
    topics.unsubscribe(guest.seat, 'b');
    expect(topics.subscribe(other.seat, 'd')).toBe(true);
  });

  test('names of members of Object.prototype are valid topics', async () => {
    await using topics = new Topics();
    for (const name of ['__proto__', 'constructor/prototype', 'toString']) {
      topics.subscribe(guest.seat, name);
      expect(topics.publish(name, name)).toEqual({ local: 1 });
    }
    topics.subscribe(guest.seat, '__proto__/*', { wildcards: true });
    expect(topics.publish('__proto__/x', 'x')).toEqual({ local: 1 });
    expect(topics.publish('constructor', 'y')).toEqual({ local: 0 });
  });
});

/** Returns the same code as `codeOf`, and is fast enough for a million calls. */
function codeOfQuick(step: () => unknown): string {
  try {
    step();
    return 'done';
  } catch (error) {
    return (error as TopicError).code;
  }
}

describe('many subscriptions in a short time', () => {
  let guest: Guest;
  let other: Guest;

  beforeEach(async () => {
    const room = await openRoom();
    [guest, other] = [await room.join(), await room.join()];
    useFakeClock();
  });

  afterEach(useRealClock);

  test('a connection may make `maxTopicsPerConnection` subscriptions at once, and then more subscriptions at the rate `maxSubscribeRate`', async () => {
    await using topics = new Topics({ maxTopicsPerConnection: 20, maxSubscribeRate: 10 });
    let name = 0;
    /** Subscribes to a new topic and unsubscribes, again and again, until the rate limit applies. @returns the number of subscriptions */
    const storm = (): number => {
      for (let count = 0; ; count++) {
        const topic = `t/${name++}`;
        const code = codeOf(() => topics.subscribe(guest.seat, topic));
        if (code === 'WS_TOPIC_RATE') return count;
        expect(code).toBe('done');
        topics.unsubscribe(guest.seat, topic);
      }
    };
    expect(storm()).toBe(20);
    expect(storm()).toBe(0);
    vi.advanceTimersByTime(500);
    expect(storm()).toBe(5);
    vi.advanceTimersByTime(3_600_000);
    expect(storm()).toBe(20);
    expect(topics.size).toBe(0);
    expect(topics.subscribe(other.seat, 't')).toBe(true);
  });
});

describe('a slow subscriber', () => {
  const large = 'x'.repeat(100_000);

  /** Returns a subscriber that does not read, and another subscriber that reads. */
  async function slowAndFast(): Promise<{ slow: Guest; fast: Guest }> {
    const room = await openRoom();
    const [slow, fast] = [await room.join(), await room.join()];
    slow.client.pause();
    return { slow, fast };
  }

  test("with `slow: 'skip'`, messages to a slow subscriber are skipped and counted", async () => {
    const { slow, fast } = await slowAndFast();
    const skipped: string[] = [];
    await using topics = new Topics({
      slow: 'skip',
      maxBuffered: 200_000,
      handlers: {
        slow: (connection, topic) => void skipped.push(connection === slow.seat ? topic : 'the fast one'),
      },
    });
    for (const { seat } of [slow, fast]) topics.subscribe(seat, 't');
    let sent = 0;
    while (topics.counts.skipped < 5) {
      topics.publish('t', large);
      sent++;
      await arrived(fast);
    }
    expect(fast.received).toHaveLength(sent);
    expect(skipped).toEqual(['t', 't', 't', 't', 't']);
    expect(slow.seat.bufferedAmount).toBeLessThan(400_000);
    slow.client.resume();
    await arrived(slow);
    expect(slow.received).toHaveLength(sent - 5);
    expect(topics.publish('t', 'both again')).toEqual({ local: 2 });
    expect(topics.counts).toMatchObject({ closed: 0, sent: 2 * (sent + 1) - 5 });
  });

  test("with `slow: 'latest'`, a slow subscriber receives the newest message of each topic, and then no older message of this topic", async () => {
    const { slow, fast } = await slowAndFast();
    const reported: unknown[] = [];
    await using topics = new Topics({
      slow: 'latest',
      maxBuffered: 200_000,
      handlers: { slow: (connection) => void reported.push(connection) },
    });
    for (const { seat } of [slow, fast]) for (const name of ['a', 'b']) topics.subscribe(seat, name);
    const value = (name: string, at: number): string => `${name} ${String(at).padStart(4)} ${large}`;
    let sent = 0;
    let conflated = 0;
    const newest = ({ received }: Guest): number =>
      Number(received.findLast((text) => text.startsWith('a'))?.slice(1, 6));
    while (topics.counts.conflated < 10) {
      const bytes = Buffer.from(value('b', sent));
      topics.publish('a', value('a', sent));
      topics.publish('b', bytes);
      // The caller may change these bytes after the call of `publish`.
      bytes.fill(0);
      sent++;
      await arrived(fast);
    }
    expect(slow.seat.bufferedAmount).toBeLessThan(600_000);
    expect(fast.received.filter((text) => text.startsWith('a'))).toHaveLength(sent);
    slow.client.resume();
    await until(() => slow.received.length > 0 && newest(slow) === sent - 1);
    // After this loop no message waits for the subscriber. So the next message is sent immediately.
    do {
      conflated = topics.counts.conflated;
      topics.publish('a', value('a', sent++));
      await arrived(slow);
    } while (topics.counts.conflated > conflated);
    await until(() => newest(slow) === sent - 1);
    const numbers = slow.received
      .filter((text) => text.startsWith('a'))
      .map((text) => Number(text.slice(1, 6)));
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(numbers.length).toBeLessThan(sent);
    const bytesOfB = slow.received.filter((text) => text.startsWith('bytes:')).at(-1)!;
    expect(Buffer.from(bytesOfB.slice(6), 'hex').toString('latin1', 0, 2)).toBe('b ');
    expect(reported).toEqual([]);
    expect(topics.counts).toMatchObject({ skipped: 0, closed: 0 });
  });

  test.each([true, false])(
    "with `slow: 'latest'`, a waiting message keeps its option `compress`: %s",
    async (compress) => {
      const room = await openRoom({}, { compression: { threshold: 0 } });
      const sizes: number[] = [];
      const message = (_: unknown, text: string | Buffer, __: boolean, wireSize: number): void => {
        if (text === 'x'.repeat(500)) sizes.push(wireSize);
      };
      const slow = await room.join({ compression: true, handlers: { message } });
      slow.client.pause();
      await using topics = new Topics({ slow: 'latest', maxBuffered: 200_000 });
      topics.subscribe(slow.seat, 't');
      while (topics.counts.conflated === 0) {
        topics.publish('t', large, { compress: false });
        await new Promise(setImmediate);
      }
      topics.publish('t', 'x'.repeat(500), { compress });
      slow.client.resume();
      await until(() => sizes.length > 0);
      if (compress) expect(sizes[0]).toBeLessThan(100);
      else expect(sizes).toEqual([500]);
      slow.client.terminate();
    },
  );

  test("with `slow: 'latest'`, messages of at most `maxLatestKeys` topics wait; messages of other topics are skipped and reported", async () => {
    const room = await openRoom({}, { maxLatestKeys: 1 });
    const slow = await room.join();
    slow.client.pause();
    const reported: string[] = [];
    await using topics = new Topics({
      slow: 'latest',
      maxBuffered: 200_000,
      handlers: { slow: (_, topic) => void reported.push(topic) },
    });
    for (const name of ['a', 'b']) topics.subscribe(slow.seat, name);
    while (topics.counts.conflated === 0) {
      topics.publish('a', large);
      await new Promise(setImmediate);
    }
    expect(topics.publish('b', 'one too many')).toEqual({ local: 0 });
    expect(reported).toEqual(['b']);
    expect(topics.counts).toMatchObject({ skipped: 1, closed: 0 });
    slow.client.terminate();
  });

  test("with the default `slow: 'close'`, a slow subscriber still receives the messages that wait, and then it is closed with 1013", async () => {
    const { slow, fast } = await slowAndFast();
    const closed: unknown[] = [];
    await using topics = new Topics({
      maxBuffered: 200_000,
      handlers: { slow: (connection) => void closed.push(connection) },
    });
    for (const { seat } of [slow, fast]) topics.subscribe(seat, 't');
    let sent = 0;
    while (topics.counts.closed === 0) {
      topics.publish('t', large);
      sent++;
      await arrived(fast);
    }
    expect(closed).toEqual([slow.seat]);
    expect(topics.publish('t', 'the fast one')).toEqual({ local: 1 });
    slow.client.resume();
    const { code, reason } = await slow.client.closed;
    expect([code, reason]).toEqual([1013, 'this subscriber is too slow']);
    expect(slow.received).toHaveLength(sent - 1);
    await until(() => topics.topicsOf(slow.seat).length === 0);
    await arrived(fast);
    expect(fast.received).toHaveLength(sent + 1);
    expect(topics.counts).toMatchObject({ skipped: 0, closed: 1 });
  });

  test('a subscriber that reads does not count as slow, even if it gets many messages in one turn of the event loop', async () => {
    const guest = await (await openRoom()).join();
    await using topics = new Topics({ maxBuffered: 10_000 });
    topics.subscribe(guest.seat, 't');
    for (let at = 0; at < 1_000; at++) expect(topics.publish('t', 'x'.repeat(100))).toEqual({ local: 1 });
    await arrived(guest);
    expect(guest.received).toHaveLength(1_000);
    expect(topics.counts).toMatchObject({ closed: 0, skipped: 0 });
  });

  test('if the `slow` handler publishes a message, subscribers receive it after the message that caused the call', async () => {
    const { slow, fast } = await slowAndFast();
    await using topics = new Topics({
      maxBuffered: 200_000,
      handlers: { slow: (_, topic) => void topics.publish(topic, 'one is slow') },
    });
    for (const { seat } of [slow, fast]) topics.subscribe(seat, 't');
    while (topics.counts.closed === 0) {
      topics.publish('t', large);
      await arrived(fast);
    }
    await arrived(fast);
    expect(fast.received.at(-2)).toBe(large);
    expect(fast.received.at(-1)).toBe('one is slow');
    slow.client.terminate();
  });
});
