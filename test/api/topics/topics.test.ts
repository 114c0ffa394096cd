/** Tests topics in one process: the receivers of a message, the order of messages, and connections that close. */
import { afterAll, describe, expect, test } from 'vitest';
import { connect } from '../../../src/api/client.ts';
import { TopicError } from '../../../src/api/topics/topic-error.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import { closeServers, startServer } from '../../transport/servers.ts';
import { until } from '../pair.ts';
import { arrived, type Guest, openRoom } from './rooms.ts';

afterAll(closeServers);

async function guests(count: number): Promise<Guest[]> {
  const room = await openRoom();
  const all: Guest[] = [];
  for (let at = 0; at < count; at++) all.push(await room.join());
  return all;
}

describe('publish', () => {
  test('`publish` sends a message to the subscribers of the topic, and returns their number', async () => {
    const [a, b, c] = (await guests(3)) as [Guest, Guest, Guest];
    const topics = new Topics();
    expect(topics.subscribe(a.seat, 'room/1')).toBe(true);
    expect(topics.subscribe(b.seat, 'room/1')).toBe(true);
    expect(topics.subscribe(c.seat, 'room/2')).toBe(true);
    expect(topics.publish('room/1', 'text')).toEqual({ local: 2 });
    expect(topics.publish('room/1', Buffer.from([1, 2]))).toEqual({ local: 2 });
    expect(topics.publish('room/3', 'no one')).toEqual({ local: 0 });
    await arrived(a, b, c);
    expect(a.received).toEqual(['text', 'bytes:0102']);
    expect(b.received).toEqual(['text', 'bytes:0102']);
    expect(c.received).toEqual([]);
    expect(topics.counts).toMatchObject({ published: 3, sent: 4, received: 0 });
  });

  test('if several subscriptions of a connection match a message, the connection receives the message once', async () => {
    const [a, b] = (await guests(2)) as [Guest, Guest];
    const topics = new Topics();
    for (const pattern of ['a/b', 'a/*', '*/b', '**', 'a/**'])
      topics.subscribe(a.seat, pattern, { wildcards: true });
    topics.subscribe(a.seat, 'a/b');
    topics.subscribe(b.seat, '*', { wildcards: true });
    expect(topics.publish('a/b', 'once')).toEqual({ local: 1 });
    expect(topics.publish('a', 'one part')).toEqual({ local: 2 });
    await arrived(a, b);
    expect(a.received).toEqual(['once', 'one part']);
    expect(b.received).toEqual(['one part']);
  });

  test('the option `except` of `publish` excludes one connection or a set of connections, and null excludes no connection', async () => {
    const [a, b] = (await guests(2)) as [Guest, Guest];
    const topics = new Topics();
    for (const { seat } of [a, b]) topics.subscribe(seat, 't');
    expect(topics.publish('t', '1', { except: a.seat })).toEqual({ local: 1 });
    expect(topics.publish('t', '2', { except: new Set([b.seat]) })).toEqual({ local: 1 });
    expect(topics.publish('t', '3', { except: null })).toEqual({ local: 2 });
    await arrived(a, b);
    expect(a.received).toEqual(['2', '3']);
    expect(b.received).toEqual(['1', '3']);
  });

  test('messages of a topic and other messages to the same connection arrive in the order in which they were sent', async () => {
    const [a] = (await guests(1)) as [Guest];
    const topics = new Topics();
    topics.subscribe(a.seat, 't');
    const sent = Array.from({ length: 500 }, (_, at) => String(at));
    for (const [at, text] of sent.entries()) {
      if (at % 3 === 0) a.seat.send(text);
      else topics.publish('t', text);
    }
    await arrived(a);
    expect(a.received).toEqual(sent);
  });

  test('`publish` compresses a message if compression was negotiated, but not with `compress: false`', async () => {
    const room = await openRoom({}, { compression: { serverNoContextTakeover: true } });
    const a = await room.join({ compression: true });
    const topics = new Topics();
    topics.subscribe(a.seat, 't');
    const text = 'again '.repeat(1_000);
    topics.publish('t', text);
    expect(a.seat.lastWireSize).toBeLessThan(200);
    topics.publish('t', text, { compress: false });
    expect(a.seat.lastWireSize).toBe(text.length);
    await arrived(a);
    expect(a.received).toEqual([text, text]);
  });

  test('`publish` throws for invalid topics, messages and options, and for messages that are too large', () => {
    const topics = new Topics({ maxMessageSize: 10 });
    expect(() => topics.publish('a/*', '')).toThrow(TopicError);
    expect(() => topics.publish('', '')).toThrow(TopicError);
    expect(() => topics.publish('a', { text: 1 } as unknown as string)).toThrow(TypeError);
    expect(() => topics.publish('a', '', { exept: null } as object)).toThrow('did you mean "except"');
    expect(() => topics.publish('a', '', { except: [] as unknown as Set<never> })).toThrow(TypeError);
    expect(() => topics.publish('a', 'ääääää')).toThrow('the message has 12 bytes, and maxMessageSize is 10');
    expect(() => topics.publish('a', Buffer.alloc(11))).toThrow(RangeError);
    expect(topics.publish('a', 'äääää')).toEqual({ local: 0 });
  });
});

describe('subscribers of a topic', () => {
  test('a second subscription to the same topic has no effect, and `topicsOf` lists the topics of a connection', async () => {
    const [a] = (await guests(1)) as [Guest];
    const topics = new Topics();
    expect(topics.topicsOf(a.seat)).toEqual([]);
    expect(topics.subscribe(a.seat, 't')).toBe(true);
    expect(topics.subscribe(a.seat, 't')).toBe(true);
    topics.subscribe(a.seat, 'u/**', { wildcards: true });
    expect(topics.topicsOf(a.seat)).toEqual(['t', 'u/**']);
    expect(topics.size).toBe(2);
    expect(topics.unsubscribe(a.seat, 't')).toBe(true);
    expect(topics.unsubscribe(a.seat, 't')).toBe(false);
    expect(topics.unsubscribe(a.seat, 'never')).toBe(false);
    expect(topics.topicsOf(a.seat)).toEqual(['u/**']);
    expect(topics.publish('t', 'no')).toEqual({ local: 0 });
    expect(topics.publish('u/1', 'yes')).toEqual({ local: 1 });
    await arrived(a);
    expect(a.received).toEqual(['yes']);
  });

  test.each(['a clean close', 'a lost connection'])(
    'after %s, the connection is unsubscribed automatically',
    async (how) => {
      const topics = new Topics();
      const inHandler: string[][] = [];
      const room = await openRoom({ close: (seat) => void inHandler.push(topics.topicsOf(seat)) });
      const [a, b] = [await room.join(), await room.join()];
      for (const { seat } of [a, b]) topics.subscribe(seat, 't');
      topics.subscribe(a.seat, 'only/a');
      if (how === 'a clean close') await a.client.close();
      else a.client.reset();
      await until(() => inHandler.length > 0);
      // During the `close` handler, `topicsOf` still returns the topics. After the handler, the list is empty.
      expect(inHandler).toEqual([['t', 'only/a']]);
      await Promise.resolve();
      expect(topics.topicsOf(a.seat)).toEqual([]);
      expect(topics.size).toBe(1);
      expect(topics.publish('t', 'left')).toEqual({ local: 1 });
      expect(topics.subscribe(a.seat, 't')).toBe(false);
      expect(topics.size).toBe(1);
    },
  );

  test('a closing connection receives no published message, and it cannot subscribe', async () => {
    const [a] = (await guests(1)) as [Guest];
    const topics = new Topics();
    topics.subscribe(a.seat, 't');
    void a.seat.close();
    expect(topics.publish('t', 'no')).toEqual({ local: 0 });
    expect(topics.subscribe(a.seat, 'u')).toBe(false);
    await a.client.closed;
    expect(a.received).toEqual([]);
  });

  test('connections of several servers may subscribe to the same topic', async () => {
    const [a] = (await guests(1)) as [Guest];
    const [b] = (await guests(1)) as [Guest];
    const topics = new Topics();
    for (const { seat } of [a, b]) topics.subscribe(seat, 't');
    expect(topics.publish('t', 'both')).toEqual({ local: 2 });
    await arrived(a, b);
    expect([...a.received, ...b.received]).toEqual(['both', 'both']);
  });

  test('`subscribe` throws for a value that is not a connection of a server', async () => {
    const topics = new Topics();
    const { url } = await startServer();
    const client = await connect(url);
    expect(() => topics.subscribe(client, 't')).toThrow("the connection is a client's");
    expect(() => topics.subscribe({} as typeof client, 't')).toThrow(TypeError);
    expect(() => topics.subscribe(client, 't', { wildcard: true } as object)).toThrow(
      'did you mean "wildcards"',
    );
    await client.close();
  });

  test('`close` of Topics unsubscribes all connections, and does not close them', async () => {
    const [a] = (await guests(1)) as [Guest];
    {
      await using topics = new Topics();
      topics.subscribe(a.seat, 't');
    }
    const topics = new Topics();
    topics.subscribe(a.seat, 't');
    await topics.close();
    expect(topics.size).toBe(0);
    expect(topics.publish('t', 'no')).toEqual({ local: 0 });
    expect(topics.subscribe(a.seat, 't')).toBe(false);
    expect(a.seat.state).toBe('open');
    await topics.close();
  });
});

describe('options', () => {
  test.each([
    [{ slow: 'ignore' }, "slow is 'ignore', not 'close' or 'skip' or 'latest'"],
    [{ maxTopics: 0 }, 'maxTopics is 0'],
    [{ maxtopics: 1 }, 'did you mean "maxTopics"'],
    [{ bus: {} }, 'bus is an object without publish(), not a Bus'],
    [{ bus: null }, 'bus is null without publish(), not a Bus'],
    [{ handlers: { gaps() {} } }, 'did you mean "gap"'],
    [{ handlers: { gap: 1 } }, 'the handler "gap" is a number, not a function'],
    [{ handlers: 1 }, 'not an object'],
  ])('the constructor of Topics refuses invalid options: %o', (options, text) => {
    expect(() => new Topics(options as object)).toThrow(text);
  });
});
