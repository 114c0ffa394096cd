/**
 * Tests `RedisBus` with a history. The clients of both packages are simulated in memory. test/bus tests real clients and the script that
 * runs in Redis.
 */
import { describe, expect, test } from 'vitest';
import { RedisBus } from '../../../src/api/topics/redis-bus.ts';
import { FakeIoRedis, FakeNodeRedis, FakeRedis } from './fake-redis.ts';
import { ReplyError } from './fake-streams.ts';
import { Recorder, turns } from './recorder.ts';

const shapes = { 'node-redis': FakeNodeRedis, ioredis: FakeIoRedis } as const;
const key = 'rfc6455/a';

describe.each(Object.entries(shapes))('with a client of %s', (_, Client) => {
  function setUp(options = {}) {
    const redis = new FakeRedis();
    const bus = (): RedisBus => new RedisBus(new Client(redis), { history: {}, ...options });
    return { redis, streams: redis.streams, bus: bus(), other: bus(), lines: [] as string[] };
  }

  /** Publishes one message on a new bus, and waits until the subscriber has received it. */
  async function setUpWithOne(options = {}) {
    const all = setUp(options);
    await all.bus.subscribe('a', new Recorder(all.lines));
    await all.other.publish('a', Buffer.from('1'));
    await turns();
    expect(all.lines).toEqual(['a 1']);
    return all;
  }

  /** Cuts all connections, calls `meanwhile`, and connects again. `meanwhile` may add messages to the history. */
  async function away(redis: FakeRedis, meanwhile: () => void): Promise<void> {
    redis.isUp = false;
    redis.cut();
    await turns();
    meanwhile();
    redis.isUp = true;
    await turns(20);
  }

  test('a RedisBus with a history stores and publishes each message, and each subscriber receives the message once', async () => {
    const { bus, other, streams, redis, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines));
    await bus.publish('a', Buffer.from('own'));
    await other.publish('a', Buffer.from("another's"));
    await turns();
    expect(lines).toEqual(['a own', "a another's"]);
    expect(streams.idsOf(key)).toEqual(['1000-0', '1000-1']);
    expect(redis.published).toEqual([
      [key, '1000-0 0-0 mown'],
      [key, "1000-1 1000-0 manother's"],
    ]);
    expect(bus.history?.positionOf('a')).toBe('1000-1');
    expect(bus.history?.positionOf('b')).toBeNull();
    await bus.close();
    await other.close();
  });

  test('a new subscription begins at the end of the history in Redis, so earlier messages do not arrive', async () => {
    const { bus, other, lines } = setUp();
    await other.publish('a', Buffer.from('before'));
    await bus.subscribe('a', new Recorder(lines));
    expect(bus.history?.positionOf('a')).toBe('1000-0');
    await other.publish('a', Buffer.from('after'));
    await turns();
    expect(lines).toEqual(['a after']);
    await bus.close();
    await other.close();
  });

  test('a message that is published during `subscribe` is read from the history, and arrives once', async () => {
    const { bus, other, streams, redis, lines } = setUp();
    await other.publish('a', Buffer.from('before'));
    const { execute } = streams;
    // One message is published before the bus has subscribed, and another one while the bus reads the history.
    streams.execute = (args, channels) => {
      const reply = execute.call(streams, args, channels);
      if (args[0] === 'XREVRANGE') streams.add(key, Buffer.from('between'));
      if (args[0] === 'XRANGE') {
        streams.execute = execute;
        const { id, previous } = streams.add(key, Buffer.from('meanwhile'));
        redis.publish(key, Buffer.from(`${id} ${previous} mmeanwhile`), false);
      }
      return reply;
    };
    await bus.subscribe('a', new Recorder(lines));
    await turns();
    await other.publish('a', Buffer.from('after'));
    await turns();
    expect(lines).toEqual(['a between', 'a meanwhile', 'a after']);
    await bus.close();
    await other.close();
  });

  test.each([0, 1])(
    'after %i earlier messages, a message that arrives both live and from the history is delivered once',
    async (before) => {
      const { bus, other, streams, redis, lines } = setUp();
      for (let at = 0; at < before; at++) await other.publish('a', Buffer.from('before'));
      const { execute } = streams;
      const live: Buffer[] = [];
      streams.execute = (args, channels) => {
        if (args[0] === 'XRANGE') {
          streams.execute = execute;
          const { id, previous } = streams.add(key, Buffer.from('1'));
          live.push(Buffer.from(`${id} ${previous} m1`));
        }
        return execute.call(streams, args, channels);
      };
      await bus.subscribe('a', new Recorder(lines));
      await turns();
      expect(lines).toEqual(['a 1']);
      for (const bytes of live) redis.publish(key, bytes, false);
      await turns();
      await other.publish('a', Buffer.from('2'));
      await turns();
      expect(lines).toEqual(['a 1', 'a 2']);
      await bus.close();
      await other.close();
    },
  );

  test('after a lost connection to Redis, the missed messages arrive from the history once and in order, without a gap', async () => {
    const { bus, other, redis, streams, lines } = await setUpWithOne();
    await away(redis, () => {
      for (let at = 2; at <= 30; at++) streams.add(key, Buffer.from(String(at)));
    });
    await other.publish('a', Buffer.from('31'));
    await turns();
    expect(lines).toEqual(Array.from({ length: 31 }, (_, at) => `a ${at + 1}`));
    await bus.close();
    await other.close();
  });

  test('after a lost connection to Redis, no gap is reported if no message was missed', async () => {
    const { bus, other, redis, lines } = await setUpWithOne();
    await away(redis, () => {});
    await other.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2']);
    await bus.close();
    await other.close();
  });

  test.each([
    // With size 4, the history still has all four missed messages. So no gap is reported.
    [5, []],
    [4, []],
    [3, ['gap']],
    [1, ['gap']],
  ])(
    'after four missed messages, a gap is reported only if a history of %i messages does not contain all of them',
    async (size, gap) => {
      const { bus, other, redis, streams, lines } = await setUpWithOne();
      await away(redis, () => {
        for (let at = 2; at <= 5; at++) streams.add(key, Buffer.from(String(at)), size);
      });
      const kept = ['a 2', 'a 3', 'a 4', 'a 5'].slice(-Math.min(4, size));
      expect(lines).toEqual(['a 1', ...gap, ...kept]);
      await bus.close();
      await other.close();
    },
  );

  const goesOn = (streams: FakeRedis['streams']): void => {
    streams.time += 10;
    streams.add(key, Buffer.from('new'));
  };

  test.each<[string, (streams: FakeRedis['streams']) => void, string[]]>([
    ['has expired', (streams) => streams.delete(key), []],
    ['has lost its newest message', (streams) => streams.loseLast(key, 1), []],
    [
      'has expired, and a new stream has begun',
      (streams) => {
        streams.delete(key);
        goesOn(streams);
      },
      ['a new'],
    ],
    [
      'has lost its newest message, and has got a new one',
      (streams) => {
        streams.loseLast(key, 1);
        goesOn(streams);
      },
      ['a new'],
    ],
  ])(
    'if the stream of a topic %s, a gap is reported before the next messages',
    async (_case, change, kept) => {
      const { bus, other, redis, streams, lines } = setUp();
      await other.publish('a', Buffer.from('0'));
      await bus.subscribe('a', new Recorder(lines));
      await other.publish('a', Buffer.from('1'));
      await turns();
      await away(redis, () => change(streams));
      streams.time += 10;
      await other.publish('a', Buffer.from('2'));
      await turns();
      expect(lines).toEqual(['a 1', 'gap', ...kept, 'a 2']);
      await bus.close();
      await other.close();
    },
  );

  test('a gap is reported if the stream of a topic in Redis was empty when the connection was lost', async () => {
    const { bus, other, redis, streams, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines));
    await away(redis, () => {
      streams.add(key, Buffer.from('1'));
    });
    expect(lines).toEqual(['gap', 'a 1']);
    await bus.close();
    await other.close();
  });

  test('if a stream of Redis expires while the connection exists, no gap is reported', async () => {
    const { bus, other, streams, lines } = await setUpWithOne();
    streams.delete(key);
    streams.time += 10;
    await other.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2']);
    await bus.close();
    await other.close();
  });

  test('a message from Redis waits until earlier messages have been read from the history', async () => {
    const { bus, other, streams, lines } = await setUpWithOne();
    streams.add(key, Buffer.from('2'));
    streams.add(key, Buffer.from('3'));
    await other.publish('a', Buffer.from('4'));
    await other.publish('a', Buffer.from('5'));
    await turns(10);
    expect(lines).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5']);
    await bus.close();
    await other.close();
  });

  test('if the history in Redis lacks messages between two messages that arrive, a gap is reported', async () => {
    const { bus, other, redis, streams, lines } = await setUpWithOne();
    streams.time = 2_000;
    redis.publish(key, Buffer.from('2000-0 1999-0 mm'), false);
    await turns(10);
    expect(lines).toEqual(['a 1', 'gap', 'a m']);
    await bus.close();
    await other.close();
  });

  test('if too many live messages arrive while the history is read, all messages are read from the history', async () => {
    const { bus, other, redis, streams, lines } = await setUpWithOne({ maxWaiting: 1_000 });
    const { execute } = streams;
    let reads = 0;
    streams.execute = (args, channels) => {
      const reply = execute.call(streams, args, channels);
      if (args[0] !== 'XRANGE' || ++reads > 3) return reply;
      for (let at = 0; at < 10; at++) {
        const { id, previous } = streams.add(key, Buffer.from(`${reads} ${at}`));
        redis.publish(key, Buffer.from(`${id} ${previous} m${reads} ${at}`), false);
      }
      return reply;
    };
    await away(redis, () => {});
    await turns(20);
    const all = [1, 2, 3].flatMap((read) => Array.from({ length: 10 }, (_, at) => `a ${read} ${at}`));
    expect(lines).toEqual(['a 1', ...all]);
    await bus.close();
    await other.close();
  });

  test('if the connection to Redis is lost again while the history is read, the bus continues at the same position', async () => {
    const { bus, other, redis, streams, lines } = await setUpWithOne();
    for (let times = 0; times < 5; times++) {
      redis.isUp = false;
      redis.cut();
      for (let at = 0; at < 20; at++) streams.add(key, Buffer.from(`${times} ${at}`));
      redis.isUp = true;
      await turns(times);
    }
    await turns(20);
    const all = [0, 1, 2, 3, 4].flatMap((time) => Array.from({ length: 20 }, (_, at) => `a ${time} ${at}`));
    expect(lines).toEqual(['a 1', ...all]);
    await bus.close();
    await other.close();
  });

  test('if Redis refuses to read the missed messages, a gap is reported, and later messages arrive', async () => {
    const { bus, other, redis, streams, lines } = await setUpWithOne();
    streams.refusals.set('XRANGE', new ReplyError('NOPERM'));
    await away(redis, () => streams.add(key, Buffer.from('missed')));
    await other.publish('a', Buffer.from('2'));
    await turns(10);
    expect(lines[0]).toBe('a 1');
    expect(lines[1]).toBe('gap');
    expect(lines.at(-1)).toBe('a 2');
    await bus.close();
    await other.close();
  });

  test('if Redis refuses to read the first position of a subscription, `subscribe` rejects', async () => {
    const { bus, other, streams } = setUp();
    streams.refusals.set('XREVRANGE', new ReplyError('NOPERM'));
    await expect(bus.subscribe('a', new Recorder())).rejects.toThrow('NOPERM');
    streams.refusals.clear();
    await bus.subscribe('a', new Recorder());
    await bus.close();
    await other.close();
  });

  test('a RedisBus keeps no history for a pattern, so a gap is reported after a lost connection', async () => {
    const { bus, other, redis, streams, lines } = setUp();
    await bus.subscribe('*', new Recorder(lines, '* '));
    await bus.subscribe('a', new Recorder(lines, '= '));
    await other.publish('a', Buffer.from('1'));
    await away(redis, () => streams.add(key, Buffer.from('2')));
    await other.publish('a', Buffer.from('3'));
    await turns();
    expect(lines.filter((line) => line.startsWith('='))).toEqual(['= a 1', '= a 2', '= a 3']);
    // The messages for patterns have two ids before the bytes. The bus removes the ids.
    expect(lines.filter((line) => line.startsWith('*'))).toEqual(['* a 1', '* gap', '* a 3']);
    expect(bus.history?.positionOf('*')).toBeNull();
    await bus.close();
    await other.close();
  });

  test('messages to the reserved topics of the library are not stored in the history in Redis', async () => {
    const { bus, other, streams, lines } = setUp();
    await bus.subscribe('$a', new Recorder(lines));
    await other.publish('$a', Buffer.from('1'));
    await turns();
    expect(lines).toEqual(['$a 1']);
    expect(streams.idsOf('rfc6455/$a')).toEqual([]);
    await bus.close();
    await other.close();
  });

  test('a RedisBus with a history delivers messages of a RedisBus without a history unchanged', async () => {
    const { bus, other, redis, lines } = setUp();
    const without = new RedisBus(new Client(redis));
    await bus.subscribe('a', new Recorder(lines));
    await without.publish('a', Buffer.from('1'));
    await turns();
    expect(lines).toEqual(['a 1']);
    expect(without.history).toBeUndefined();
    for (const each of [bus, other, without]) await each.close();
  });

  test('a sharded RedisBus also delivers the missed messages from the history', async () => {
    const { bus, other, redis, streams, lines } = await setUpWithOne({ sharded: true });
    await away(redis, () => streams.add(key, Buffer.from('2')));
    await other.publish('a', Buffer.from('3'));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2', 'a 3']);
    await bus.close();
    await other.close();
  });

  test('if a receiver unsubscribes during the delivery of missed messages, the remaining messages do not arrive', async () => {
    const { bus, other, redis, streams, lines } = setUp();
    const recorder = new Recorder(lines);
    const stopping = {
      message: (topic: string, bytes: Uint8Array): void => {
        recorder.message(topic, bytes);
        if (String(bytes) === '2') void bus.unsubscribe('a');
      },
      gap: () => recorder.gap(),
    };
    await bus.subscribe('a', stopping);
    await other.publish('a', Buffer.from('1'));
    await turns();
    await away(redis, () => {
      for (const text of ['2', '3', '4']) streams.add(key, Buffer.from(text));
    });
    expect(lines).toEqual(['a 1', 'a 2']);
    expect(bus.history?.positionOf('a')).toBeNull();
    await bus.subscribe('a', recorder);
    await other.publish('a', Buffer.from('5'));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2', 'a 5']);
    await bus.close();
    await other.close();
  });

  test('if many topics have missed messages at the same time, each subscriber receives the messages that it missed', async () => {
    const { bus, other, redis, streams, lines } = setUp();
    const names = Array.from({ length: 100 }, (_, at) => `t${at}`);
    for (const name of names) await other.publish(name, Buffer.from('0'));
    await Promise.all(names.map((name) => bus.subscribe(name, new Recorder(lines))));
    await away(redis, () => {
      for (const name of names)
        for (const text of ['1', '2']) streams.add(`rfc6455/${name}`, Buffer.from(text));
    });
    await turns(50);
    expect(lines.sort()).toEqual(names.flatMap((name) => [`${name} 1`, `${name} 2`]).sort());
    await bus.close();
    await other.close();
  });

  test('`close` of a RedisBus rejects running and waiting commands', async () => {
    const { bus, other, redis, lines } = await setUpWithOne();
    redis.isUp = false;
    redis.cut();
    await turns();
    const reading = bus.history!.read('a', '1000-0', 10);
    const publishing = bus.publish('a', Buffer.from('2'));
    const subscribing = bus.subscribe('b', new Recorder());
    await bus.close();
    for (const waiting of [reading, publishing, subscribing]) await expect(waiting).rejects.toThrow('closed');
    await expect(bus.publish('a', Buffer.from('3'))).rejects.toThrow('closed');
    expect(lines).toEqual(['a 1']);
    await other.close();
  });
});

test('`history.read` returns the messages after a position, whether there is a gap, and whether these are the last messages', async () => {
  const redis = new FakeRedis();
  const bus = new RedisBus(new FakeNodeRedis(redis), { history: {} });
  const { history } = bus;
  for (const text of ['1', '2', '3', '4']) await bus.publish('a', Buffer.from(text));
  const read = async (after: string, count: number): Promise<string> => {
    const { messages, isGap, position, isEnd } = await history!.read('a', after, count);
    const texts = messages.map(({ bytes }) => Buffer.from(bytes ?? [])).join('');
    return `${texts} ${position}${isGap ? ' gap' : ''}${isEnd ? ' end' : ''}`;
  };
  expect(await read('1000-0', 2)).toBe('23 1000-2');
  expect(await read('1000-0', 3)).toBe('234 1000-3');
  expect(await read('1000-0', 4)).toBe('234 1000-3 end');
  expect(await read('1000-3', 1)).toBe(' 1000-3 end');
  // The stream has no message at these positions. Two positions are before the stream, and one position is after it.
  expect(await read('0-0', 10)).toBe('1234 1000-3 gap end');
  expect(await read('999-5', 10)).toBe('1234 1000-3 gap end');
  expect(await read('1000-9', 10)).toBe(' 1000-3 gap end');
  expect(history!.isPosition('1000-9')).toBe(true);
  expect(history!.isPosition('x')).toBe(false);
  await bus.close();
});

test.each([
  [{ history: { size: 0 } }, 'history.size'],
  [{ history: { size: 1.5 } }, 'history.size'],
  [{ history: { ttl: 999 } }, 'history.ttl'],
  [{ history: { length: 1 } }, 'length'],
  [{ history: true }, 'history is true'],
])('the constructor of RedisBus refuses invalid options: %j', (options, text) => {
  expect(() => new RedisBus(new FakeNodeRedis(new FakeRedis()), options as never)).toThrow(text);
});
