/**
 * Tests topics of several processes that share a bus. A message arrives once, and never at its publisher. Losses are reported. Errors of a
 * bus have no other effect.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENVELOPE_SIZE, randomPublisher, serializeEnvelope } from '../../../src/api/topics/envelope.ts';
import { MemoryBus } from '../../../src/api/topics/memory-bus.ts';
import type { TopicError } from '../../../src/api/topics/topic-error.ts';
import { Topics } from '../../../src/api/topics/topics.ts';
import type { TopicsHandlers } from '../../../src/api/topics/topics-options.ts';
import { closeServers } from '../../transport/servers.ts';
import { arrived, type Guest, openRoom, type Room } from './rooms.ts';
import { UnreliableBus } from './unreliable-bus.ts';

afterAll(closeServers);

/** Waits until the bus in memory has delivered all messages. */
const delivered = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let room: Room;
beforeEach(async () => {
  room = await openRoom();
});

describe('two processes', () => {
  test('each message reaches the subscribers of two processes once, and a text arrives as a text', async () => {
    const bus = new MemoryBus();
    await using here = new Topics({ bus });
    await using there = new Topics({ bus: new MemoryBus(bus) });
    const [a, b] = [await room.join(), await room.join()];
    here.subscribe(a.seat, 'room/1');
    there.subscribe(b.seat, 'room/1');
    expect(here.publish('room/1', 'grüße')).toEqual({ local: 1 });
    expect(there.publish('room/1', Buffer.from([0xff]))).toEqual({ local: 1 });
    expect(here.publish('room/1', 'only here', { local: true })).toEqual({ local: 1 });
    expect(here.publish('room/2', 'elsewhere')).toEqual({ local: 0 });
    await delivered();
    await arrived(a, b);
    expect(a.received).toEqual(['grüße', 'only here', 'bytes:ff']);
    expect(b.received).toEqual(['bytes:ff', 'grüße']);
    expect(here.counts).toMatchObject({ published: 3, received: 1, gaps: 0, invalid: 0 });
    expect(there.counts).toMatchObject({ published: 1, received: 1, gaps: 0, invalid: 0 });
  });

  test('the option `except` of `publish` has an effect only in this process, and the option `compress` has an effect in all processes', async () => {
    const bus = new MemoryBus();
    const { join } = await openRoom({}, { compression: { serverNoContextTakeover: true } });
    await using here = new Topics({ bus });
    await using there = new Topics({ bus: new MemoryBus(bus) });
    const [a, b] = [await join({ compression: true }), await join({ compression: true })];
    here.subscribe(a.seat, 't');
    there.subscribe(b.seat, 't');
    const text = 'again '.repeat(1_000);
    here.publish('t', text, { except: a.seat, compress: false });
    await delivered();
    expect(b.seat.lastWireSize).toBe(text.length);
    here.publish('t', text);
    await delivered();
    expect(b.seat.lastWireSize).toBeLessThan(200);
    await arrived(a, b);
    expect(a.received).toHaveLength(1);
    expect(b.received).toHaveLength(2);
  });

  test('a process subscribes to each pattern once on the bus, and a message that matches several patterns arrives once', async () => {
    const bus = new UnreliableBus();
    await using here = new Topics({ bus });
    await using there = new Topics({ bus: new UnreliableBus(bus) });
    const [a, b] = [await room.join(), await room.join()];
    for (const { seat } of [a, b]) {
      for (const pattern of ['a/b', 'a/*', '**']) here.subscribe(seat, pattern, { wildcards: true });
    }
    expect(bus.calls).toEqual(['subscribe a/b', 'subscribe a/*', 'subscribe **']);
    for (let at = 0; at < 50; at++) there.publish('a/b', String(at));
    await delivered();
    await arrived(a, b);
    const all = Array.from({ length: 50 }, (_, at) => String(at));
    expect(a.received).toEqual(all);
    expect(b.received).toEqual(all);
    expect(here.counts).toMatchObject({ received: 50, sent: 100, gaps: 0 });
    here.unsubscribe(a.seat, 'a/*');
    expect(bus.calls).toHaveLength(3);
    here.unsubscribe(b.seat, 'a/*');
    expect(bus.calls.at(-1)).toBe('unsubscribe a/*');
  });

  test('with random subscriptions and messages, each subscriber gets each message of its topics once, and the messages of one publisher arrive in order', async () => {
    const names = fc.constantFrom('a', 'b', 'a/b', 'a/c', 'b/c/d');
    const patterns = fc.constantFrom('a', 'a/b', 'b/c/d', '*', 'a/*', '**', 'a/**', '*/c', 'b/*/d');
    const matching = (pattern: string, name: string): boolean =>
      new RegExp(`^${pattern.replace(/\*\*$/, '.+').replace(/(?<=^|\/)\*(?=$|\/)/g, '[^/]+')}$`).test(name);
    const a = await room.join();
    const b = await room.join();
    const sides = [a, b] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(1), patterns), { maxLength: 8 }),
        fc.array(fc.tuple(fc.nat(1), names), { maxLength: 20 }),
        async (subscriptions, messages) => {
          const bus = new MemoryBus();
          await using here = new Topics({ bus, maxSubscribeRate: Infinity });
          await using there = new Topics({ bus: new MemoryBus(bus), maxSubscribeRate: Infinity });
          for (const { received } of sides) received.length = 0;
          for (const [side, pattern] of subscriptions)
            [here, there][side]!.subscribe(sides[side]!.seat, pattern, { wildcards: true });
          for (const [at, [side, name]] of messages.entries())
            [here, there][side]!.publish(name, `${side} ${name} ${at}`);
          await delivered();
          await arrived(a, b);
          for (const [side, { received }] of sides.entries()) {
            const own = subscriptions.filter(([one]) => one === side).map(([, pattern]) => pattern);
            for (const publisher of [0, 1]) {
              const wanted = messages
                .map(([from, name], at) => ({ from, name, text: `${from} ${name} ${at}` }))
                .filter(({ from, name }) => from === publisher && own.some((one) => matching(one, name)));
              expect(received.filter((text) => text.startsWith(`${publisher} `))).toEqual(
                wanted.map(({ text }) => text),
              );
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('lost messages', () => {
  let bus: UnreliableBus;
  let other: UnreliableBus;
  let there: Topics;
  let here: Topics;
  let events: string[];
  let seatOf: Guest;

  beforeEach(async () => {
    bus = new UnreliableBus();
    other = new UnreliableBus(bus);
    events = [];
    const handlers: TopicsHandlers = {
      gap: (topic, connections) => void events.push(`gap ${topic} ${connections.length}`),
      state: (up) => void events.push(up ? 'up' : 'down'),
      error: (error) =>
        void events.push(`${(error as TopicError).code}: ${error.message.split(': ').at(-1)}`),
    };
    here = new Topics({ bus, handlers });
    there = new Topics({ bus: other });
    seatOf = await room.join();
  });

  afterEach(async () => {
    await here.close();
    await there.close();
  });

  test('if several messages of a topic are lost, one gap is reported when the next message arrives', async () => {
    here.subscribe(seatOf.seat, 't');
    there.publish('t', '1');
    other.failing = () => new Promise(() => {});
    there.publish('t', 'lost');
    there.publish('t', 'lost too');
    other.failing = () => undefined;
    there.publish('u', 'another topic');
    await delivered();
    expect(events).toEqual([]);
    there.publish('t', '4');
    there.publish('t', '5');
    await delivered();
    await arrived(seatOf);
    expect(events).toEqual(['gap t 1']);
    expect(seatOf.received).toEqual(['1', '4', '5']);
    expect(here.counts.gaps).toBe(1);
  });

  test('no gap is reported for messages that were published while the process had no subscriber of the topic', async () => {
    here.subscribe(seatOf.seat, 't');
    there.publish('t', '1');
    await delivered();
    here.unsubscribe(seatOf.seat, 't');
    there.publish('t', '2');
    await delivered();
    here.subscribe(seatOf.seat, 't');
    there.publish('t', '3');
    await delivered();
    await arrived(seatOf);
    expect(events).toEqual([]);
    expect(seatOf.received).toEqual(['1', '3']);
  });

  test('if a message is lost while only a matching pattern has subscribers, a later subscriber of the topic is notified of a gap', async () => {
    here.subscribe(seatOf.seat, 't');
    here.subscribe(seatOf.seat, '*', { wildcards: true });
    there.publish('t', '1');
    await delivered();
    here.unsubscribe(seatOf.seat, 't');
    other.failing = () => new Promise(() => {});
    there.publish('t', 'lost');
    other.failing = () => undefined;
    here.subscribe(seatOf.seat, 't');
    there.publish('t', '3');
    await delivered();
    expect(events).toEqual(['gap t 1']);
  });

  test('if the connection of the bus is lost and restored, the loss, the restoration and one gap for the topic are reported', async () => {
    here.subscribe(seatOf.seat, 't');
    there.publish('t', '1');
    await delivered();
    bus.state(false);
    other.failing = () => new Promise(() => {});
    there.publish('t', 'lost');
    expect(here.publish('t', 'here')).toEqual({ local: 1 });
    other.failing = () => undefined;
    bus.receivers.get('t')?.gap();
    bus.state(true);
    there.publish('t', '3');
    await delivered();
    await arrived(seatOf);
    expect(events).toEqual(['down', 'gap t 1', 'up']);
    expect(seatOf.received).toEqual(['1', 'here', '3']);
  });

  test('if the bus refuses a message, the subscribers of the same process receive it, and an error is reported and counted', async () => {
    here.subscribe(seatOf.seat, 't');
    bus.failing = () => {
      throw new Error('at the call');
    };
    expect(here.publish('t', '1')).toEqual({ local: 1 });
    bus.failing = () => Promise.reject(new Error('later'));
    expect(here.publish('t', '2')).toEqual({ local: 1 });
    await delivered();
    expect(events).toEqual(['WS_BUS: at the call', 'WS_BUS: later']);
    expect(here.counts.unpublished).toBe(2);
    await arrived(seatOf);
    expect(seatOf.received).toEqual(['1', '2']);
  });

  test('if a handler of Topics throws or rejects, a process warning is emitted, and there is no other effect', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', onWarning);
    const throwing = new UnreliableBus(bus);
    await using topics = new Topics({
      bus: throwing,
      handlers: {
        state: (up) => {
          if (up) throw new Error('state threw');
          return Promise.reject(new Error('state rejected'));
        },
      },
    });
    throwing.state(true);
    throwing.state(false);
    await delivered();
    process.off('warning', onWarning);
    expect(warnings).toEqual(['state threw', 'state rejected']);
    expect(topics.size).toBe(0);
  });
});

describe('bytes that another program writes to the bus', () => {
  const publisher = randomPublisher();
  const wrap = (text: string | Uint8Array, number = 1, previous = 0): Uint8Array =>
    serializeEnvelope(
      { isBinary: typeof text !== 'string', compress: true, publisher, number, previous },
      text,
    );

  test('bytes from the bus that are not a message are ignored, counted and reported', async () => {
    const bus = new MemoryBus();
    const errors: Error[] = [];
    await using topics = new Topics({
      bus: new MemoryBus(bus),
      maxMessageSize: 100,
      handlers: { error: (error) => void errors.push(error) },
    });
    const guest = await room.join();
    topics.subscribe(guest.seat, '**', { wildcards: true });
    const invalid: [string, Uint8Array][] = [
      ['t', Buffer.from('hello')],
      ['t', new Uint8Array(0)],
      ['t', wrap('x'.repeat(101))],
      ['a\nb', wrap('control character')],
      ['a//b', wrap('empty part')],
      ['a/*', wrap('wildcard')],
      ['$other/t', wrap('not for subscribers')],
      [`t${'/t'.repeat(8)}`, wrap('too many parts')],
      ['t'.repeat(257), wrap('too long')],
    ];
    for (const [topic, bytes] of invalid) bus.publish(topic, bytes);
    // Another process may use presence. So this message is not counted as invalid.
    bus.publish('$presence/t', wrap('not for subscribers'));
    bus.publish('t', wrap('valid'));
    await delivered();
    await arrived(guest);
    expect(guest.received).toEqual(['valid']);
    expect(topics.counts).toMatchObject({ invalid: invalid.length, received: 1 });
    expect(errors).toHaveLength(invalid.length);
    for (const error of errors) expect(error).toMatchObject({ name: 'TopicError', code: 'WS_BUS_MESSAGE' });
  });

  test('a message that arrives twice over the bus is delivered once, and a message that arrives late is not delivered', async () => {
    const bus = new MemoryBus();
    await using topics = new Topics({ bus: new MemoryBus(bus) });
    const guest = await room.join();
    topics.subscribe(guest.seat, 't');
    for (const [text, number, previous] of [
      ['3', 3, 0],
      ['3', 3, 0],
      ['2', 2, 0],
      ['5', 5, 3],
    ] as const)
      bus.publish('t', wrap(text, number, previous));
    await delivered();
    await arrived(guest);
    expect(guest.received).toEqual(['3', '5']);
    expect(topics.counts.gaps).toBe(0);
  });

  test('the process continues, whatever topic and bytes another program publishes on the bus', async () => {
    const bus = new MemoryBus();
    await using topics = new Topics({ bus: new MemoryBus(bus), handlers: { error() {} } });
    const guest = await room.join();
    topics.subscribe(guest.seat, '**', { wildcards: true });
    topics.subscribe(guest.seat, 'a');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constant('a'),
          fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
        ),
        fc.oneof(
          fc.uint8Array(),
          fc.uint8Array().map((bytes) => wrap(bytes)),
        ),
        (topic, bytes) => {
          bus.publish(topic, bytes);
        },
      ),
    );
    await delivered();
    await arrived(guest);
    expect(topics.counts.invalid).toBeGreaterThan(0);
    expect(guest.seat.state).toBe('open');
  });

  test('the bus may reuse the memory of a message after the receiver has returned, and subscribers still get the original bytes', async () => {
    const bus = new UnreliableBus();
    await using topics = new Topics({ bus });
    const guest = await room.join();
    topics.subscribe(guest.seat, 't');
    const bytes = wrap(Buffer.alloc(20_000, 1));
    bus.receivers.get('t')?.message('t', bytes);
    bytes.fill(2, ENVELOPE_SIZE);
    await arrived(guest);
    expect(guest.received).toEqual([`bytes:${'01'.repeat(20_000)}`]);
  });
});

describe('subscriptions on the bus', () => {
  test('a process subscribes to each topic once on the bus, and unsubscribes after the last subscriber has left', async () => {
    const bus = new UnreliableBus();
    await using topics = new Topics({ bus });
    const [a, b] = [await room.join(), await room.join()];
    topics.subscribe(a.seat, 't');
    topics.subscribe(b.seat, 't');
    topics.unsubscribe(a.seat, 't');
    expect(bus.calls).toEqual(['subscribe t']);
    await b.client.close();
    await b.seat.closed;
    await delivered();
    expect(bus.calls).toEqual(['subscribe t', 'unsubscribe t']);
    await topics.ready();
  });

  test('if subscriptions of a topic change many times, the bus runs one command at a time, and the last subscription counts', async () => {
    const bus = new UnreliableBus();
    let go = (): void => {};
    bus.failing = () => new Promise((resolve) => (go = resolve));
    await using topics = new Topics({ bus, maxSubscribeRate: Infinity });
    const guest = await room.join();
    for (let at = 0; at < 10_000; at++) {
      topics.subscribe(guest.seat, 't');
      topics.unsubscribe(guest.seat, 't');
    }
    topics.subscribe(guest.seat, 't');
    expect(bus.calls).toEqual(['subscribe t']);
    let isReady = false;
    const ready = topics.ready().then(() => {
      isReady = true;
    });
    await delivered();
    expect(isReady).toBe(false);
    go();
    await ready;
    expect(bus.calls).toEqual(['subscribe t']);
    topics.unsubscribe(guest.seat, 't');
    topics.subscribe(guest.seat, 't');
    go();
    await delivered();
    go();
    await topics.ready();
    expect(bus.calls).toEqual(['subscribe t', 'unsubscribe t', 'subscribe t']);
    bus.failing = () => undefined;
  });

  test('if the bus has refused a subscription, the process repeats the subscription when the bus can be reached again', async () => {
    const bus = new UnreliableBus();
    const errors: Error[] = [];
    await using topics = new Topics({ bus, handlers: { error: (error) => void errors.push(error) } });
    await using other = new Topics({ bus: new UnreliableBus(bus) });
    const guest = await room.join();
    bus.failing = () => Promise.reject(new Error('away'));
    topics.subscribe(guest.seat, 't');
    await delivered();
    expect(errors).toMatchObject([{ code: 'WS_BUS', cause: { message: 'away' } }]);
    other.publish('t', 'missed');
    bus.failing = () => undefined;
    bus.state(true);
    await topics.ready();
    other.publish('t', 'here');
    await delivered();
    await arrived(guest);
    expect(guest.received).toEqual(['here']);
  });

  test('`close` of Topics closes the bus, and later messages are ignored', async () => {
    const bus = new UnreliableBus();
    const events: string[] = [];
    const topics = new Topics({ bus, handlers: { state: () => void events.push('state') } });
    const guest = await room.join();
    topics.subscribe(guest.seat, 't');
    const receiver = bus.receivers.get('t')!;
    bus.failing = () => new Promise(() => {});
    topics.subscribe(guest.seat, 'never subscribed');
    const ready = topics.ready();
    await topics.close();
    await ready;
    expect(bus.isClosed).toBe(true);
    receiver.message('t', Buffer.from('late'));
    receiver.gap();
    bus.state(true);
    expect(events).toEqual([]);
    expect(topics.counts).toMatchObject({ invalid: 0, gaps: 0 });
  });
});
