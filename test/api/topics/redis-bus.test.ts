/** Tests `RedisBus` with simulated clients of both packages. test/bus tests real clients. */
import { describe, expect, test } from 'vitest';
import { RedisBus } from '../../../src/api/topics/redis-bus.ts';
import { FakeIoRedis, FakeNodeRedis, FakeRedis } from './fake-redis.ts';
import { Recorder, turns } from './recorder.ts';

const shapes = { 'node-redis': FakeNodeRedis, ioredis: FakeIoRedis } as const;

describe.each(Object.entries(shapes))('with a client of %s', (_, Client) => {
  function setUp(options = {}) {
    const redis = new FakeRedis();
    const bus = new RedisBus(new Client(redis), options);
    const states: boolean[] = [];
    bus.onState((up) => states.push(up));
    return { redis, bus, states, lines: [] as string[] };
  }

  test('a receiver of a RedisBus gets each message that matches its pattern once, even if the same process publishes the message', async () => {
    const { bus, lines } = setUp();
    await bus.subscribe('room/1', new Recorder(lines, '= '));
    await bus.subscribe('room/*', new Recorder(lines, '* '));
    await bus.subscribe('room/**', new Recorder(lines, '** '));
    await bus.publish('room/1', Buffer.from('a'));
    await bus.publish('room/1/2', Buffer.from('b'));
    await bus.publish('room', Buffer.from('c'));
    await turns();
    expect(lines.sort()).toEqual(['* room/1 a', '** room/1 a', '** room/1/2 b', '= room/1 a']);
    await bus.close();
  });

  test('the characters [, ] and ? of a pattern match only themselves, although they have a meaning in globs of Redis', async () => {
    const { bus, lines } = setUp();
    await bus.subscribe('a[b]?/*', new Recorder(lines));
    for (const topic of ['a[b]?/x', 'ab1/x', 'ab/x', 'a[b]?/x/y']) await bus.publish(topic, Buffer.from('m'));
    await turns();
    expect(lines).toEqual(['a[b]?/x m']);
    await bus.close();
  });

  test('two patterns that become the same glob in Redis do not affect each other', async () => {
    const { bus, lines } = setUp();
    await bus.subscribe('a/*', new Recorder(lines, '* '));
    await bus.subscribe('a/**', new Recorder(lines, '** '));
    await bus.unsubscribe('a/*');
    await bus.publish('a/b', Buffer.from('m'));
    await turns();
    expect(lines).toEqual(['** a/b m']);
    await bus.close();
  });

  test('if a topic gets a second receiver, only the second receiver gets messages, and after `unsubscribe` no receiver gets messages', async () => {
    const { bus, redis, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines, 'old '));
    await bus.subscribe('a', new Recorder(lines, 'new '));
    await bus.publish('a', Buffer.from('1'));
    await turns();
    await bus.unsubscribe('a');
    await bus.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['new a 1']);
    expect([...redis.clients].flatMap(({ subscribed }) => [...subscribed])).toEqual(['channel rfc6455!']);
    await bus.close();
  });

  test('after a lost connection, a RedisBus reports the loss and the reconnection, and notifies each receiver of a gap', async () => {
    const { bus, redis, states, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines, '= '));
    await bus.subscribe('*', new Recorder(lines, '* '));
    redis.isUp = false;
    redis.cut();
    await expect(bus.publish('a', Buffer.from('lost'))).rejects.toThrow('no connection');
    expect(states).toEqual([false]);
    const late = bus.subscribe('b', new Recorder(lines, 'late '));
    redis.isUp = true;
    await late;
    await turns();
    expect(states).toEqual([false, true]);
    await bus.publish('a', Buffer.from('m'));
    await bus.publish('b', Buffer.from('m'));
    await turns();
    for (const label of ['= ', '* ']) {
      const own = lines.filter((line) => line.startsWith(label));
      expect(own[0]).toBe(`${label}gap`);
      expect(own.filter((line) => line === `${label}a m`)).toHaveLength(1);
      expect(own.indexOf(`${label}a m`)).toBeGreaterThan(own.lastIndexOf(`${label}gap`));
    }
    // This subscription was made while there was no connection. So the receiver has missed no message and gets no gap.
    expect(lines.filter((line) => line.startsWith('late '))).toEqual(['late b m']);
    await bus.close();
  });

  test('if the connection to Redis is lost before an answer, `publish` rejects, and the message is not sent again', async () => {
    const { bus, redis } = setUp();
    await bus.subscribe('a', new Recorder());
    const publishing = bus.publish('a', Buffer.from('m'));
    redis.cut();
    await expect(publishing).rejects.toThrow();
    await turns(10);
    expect(redis.published.filter(([channel]) => channel === 'rfc6455/a')).toEqual([]);
    // This message notifies the receivers of all buses of the gap.
    expect(redis.published).toEqual([['rfc6455!', '["a"]']]);
    await bus.close();
  });

  test('if a RedisBus could not publish a message, receivers in other processes are notified of a gap', async () => {
    const { bus, redis, lines } = setUp();
    const other = new RedisBus(new Client(redis));
    await bus.subscribe('x', new Recorder());
    await other.subscribe('a/*', new Recorder(lines));
    await other.subscribe('b', new Recorder(lines, 'unconcerned '));
    redis.refusal = new Error('OOM command not allowed');
    await expect(bus.publish('a/1', Buffer.from('m'))).rejects.toThrow('OOM');
    await turns();
    expect(lines).toEqual(['gap']);
    await bus.close();
    await other.close();
  });

  test('if more than `maxWaiting` bytes would wait for Redis, `publish` rejects, and a gap is reported before the next message', async () => {
    const { bus, lines } = setUp({ maxWaiting: 10 });
    await bus.subscribe('a', new Recorder(lines));
    const first = bus.publish('a', Buffer.from('8 bytes.'));
    await expect(bus.publish('a', Buffer.from('more'))).rejects.toThrow('too many bytes');
    await first;
    await bus.publish('a', Buffer.from('next'));
    await turns();
    expect(lines).toEqual(['a 8 bytes.', 'gap', 'a next']);
    await bus.close();
  });

  test('a sharded RedisBus uses the commands for sharded channels, and refuses wildcards', async () => {
    const { bus, redis, lines } = setUp({ sharded: true });
    await expect(bus.subscribe('a/*', new Recorder())).rejects.toThrow('subscribe to each topic');
    await bus.subscribe('a/1', new Recorder(lines));
    await bus.publish('a/1', Buffer.from('m'));
    await turns();
    expect(lines).toEqual(['a/1 m']);
    expect([...redis.clients].flatMap(({ subscribed }) => [...subscribed]).sort()).toEqual([
      'shard rfc6455!',
      'shard rfc6455/a/1',
    ]);
    await bus.close();
  });

  test('a message that is published before the first connection waits for this connection', async () => {
    const { bus, redis } = setUp();
    await bus.publish('a', Buffer.from('m'));
    expect(redis.published).toEqual([['rfc6455/a', 'm']]);
    await bus.close();
  });

  test('`close` of a RedisBus closes both connections, and waiting and later commands reject', async () => {
    const { bus, redis } = setUp();
    redis.isUp = false;
    const waiting = bus.subscribe('a', new Recorder());
    await bus.close();
    await expect(waiting).rejects.toThrow('closed');
    await expect(bus.publish('a', Buffer.from('m'))).rejects.toThrow('closed');
    await expect(bus.subscribe('b', new Recorder())).rejects.toThrow('closed');
    expect(redis.clients.size).toBe(0);
  });
});

test('a RedisBus sets the options of ioredis so that ioredis does not send unanswered commands again', async () => {
  const client = new FakeIoRedis(new FakeRedis());
  const { options } = client.duplicate({});
  expect(options).toEqual({});
  const asked: object[] = [];
  client.duplicate = (override) => {
    asked.push(override);
    return new FakeIoRedis(client.redis, override);
  };
  await new RedisBus(client).close();
  expect(asked).toHaveLength(2);
  for (const options of asked)
    expect(options).toMatchObject({ autoResendUnfulfilledCommands: false, enableOfflineQueue: false });
});

test.each([
  [null, 'null'],
  [{}, 'an object'],
  ['redis://127.0.0.1', 'a string'],
])('the constructor of RedisBus throws if the client is %j', (client, shown) => {
  expect(() => new RedisBus(client as never)).toThrow(
    new TypeError(`client is ${shown}, not a client of the package redis or ioredis`),
  );
});

test('the constructor of RedisBus refuses unknown options, and a prefix with characters that have a meaning in a Redis Cluster', () => {
  const client = new FakeNodeRedis(new FakeRedis());
  expect(() => new RedisBus(client, { shard: true } as never)).toThrow('sharded');
  expect(() => new RedisBus(client, { prefix: '{a}' })).toThrow('prefix');
});
