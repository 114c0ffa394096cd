/** `sendLatest` on a fake socket and a fake clock: when values wait, are sent, and are dropped. RFC 6455 §5.5.2, §5.5.3. */
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CloseInfo } from '../../src/api/close-info.ts';
import { type Connection, coreOf } from '../../src/api/connection.ts';
import { Dispatch } from '../../src/api/dispatch.ts';
import type { ConnectionHandlers } from '../../src/api/handlers.ts';
import { readValues } from '../../src/api/option-spec.ts';
import { type ConnectionOptions, connectionSpecs, toLimits } from '../../src/api/options.ts';
import type { DeflateCodec } from '../../src/deflate/codec.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { codecOf, full, jsonOf } from '../deflate/harness.ts';
import { useFakeClock, useRealClock } from '../transport/fake-clock.ts';
import { FakeSocket, turn } from '../transport/fake-socket.ts';
import { closeFrame, frame, framesOf, Op, type WireFrame } from '../transport/wire.ts';

beforeEach(() => {
  useFakeClock();
  vi.advanceTimersByTime(1_000);
});

const opened: Connection[] = [];
afterEach(async () => {
  for (const connection of opened.splice(0)) connection.terminate();
  await turn();
  const left = vi.getTimerCount();
  useRealClock();
  expect(left).toBe(0);
});

interface Line {
  readonly socket: FakeSocket;
  readonly connection: Connection;
  readonly budget: MemoryBudget;
  readonly pongs: string[];
  readonly errors: Error[];
  readonly closed: CloseInfo[];
  /** Returns the frames that were sent since the last call. A ping of sendLatest is listed as `(receipt)`. */
  sent(): Promise<string[]>;
  /** Sends a pong for the last ping, as the peer does. */
  answer(): Promise<void>;
  pass(ms: number): Promise<void>;
}

function open(
  options: ConnectionOptions = {},
  handlers: ConnectionHandlers = {},
  codec: DeflateCodec | null = null,
): Line {
  const socket = new FakeSocket();
  const budget = new MemoryBudget();
  const [pongs, errors, closed] = [[] as string[], [] as Error[], [] as CloseInfo[]];
  const info = { url: '/', subprotocol: '', extensions: [], headers: [] };
  const given = { heartbeat: { interval: Number.POSITIVE_INFINITY }, ...options, memoryBudget: budget };
  const dispatch = new Dispatch<undefined>({
    socket: socket as Duplex,
    handlers: {
      message() {},
      pong: (_, payload) => void pongs.push(payload.toString()),
      error: (_, error) => void errors.push(error),
      close: (...[, , , , how]) => void closed.push(how),
      ...handlers,
    },
    info: { ...info, remoteAddress: undefined, remotePort: undefined },
    options: { role: 'server', limits: toLimits(readValues(given, connectionSpecs, 'server')) },
    codec,
    data: undefined,
    owner: null,
  });
  const { connection } = dispatch;
  opened.push(connection);
  dispatch.start(Buffer.alloc(0));
  let seen = 0;
  const frames = (): WireFrame[] => framesOf(socket.bytes);
  return {
    ...{ socket, connection, budget, pongs, errors, closed },
    sent: async () => {
      await turn();
      const all = frames();
      const fresh = all.slice(seen);
      seen = all.length;
      return fresh.map(({ opcode, payload }) => {
        if (opcode !== Op.Ping) return payload.toString();
        return payload.toString().startsWith('latest:') ? '(receipt)' : `ping ${payload}`;
      });
    },
    answer: async () => {
      const ping = frames().findLast(({ opcode }) => opcode === Op.Ping)!;
      socket.push(frame(Op.Pong, ping.payload));
      await turn();
    },
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= 500) {
        vi.advanceTimersByTime(Math.min(left, 500));
        await turn();
      }
    },
  };
}

test('sendLatest sends the newest value of each key and then a ping; until the pong arrives, one newer value per key waits', async () => {
  const { connection, sent, answer, pongs } = open();
  for (const [key, value] of [
    ['a', 'a1'],
    ['b', 'b1'],
    ['a', 'a2'],
  ] as const) {
    expect(connection.sendLatest(key, value)).toBe(true);
  }
  expect(await sent()).toEqual(['a2', 'b1', '(receipt)']);
  for (let number = 3; number <= 500; number++) connection.sendLatest('a', `a${number}`);
  connection.sendLatest('c', Buffer.from('bytes'));
  expect(await sent()).toEqual([]);
  await answer();
  expect(await sent()).toEqual(['a500', 'bytes', '(receipt)']);
  await answer();
  expect(await sent()).toEqual([]);
  connection.sendLatest('a', 'a501');
  expect(await sent()).toEqual(['a501', '(receipt)']);
  // The application is not notified of pongs that answer pings of sendLatest.
  expect(pongs).toEqual([]);
});

test('sendLatest sends all values that wait, and the ping after them, in one write', async () => {
  const { connection, socket, sent } = open();
  for (let key = 0; key < 20; key++) connection.sendLatest(`${key}`, 'value');
  expect(await sent()).toHaveLength(21);
  expect(socket.writes).toBe(1);
});

test('sendLatest calls a function value only at the time of sending, and never after a newer value has replaced the function', async () => {
  const { connection, sent, answer } = open();
  let now = 1;
  let calls = 0;
  const value = (): string => {
    calls++;
    return `at ${now}`;
  };
  connection.sendLatest('a', 'first');
  await sent();
  for (; now < 10; now++) connection.sendLatest('a', value);
  expect(calls).toBe(0);
  await answer();
  expect(await sent()).toEqual(['at 10', '(receipt)']);
  expect(calls).toBe(1);
});

test('a value function may call sendLatest for its own key, and the new value waits for the next pong', async () => {
  const { connection, sent, answer } = open();
  let calls = 0;
  const again = (): string => {
    connection.sendLatest('a', again);
    return `${++calls}`;
  };
  connection.sendLatest('a', again);
  expect(await sent()).toEqual(['1', '(receipt)']);
  await answer();
  expect(await sent()).toEqual(['2', '(receipt)']);
});

test.each([
  [
    'throws',
    (): string => {
      throw new Error('broken');
    },
    'broken',
  ],
  ['returns no message', () => 7 as unknown as string, 'a message is a string'],
])(
  'A48: if a value function %s, the connection closes with 1011, and the close handler receives the keys of the other values',
  async (_, value, text) => {
    const { connection, sent, errors, closed, socket } = open();
    connection.sendLatest('a', value);
    connection.sendLatest('b', 'never');
    await sent();
    const frames = framesOf(socket.bytes);
    expect(frames.map(({ opcode }) => opcode)).toEqual([Op.Close]);
    expect(frames[0]!.payload.readUInt16BE(0)).toBe(1011);
    expect(errors[0]!.message).toContain(text);
    connection.terminate();
    await turn();
    expect(closed[0]!.unsentKeys).toEqual(['b']);
  },
);

test('`rtt` is the round-trip time of the last answered ping, whether the library or the application sent the ping', async () => {
  const { connection, socket, sent, answer, pongs, pass } = open({
    heartbeat: { interval: 5_000, timeout: 5_000 },
    pings: { interval: 60_000, first: 30_000, payload: () => Buffer.from('paced') },
  });
  expect(connection.rtt).toBeUndefined();
  connection.ping('mine');
  expect(await sent()).toEqual(['ping mine']);
  vi.advanceTimersByTime(40);
  expect(connection.rtt).toBeUndefined();
  await answer();
  expect([connection.rtt, pongs.splice(0)]).toEqual([40, ['mine']]);
  connection.sendLatest('a', 'value');
  await sent();
  vi.advanceTimersByTime(70);
  await answer();
  expect([connection.rtt, pongs.splice(0)]).toEqual([70, []]);
  // The heartbeat sends a ping after an interval in which the peer sends nothing.
  await pass(5_500);
  expect(await sent()).toEqual(['ping ']);
  vi.advanceTimersByTime(15);
  await answer();
  expect(connection.rtt).toBeGreaterThanOrEqual(15);
  expect(connection.rtt).toBeLessThan(600);
  socket.push(frame(Op.Pong, 'unsolicited'));
  await turn();
  expect(pongs).toEqual(['', 'unsolicited']);
});

test('sendLatest works while the application or the option `pings` sends other pings, because each pong is matched to its ping', async () => {
  const { connection, socket, sent, pongs, pass } = open({
    pings: { interval: 2_000, timeout: 10_000, answerEach: false, payload: () => Buffer.from('paced') },
  });
  connection.ping('before');
  connection.sendLatest('a', '1');
  expect(await sent()).toEqual(['ping before', '1', '(receipt)']);
  connection.ping('after');
  connection.sendLatest('a', '2');
  socket.push(frame(Op.Pong, 'before'));
  expect(await sent()).toEqual(['ping after']);
  await pass(2_000);
  expect(await sent()).toEqual(['ping paced']);
  // §5.5.3: a peer may answer only the newest of several pings. That pong answers the earlier pings as well.
  socket.push(frame(Op.Pong, 'after'));
  expect(await sent()).toEqual(['2', '(receipt)']);
  expect(pongs).toEqual(['before', 'after']);
  expect(connection.state).toBe('open');
});

test('C8: sendLatest sends no values for an unsolicited pong, even if its payload resembles the payload of a ping', async () => {
  const { connection, socket, sent, pongs } = open();
  connection.sendLatest('a', '1');
  expect(await sent()).toEqual(['1', '(receipt)']);
  for (const payload of ['latest:2', 'latest:999', 'latest:', 'other']) socket.push(frame(Op.Pong, payload));
  connection.sendLatest('a', '2');
  expect(await sent()).toEqual([]);
  expect(pongs).toEqual(['latest:', 'other']);
});

test('FAULT-4: if a peer sends pongs in advance and does not read, at most two values per key are kept in memory', async () => {
  const { connection, socket, sent, budget } = open();
  const large = 'x'.repeat(100_000);
  socket.block();
  let lied = 0;
  for (let round = 0; round < 200; round++) {
    for (const key of ['a', 'b', 'c']) connection.sendLatest(key, large);
    await turn();
    for (let guess = 0; guess < 3; guess++) socket.push(frame(Op.Pong, `latest:${++lied}`));
    await turn();
  }
  expect(connection.bufferedAmount).toBeLessThan(3 * 100_100);
  expect(budget.used).toBeLessThan(7 * 100_100);
  expect(connection.state).toBe('open');
  socket.takeWaiting(true);
  await sent();
});

test('a peer that reads but answers no ping receives the newest values every ten seconds', async () => {
  const { connection, socket, sent, pass } = open({ heartbeat: { interval: 25_000, timeout: 20_000 } });
  connection.sendLatest('a', '1');
  expect(await sent()).toEqual(['1', '(receipt)']);
  connection.sendLatest('a', '2');
  await pass(9_000);
  expect(await sent()).toEqual([]);
  // The peer sends a message, which shows the heartbeat that it is alive.
  socket.push(frame(Op.Text, 'hello'));
  await pass(2_000);
  expect(await sent()).toEqual(['2', '(receipt)']);
  connection.sendLatest('a', '3');
  // From now on the peer does not read. While bytes wait in the socket, no value is added.
  socket.block();
  connection.send('x'.repeat(1_000));
  await pass(15_000);
  expect(await sent()).toEqual([]);
  socket.takeWaiting(true);
  socket.push(frame(Op.Text, 'still here'));
  await pass(2_000);
  expect((await sent()).slice(-2)).toEqual(['3', '(receipt)']);
  await pass(60_000);
  expect(connection.state).toBe('closed');
});

test('after the application has paused the connection, sendLatest sends the newest values each second if the peer reads', async () => {
  const { connection, sent, answer, pass } = open();
  connection.pause();
  connection.sendLatest('a', '1');
  expect(await sent()).toEqual(['1', '(receipt)']);
  for (const value of ['2', '3', '4']) {
    connection.sendLatest('a', 'old');
    connection.sendLatest('a', value);
    await pass(400);
    expect(await sent()).toEqual([]);
    await pass(700);
    expect(await sent()).toEqual([value, '(receipt)']);
  }
  connection.sendLatest('a', '5');
  connection.resume();
  await answer();
  expect(await sent()).toEqual(['5', '(receipt)']);
});

test('if the queue is above the high-water mark, the value of sendLatest waits, and only the newest value is sent later', async () => {
  const { connection, socket, sent } = open();
  socket.block();
  for (let count = 0; count < 20; count++) connection.send('x'.repeat(10_000));
  await turn();
  connection.sendLatest('a', 'old');
  await turn();
  connection.sendLatest('a', 'new');
  socket.takeWaiting(true);
  const frames = await sent();
  expect(frames.slice(20)).toEqual(['new', '(receipt)']);
});

test("P10: if zlib's threads still compress an earlier message, the ping is sent after the values", async () => {
  const { connection, socket, sent } = open({}, {}, codecOf(full));
  connection.send(jsonOf(200_000, 1));
  connection.sendLatest('a', 'value');
  await sent();
  while (!framesOf(socket.bytes).some(({ opcode }) => opcode === Op.Ping)) await turn();
  expect(framesOf(socket.bytes).map(({ opcode }) => opcode)).toEqual([Op.Binary, Op.Text, Op.Ping]);
});

test('the faster a peer answers, the more values sendLatest sends at once', async () => {
  const { connection, socket, sent, answer } = open();
  const value = 'x'.repeat(1_000);
  const batch = async (took: number): Promise<number> => {
    for (let key = 0; key < 200; key++) connection.sendLatest(`${key}`, value);
    const { length } = await sent();
    vi.advanceTimersByTime(took);
    await answer();
    return length - 1;
  };
  expect(await batch(10)).toBe(16);
  expect(await batch(10)).toBe(32);
  expect(await batch(300)).toBe(65);
  expect(await batch(2_000)).toBe(65);
  for (let slow = 0; slow < 6; slow++) await batch(2_000);
  expect(await batch(2_000)).toBe(4);
  expect(socket.writes).toBeGreaterThan(0);
});

test('sendLatest sends the keys in rotation, so no key waits forever if other keys are set again and again', async () => {
  const { connection, sent, answer } = open();
  const value = 'x'.repeat(5_000);
  const left = new Set<string>();
  for (let round = 0; round < 12; round++) {
    for (let key = 0; key < 10; key++) connection.sendLatest(`${key}`, `${key} ${value}`);
    for (const text of await sent()) left.add(text.slice(0, 1));
    vi.advanceTimersByTime(300);
    await answer();
  }
  expect([...left].filter((key) => key !== '(').sort()).toEqual([...'0123456789']);
});

test('while maxLatestKeys keys wait, sendLatest refuses a new key', async () => {
  const { connection, sent } = open({ maxLatestKeys: 3 });
  for (const key of ['a', 'b', 'c']) expect(connection.sendLatest(key, key)).toBe(true);
  expect(connection.sendLatest('d', 'd')).toBe(false);
  expect(connection.sendLatest('a', 'newer')).toBe(true);
  expect(await sent()).toEqual(['newer', 'b', 'c', '(receipt)']);
  expect(connection.sendLatest('d', 'd')).toBe(true);
});

test('FAULT-4: a waiting value counts in the memory budget and towards the send cap, and a replaced value does not count', async () => {
  const { connection, sent, budget, errors, closed } = open({ sendCap: 100_000 });
  connection.sendLatest('first', '1');
  await sent();
  const before = budget.used;
  for (let count = 0; count < 50; count++) connection.sendLatest('a', 'x'.repeat(40_000));
  expect(budget.used - before).toBeGreaterThan(40_000);
  expect(budget.used - before).toBeLessThan(41_000);
  connection.sendLatest('a', 'small');
  expect(budget.used - before).toBeLessThan(1_000);
  connection.sendLatest('a', 'x'.repeat(60_000));
  expect(connection.sendLatest('b', 'x'.repeat(60_000))).toBe(false);
  await turn();
  expect(errors).toMatchObject([{ code: 'WS_SEND_CAP' }]);
  expect(closed[0]!.unsentKeys).toEqual(['a']);
  expect(budget.used).toBe(0);
});

test('if the queue is empty, sendLatest and `send` both accept a single message above the send cap', async () => {
  const { connection, sent } = open({ sendCap: 1_000 });
  expect(connection.sendLatest('a', 'x'.repeat(5_000))).toBe(true);
  expect(await sent()).toHaveLength(2);
});

test.each([
  ['close()', ({ connection }: Line) => void connection.close()],
  ['the peer’s Close frame', ({ socket }: Line) => void socket.push(closeFrame(1000))],
  ['terminate()', ({ connection }: Line) => connection.terminate()],
  ['a violation', ({ socket }: Line) => void socket.push(frame(Op.Text, 'x', { mask: false }))],
  ['the end of TCP', ({ socket }: Line) => void socket.push(null)],
])('%s drops the waiting values, and the `close` handler receives their keys', async (_, end) => {
  const line = open();
  const { connection, sent, closed, budget } = line;
  connection.sendLatest('a', '1');
  await sent();
  connection.sendLatest('a', '2');
  connection.sendLatest('b', () => '2');
  end(line);
  await turn();
  expect(connection.sendLatest('c', 'late')).toBe(false);
  expect(coreOf(connection).latest!.stop()).toEqual(['a', 'b']);
  connection.terminate();
  await turn();
  expect((await sent()).filter((text) => text === '2')).toEqual([]);
  expect(closed).toHaveLength(1);
  expect(closed[0]!.unsentKeys).toEqual(['a', 'b']);
  expect(await connection.closed).toBe(closed[0]);
  expect(budget.used).toBe(0);
});

test('if a connection does not use sendLatest, nothing is allocated for it, and its CloseInfo has no unsentKeys', async () => {
  const { connection, closed } = open();
  connection.send('x');
  await turn();
  expect(coreOf(connection).latest).toBeNull();
  expect(coreOf(connection).binding.pingTimes).toBeNull();
  connection.terminate();
  await turn();
  expect('unsentKeys' in closed[0]!).toBe(false);
});

test('sendLatest throws for an invalid key and for an invalid message', () => {
  const { connection } = open();
  expect(() => connection.sendLatest(7 as unknown as string, 'x')).toThrow(
    'the key is a number, not a string',
  );
  expect(() => connection.sendLatest('a', {} as string)).toThrow('a message is a string');
});
