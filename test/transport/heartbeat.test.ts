/** Tests the heartbeat with silent peers, and the pings and pongs that we send. The tests move the clock. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { serverLimits } from '../../src/transport/limits.ts';
import { bindSocket } from '../../src/transport/socket.ts';
import { turn } from './fake-socket.ts';
import { opcodes, setUp } from './line.ts';
import { frame, Op } from './wire.ts';

const MIB = 1_048_576;

describe('the heartbeat', () => {
  test('FAULT-0, design: after 25 s of silence an endpoint sends a ping, so that no proxy closes the connection at 30 s', async () => {
    const { frames, receive, pass, end } = setUp();
    await pass(24_900);
    expect(frames()).toEqual([]);
    await pass(200);
    expect(opcodes(frames())).toEqual([Op.Ping]);
    await pass(19_000);
    await receive(frame(Op.Pong));
    await pass(24_900);
    expect(opcodes(frames())).toEqual([Op.Ping]);
    await pass(200);
    expect(opcodes(frames())).toEqual([Op.Ping, Op.Ping]);
    expect(end()).toEqual([]);
  });

  test('A14, design: if the peer answers no ping for 20 s, the connection is dropped with 1006 and one error', async () => {
    const { socket, pass, end } = setUp();
    await pass(25_100);
    await pass(19_800);
    expect(end()).toEqual([]);
    await pass(300);
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([
      ['error', 'WS_HEARTBEAT_TIMEOUT'],
      ['close', 1006, '', false, false],
    ]);
    await pass(100_000);
    expect(end()).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('any received byte delays the next ping, and counts as the answer to a sent ping', async () => {
    const { frames, receive, pass, end } = setUp();
    await pass(24_000);
    await receive(frame(Op.Text, 'alive'));
    await pass(24_900);
    expect(frames()).toEqual([]);
    await pass(200);
    expect(opcodes(frames())).toEqual([Op.Ping]);
    // Half a frame is enough to show that the peer is connected.
    await pass(19_000);
    await receive(frame(Op.Text, 'still').subarray(0, 3));
    await pass(19_000);
    await receive(frame(Op.Text, 'still').subarray(3));
    await pass(20_000);
    expect(end()).toEqual([]);
  });

  test('design: the time in which the application has paused reading does not count as silence of the peer', async () => {
    const { connection, frames, pass, end } = setUp();
    connection.pause();
    await pass(600_000);
    expect(end()).toEqual([]);
    const before = frames().length;
    connection.resume();
    await pass(24_900);
    expect(frames()).toHaveLength(before);
    await pass(20_300);
    expect(opcodes(frames().slice(before))).toEqual([Op.Ping]);
    await pass(20_000);
    expect(end()).toEqual([
      ['error', 'WS_HEARTBEAT_TIMEOUT'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('if a connection is not paused, resume() does not restart the time of the heartbeat', async () => {
    const { connection, pass, end } = setUp();
    for (let second = 0; second < 52; second++) {
      connection.resume();
      await pass(1_000);
    }
    expect(end()[0]).toEqual(['error', 'WS_HEARTBEAT_TIMEOUT']);
  });

  test('design: while the application has paused reading, a peer that takes none of our data is dropped', async () => {
    const { socket, connection, pass, end } = setUp();
    socket.block();
    connection.endpoint.sendText('x'.repeat(10_000));
    connection.pause();
    await turn();
    await pass(44_900);
    expect(end()).toEqual([]);
    await pass(400);
    expect(end()[0]).toEqual(['error', 'WS_HEARTBEAT_TIMEOUT']);
  });

  test('design: while the application has paused reading, a peer that takes our data is not dropped', async () => {
    const { socket, connection, pass, end } = setUp();
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(MIB - 1_000));
    connection.pause();
    for (let step = 0; step < 15; step++) {
      await pass(15_000);
      expect(end()).toEqual([]);
      socket.takeWaiting();
      await turn();
    }
  });

  test('a peer that takes a long message slowly is not dropped, although our ping waits for the message', async () => {
    const { socket, connection, pass, end } = setUp('client');
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(2 * MIB));
    while (connection.endpoint.bufferedAmount > 65_536) {
      await pass(9_000);
      expect(end()).toEqual([]);
      socket.takeWaiting();
      await turn();
    }
    socket.takeWaiting(true);
    await turn();
    // The last bytes of the message may still be on their way to the peer.
    await pass(80_000);
    expect(end()).toEqual([]);
    await pass(20_000);
    expect(end()[0]).toEqual(['error', 'WS_HEARTBEAT_TIMEOUT']);
  });

  test('a heartbeatInterval of Infinity disables the heartbeat, and no timer is set for the heartbeat', async () => {
    const { frames, pass } = setUp('server', { heartbeatInterval: Number.POSITIVE_INFINITY });
    await pass(200_000);
    expect(frames()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('FAULT-2: while 4 MiB are on their way, the connection to a peer that reads 60 KB/s stays open, and the connection to a lost peer is dropped', async () => {
    for (const answers of [true, false]) {
      const { connection, frames, receive, pass, end } = setUp();
      await receive(frame(Op.Text, 'ready'));
      // The kernels of both ends take all bytes immediately.
      connection.endpoint.sendBinary(Buffer.alloc(4 * MIB));
      await pass(71_000);
      expect(frames().filter(({ opcode }) => opcode === Op.Ping)).toHaveLength(1);
      expect(end()).toEqual([]);
      // The peer has read the whole message and then our ping, so it answers with a pong.
      if (answers) await receive(frame(Op.Pong));
      await pass(44_000);
      expect(end()).toEqual([]);
      await pass(60_000);
      expect(end()[0]).toEqual(['error', 'WS_HEARTBEAT_TIMEOUT']);
    }
  });

  test('FAULT-2: the extra time for a peer that takes a long message does not apply to the next ping', async () => {
    const { connection, receive, pass, end } = setUp();
    connection.endpoint.sendBinary(Buffer.alloc(4 * MIB));
    await receive(frame(Op.Text, 'read'));
    await pass(45_500);
    expect(end()[0]).toEqual(['error', 'WS_HEARTBEAT_TIMEOUT']);
  });

  test.each(['client', 'server'] as const)(
    'FAULT-2: a %s that only receives sends an unsolicited pong after each interval in which it has sent nothing',
    async (role) => {
      const { frames, receive, pass, end } = setUp(role);
      const mask = role === 'server';
      const message = frame(Op.Binary, Buffer.alloc(1_000), { mask });
      for (let second = 0; second < 120; second++) {
        await receive(message.subarray(second, second + 1));
        await pass(1_000);
      }
      expect(opcodes(frames())).toEqual([Op.Pong, Op.Pong, Op.Pong, Op.Pong]);
      expect(end()).toEqual([]);
    },
  );

  test('FAULT-2: an endpoint that only receives sends unsolicited pongs, during many short messages and during one long message', async () => {
    const { frames, receive, pass } = setUp();
    for (let second = 0; second < 60; second++) {
      await receive(frame(Op.Text, 'x'.repeat(500)));
      await pass(1_000);
    }
    expect(opcodes(frames())).toEqual([Op.Pong, Op.Pong]);
  });

  test('an endpoint that sends messages, or that receives only few bytes, sends no unsolicited pong', async () => {
    const busy = setUp();
    for (let second = 0; second < 60; second++) {
      await busy.receive(frame(Op.Text, 'x'.repeat(500)));
      busy.connection.endpoint.sendText('reply');
      await busy.pass(1_000);
    }
    expect(busy.frames().every(({ opcode }) => opcode === Op.Text)).toBe(true);
    const calm = setUp();
    for (let second = 0; second < 60; second++) {
      await calm.receive(frame(Op.Text, 'x'));
      await calm.pass(1_000);
    }
    expect(calm.frames()).toEqual([]);
  });

  test('FAULT-2: while reading is paused, an endpoint sends a ping per interval, so that TCP notices a lost peer', async () => {
    const { connection, frames, pass, end } = setUp();
    connection.pause();
    await pass(101_000);
    expect(opcodes(frames())).toEqual([Op.Ping, Op.Ping, Op.Ping, Op.Ping]);
    // While we send other frames, no ping is needed.
    for (let second = 0; second < 60; second++) {
      connection.endpoint.sendText('still here');
      await pass(1_000);
    }
    expect(frames().filter(({ opcode }) => opcode === Op.Ping)).toHaveLength(4);
    expect(end()).toEqual([]);
  });
});

test('FAULT-2: a connection that the application has paused and never resumes notices that its peer has disappeared', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const ours = await accepted;
  server.close();
  const nothing = (): void => {};
  let code = 0;
  const connection = bindSocket(
    ours,
    {
      onText: nothing,
      onBinary: nothing,
      onFragment: nothing,
      onPing: nothing,
      onPong: nothing,
      onClosing: nothing,
      onError: nothing,
      onDrain: nothing,
      onClose: (record) => {
        code = record.code;
      },
    },
    { role: 'server', limits: serverLimits },
  );
  connection.start(Buffer.alloc(0));
  connection.pause();
  peer.destroy();
  while (code === 0) {
    vi.advanceTimersByTime(5_000);
    await turn();
  }
  expect(code).toBe(1006);
  expect(ours.destroyed).toBe(true);
});
