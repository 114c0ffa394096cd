/** Tests `NatsBus` with a NATS server that is simulated in memory. test/bus tests a real server. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NatsBus } from '../../../src/api/topics/nats-bus.ts';
import { toSubject, toTopic } from '../../../src/api/topics/nats-subject.ts';
import { FakeNats } from './fake-nats.ts';
import { Recorder, turns } from './recorder.ts';

function setUp(options = {}) {
  const nats = new FakeNats();
  const connection = nats.connect();
  const bus = new NatsBus(connection, options);
  const states: boolean[] = [];
  bus.onState((up) => states.push(up));
  return { nats, connection, bus, states, lines: [] as string[] };
}

describe('messages', () => {
  test('a receiver of a NatsBus gets each message that matches its pattern once, even if the same process publishes the message', async () => {
    const { bus, lines } = setUp();
    await bus.subscribe('room/1', new Recorder(lines, '= '));
    await bus.subscribe('room/*', new Recorder(lines, '* '));
    await bus.subscribe('room/**', new Recorder(lines, '** '));
    for (const topic of ['room/1', 'room/1/2', 'room', 'room/a.b'])
      await bus.publish(topic, Buffer.from('m'));
    await turns();
    const expected = [
      '= room/1 m',
      '* room/1 m',
      '* room/a.b m',
      '** room/1 m',
      '** room/1/2 m',
      '** room/a.b m',
    ];
    expect(lines.sort()).toEqual(expected.sort());
    await bus.close();
  });

  test('if a topic gets a second receiver, only the second receiver gets messages, and after `unsubscribe` no receiver gets messages', async () => {
    const { bus, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines, 'old '));
    await bus.subscribe('a', new Recorder(lines, 'new '));
    await bus.publish('a', Buffer.from('1'));
    await turns();
    bus.unsubscribe('a');
    await bus.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['new a 1']);
    await bus.close();
  });

  test('one ping to NATS confirms all messages that were published in one turn of the event loop', async () => {
    const { bus, connection, nats } = setUp();
    let pings = 0;
    const flush = connection.flush.bind(connection);
    connection.flush = () => {
      pings++;
      return flush();
    };
    await Promise.all(Array.from({ length: 100 }, (_, i) => bus.publish('a', Buffer.from(String(i)))));
    expect(pings).toBe(1);
    expect(nats.published).toEqual(Array.from({ length: 100 }, (_, i) => ['rfc6455.t.a', String(i)]));
    await bus.close();
  });
});

describe('lost messages', () => {
  test('after a lost connection, a NatsBus reports the loss and the reconnection, and notifies each receiver of a gap', async () => {
    const { bus, connection, states, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines));
    connection.lose();
    await turns();
    await expect(bus.publish('a', Buffer.from('lost'))).rejects.toThrow('no connection');
    const late = bus.subscribe('b', new Recorder(lines, 'late '));
    expect(states).toEqual([false]);
    connection.back();
    await late;
    await turns();
    expect(states).toEqual([false, true]);
    await bus.publish('a', Buffer.from('m'));
    await bus.publish('b', Buffer.from('m'));
    await turns();
    expect(lines.filter((line) => !line.startsWith('late')).at(0)).toBe('gap');
    expect(lines.filter((line) => !line.startsWith('late')).at(-1)).toBe('a m');
    await bus.close();
  });

  test('if the connection to NATS is lost before a confirmation, `publish` rejects, and other processes are notified of a gap', async () => {
    const { bus, connection, nats, lines } = setUp();
    const other = new NatsBus(nats.connect());
    await other.subscribe('a/*', new Recorder(lines));
    await other.subscribe('b', new Recorder(lines, 'unconcerned '));
    await turns();
    const publishing = bus.publish('a/1', Buffer.from('m'));
    connection.lose();
    await expect(publishing).rejects.toThrow('lost');
    connection.back();
    await turns();
    expect(lines).toEqual(['gap']);
    await bus.close();
    await other.close();
  });

  test('if more than `maxWaiting` bytes would wait for NATS, `publish` rejects, and a gap is reported before the next message', async () => {
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

  test('if a message is too large for the NATS server, `publish` rejects, and a gap is reported', async () => {
    const { bus, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines));
    await expect(bus.publish('a', Buffer.alloc(1_000_001))).rejects.toThrow('max_payload');
    await bus.publish('a', Buffer.from('m'));
    await turns();
    expect(lines).toEqual(['gap', 'a m']);
    await bus.close();
  });

  test('if the NATS server does not permit a subscription, the receiver is notified of a gap', async () => {
    const { bus, connection, lines } = setUp();
    await bus.subscribe('a', new Recorder(lines));
    connection.refuse('rfc6455.t.a');
    expect(lines).toEqual(['gap']);
    await bus.close();
  });

  test('after the connection to NATS is closed, the bus rejects every command', async () => {
    const { bus, connection, states } = setUp();
    const waiting = bus.subscribe('a', new Recorder());
    const publishing = bus.publish('a', Buffer.from('m'));
    connection.close();
    await expect(publishing).rejects.toThrow('closed');
    await expect(waiting).rejects.toThrow('closed');
    await expect(bus.subscribe('b', new Recorder())).rejects.toThrow('closed');
    expect(states).toEqual([false]);
    await bus.close();
    expect(() => new NatsBus(connection)).toThrow('the connection to NATS is closed');
  });
});

test('`close` of a NatsBus waits for published messages, and leaves the connection open', async () => {
  const { bus, connection, nats } = setUp();
  const publishing = bus.publish('a', Buffer.from('m'));
  await bus.close();
  await publishing;
  expect(nats.published).toEqual([['rfc6455.t.a', 'm']]);
  expect(connection.isClosed()).toBe(false);
  expect(connection.subscriptions.size).toBe(0);
});

describe('subjects of NATS', () => {
  test.each([
    ['a/b', 'p.a.b'],
    ['a/*/c', 'p.a.*.c'],
    ['a/**', 'p.a.>'],
    ['a.b/c d', 'p.a%2Eb.c%20d'],
    ['>/%', 'p.%3E.%25'],
    ['a*', 'p.a%2A'],
    ['a//b', 'p.a.%.b'],
    ['é', 'p.é'],
  ])('the topic or pattern %s has the subject %s in NATS', (topic, subject) => {
    expect(toSubject('p', topic)).toBe(subject);
  });

  test('every topic is converted to a subject of NATS, and the subject is converted back to the same topic', () => {
    const topics = fc.string({ unit: 'grapheme', maxLength: 30 });
    fc.assert(
      fc.property(topics, (topic) => {
        fc.pre(!topic.split('/').some((part) => part === '*' || part === '**'));
        const subject = toSubject('p', topic);
        expect(subject).not.toMatch(/[\s*>]|\.\.|\.$/);
        expect(toTopic('p', subject)).toBe(topic);
      }),
    );
  });

  test('the subject of another program is not converted to a topic', () => {
    expect(toTopic('p', 'q.a')).toBe(null);
    expect(toTopic('p', 'p.%ZZ')).toBe(null);
  });

  test('a NatsBus rejects a topic with a very long subject, because NATS would end the connection', async () => {
    const { bus } = setUp();
    await expect(bus.publish('a'.repeat(3_000), Buffer.from('m'))).rejects.toThrow(RangeError);
    await expect(bus.subscribe('a'.repeat(3_000), new Recorder())).rejects.toThrow('3000 bytes');
    await bus.close();
  });
});

test.each([
  [null, 'null'],
  [{}, 'an object'],
])('the constructor of NatsBus throws if the connection is %j', (value, shown) => {
  expect(() => new NatsBus(value as never)).toThrow(
    new TypeError(`connection is ${shown}, not a connection to NATS`),
  );
});
