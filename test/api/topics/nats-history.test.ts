/** Tests `NatsBus` with a history. The NATS server is simulated in memory. test/bus tests a real server. */
import { describe, expect, test } from 'vitest';
import { NatsBus } from '../../../src/api/topics/nats-bus.ts';
import type { NatsJetStream } from '../../../src/api/topics/nats-jetstream.ts';
import { serializeEntry } from '../../../src/api/topics/nats-stream.ts';
import { clock } from '../../../src/transport/clock.ts';
import { ApiError, FakeJetStream } from './fake-jetstream.ts';
import { FakeNats } from './fake-nats.ts';
import { Recorder, turns } from './recorder.ts';

const subject = 'rfc6455.h.a';
let tag = 0n;
const entry = (text: string): Uint8Array => serializeEntry('m', ++tag, Buffer.from(text));

function setUp(history: { size?: number; ttl?: number } = {}, options: { maxWaiting?: number } = {}) {
  const nats = new FakeNats();
  const server = new FakeJetStream(nats);
  const make = () => {
    const connection = nats.connect();
    const jetstream = server.manager(connection);
    return { connection, bus: new NatsBus(connection, { ...options, history: { ...history, jetstream } }) };
  };
  const { connection, bus } = make();
  const other = make();
  const close = async (): Promise<void> => {
    await bus.close();
    await other.bus.close();
  };
  return { nats, server, connection, bus, other, make, close, lines: [] as string[] };
}

/** Publishes one message on a new bus, and waits until the subscriber has received it. */
async function setUpWithOne(history: { size?: number; ttl?: number } = {}, options = {}) {
  const all = setUp(history, options);
  await all.bus.subscribe('a', new Recorder(all.lines));
  // After `subscribe`, the bus still reads earlier messages. So the test waits.
  await turns(20);
  await all.other.bus.publish('a', Buffer.from('1'));
  await turns();
  expect(all.lines).toEqual(['a 1']);
  /** Cuts the connection, calls `meanwhile`, and connects again. */
  const away = async (meanwhile: () => void): Promise<void> => {
    all.connection.lose();
    await turns();
    meanwhile();
    all.connection.back();
    await turns(100);
  };
  const miss = (...texts: string[]): void => {
    for (const text of texts) all.server.add(subject, entry(text));
  };
  return { ...all, away, miss };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('messages', () => {
  test('a NatsBus with a history stores and publishes each message, and each subscriber receives the message once', async () => {
    const { bus, other, server, lines, close } = setUp({ size: 10, ttl: 60_000 });
    await bus.subscribe('a', new Recorder(lines));
    await bus.publish('a', Buffer.from('own'));
    await other.bus.publish('a', Buffer.from("another's"));
    await turns();
    expect(lines).toEqual(['a own', "a another's"]);
    expect(server.stream.config).toEqual({
      name: 'rfc6455-history',
      subjects: ['rfc6455.h.>'],
      max_msgs_per_subject: 11,
      max_age: 60_000_000_000,
      duplicate_window: 60_000_000_000,
      republish: { src: 'rfc6455.h.>', dest: 'rfc6455.t.>' },
    });
    expect(server.stream.messages.map((message) => message.subject)).toEqual([subject, subject]);
    expect(bus.history?.positionOf('a')).toMatch(/^2-\d+$/);
    expect(bus.history?.positionOf('b')).toBeNull();
    await close();
  });

  test('a new subscription of a NatsBus begins at the end of the history', async () => {
    const { bus, other, lines, close } = setUp();
    await other.bus.publish('a', Buffer.from('before'));
    await bus.subscribe('a', new Recorder(lines));
    expect(bus.history?.positionOf('a')).toMatch(/^1-/);
    await other.bus.publish('a', Buffer.from('after'));
    await turns();
    expect(lines).toEqual(['a after']);
    await close();
  });

  test('a message that arrives while a NatsBus reads the first position of a subscription is delivered at most once', async () => {
    const { bus, other, server, lines, close } = setUp();
    await other.bus.publish('a', Buffer.from('before'));
    server.before = (call) => {
      if (call !== 'getMessage') return;
      server.before = () => {};
      server.add(subject, entry('included'));
      setImmediate(() => server.add(subject, entry('next')));
    };
    await bus.subscribe('a', new Recorder(lines));
    await turns(20);
    await other.bus.publish('a', Buffer.from('after'));
    await turns();
    expect(lines).toEqual(['a next', 'a after']);
    await close();
  });

  test('a NatsBus keeps no history for a pattern, so a gap is reported after a lost connection', async () => {
    const { bus, other, lines, away, miss, close } = await setUpWithOne();
    const wide: string[] = [];
    await bus.subscribe('*', new Recorder(wide));
    await other.bus.publish('a', Buffer.from('2'));
    await away(() => miss('3'));
    await other.bus.publish('a', Buffer.from('4'));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2', 'a 3', 'a 4']);
    expect(wide).toEqual(['a 2', 'gap', 'a 4']);
    expect(bus.history?.positionOf('*')).toBeNull();
    await close();
  });

  test('messages to the reserved topics of the library are not stored in the history in NATS', async () => {
    const { bus, other, server, nats, lines, close } = setUp();
    await bus.subscribe('$a', new Recorder(lines));
    await other.bus.publish('$a', Buffer.from('1'));
    await turns();
    expect(lines).toEqual(['$a 1']);
    expect(nats.published).toEqual([['rfc6455.t.$a', '1']]);
    expect(server.stream.messages).toEqual([]);
    await close();
  });

  test('a NatsBus with a history delivers messages of a bus without a history and bytes of other programs unchanged', async () => {
    const { bus, nats, lines, close } = setUp();
    const without = new NatsBus(nats.connect());
    await bus.subscribe('a', new Recorder(lines));
    await without.publish('a', Buffer.from('1'));
    nats.publish('rfc6455.t.a', Buffer.from('2'), new Map([['Nats-Sequence', 'x']]));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2']);
    expect(without.history).toBeUndefined();
    await without.close();
    await close();
  });
});

describe('after a lost connection to NATS', () => {
  test('after a lost connection to NATS, the missed messages arrive once and in order, without a gap', async () => {
    const { other, lines, away, miss, close } = await setUpWithOne();
    await away(() => miss(...Array.from({ length: 30 }, (_, at) => String(at + 2))));
    await other.bus.publish('a', Buffer.from('32'));
    await turns();
    expect(lines).toEqual(Array.from({ length: 32 }, (_, at) => `a ${at + 1}`));
    await close();
  });

  test('if messages of other topics lie between the missed messages in NATS, no gap is reported', async () => {
    const { server, lines, away, miss, close } = await setUpWithOne();
    await away(() => {
      for (const text of ['2', '3']) {
        server.add('rfc6455.h.b', entry('of another topic'));
        miss(text);
      }
    });
    expect(lines).toEqual(['a 1', 'a 2', 'a 3']);
    await close();
  });

  test.each([
    [5, []],
    // The stream keeps one message more than `size`. Here this is message 1, which comes before the missed messages.
    [4, []],
    [3, ['gap']],
    [1, ['gap']],
  ])(
    'after four missed messages, a gap is reported only if a NATS history of %i messages does not contain all of them',
    async (size, gap) => {
      const { lines, away, miss, close } = await setUpWithOne({ size });
      await away(() => miss('2', '3', '4', '5'));
      const kept = ['a 2', 'a 3', 'a 4', 'a 5'].slice(-Math.min(4, size + 1));
      expect(lines).toEqual(['a 1', ...gap, ...kept]);
      await close();
    },
  );

  test.each<[string, (server: FakeJetStream) => void, string[]]>([
    [
      'all messages of a topic have expired',
      (server) => {
        server.stream.messages = [];
      },
      [],
    ],
    [
      'all messages of a topic have expired, and a new one was published',
      (server) => {
        server.stream.messages = [];
        server.add(subject, entry('new'));
      },
      ['a new'],
    ],
    [
      'the NATS server has lost its newest messages',
      (server) => {
        server.stream.messages = [];
        server.stream.last = 0;
      },
      [],
    ],
    [
      'the NATS server has lost its newest messages, and uses their numbers for other messages',
      (server) => {
        server.stream.messages = [];
        server.stream.last = 0;
        server.add(subject, entry('lost to this subscriber'));
        server.add(subject, entry('new'));
      },
      ['a new'],
    ],
    ['the stream was deleted', (server) => server.streams.clear(), []],
  ])(
    'if %s, a gap is reported after the reconnection, and the next messages arrive',
    async (_case, change, kept) => {
      const { server, other, lines, away, close } = await setUpWithOne();
      await away(() => change(server));
      await until(() => lines.includes('gap'));
      await other.bus.publish('a', Buffer.from('2'));
      await turns(20);
      await other.bus.publish('a', Buffer.from('3'));
      await turns();
      expect(lines).toEqual(['a 1', 'gap', ...kept, 'a 2', 'a 3']);
      await close();
    },
  );

  test('a gap is reported if a topic in NATS was empty when the connection was lost', async () => {
    const { bus, other, lines, away, close } = await setUpWithOne();
    const empty: string[] = [];
    await bus.subscribe('empty', new Recorder(empty));
    await away(() => {});
    await other.bus.publish('empty', Buffer.from('1'));
    await turns();
    expect(empty).toEqual(['gap', 'empty 1']);
    expect(lines).toEqual(['a 1']);
    await close();
  });

  test('if the connection to NATS is lost again while the history is read, the bus continues at the same position', async () => {
    const { connection, lines, miss, close } = await setUpWithOne();
    for (let times = 0; times < 8; times++) {
      connection.lose();
      await turns(1);
      miss(`${times} x`, `${times} y`);
      connection.back();
      await turns(times);
    }
    await until(() => lines.length >= 17);
    const all = Array.from({ length: 8 }, (_, time) => [`a ${time} x`, `a ${time} y`]).flat();
    expect(lines).toEqual(['a 1', ...all]);
    await close();
  });

  test('if `subscribe` is called while NATS cannot be reached, the subscription begins after the reconnection', async () => {
    const { bus, other, connection, lines, close } = setUp();
    connection.lose();
    await turns();
    const subscribing = bus.subscribe('a', new Recorder(lines));
    await other.bus.publish('a', Buffer.from('before'));
    connection.back();
    // The simulated client does not renew a subscription that was never sent. So the test makes a new one.
    bus.unsubscribe('a');
    await subscribing;
    await bus.subscribe('a', new Recorder(lines));
    await other.bus.publish('a', Buffer.from('after'));
    await turns();
    expect(lines).toEqual(['a after']);
    await close();
  });
});

describe('while the connection to NATS exists', () => {
  test('a message from NATS waits until earlier messages have been read from the history', async () => {
    const { other, server, lines, close } = await setUpWithOne();
    server.add(subject, entry('2'), false);
    server.add(subject, entry('3'), false);
    await other.bus.publish('a', Buffer.from('4'));
    await other.bus.publish('a', Buffer.from('5'));
    await turns(30);
    expect(lines).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5']);
    await close();
  });

  test('if all messages of a topic expire while the connection to NATS exists, no gap is reported', async () => {
    const { other, server, lines, close } = await setUpWithOne();
    server.stream.messages = [];
    await other.bus.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['a 1', 'a 2']);
    await close();
  });

  test('if NATS deletes messages while a page of the history is read, a gap is reported', async () => {
    const { server, lines, away, miss, close } = await setUpWithOne({ size: 3 });
    let calls = 0;
    await away(() => {
      miss('2', '3');
      server.before = (call) => {
        // By now, the bus has read message 2.
        if (call === 'getMessage' && ++calls === 2) miss('4', '5', '6', '7', '8');
      };
    });
    // The bus does not deliver message 2. Otherwise the gap would be reported at the wrong place.
    expect(lines).toEqual(['a 1', 'gap', 'a 5', 'a 6', 'a 7', 'a 8']);
    await close();
  });

  test('if a new topic quickly gets more messages than the history in NATS keeps, a gap is reported', async () => {
    const { bus, server, lines, close } = setUp({ size: 1 });
    await bus.subscribe('other', new Recorder());
    await turns(20);
    let calls = 0;
    server.before = (call) => {
      if (call !== 'getMessage' || ++calls !== 2) return;
      for (const text of ['1', '2', '3']) server.add(subject, entry(text));
    };
    await bus.subscribe('a', new Recorder(lines));
    await turns(20);
    expect(lines).toEqual(['gap', 'a 2', 'a 3']);
    await close();
  });

  test('if NATS refuses to read the missed messages, a gap is reported, and live messages arrive', async () => {
    const { server, other, lines, away, miss, close } = await setUpWithOne();
    server.refusals.set('getMessage', new Error('Permissions Violation'));
    await away(() => miss('missed'));
    await other.bus.publish('a', Buffer.from('2'));
    await turns(20);
    expect(lines.slice(0, 2)).toEqual(['a 1', 'gap']);
    expect(lines.at(-1)).toBe('a 2');
    await close();
  });

  test('if NATS refuses to read the first position of a subscription, `subscribe` rejects, and a second call succeeds', async () => {
    const { bus, server, connection, close } = setUp();
    server.refusals.set('getMessage', new Error('Permissions Violation'));
    await expect(bus.subscribe('a', new Recorder())).rejects.toThrow('Permissions');
    expect([...connection.subscriptions.values()].map(([name]) => name)).toEqual(['rfc6455.gap']);
    server.refusals.clear();
    await bus.subscribe('a', new Recorder());
    await close();
  });
});

describe('publishing to NATS', () => {
  test('messages that are published while NATS cannot be reached arrive later, in order and without a gap', async () => {
    const { bus, connection, lines, close } = await setUpWithOne();
    connection.lose();
    await turns();
    const published = ['2', '3'].map((text) => bus.publish('a', Buffer.from(text)));
    await turns();
    expect(lines).toEqual(['a 1']);
    connection.back();
    await Promise.all(published);
    await bus.publish('a', Buffer.from('4'));
    await turns(20);
    expect(lines).toEqual(['a 1', 'a 2', 'a 3', 'a 4']);
    await close();
  });

  test('if JetStream is still starting, messages wait, and no message is lost', async () => {
    const { bus, server, connection, lines, away, close } = await setUpWithOne();
    await away(() => {
      server.isUp = false;
    });
    const publishing = bus.publish('a', Buffer.from('2'));
    await turns();
    server.isUp = true;
    await publishing;
    await until(() => lines.length > 1);
    expect(lines).toEqual(['a 1', 'a 2']);
    expect(connection.isClosed()).toBe(false);
    await close();
  });

  test('if the connection is lost before NATS confirms a message, the message is not sent again, and a gap is reported', async () => {
    const { bus, other, server, connection, lines, close } = await setUpWithOne();
    const far: string[] = [];
    await other.bus.subscribe('a', new Recorder(far));
    server.isSilent = true;
    const refused = expect(bus.publish('a', Buffer.from('unknown'))).rejects.toThrow('lost');
    await turns();
    connection.lose();
    await turns();
    server.isSilent = false;
    const waiting = bus.publish('a', Buffer.from('2'));
    await refused;
    connection.back();
    await waiting;
    await turns(30);
    const expected = ['a unknown', 'gap', 'a 2'];
    expect(lines).toEqual(['a 1', ...expected]);
    // The history contains a mark for the gap. So subscribers in other processes are also notified, even if they connect later.
    expect(far).toEqual(expected);
    const page = await bus.history!.read('a', '0-0', 10);
    expect(page.messages.map(({ bytes }) => bytes && String(bytes))).toEqual(['1', 'unknown', null, '2']);
    await close();
  });

  test('if NATS refuses a message, `publish` rejects, and a gap is reported instead of the message', async () => {
    const { bus, server, lines, close } = await setUpWithOne();
    server.refusals.set('publish', new ApiError('maximum bytes exceeded', 10_047));
    await expect(bus.publish('a', Buffer.from('2'))).rejects.toThrow('maximum bytes');
    server.refusals.clear();
    await bus.publish('a', Buffer.from('3'));
    await turns();
    expect(lines).toEqual(['a 1', 'gap', 'a 3']);
    await close();
  });

  test('if a message for the history is too large for the NATS server, `publish` rejects, and a gap is reported', async () => {
    const { bus, lines, close } = await setUpWithOne();
    await expect(bus.publish('a', Buffer.alloc(1_000_001))).rejects.toThrow('max_payload');
    await bus.publish('a', Buffer.from('2'));
    await turns();
    expect(lines).toEqual(['a 1', 'gap', 'a 2']);
    await close();
  });

  test('if more than `maxWaiting` bytes would wait for NATS, `publish` rejects, and a gap is reported for the topic', async () => {
    const { bus, connection, lines, close } = await setUpWithOne({}, { maxWaiting: 10 });
    connection.lose();
    await turns();
    const first = bus.publish('a', Buffer.from('8 bytes.'));
    await expect(bus.publish('a', Buffer.from('more'))).rejects.toThrow('too many bytes wait');
    connection.back();
    await first;
    await bus.publish('a', Buffer.from('next'));
    await turns(30);
    expect(lines.filter((line) => line !== 'gap')).toEqual(['a 1', 'a 8 bytes.', 'a next']);
    expect(lines).toContain('gap');
    await close();
  });

  test('if a message has waited for NATS for longer than `history.ttl`, `publish` rejects, and a gap is reported', async () => {
    const { bus, connection, lines, close } = await setUpWithOne({ ttl: 1_000 });
    connection.lose();
    await turns();
    const late = bus.publish('a', Buffer.from('late'));
    const { now } = clock;
    try {
      clock.now = () => now() + 1_001;
      connection.back();
      await expect(late).rejects.toThrow('waited for NATS for longer');
    } finally {
      clock.now = now;
    }
    await until(() => lines.includes('gap'));
    expect(lines).not.toContain('a late');
    await close();
  });

  test('if the stream in NATS was deleted, the bus creates it again, and messages are lost until then', async () => {
    const { bus, server, lines, close } = await setUpWithOne();
    server.streams.clear();
    await expect(bus.publish('a', Buffer.from('2'))).rejects.toThrow('not enabled');
    await bus.publish('a', Buffer.from('3'));
    await until(() => lines.includes('a 3'));
    expect(lines[1]).toBe('gap');
    expect(lines.filter((line) => line !== 'gap')).toEqual(['a 1', 'a 3']);
    await close();
  });

  test('if NATS refuses to create the stream, `publish` and `subscribe` reject with this error until the next connection', async () => {
    const nats = new FakeNats();
    const server = new FakeJetStream(nats);
    server.refusals.set('add', new ApiError('insufficient storage resources', 10_047));
    const connection = nats.connect();
    const bus = new NatsBus(connection, { history: { jetstream: server.manager(connection) } });
    await expect(bus.publish('a', Buffer.from('1'))).rejects.toThrow('insufficient');
    await expect(bus.subscribe('a', new Recorder())).rejects.toThrow('insufficient');
    server.refusals.clear();
    connection.lose();
    await turns();
    connection.back();
    await bus.publish('a', Buffer.from('2'));
    await bus.close();
  });
});

describe('the stream in NATS', () => {
  test('the stream in NATS gets the settings of the newest bus, and keeps all other settings', async () => {
    const { server, nats, bus, close } = setUp({ size: 10 });
    await bus.publish('a', Buffer.from('1'));
    Object.assign(server.stream.config, { num_replicas: 3 });
    const connection = nats.connect();
    const larger = new NatsBus(connection, { history: { jetstream: server.manager(connection), size: 20 } });
    await larger.publish('a', Buffer.from('2'));
    expect(server.stream.config).toMatchObject({ max_msgs_per_subject: 21, num_replicas: 3 });
    await larger.close();
    await close();
  });

  test.each<[string, (server: FakeJetStream) => void]>([
    ['one bus creates the stream', () => {}],
    ['another process is creating the stream', (server) => server.create('rfc6455-history')],
    [
      'another process begins to create the stream just before the bus does so',
      (server) => {
        server.before = (call) => {
          if (call !== 'add') return;
          server.before = () => {};
          server.create('rfc6455-history');
        };
      },
    ],
  ])('if %s, no bus reads a message before the stream is complete', async (_case, begin) => {
    const { bus, other, server, lines, close } = setUp();
    server.creationTime = 30;
    begin(server);
    await Promise.all([
      bus.subscribe('a', new Recorder(lines)),
      other.bus.subscribe('a', new Recorder(lines)),
    ]);
    await other.bus.publish('a', Buffer.from('1'));
    await until(() => lines.length > 1);
    expect(lines).toEqual(['a 1', 'a 1']);
    expect(server.earlyReads).toBe(0);
    await close();
  });

  test('if the connection is lost while the stream is created, the bus reads nothing until the next connection', async () => {
    const nats = new FakeNats();
    const server = new FakeJetStream(nats);
    const connection = nats.connect();
    const manager = server.manager(connection);
    let reads = 0;
    const getMessage: NatsJetStream['streams']['getMessage'] = (...query) => {
      reads++;
      return manager.streams.getMessage(...query);
    };
    const jetstream = { ...manager, streams: { ...manager.streams, getMessage } };
    const bus = new NatsBus(connection, { history: { jetstream } });
    const subscribing = bus.subscribe('a', new Recorder());
    await until(() => server.streams.size > 0);
    connection.lose();
    await turns(20);
    expect(reads).toBe(0);
    connection.back();
    await subscribing;
    expect(reads).toBeGreaterThan(0);
    await bus.close();
  });

  test.each([
    [3, 'a bus publishes'],
    [Number.POSITIVE_INFINITY, '`publish` rejects'],
  ])('if NATS reports %d times that the subjects of the stream overlap, %s', async (times) => {
    const nats = new FakeNats();
    const server = new FakeJetStream(nats);
    const overlap = new ApiError('subjects overlap with an existing stream', 10_065);
    let left = times;
    server.before = (call) => {
      if (call === 'add' && left-- > 0) throw overlap;
    };
    const connection = nats.connect();
    const bus = new NatsBus(connection, { history: { jetstream: server.manager(connection) } });
    const publishing = bus.publish('a', Buffer.from('1'));
    if (times === 3) await publishing;
    else await expect(publishing).rejects.toBe(overlap);
    await bus.close();
  });

  test('if two buses create the stream in NATS at the same time, there is one stream, with the settings of the second bus', async () => {
    const { server, nats } = setUp({ size: 10 });
    server.streams.clear();
    server.before = (call) => {
      if (call !== 'add') return;
      server.before = () => {};
      server.streams.set('rfc6455-history', {
        config: { ...config, max_msgs_per_subject: 6 },
        messages: [],
        last: 0,
        completeAt: 0,
      });
    };
    const config = {
      name: 'rfc6455-history',
      subjects: ['rfc6455.h.>'],
      max_age: 1_000_000_000,
      duplicate_window: 1_000_000_000,
      republish: { src: 'rfc6455.h.>', dest: 'rfc6455.t.>' },
    };
    const connection = nats.connect();
    const bus = new NatsBus(connection, { history: { jetstream: server.manager(connection), size: 10 } });
    await bus.publish('a', Buffer.from('1'));
    expect(server.stream.config.max_msgs_per_subject).toBe(11);
    await bus.close();
  });
});

test('`close` of a NatsBus waits until NATS has confirmed all messages, and rejects commands that cannot be sent', async () => {
  const { bus, other, server, connection, lines } = await setUpWithOne();
  const publishing = bus.publish('a', Buffer.from('2'));
  await bus.close();
  await publishing;
  expect(server.stream.messages).toHaveLength(2);
  expect(connection.isClosed()).toBe(false);
  expect(lines[0]).toBe('a 1');

  other.connection.lose();
  await turns();
  const reading = other.bus.history!.read('a', '1-1', 10);
  const waiting = other.bus.publish('a', Buffer.from('3'));
  const subscribing = other.bus.subscribe('b', new Recorder());
  const settled = Promise.allSettled([reading, waiting, subscribing]);
  await other.bus.close();
  for (const { status } of await settled) expect(status).toBe('rejected');
  await expect(other.bus.publish('a', Buffer.from('4'))).rejects.toThrow('closed');
});

test('`history.read` of a NatsBus returns the messages after a position, and whether the page reaches the end', async () => {
  const { bus, server, close } = setUp();
  const { history } = bus;
  for (const text of ['1', '2', '3', '4']) await bus.publish('a', Buffer.from(text));
  const { messages } = await history!.read('a', '0-0', 10);
  const [one, two, three, four] = messages.map(({ position }) => position) as [
    string,
    string,
    string,
    string,
  ];
  const read = async (after: string, count: number) => {
    const page = await history!.read('a', after, count);
    const texts = page.messages.map(({ bytes }) => Buffer.from(bytes ?? [])).join('');
    return { ...page, messages: texts };
  };
  expect(await read(one, 2)).toEqual({ messages: '23', isGap: false, position: three, isEnd: false });
  expect(await read(one, 4)).toEqual({ messages: '234', isGap: false, position: four, isEnd: true });
  expect(await read(four, 1)).toEqual({ messages: '', isGap: false, position: four, isEnd: true });
  expect(await read('0-0', 10)).toEqual({ messages: '1234', isGap: true, position: four, isEnd: true });
  // These positions belong to another stream. Their number or their tag is not in this stream.
  expect(await read('9-5', 10)).toEqual({ messages: '', isGap: true, position: four, isEnd: true });
  expect(await read('2-5', 10)).toEqual({ messages: '34', isGap: true, position: four, isEnd: true });
  expect(two).toMatch(/^2-\d+$/);
  expect(server.stream.messages).toHaveLength(4);
  await close();
});

test.each([
  [{ history: {} }, 'history.jetstream is undefined, not what jetstreamManager()'],
  [{ history: { jetstream: {} } }, 'history.jetstream is an object, not what jetstreamManager()'],
  [{ history: { jetstream: { jetstream() {}, streams: {} } } }, 'history.jetstream is an object'],
  [{ history: true }, 'history is true'],
])('the constructor of NatsBus refuses invalid options: %j', (options, text) => {
  expect(() => new NatsBus(new FakeNats().connect(), options as never)).toThrow(text);
});

test.each([
  [{ size: 0 }, 'history.size'],
  [{ ttl: 999 }, 'history.ttl'],
  [{ length: 1 }, 'length'],
])('the constructor of NatsBus refuses invalid settings of the history: %j', (settings, text) => {
  const nats = new FakeNats();
  const connection = nats.connect();
  const jetstream = new FakeJetStream(nats).manager(connection);
  expect(() => new NatsBus(connection, { history: { jetstream, ...settings } })).toThrow(text);
});
