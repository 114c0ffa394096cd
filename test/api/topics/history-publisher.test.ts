/** Tests the publishing of messages into a history. Messages can wait, be refused, or be lost. */
import { describe, expect, test } from 'vitest';
import { RedisBus } from '../../../src/api/topics/redis-bus.ts';
import { FakeIoRedis, FakeNodeRedis, FakeRedis } from './fake-redis.ts';
import { ReplyError } from './fake-streams.ts';
import { Recorder, turns } from './recorder.ts';

const shapes = { 'node-redis': FakeNodeRedis, ioredis: FakeIoRedis } as const;
const key = 'rfc6455/a';

describe.each(Object.entries(shapes))('with a client of %s', (_, Client) => {
  async function setUp(options = {}) {
    const redis = new FakeRedis();
    const bus = new RedisBus(new Client(redis), { history: {}, ...options });
    const lines: string[] = [];
    await bus.subscribe('a', new Recorder(lines));
    return { redis, streams: redis.streams, bus, lines };
  }

  test('messages that are published while Redis cannot be reached arrive later, in order and without a gap', async () => {
    const { bus, redis, lines } = await setUp();
    await bus.publish('a', Buffer.from('0'));
    await turns();
    redis.isUp = false;
    redis.cut();
    const published = ['1', '2', '3'].map((text) => bus.publish('a', Buffer.from(text)));
    await turns();
    expect(lines).toEqual(['a 0']);
    redis.isUp = true;
    published.push(bus.publish('a', Buffer.from('4')));
    await Promise.all(published);
    await turns(20);
    expect(lines).toEqual(['a 0', 'a 1', 'a 2', 'a 3', 'a 4']);
    await bus.close();
  });

  test('messages that are published before the first connection wait for this connection', async () => {
    const redis = new FakeRedis();
    const bus = new RedisBus(new Client(redis), { history: {} });
    await Promise.all(['1', '2'].map((text) => bus.publish('a', Buffer.from(text))));
    expect(redis.streams.idsOf(key)).toHaveLength(2);
    await bus.close();
  });

  test('if the connection is lost before Redis answers, the message is not sent again, and a gap is reported', async () => {
    const { bus, redis, lines } = await setUp();
    await bus.publish('a', Buffer.from('0'));
    await turns();
    const unknown = bus.publish('a', Buffer.from('unknown'));
    redis.cut();
    const waiting = bus.publish('a', Buffer.from('1'));
    await expect(unknown).rejects.toThrow();
    await waiting;
    await turns(20);
    expect(lines.filter((line) => line !== 'gap')).toEqual(['a 0', 'a 1']);
    expect(lines.indexOf('gap')).toBe(1);
    await bus.close();
  });

  test('if more than `maxWaiting` bytes would wait, `publish` rejects, and a gap is reported', async () => {
    const { bus, redis, lines } = await setUp({ maxWaiting: 10 });
    await bus.publish('a', Buffer.from('0'));
    await turns();
    redis.isUp = false;
    redis.cut();
    await turns();
    const first = bus.publish('a', Buffer.from('8 bytes.'));
    await expect(bus.publish('a', Buffer.from('more'))).rejects.toThrow('too many bytes');
    redis.isUp = true;
    await first;
    await bus.publish('a', Buffer.from('next'));
    await turns(20);
    expect(lines.at(-1)).toBe('a next');
    expect(lines).toContain('gap');
    expect(lines.filter((line) => line !== 'gap')).toEqual(['a 0', 'a 8 bytes.', 'a next']);
    await bus.close();
  });

  test('if Redis refuses a message, `publish` rejects, and a gap is reported instead of the message', async () => {
    const { bus, redis, lines } = await setUp();
    redis.refusal = new ReplyError('OOM command not allowed');
    await expect(bus.publish('a', Buffer.from('1'))).rejects.toThrow('OOM');
    await bus.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['gap', 'a 2']);
    await bus.close();
  });

  test('if Redis no longer has the script of the bus, the bus loads it again, and messages are lost until then', async () => {
    const { bus, streams, lines } = await setUp();
    await bus.publish('a', Buffer.from('0'));
    streams.isLoaded = false;
    const results = await Promise.allSettled(['1', '2'].map((text) => bus.publish('a', Buffer.from(text))));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await bus.publish('a', Buffer.from('3'));
    await turns();
    expect(lines.filter((line) => line !== 'gap')).toEqual(['a 0', 'a 3']);
    expect(lines[1]).toBe('gap');
    await bus.close();
  });

  test('while Redis loads its data from disk, messages wait, and no message is lost', async () => {
    const { bus, redis, streams, lines } = await setUp();
    await bus.publish('a', Buffer.from('0'));
    await turns();
    const loading = new ReplyError('LOADING Redis is loading the dataset in memory');
    const names = ['EXISTS', 'SCRIPT', 'EVALSHA', 'XRANGE', 'XREVRANGE'];
    redis.isUp = false;
    redis.cut();
    await turns();
    for (const name of names) streams.refusals.set(name, loading);
    redis.isUp = true;
    const published = [bus.publish('a', Buffer.from('1'))];
    const subscribed = bus.subscribe('b', new Recorder(lines));
    await turns();
    published.push(bus.publish('a', Buffer.from('2')));
    await turns();
    streams.refusals.clear();
    await Promise.all(published);
    await subscribed;
    await bus.publish('b', Buffer.from('3'));
    await until(() => lines.length === 4);
    expect(lines.filter((line) => line.startsWith('a'))).toEqual(['a 0', 'a 1', 'a 2']);
    expect(lines).toContain('b 3');
    await bus.close();
  });

  test('messages that the client could not send wait for the next connection, and arrive in order', async () => {
    const { bus, redis, lines } = await setUp();
    await bus.publish('a', Buffer.from('0'));
    // The client already knows that its connection is lost. It has not yet reported the loss to the bus.
    for (const client of redis.clients) client.isReady = false;
    const published = ['1', '2', '3'].map((text) => bus.publish('a', Buffer.from(text)));
    await turns();
    redis.cut();
    published.push(bus.publish('a', Buffer.from('4')));
    await Promise.all(published);
    await turns(20);
    expect(lines).toEqual(['a 0', 'a 1', 'a 2', 'a 3', 'a 4']);
    await bus.close();
  });

  test('if Redis refuses the script of the bus, `publish` rejects with this error until the next connection', async () => {
    const { bus, redis, streams, lines } = await setUp();
    redis.isUp = false;
    redis.cut();
    streams.refusals.set('SCRIPT', new ReplyError('NOPERM no scripts'));
    const waiting = bus.publish('a', Buffer.from('1'));
    redis.isUp = true;
    await expect(waiting).rejects.toThrow('NOPERM');
    await expect(bus.publish('a', Buffer.from('2'))).rejects.toThrow('NOPERM');
    streams.refusals.clear();
    redis.cut();
    await turns(20);
    await bus.publish('a', Buffer.from('3'));
    await turns();
    expect(lines.filter((line) => line !== 'gap')).toEqual(['a 3']);
    await bus.close();
  });
});

test('if a message has waited for longer than `history.ttl`, `publish` rejects', async () => {
  const redis = new FakeRedis();
  const { clock } = await import('../../../src/transport/clock.ts');
  const { now } = clock;
  const bus = new RedisBus(new FakeNodeRedis(redis), { history: { ttl: 1_000 } });
  const lines: string[] = [];
  await bus.subscribe('a', new Recorder(lines));
  redis.isUp = false;
  redis.cut();
  const late = bus.publish('a', Buffer.from('late'));
  try {
    clock.now = () => now() + 1_001;
    const fresh = bus.publish('a', Buffer.from('fresh'));
    redis.isUp = true;
    await expect(late).rejects.toThrow('longer than `history.ttl`');
    await fresh;
    await turns(10);
  } finally {
    clock.now = now;
  }
  expect(lines.at(-1)).toBe('a fresh');
  expect(lines).not.toContain('a late');
  await bus.close();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
