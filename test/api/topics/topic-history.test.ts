/** Tests clients that reconnect with an offset. Two processes share a bus with a history. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBus } from '../../../src/api/topics/memory-bus.ts';
import { RedisBus } from '../../../src/api/topics/redis-bus.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import type { TopicsHandlers, TopicsOptions } from '../../../src/api/topics/topics-options.ts';
import { closeServers } from '../../transport/servers.ts';
import { codeOf } from './code-of.ts';
import { FakeNodeRedis, FakeRedis } from './fake-redis.ts';
import { ReplyError } from './fake-streams.ts';
import { turns } from './recorder.ts';
import { arrived, type Guest, openRoom, type Room } from './rooms.ts';

let room: Room;
beforeAll(async () => {
  room = await openRoom();
});
afterAll(() => closeServers());

let redis: FakeRedis;
let here: Topics;
let there: Topics;
let events: string[];
const opened: Topics[] = [];

function open(options: TopicsOptions = {}, history = {}): Topics {
  const handlers: TopicsHandlers = {
    gap: (topic, connections) => {
      for (const connection of connections) connection.send('gap');
      events.push(`gap ${topic} ${connections.length}`);
    },
    error: (error) => void events.push(error.message),
  };
  const bus = new RedisBus(new FakeNodeRedis(redis), { history });
  const topics = new Topics({ bus, handlers, ...options });
  opened.push(topics);
  return topics;
}

beforeEach(() => {
  redis = new FakeRedis();
  events = [];
  here = open();
  there = open();
});
afterEach(async () => {
  for (const topics of opened.splice(0)) await topics.close();
});

/** Waits until all messages on the buses have arrived. */
async function delivered(...guests: readonly Guest[]): Promise<void> {
  await turns(30);
  await arrived(...guests);
}

/** Returns a client that has subscribed to the topic `t`. */
async function joined(topics: Topics): Promise<Guest> {
  const guest = await room.join();
  topics.subscribe(guest.seat, 't');
  await topics.ready();
  return guest;
}

/** Returns another client, which subscribes to the topic `t` and passes an offset. */
async function back(topics: Topics, after: string): Promise<Guest> {
  const guest = await room.join();
  topics.subscribe(guest.seat, 't', { after });
  return guest;
}

const offsetOf = (topics: Topics, guest: Guest): string => {
  const offset = topics.offsetOf(guest.seat, 't');
  if (offset === null) throw new Error('no offset');
  return offset;
};

/** Returns a client of the process `here` that has received the message 1, and the offset after this message. */
async function afterOne(): Promise<{ first: Guest; offset: string }> {
  const first = await joined(here);
  here.publish('t', '1');
  await delivered(first);
  return { first, offset: offsetOf(here, first) };
}

describe('a client that reconnects with an offset', () => {
  test('the client receives the missed messages of both processes, and then the next messages', async () => {
    const first = await joined(here);
    here.publish('t', '1');
    there.publish('t', '2');
    await delivered(first);
    const offset = offsetOf(here, first);
    await first.client.close();
    here.publish('t', '3');
    there.publish('t', '4');
    await delivered();
    const second = await back(here, offset);
    await delivered(second);
    here.publish('t', '5');
    there.publish('t', '6');
    await delivered(second);
    expect(first.received).toEqual(['1', '2']);
    expect(second.received).toEqual(['3', '4', '5', '6']);
    expect(events).toEqual([]);
    expect(here.topicsOf(second.seat)).toEqual(['t']);
  });

  test('a client that reconnects to another process receives the missed messages of both processes', async () => {
    const { first, offset } = await afterOne();
    await first.client.close();
    here.publish('t', '2');
    there.publish('t', '3');
    await delivered();
    const second = await back(there, offset);
    await delivered(second);
    there.publish('t', '4');
    here.publish('t', '5');
    await delivered(second);
    expect(second.received).toEqual(['2', '3', '4', '5']);
  });

  test('a client that has missed no message receives only the next messages', async () => {
    const first = await joined(here);
    here.publish('t', '1');
    await delivered(first);
    const second = await back(here, offsetOf(here, first));
    await delivered(second);
    here.publish('t', '2');
    there.publish('t', '3');
    await delivered(second);
    expect(second.received).toEqual(['2', '3']);
    expect(events).toEqual([]);
  });

  test('if a process delivers a message before the bus stores the message, each client receives it once, even after a reconnection', async () => {
    const first = await joined(here);
    there.publish('t', '0');
    await delivered(first);
    here.publish('t', '1');
    here.publish('t', '2');
    // Messages 1 and 2 were delivered in this process. Redis does not have them yet.
    const offset = offsetOf(here, first);
    here.publish('t', '3');
    const second = await back(here, offset);
    const third = await back(there, offset);
    await delivered(first, second, third);
    expect(first.received).toEqual(['0', '1', '2', '3']);
    expect(second.received).toEqual(['3']);
    expect(third.received).toEqual(['3']);
  });

  test('if a process delivers a message before the bus stores the message, a client receives it once, even if the client reconnects to a third process', async () => {
    const third = open();
    const first = await joined(here);
    await joined(there);
    await joined(third);
    here.publish('t', '0');
    await delivered(first);
    // Redis accepts the messages of the process `here` only later.
    const { execute } = redis.streams;
    const late: (() => void)[] = [];
    redis.streams.execute = (args, channels) => {
      if (args[0] !== 'EVALSHA' || String(args[3]) !== 'rfc6455/t')
        return execute.call(redis.streams, args, channels);
      return new Promise<void>((resolve) => {
        late.push(() => {
          execute.call(redis.streams, args, channels);
          resolve();
        });
      });
    };
    here.publish('t', '1');
    await delivered(first);
    expect(first.received).toEqual(['0', '1']);
    const second = await back(there, offsetOf(here, first));
    await delivered(second);
    const last = await back(third, offsetOf(there, second));
    await delivered(second, last);
    redis.streams.execute = execute;
    for (const go of late) go();
    here.publish('t', '2');
    await delivered(second, last);
    expect(second.received).toEqual(['2']);
    expect(last.received).toEqual(['2']);
  });

  test('messages that are published while clients still read the history arrive once and in order', async () => {
    const first = await joined(here);
    await joined(there);
    here.publish('t', 'h 0');
    await delivered(first);
    const offset = offsetOf(here, first);
    for (let at = 1; at <= 20; at++) here.publish('t', `h ${at}`);
    const guests: Guest[] = [];
    for (let at = 21; at <= 80; at++) {
      if (at % 3 === 0) guests.push(await back(at % 2 === 0 ? here : there, offset));
      here.publish('t', `h ${at}`);
      there.publish('t', `t ${at}`);
      await turns(at % 4);
    }
    await delivered(...guests);
    here.publish('t', 'h 81');
    there.publish('t', 't 81');
    await delivered(...guests);
    for (const { received } of guests) {
      expect(received.filter((text) => text.startsWith('h'))).toEqual(
        Array.from({ length: 81 }, (_, at) => `h ${at + 1}`),
      );
      expect(received.filter((text) => text.startsWith('t'))).toEqual(
        Array.from({ length: 61 }, (_, at) => `t ${at + 21}`),
      );
    }
    expect(events).toEqual([]);
  });

  test('binary messages and uncompressed messages from the history arrive as they were published', async () => {
    const { offset } = await afterOne();
    here.publish('t', Buffer.from([0xff, 0]), { compress: false });
    here.publish('t', 'é');
    await delivered();
    const second = await back(here, offset);
    await delivered(second);
    expect(second.received).toEqual(['bytes:ff00', 'é']);
  });
});

describe('messages that the history does not contain', () => {
  test('if the history no longer has some of the missed messages, a gap is reported before the next message', async () => {
    const { first, offset } = await afterOne();
    for (const text of ['2', '3', '4']) here.publish('t', text);
    await delivered(first);
    redis.streams.trim('rfc6455/t', 2);
    const second = await back(here, offset);
    await delivered(second);
    expect(second.received).toEqual(['gap', '3', '4']);
    expect(first.received).toEqual(['1', '2', '3', '4']);
    expect(events).toEqual(['gap t 1']);
    expect(here.counts.gaps).toBe(1);
  });

  test('if the whole history of a topic has expired, a gap is reported before the next messages', async () => {
    const { first, offset } = await afterOne();
    here.publish('t', '2');
    await delivered(first);
    redis.streams.delete('rfc6455/t');
    redis.streams.time += 10;
    const second = await back(here, offset);
    await delivered(second);
    expect(second.received).toEqual(['gap']);
    here.publish('t', '3');
    there.publish('t', '4');
    await delivered(second);
    expect(second.received).toEqual(['gap', '3', '4']);
  });

  test('if a connection subscribes to a pattern with an offset, it is notified of a gap and then receives the new messages', async () => {
    const { offset } = await afterOne();
    const second = await room.join();
    here.subscribe(second.seat, '*', { wildcards: true, after: offset });
    await here.ready();
    there.publish('t', '2');
    await delivered(second);
    expect(second.received).toEqual(['gap', '2']);
    expect(here.offsetOf(second.seat, '*')).toBeNull();
  });

  test('a connection that still reads the history is notified of a gap if a message is published with the option `local`', async () => {
    const first = await joined(here);
    here.publish('t', '1');
    await delivered(first);
    const second = await back(here, offsetOf(here, first));
    here.publish('t', 'local', { local: true });
    await delivered(first, second);
    expect(first.received).toEqual(['1', 'local']);
    expect(second.received).toEqual(['gap']);
  });

  test('a message that was published before the bus subscribed to the topic arrives once, from the history', async () => {
    const first = await joined(there);
    there.publish('t', '1');
    await delivered(first);
    // This process has no other subscriber of the topic. So its bus subscribes only now, after the message 1.
    const second = await back(here, offsetOf(there, first));
    here.publish('t', '2');
    await delivered(second);
    here.publish('t', '3');
    await delivered(second);
    expect(second.received).toEqual(['2', '3']);
  });

  test('if the bus refuses a message, a client that reconnects is notified of a gap, even if the history has no gap mark yet', async () => {
    const { first, offset } = await afterOne();
    // Redis refuses the message, and it also refuses the mark for the gap.
    redis.streams.refusals.set('EVALSHA', new ReplyError('OOM'));
    here.publish('t', 'refused');
    await delivered(first);
    const second = await back(here, offset);
    await delivered(second);
    redis.streams.refusals.clear();
    here.publish('t', '2');
    await delivered(first, second);
    expect(first.received.slice(0, 2)).toEqual(['1', 'refused']);
    // The second gap comes from the mark, which arrives over the bus later.
    expect(second.received).toEqual(['gap', '2', 'gap']);
    const third = await back(here, offsetOf(here, second));
    await delivered(third);
    here.publish('t', '3');
    await delivered(third);
    expect(third.received).toEqual(['3']);
  });

  test('if the bus refuses a message while a connection still reads the history, this connection is notified of a gap', async () => {
    const { first, offset } = await afterOne();
    redis.refusal = new ReplyError('OOM');
    here.publish('t', 'refused');
    const second = await back(here, offset);
    await delivered(first, second);
    here.publish('t', '2');
    await delivered(second);
    expect(second.received.at(-1)).toBe('2');
    expect(second.received).toContain('gap');
    expect(second.received).not.toContain('refused');
  });
});

describe('a connection that reads the history of a topic and subscribes to a pattern that matches the topic', () => {
  test('the connection receives each message once', async () => {
    const { first, offset } = await afterOne();
    here.publish('t', '2');
    await delivered(first);
    const second = await room.join();
    here.subscribe(second.seat, 't', { after: offset });
    here.subscribe(second.seat, '*', { wildcards: true });
    here.publish('t', '3');
    there.publish('t', '4');
    await delivered(second);
    here.publish('t', '5');
    await delivered(second);
    expect([...second.received].sort()).toEqual(['2', '3', '4', '5']);
    expect(second.received[0]).toBe('2');
  });
});

describe('a connection that reads the history while the bus cannot be reached', () => {
  test('the connection waits until the bus can be reached, and then receives every message once', async () => {
    const { first, offset } = await afterOne();
    redis.isUp = false;
    redis.cut();
    await turns();
    here.publish('t', '2');
    const second = await back(here, offset);
    here.publish('t', '3');
    await turns(10);
    expect(second.received).toEqual([]);
    redis.isUp = true;
    // The test waits until the bus has reconnected, and until the next attempt to read the history.
    await until(() => second.received.length >= 2);
    here.publish('t', '4');
    await delivered(first, second);
    expect(first.received).toEqual(['1', '2', '3', '4']);
    expect(second.received).toEqual(['2', '3', '4']);
    expect(events).toEqual([]);
  });

  test('if the bus cannot be reached for ten seconds, the connection is notified of a gap and then receives the new messages', async () => {
    const { clock } = await import('../../../src/transport/clock.ts');
    const { offset } = await afterOne();
    redis.isUp = false;
    redis.cut();
    await turns();
    here.publish('t', '2');
    const { now } = clock;
    try {
      const second = await back(here, offset);
      const other = await room.join();
      here.subscribe(other.seat, 't', { after: offset });
      here.subscribe(other.seat, 'u', { after: offset });
      clock.now = () => now() + 10_001;
      await until(() => second.received.length > 0 && other.received.length > 1);
      here.publish('t', '3');
      await arrived(second, other);
      expect(second.received).toEqual(['gap', '3']);
      expect(other.received).toEqual(['gap', 'gap', '3']);
    } finally {
      clock.now = now;
      redis.isUp = true;
    }
  });

  test('if the history cannot be read, an error is reported, and the connection is notified of a gap and then receives the new messages', async () => {
    const { offset } = await afterOne();
    redis.streams.refusals.set('XRANGE', new ReplyError('NOPERM'));
    const second = await back(here, offset);
    await delivered(second);
    here.publish('t', '2');
    await delivered(second);
    expect(second.received).toEqual(['gap', '2']);
    expect(events).toEqual(['the bus failed: NOPERM', 'gap t 1']);
  });
});

describe('a client that is slow or leaves while it reads the history', () => {
  test('if a client does not read while it gets messages from the history, at most `maxBuffered` bytes and one page of the history wait', async () => {
    const topics = open({ maxBuffered: 10_000 });
    const first = await joined(topics);
    topics.publish('t', '0');
    await delivered(first);
    const offset = offsetOf(topics, first);
    const large = 'x'.repeat(60_000);
    for (let at = 1; at <= 400; at++) {
      there.publish('t', `${at} ${large}`);
      if (at % 10 === 0) await turns();
    }
    await delivered(first);
    const second = await room.join();
    second.client.pause();
    topics.subscribe(second.seat, 't', { after: offset });
    await turns(200);
    const waiting = second.seat.bufferedAmount;
    expect(waiting).toBeGreaterThan(10_000);
    expect(waiting).toBeLessThan(10_000 + 8 * 1024 * 1024);
    expect(topics.offsetOf(second.seat, 't')).not.toBe(offset);
    second.client.resume();
    await until(() => second.received.length === 400);
    expect(second.received.map((text) => Number.parseInt(text, 10))).toEqual(
      Array.from({ length: 400 }, (_, at) => at + 1),
    );
    expect(topics.counts.closed).toBe(0);
  });

  test('after a connection is closed while it reads the history, Topics keeps no state of the connection', async () => {
    const { first, offset } = await afterOne();
    for (let at = 0; at < 50; at++) here.publish('t', String(at));
    await delivered(first);
    const second = await back(here, offset);
    second.seat.terminate();
    await second.seat.closed;
    here.unsubscribe(first.seat, 't');
    await turns(20);
    expect(here.size).toBe(0);
  });

  test('after `unsubscribe`, Topics forgets the publishers and numbers that the offset of the connection contained', async () => {
    // The first client keeps its subscription, so the topic still exists.
    const { offset } = await afterOne();
    const publisher = 'A'.repeat(22);
    const second = await back(here, `${offset.split('.')[0]}.${publisher}.5`);
    await delivered(second);
    expect(offsetOf(here, second)).toContain(publisher);
    here.unsubscribe(second.seat, 't');
    here.subscribe(second.seat, 't');
    expect(offsetOf(here, second)).not.toContain(publisher);
  });

  test('a connection may unsubscribe and subscribe again while it reads the history, and only its last subscription counts', async () => {
    const { first, offset } = await afterOne();
    here.publish('t', '2');
    await delivered(first);
    const second = await room.join();
    for (let times = 0; times < 5; times++) {
      here.subscribe(second.seat, 't', { after: offset });
      here.unsubscribe(second.seat, 't');
    }
    here.subscribe(second.seat, 't', { after: offset });
    here.subscribe(second.seat, 't', { after: offset });
    expect(here.topicsOf(second.seat)).toEqual(['t']);
    await delivered(second);
    here.publish('t', '3');
    await delivered(second);
    expect(second.received).toEqual(['2', '3']);
    here.unsubscribe(second.seat, 't');
    here.publish('t', '4');
    await delivered(second);
    expect(second.received).toEqual(['2', '3']);
  });

  test('`close` of Topics unsubscribes a connection that still reads the history', async () => {
    const first = await joined(here);
    here.publish('t', '1');
    await delivered(first);
    const second = await back(here, offsetOf(here, first));
    await here.close();
    await turns(20);
    expect(second.received).toEqual([]);
    expect(events).toEqual([]);
  });
});

describe('offsets from clients', () => {
  test('an invalid offset is refused, and the connection is not subscribed', async () => {
    const guest = await room.join();
    for (const after of ['', 'x', '1-1', `1-1.${'A'.repeat(22)}`, 'x'.repeat(100_000)])
      expect(codeOf(() => here.subscribe(guest.seat, 't', { after }))).toBe('WS_TOPIC_OFFSET');
    expect(() => here.subscribe(guest.seat, 't', { after: 1 as never })).toThrow(TypeError);
    expect(here.topicsOf(guest.seat)).toEqual([]);
  });

  test('if the offset never existed in the history, the connection is notified of a gap and then receives the messages of the history', async () => {
    const first = await joined(here);
    for (const text of ['1', '2']) here.publish('t', text);
    await delivered(first);
    for (const position of ['0-0', '5-5', '999999999999999-0']) {
      const second = await back(here, `${position}.${'A'.repeat(22)}.0`);
      await delivered(second);
      here.publish('t', '3');
      await delivered(second);
      expect(second.received[0]).toBe('gap');
      expect(second.received.at(-1)).toBe('3');
      await second.client.close();
      await second.seat.closed;
    }
  });

  test('`maxSubscribeRate` also limits subscriptions with an offset', async () => {
    const topics = open({ maxTopicsPerConnection: 2, maxSubscribeRate: 0.001 });
    const first = await joined(topics);
    topics.publish('t', '1');
    await delivered(first);
    const offset = offsetOf(topics, first);
    const second = await room.join();
    topics.subscribe(second.seat, 't', { after: offset });
    topics.unsubscribe(second.seat, 't');
    topics.subscribe(second.seat, 't', { after: offset });
    topics.unsubscribe(second.seat, 't');
    expect(codeOf(() => topics.subscribe(second.seat, 't', { after: offset }))).toBe('WS_TOPIC_RATE');
  });

  test('bytes of another program in the stream are counted as invalid, and are not delivered', async () => {
    const { first, offset } = await afterOne();
    redis.streams.add('rfc6455/t', Buffer.from('no envelope'));
    here.publish('t', '2');
    await delivered(first);
    const second = await back(here, offset);
    await delivered(second);
    expect(second.received).toEqual(['2']);
    expect(here.counts.invalid).toBeGreaterThan(0);
  });

  test('if the bus has no history, `subscribe` throws for the option `after`', async () => {
    const guest = await room.join();
    await using without = new Topics({ bus: new MemoryBus() });
    await using alone = new Topics();
    for (const topics of [without, alone]) {
      expect(() => topics.subscribe(guest.seat, 't', { after: 'x' })).toThrow('needs a bus with a history');
      topics.subscribe(guest.seat, 't', { after: null });
      expect(topics.offsetOf(guest.seat, 't')).toBeNull();
    }
  });

  test('`offsetOf` returns null before `ready` resolves, and for a connection that has not subscribed to the topic', async () => {
    const guest = await room.join();
    expect(here.offsetOf(guest.seat, 't')).toBeNull();
    here.subscribe(guest.seat, 't');
    expect(here.offsetOf(guest.seat, 't')).toBeNull();
    await here.ready();
    const offset = offsetOf(here, guest);
    expect(offset).toMatch(/^0-0\.[\w-]{22}\.0$/);
    const other = await room.join();
    expect(here.offsetOf(other.seat, 't')).toBeNull();
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
