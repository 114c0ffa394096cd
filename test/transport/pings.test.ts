/** Tests pings at a fixed interval, and the reason in our Close frame. The tests move the clock. */
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../src/api/connection.ts';
import { Dispatch } from '../../src/api/dispatch.ts';
import type { ConnectionHandlers } from '../../src/api/handlers.ts';
import { readValues } from '../../src/api/option-spec.ts';
import { connectionSpecs, type PingOptions, toLimits } from '../../src/api/options.ts';
import { ConnectionError } from '../../src/frame/connection-error.ts';
import type { Endpoint } from '../../src/frame/endpoint.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { type Pinging, PingPace } from '../../src/transport/ping-pace.ts';
import { useFakeClock, useRealClock } from './fake-clock.ts';
import { FakeSocket, turn } from './fake-socket.ts';
import { codeOf, frame, framesOf, Op } from './wire.ts';

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

function open(
  pings: PingOptions | undefined,
  handlers: ConnectionHandlers = {},
  closeReason?: (error: Error) => string,
): { socket: FakeSocket; connection: Connection; errors: Error[]; pass(ms: number): Promise<void> } {
  const socket = new FakeSocket();
  const errors: Error[] = [];
  const options = {
    heartbeat: { interval: Number.POSITIVE_INFINITY },
    ...(pings === undefined ? null : { pings }),
  };
  const dispatch = new Dispatch<undefined>({
    socket: socket as Duplex,
    handlers: { message() {}, error: (_, error) => void errors.push(error), ...handlers },
    info: {
      subprotocol: '',
      extensions: [],
      url: '/',
      remoteAddress: undefined,
      remotePort: undefined,
      headers: [],
    },
    options: {
      role: 'server',
      limits: toLimits(readValues(options, connectionSpecs, 'server')),
      ...(closeReason === undefined ? null : { closeReason }),
    },
    codec: null,
    data: undefined,
    owner: null,
  });
  const { connection } = dispatch;
  opened.push(connection);
  dispatch.start(Buffer.alloc(0));
  return {
    socket,
    connection,
    errors,
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= 500) {
        vi.advanceTimersByTime(Math.min(left, 500));
        await turn();
      }
    },
  };
}

const sent = (socket: FakeSocket): string[] =>
  framesOf(socket.bytes).map(({ opcode, payload }) =>
    opcode === Op.Close ? `close ${codeOf({ payload } as never)}` : `${opcode} ${payload}`,
  );

test('with `first: 0`, a connection sends a ping immediately and then once per interval, with the payload that `payload` returns', async () => {
  let count = 0;
  const { socket, pass } = open({ interval: 2_000, first: 0, payload: () => Buffer.from(`p${count++}`) });
  await turn();
  expect(sent(socket)).toEqual(['9 p0']);
  for (const next of ['p1', 'p2', 'p3']) {
    socket.push(frame(Op.Pong));
    await turn();
    await pass(1_900);
    expect(sent(socket)).not.toContain(`9 ${next}`);
    await pass(120);
    expect(sent(socket)).toContain(`9 ${next}`);
  }
});

test('C7: if no pong arrives before the next ping, the connection fails with 1011, even if the peer sends messages', async () => {
  const { socket, errors, pass, connection } = open({ interval: 2_000, first: 0 });
  await pass(1_900);
  socket.push(frame(Op.Text, 'I am here'));
  await pass(200);
  expect(sent(socket)).toEqual(['9 ', 'close 1011']);
  expect(errors.map((error) => (error as ConnectionError).code)).toEqual(['WS_HEARTBEAT_TIMEOUT']);
  expect(errors[0]).toBeInstanceOf(ConnectionError);
  socket.push(null);
  await turn();
  expect((await connection.closed).code).toBe(1006);
});

test('the time of `timeout` begins at the last pong, and later pings do not prolong this time', async () => {
  const { socket, pass } = open({ interval: 1_000, timeout: 3_500, answerEach: false });
  await pass(2_100);
  socket.push(frame(Op.Pong));
  await turn();
  await pass(3_400);
  expect(sent(socket).filter((one) => one.startsWith('9'))).toHaveLength(5);
  expect(sent(socket)).not.toContain('close 1011');
  await pass(200);
  expect(sent(socket)).toContain('close 1011');
});

test('a missing pong does not fail the connection while the application has paused reading', async () => {
  const { socket, pass, connection } = open({ interval: 1_000, timeout: 1_500 });
  connection.pause();
  await pass(5_000);
  expect(sent(socket)).not.toContain('close 1011');
  connection.resume();
  await pass(2_600);
  expect(sent(socket)).toContain('close 1011');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('no payload');
    },
    'no payload',
  ],
  [
    'returns more than 125 bytes',
    () => Buffer.alloc(126),
    'a control frame carries at most 125 bytes, not 126',
  ],
])(
  'if the function `payload` %s, the connection closes with 1011, and the error is reported',
  async (_name, payload, message) => {
    const { socket, errors, pass } = open({ interval: 1_000, payload });
    await pass(1_100);
    expect(sent(socket)).toEqual(['close 1011']);
    expect(errors.map((error) => error.message)).toEqual([message]);
  },
);

test.each([
  [{ interval: 0 }, RangeError],
  [{ interval: 1, first: -1 }, RangeError],
  [{ interval: 1, timeout: 0 }, RangeError],
  [{ interval: 1, answerEach: 1 }, TypeError],
  [{ interval: 1, payload: 'x' }, TypeError],
  [null, TypeError],
])('readValues throws for the value %j of the option pings', (pings, error) => {
  expect(() => readValues({ pings: pings as unknown as PingOptions }, connectionSpecs, 'client')).toThrow(
    error,
  );
});

describe('the option closeReason', () => {
  const reasonOf = (socket: FakeSocket): string =>
    framesOf(socket.bytes)
      .find(({ opcode }) => opcode === Op.Close)!
      .payload.subarray(2)
      .toString();

  test('C16: closeReason sets the reason in our Close frame, both if the peer breaks a rule and if a handler throws', async () => {
    const words = (error: Error): string =>
      error instanceof ProtocolError ? `rule ${error.code}` : `fault ${error.message}`;
    const ofPeer = open(undefined, {}, words);
    ofPeer.socket.push(frame(Op.Text, 'not masked', { mask: false }));
    await turn();
    expect(reasonOf(ofPeer.socket)).toBe('rule WS_UNMASKED_FRAME');
    const ofOurs = open(
      undefined,
      {
        message: () => {
          throw new Error('mine');
        },
      },
      words,
    );
    ofOurs.socket.push(frame(Op.Text, 'text'));
    await turn();
    expect(reasonOf(ofOurs.socket)).toBe('fault mine');
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no words');
      },
    ],
    ['returns more than 123 bytes', () => '€'.repeat(42)],
  ])('if closeReason %s, the default reason is sent', async (_name, words) => {
    const { socket } = open(undefined, {}, words);
    socket.push(frame(Op.Text, 'not masked', { mask: false }));
    await turn();
    expect(reasonOf(socket)).toBe('a client must mask its frames');
  });
});

test("C24: if the peer's Close frame has an invalid code, this code is the cause of the reported error", async () => {
  const { socket, errors } = open(undefined);
  socket.push(frame(Op.Close, Buffer.from([5000 >> 8, 5000 & 255])));
  await turn();
  expect((errors[0] as ProtocolError).code).toBe('WS_CLOSE_CODE');
  expect(errors[0]!.cause).toBe(5000);
});

test('FAULT-2: if a ping is late because the process was suspended, the peer still gets the full time for its pong', () => {
  const pings: number[] = [];
  const failures: unknown[] = [];
  const endpoint = {
    isPaused: false,
    ping: () => pings.push(0),
    fail: (error: unknown) => failures.push(error),
  } as unknown as Endpoint;
  const schedule = {
    first: 1_000,
    interval: 2_000,
    timeout: 3_000,
    answerEach: false,
    payload: () => undefined,
  };
  const pace = new PingPace(schedule, endpoint, endpoint as unknown as Pinging, 0);
  pace.check(1_000);
  pace.answered(1_100);
  // The next ping should have been sent at 3,000 ms. The process was suspended until 60,000 ms.
  pace.check(60_000);
  expect([pings.length, failures.length]).toEqual([2, 0]);
  // The late ping was sent at 60,000 ms, and the peer has not answered it.
  pace.check(61_000);
  expect(failures).toHaveLength(0);
  pace.check(62_000);
  expect(failures).toHaveLength(1);
});
