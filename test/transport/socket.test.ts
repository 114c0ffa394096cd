/** Tests a connection on a fake socket: its deadlines, the end of TCP, and the order of events. The tests move the clock. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { ConnectionError } from '../../src/frame/connection-error.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { clientLimits, serverLimits } from '../../src/transport/limits.ts';
import { bindSocket, type ConnectionEvents, type SocketConnection } from '../../src/transport/socket.ts';
import { FakeSocket, turn } from './fake-socket.ts';
import { type Line, setUp } from './line.ts';
import { closeFrame, codeOf, frame, Op } from './wire.ts';

const MIB = 1_048_576;

describe('the message deadline', () => {
  const half = frame(Op.Binary, Buffer.alloc(100)).subarray(0, 50);

  test('A23, design: if an incomplete message makes no progress for 30 s, the connection fails once with 1008', async () => {
    const { socket, receive, frames, pass, end } = setUp('server', { heartbeatInterval: 1_000_000 });
    await receive(half);
    await pass(29_900);
    expect(end()).toEqual([]);
    await pass(300);
    expect(codeOf(frames().at(-1)!)).toBe(1008);
    expect(end()).toEqual([['error', 'WS_MESSAGE_TIMEOUT']]);
    // §7.1.7: the endpoint does not wait for a Close frame of the peer. If the peer does not end TCP, the endpoint drops the peer.
    await pass(5_200);
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([
      ['error', 'WS_MESSAGE_TIMEOUT'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('each received piece of a message counts as progress of the message, and a ping between the pieces does not', async () => {
    const { connection, receive, pass, end } = setUp();
    await receive(half);
    for (let at = 50; at < 60; at++) {
      await pass(29_000);
      await receive(frame(Op.Binary, Buffer.alloc(100)).subarray(at, at + 1));
    }
    expect(end()).toEqual([]);
    connection.endpoint.terminate();
    await turn();

    const other = setUp();
    await other.receive(frame(Op.Text, 'first', { fin: false }));
    for (let second = 0; second < 31; second++) {
      await other.pass(1_000);
      await other.receive(frame(Op.Ping));
    }
    expect(other.end()[0]).toEqual(['error', 'WS_MESSAGE_TIMEOUT']);
  });

  test('between two messages, a connection has no message deadline', async () => {
    const { receive, pass, end } = setUp('server', { heartbeatInterval: 10_000_000 });
    await receive(half, frame(Op.Binary, Buffer.alloc(100)).subarray(50));
    await pass(200_000);
    expect(end()).toEqual([]);
  });

  test('design: the message deadline cannot pass while the application has paused reading, and its time starts again after resume', async () => {
    const { connection, receive, pass, end } = setUp();
    await receive(half);
    await pass(20_000);
    connection.pause();
    await pass(100_000);
    connection.resume();
    await pass(29_000);
    expect(end()).toEqual([]);
    await pass(1_500);
    expect(end()[0]).toEqual(['error', 'WS_MESSAGE_TIMEOUT']);
  });

  test('the message deadline also applies to a message if its beginning waited during a pause of the application', async () => {
    const { connection, receive, pass, end } = setUp(
      'server',
      { heartbeatInterval: 1_000_000 },
      {
        onText: () => connection.pause(),
      },
    );
    await receive(Buffer.concat([frame(Op.Text, 'pauses'), half]));
    await pass(60_000);
    connection.resume();
    await pass(29_000);
    expect(end()).toEqual([]);
    await pass(1_500);
    expect(end()[0]).toEqual(['error', 'WS_MESSAGE_TIMEOUT']);
  });
});

describe('the deadline of the closing handshake', () => {
  test('A30, design: if the peer does not answer our Close for 5 s, the connection is dropped with 1006 and WS_CLOSE_TIMEOUT', async () => {
    const { socket, connection, frames, pass, end } = setUp();
    connection.endpoint.close(1000);
    await pass(4_900);
    expect(codeOf(frames()[0]!)).toBe(1000);
    expect(end()).toEqual([]);
    await pass(200);
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([
      ['error', 'WS_CLOSE_TIMEOUT'],
      ['close', 1006, '', false, false],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('A30: a peer that sends data but no Close frame is dropped at the deadline of the closing handshake', async () => {
    const { socket, connection, receive, pass, reported, end } = setUp();
    connection.endpoint.close(1000);
    for (let step = 0; step < 10; step++) {
      await receive(frame(Op.Text, String(step)), frame(Op.Ping));
      await pass(510);
    }
    expect(socket.destroyed).toBe(true);
    expect(end()[0]).toEqual(['error', 'WS_CLOSE_TIMEOUT']);
    // §5.5.1: data that arrives before the peer's Close frame is still delivered.
    expect(reported.filter(([name]) => name === 'text').length).toBeGreaterThan(5);
  });

  test('A30: the deadline of the closing handshake also applies while the application has paused reading, and while the socket is blocked', async () => {
    const paused = setUp();
    paused.connection.pause();
    paused.connection.endpoint.close(1000);
    await paused.pass(5_100);
    expect(paused.end()[0]).toEqual(['error', 'WS_CLOSE_TIMEOUT']);

    const blocked = setUp();
    blocked.socket.block();
    blocked.connection.endpoint.sendBinary(Buffer.alloc(100_000));
    blocked.connection.endpoint.close(1000);
    await blocked.pass(5_100);
    expect(blocked.socket.destroyed).toBe(true);
    expect(blocked.end()[0]).toEqual(['error', 'WS_CLOSE_TIMEOUT']);
  });

  test('FAULT-2: `closeTimeout` applies to a connection that was closed before it was started', async () => {
    for (const heartbeatInterval of [30_000, Number.POSITIVE_INFINITY]) {
      const { connection, pass, end } = setUp('server', { heartbeatInterval }, {}, ({ endpoint }) => {
        endpoint.close(4001);
      });
      await pass(4_900);
      expect(end()).toEqual([]);
      await pass(200);
      expect(connection.isClosed).toBe(true);
      expect(end()).toEqual([
        ['error', 'WS_CLOSE_TIMEOUT'],
        ['close', 1006, '', false, false],
      ]);
    }
  });

  test('FAULT-2: `closeTimeout` applies to a connection that failed before it was started', async () => {
    const { connection, pass, end } = setUp('server', {}, {}, ({ endpoint }) => {
      endpoint.fail(new Error('a handler threw'));
    });
    await pass(5_200);
    expect(connection.isClosed).toBe(true);
    expect(end()).toEqual([
      ['error', 'a handler threw'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('C5, C9: a server answers a Close frame and then ends its direction of TCP immediately', async () => {
    const { socket, connection, frames, receive, end, pass } = setUp('server');
    await receive(closeFrame(3000, 'bye'));
    expect(codeOf(frames()[0]!)).toBe(3000);
    expect(socket.finished).toBe(true);
    // §7.1.1: the server still reads until the peer ends its direction of TCP.
    expect(socket.destroyed).toBe(false);
    socket.push(null);
    await turn();
    expect(end()).toEqual([['close', 3000, 'bye', true, true]]);
    await pass(100_000);
    expect(end()).toHaveLength(1);
    expect(connection.socket.destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('C5, C9: a client waits for the server to end TCP, and then ends TCP', async () => {
    const { socket, frames, receive, end } = setUp('client');
    await receive(closeFrame(1001, '', { mask: false }));
    expect(frames().map((one) => [one.masked, codeOf(one)])).toEqual([[true, 1001]]);
    expect(socket.writableEnded).toBe(false);
    expect(end()).toEqual([]);
    socket.push(null);
    await turn();
    expect(socket.finished).toBe(true);
    expect(end()).toEqual([['close', 1001, '', true, true]]);
  });

  test('C5: if the server does not end TCP, the client drops TCP after closeTimeout, and the close is still clean', async () => {
    const { socket, receive, end, pass } = setUp('client');
    await receive(closeFrame(1000, '', { mask: false }));
    await pass(4_900);
    expect(end()).toEqual([]);
    await pass(300);
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([['close', 1000, '', true, true]]);
  });

  test('C12: after the closing handshake, an endpoint reports the clean close only when TCP is closed', async () => {
    const { socket, connection, receive, end } = setUp('client');
    connection.endpoint.close(1000);
    await receive(closeFrame(1000, '', { mask: false }));
    expect(end()).toEqual([]);
    socket.push(null);
    await turn();
    expect(end()).toEqual([['close', 1000, '', true, false]]);
  });

  test('C13: an endpoint reports a Close frame without a code as 1005, and ignores all frames after the first Close frame', async () => {
    const none = setUp();
    await none.receive(closeFrame(null));
    none.socket.push(null);
    await turn();
    expect(none.end()).toEqual([['close', 1005, '', true, true]]);

    const two = setUp();
    await two.receive(
      Buffer.concat([closeFrame(3001, 'first'), closeFrame(3002, 'second'), frame(Op.Text, 'late')]),
    );
    two.socket.push(null);
    await turn();
    expect(two.end()).toEqual([['close', 3001, 'first', true, true]]);
    expect(two.reported.filter(([name]) => name === 'text')).toEqual([]);
  });

  test('C13, C19: if TCP ends without a Close frame, an endpoint reports 1006', async () => {
    for (const role of ['client', 'server'] as const) {
      const { socket, end } = setUp(role);
      socket.push(null);
      await turn();
      expect(end()).toEqual([['close', 1006, '', false, false]]);
      expect(socket.destroyed).toBe(true);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  test('C19: if the socket is reset, a connection reports one error with the reset as its cause, and closes with 1006', async () => {
    const errors: Error[] = [];
    const { socket, reported } = setUp('server', {}, { onError: (error) => errors.push(error) });
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    socket.destroy(reset);
    await turn();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(ConnectionError);
    expect(errors[0]).toMatchObject({ code: 'WS_SOCKET', section: '6455 §7.2.1', cause: reset });
    expect(errors[0]!.message).toContain('ECONNRESET');
    expect(reported.filter(([name]) => name === 'close')).toEqual([['close', 1006, '', false, false]]);
  });

  test('if the socket is reset after the closing handshake, the connection still reports a clean close', async () => {
    const { socket, receive, end } = setUp('server');
    await receive(closeFrame(1000));
    socket.destroy(new Error('reset'));
    await turn();
    expect(end()).toEqual([['close', 1000, '', true, true]]);
  });

  test('C17: if the socket is reset after the connection has failed, the connection reports no second error', async () => {
    const { socket, receive, end } = setUp('server');
    await receive(frame(Op.Text, 'not masked', { mask: false }));
    expect(end()).toEqual([['error', 'WS_UNMASKED_FRAME']]);
    socket.destroy(new Error('reset'));
    await turn();
    expect(end()).toEqual([
      ['error', 'WS_UNMASKED_FRAME'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('C14, C15, C17: after a failure, both ends end TCP; a peer that does not end TCP is dropped without another error', async () => {
    for (const role of ['client', 'server'] as const) {
      const { socket, frames, receive, end, pass } = setUp(role);
      const mask = role === 'server';
      await receive(frame(3, '', { mask }));
      expect(codeOf(frames()[0]!)).toBe(1002);
      expect(socket.finished).toBe(true);
      await receive(closeFrame(1000, '', { mask }), frame(Op.Text, 'late', { mask }));
      await pass(5_200);
      expect(socket.destroyed).toBe(true);
      expect(end()).toEqual([
        ['error', 'WS_UNKNOWN_OPCODE'],
        ['close', 1006, '', false, false],
      ]);
    }
  });

  test('terminate drops the connection without a Close frame and reports 1006', async () => {
    const { socket, connection, frames, end } = setUp();
    connection.endpoint.terminate();
    connection.endpoint.terminate();
    await turn();
    expect(socket.destroyed).toBe(true);
    expect([frames(), end()]).toEqual([[], [['close', 1006, '', false, false]]]);
  });

  test('FAULT-3: if a destroyed socket never emits its close event, a deadline closes the connection, however it was ended', async () => {
    class Stuck extends FakeSocket {
      // After `end()` and `resetAndDestroy()`, a socket of Node may emit no 'close' event. This fake socket behaves in the same way.
      override _destroy(): void {}
    }
    const ends: Record<string, (connection: SocketConnection) => void> = {
      terminate: ({ endpoint }) => endpoint.terminate(),
      abort: ({ endpoint }) => endpoint.abort(new ConnectionError('WS_SEND_CAP')),
      'terminate after close': ({ endpoint }) => {
        endpoint.close(1000);
        endpoint.terminate();
      },
      'fail after terminate': ({ endpoint }) => {
        endpoint.terminate();
        endpoint.fail(new Error('too late'));
      },
      'closeTimeout after close': ({ endpoint }) => endpoint.close(1000),
      'closeTimeout after fail': ({ endpoint }) => endpoint.fail(new Error('a handler threw')),
      'another owner of the socket': ({ socket }) => socket.destroy(),
    };
    for (const closeTimeout of [5_000, Number.POSITIVE_INFINITY]) {
      for (const [name, end] of Object.entries(ends)) {
        if (closeTimeout > 5_000 && name.startsWith('closeTimeout')) continue;
        const line = setUp('server', { closeTimeout }, {}, () => {}, new Stuck());
        end(line.connection);
        await line.pass(40_000);
        expect(line.connection.isClosed, name).toBe(true);
        expect(
          line.reported.filter(([event]) => event === 'close'),
          name,
        ).toEqual([['close', 1006, '', false, false]]);
        expect(vi.getTimerCount(), name).toBe(0);
      }
    }
  });

  test('if the socket was closed before the connection starts, the connection reports its close', async () => {
    const socket = new FakeSocket();
    socket.destroy();
    await turn();
    const closed = vi.fn();
    const nothing = (): void => {};
    const events = {
      onText: nothing,
      onBinary: nothing,
      onFragment: nothing,
      onPing: nothing,
      onPong: nothing,
      onClosing: nothing,
      onError: nothing,
      onDrain: nothing,
      onClose: closed,
    };
    bindSocket(socket as Duplex, events, { role: 'server', limits: serverLimits }).start(Buffer.alloc(0));
    expect(closed).toHaveBeenCalledExactlyOnceWith({
      ...{ code: 1006, reason: '', wasClean: false, byPeer: false },
      ...{ sentCode: null, sentReason: '', error: null },
    });
  });
});

describe('sending to a socket', () => {
  test('design: if over 1 MiB waits and the peer takes nothing for 10 s, the connection ends with WS_SEND_CAP and 1006', async () => {
    const { socket, connection, pass, end } = setUp();
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(2 * MIB));
    await pass(9_900);
    expect(end()).toEqual([]);
    await pass(200);
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([
      ['error', 'WS_SEND_CAP'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('design: up to 1 MiB may wait longer than 10 s; when more is added, the connection ends within a second', async () => {
    const { socket, connection, pass, end } = setUp();
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(MIB - 100));
    await pass(20_000);
    expect(end()).toEqual([]);
    connection.endpoint.sendBinary(Buffer.alloc(1_000));
    await pass(1_100);
    expect(end()[0]).toEqual(['error', 'WS_SEND_CAP']);
  });

  test('A26, A32: a peer that reads nothing is dropped with 1006 after the same time, whether the peer sends much or nothing', async () => {
    const { socket, connection, receive, pass, end } = setUp();
    socket.block();
    await receive(frame(Op.Ping, 'first'));
    for (let second = 0; second < 44; second++) {
      await pass(1_000);
      await receive(frame(Op.Ping, `ping ${second}`));
    }
    expect(connection.endpoint.bufferedAmount).toBeLessThan(20);
    expect(end()).toEqual([]);
    await receive(frame(Op.Ping, 'last'));
    await pass(2_000);
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([
      ['error', 'WS_SEND_CAP'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('A26: a peer that sends much is not dropped if it reads some of our data from time to time', async () => {
    const { socket, receive, pass, end } = setUp();
    socket.block();
    for (let second = 0; second < 300; second++) {
      await receive(frame(Op.Ping, `ping ${second}`));
      await pass(1_000);
      if (second % 40 === 39) socket.takeWaiting();
    }
    expect(end()).toEqual([]);
  });

  test('A26: a peer that sends much and reads nothing is not dropped if heartbeatInterval, heartbeatTimeout or sendTimeout is Infinity', async () => {
    for (const name of ['heartbeatInterval', 'heartbeatTimeout', 'sendTimeout'] as const) {
      const { socket, receive, pass, end } = setUp('server', { [name]: Number.POSITIVE_INFINITY });
      socket.block();
      for (let second = 0; second < 100; second++) {
        await receive(frame(Op.Ping, `ping ${second}`));
        await pass(1_000);
      }
      expect(end(), name).toEqual([]);
    }
  });

  test('A26: if `sendTimeout` is longer than the time after which a silent peer is dropped, a flooding peer is dropped after `sendTimeout`', async () => {
    const { socket, receive, pass, end } = setUp('server', { sendTimeout: 90_000 });
    socket.block();
    for (let second = 0; second < 89; second++) {
      await receive(frame(Op.Ping, `ping ${second}`));
      await pass(1_000);
    }
    expect(end()).toEqual([]);
    await receive(frame(Op.Ping, 'last'));
    await pass(2_000);
    expect(end()[0]).toEqual(['error', 'WS_SEND_CAP']);
  });

  test('while the socket is blocked, a connection checks its peer about once per second, and not in every tick', async () => {
    const { socket, connection, pass } = setUp('server', { heartbeatInterval: Number.POSITIVE_INFINITY });
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(10_000));
    await pass(11_000);
    const spy = vi.spyOn(globalThis, 'setTimeout');
    await pass(60_000);
    expect(spy.mock.calls.length).toBeLessThan(100);
    spy.mockRestore();
  });

  test('design: if a message exceeds the send cap, the connection ends immediately with WS_SEND_CAP and 1006', async () => {
    const { socket, connection, end } = setUp('server', { sendCap: 1_000_000 });
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(600_000));
    connection.endpoint.sendBinary(Buffer.alloc(600_000));
    await turn();
    expect(socket.destroyed).toBe(true);
    expect(end()).toEqual([
      ['error', 'WS_SEND_CAP'],
      ['close', 1006, '', false, false],
    ]);
  });

  test('design: if nothing waits, a message larger than the send cap is accepted even if it is sent in fragments', async () => {
    const { socket, connection, end } = setUp('server', { sendCap: 1_000_000 });
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(3 * MIB), { fragmentSize: 100_000 });
    await turn();
    expect(end()).toEqual([]);
    connection.endpoint.sendBinary(Buffer.alloc(3_000), { fragmentSize: 1_000 });
    await turn();
    expect(end()[0]).toEqual(['error', 'WS_SEND_CAP']);
  });

  test('the drain event follows when all data of a blocked connection has left', async () => {
    const { socket, connection, reported } = setUp();
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(200_000));
    expect(connection.waitsForDrain()).toBe(true);
    await turn();
    socket.takeWaiting(true);
    await turn();
    expect(reported).toContainEqual(['drain']);
    expect(connection.waitsForDrain()).toBe(false);
  });

  test('FAULT-8: no drain event follows the close event, even if the socket takes the waiting data later', async () => {
    const { socket, connection, reported, receive } = setUp('server');
    socket.block();
    connection.endpoint.sendBinary(Buffer.alloc(200_000));
    expect(connection.waitsForDrain()).toBe(true);
    await turn();
    // §7.2.1: the peer ends TCP without a Close frame. This ends the connection, even if data still waits to be sent.
    socket.push(null);
    await receive();
    expect(reported.map(([name]) => name)).toEqual(['close']);
    for (let n = 0; n < 10; n++) {
      socket.takeWaiting();
      await turn();
    }
    socket.takeWaiting(true);
    await turn();
    expect(reported.map(([name]) => name)).toEqual(['close']);
  });

  test('FAULT-8: wasClean is false if our Close frame and the messages before it never left', async () => {
    for (const leaves of [false, true]) {
      const { socket, connection, end, receive } = setUp('server');
      socket.block();
      connection.endpoint.sendBinary(Buffer.alloc(200_000));
      connection.endpoint.close(1000);
      await receive(closeFrame(1000));
      if (leaves) socket.takeWaiting(true);
      await turn();
      socket.destroy();
      await turn();
      expect(end()).toEqual([['close', 1000, '', leaves, false]]);
    }
  });

  test('above the high-water mark, waitsForDrain() writes the data, and returns false if the socket takes all of the data', () => {
    const { socket, connection } = setUp('server', { highWaterMark: 100 });
    connection.endpoint.sendBinary(Buffer.alloc(1_000));
    expect(connection.waitsForDrain()).toBe(false);
    expect(socket.bytes.length).toBe(1_004);
  });

  test("with flush: 'read', a connection writes the answers to a received chunk before the turn of the event loop ends", () => {
    const echo = (connection: SocketConnection) => (text: string | Buffer) =>
      void connection.endpoint.sendText(String(text));
    for (const flush of ['turn', 'read'] as const) {
      const line: Line = setUp('server', { flush }, { onText: (text) => echo(line.connection)(text) });
      line.connection.onData(Buffer.concat([frame(Op.Text, 'a'), frame(Op.Text, 'b')]));
      expect(line.frames().map(({ payload }) => payload.toString())).toEqual(
        flush === 'read' ? ['a', 'b'] : [],
      );
      expect(line.socket.writes).toBe(flush === 'read' ? 1 : 0);
      line.connection.endpoint.terminate();
    }
  });
});

describe('replies that wait to be sent', () => {
  const request = frame(Op.Binary, Buffer.alloc(10_000));

  test('A32, design: a server stops reading when its waiting replies exceed the high-water mark, and reads again when they have left', async () => {
    let handled = 0;
    const line: Line = setUp(
      'server',
      {},
      {
        onBinary: (payload) => {
          handled++;
          line.connection.endpoint.sendBinary(payload);
        },
      },
    );
    const { socket, connection, receive } = line;
    socket.block();
    for (let index = 0; index < 40; index++) await receive(request);
    expect(connection.endpoint.isPaused).toBe(true);
    expect(handled).toBeLessThan(12);
    expect(connection.endpoint.bufferedAmount).toBeLessThan(200_000);
    while (handled < 40) {
      socket.takeWaiting();
      await turn();
    }
    socket.takeWaiting(true);
    await turn();
    expect(connection.endpoint.isPaused).toBe(false);
    expect(line.frames()).toHaveLength(40);
  });

  test('A32: if too many replies wait, a server stops processing in the middle of a received chunk', async () => {
    let handled = 0;
    const line: Line = setUp(
      'server',
      {},
      {
        onText: () => {
          handled++;
          line.connection.endpoint.sendBinary(Buffer.alloc(30_000));
        },
      },
    );
    line.socket.block();
    await line.receive(Buffer.concat(Array.from({ length: 1_000 }, () => frame(Op.Text, 'more'))));
    expect(handled).toBeLessThan(10);
  });

  test('A32: while replies wait, a server does not read, even if the handler calls resume() before each reply', async () => {
    let handled = 0;
    const line: Line = setUp(
      'server',
      {},
      {
        onText: () => {
          handled++;
          line.connection.resume();
          line.connection.endpoint.sendBinary(Buffer.alloc(30_000));
        },
      },
    );
    line.socket.block();
    await line.receive(Buffer.concat(Array.from({ length: 1_000 }, () => frame(Op.Text, 'more'))));
    expect(handled).toBeLessThan(10);
  });

  test('design: a client reads even if its replies wait, because both ends would otherwise wait forever', async () => {
    let handled = 0;
    const line: Line = setUp(
      'client',
      {},
      {
        onText: () => {
          handled++;
          line.connection.endpoint.sendBinary(Buffer.alloc(30_000));
        },
      },
    );
    line.socket.block();
    for (let index = 0; index < 40; index++) await line.receive(frame(Op.Text, 'more', { mask: false }));
    expect(handled).toBe(40);
  });

  test('A26: if a peer floods us with pings and does not read, only the pong for its newest ping waits', async () => {
    const { socket, connection, receive, frames } = setUp();
    socket.block();
    await receive(frame(Op.Ping, 'first'));
    for (let index = 0; index < 1_000; index++) await receive(frame(Op.Ping, `ping ${index}`));
    expect(connection.endpoint.bufferedAmount).toBeLessThan(20);
    socket.takeWaiting(true);
    await turn();
    expect(frames().map(({ payload }) => payload.toString())).toEqual(['first', 'ping 999']);
  });

  test('A27: if the peer reads, an endpoint answers every ping of the peer', async () => {
    const { receive, frames } = setUp();
    await receive(Buffer.concat(Array.from({ length: 10_000 }, (_, index) => frame(Op.Ping, String(index)))));
    expect(frames().map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 10_000 }, (_, index) => String(index)),
    );
  });
});

describe('pausing a connection on a socket', () => {
  test('after pause() a connection stops reading, and after resume() it delivers all messages in order', async () => {
    const line: Line = setUp(
      'server',
      {},
      {
        onText: (text) => {
          line.reported.push(['text', text]);
          if (text === 'b') line.connection.pause();
        },
      },
    );
    await line.receive(
      Buffer.concat(['a', 'b', 'c'].map((text) => frame(Op.Text, text))),
      frame(Op.Text, 'd'),
    );
    const texts = (): unknown[] => line.reported.filter(([name]) => name === 'text').map(([, text]) => text);
    expect(texts()).toEqual(['a', 'b']);
    expect(line.socket.isPaused()).toBe(true);
    line.connection.resume();
    await turn();
    expect(texts()).toEqual(['a', 'b', 'c', 'd']);
  });
});

test('a client and a server close cleanly on a pair of Duplex streams, even if handlers run inside each other', async () => {
  for (const flush of ['turn', 'read'] as const) {
    const [left, right] = duplexPair();
    const closed: unknown[][] = [];
    const events = (onText: (text: string) => void): ConnectionEvents => ({
      onText: (text) => onText(String(text)),
      onBinary() {},
      onFragment() {},
      onPing() {},
      onPong() {},
      onClosing() {},
      onDrain() {},
      onClose: (...values) => closed.push(values),
      onError: (error) => closed.push([error]),
    });
    let count = 0;
    const server = bindSocket(
      left as Duplex,
      events((text) => {
        if (text === '100') server.endpoint.close(3000, 'enough');
        else server.endpoint.sendText(text);
      }),
      { role: 'server', limits: { ...serverLimits, flush } },
    );
    const client = bindSocket(
      right as Duplex,
      events(() => {
        client.endpoint.sendText(String(++count));
      }),
      { role: 'client', limits: { ...clientLimits, flush } },
    );
    server.start(Buffer.alloc(0));
    client.start(Buffer.alloc(0));
    client.endpoint.sendText('0');
    while (closed.length < 2) await turn();
    await turn();
    const code = { code: 3000, reason: 'enough', sentCode: 3000, sentReason: 'enough', error: null };
    expect(closed).toEqual(
      expect.arrayContaining([
        [{ ...code, wasClean: true, byPeer: true }],
        [{ ...code, wasClean: true, byPeer: false }],
      ]),
    );
  }
  expect(vi.getTimerCount()).toBe(0);
});

describe('reset() of a connection', () => {
  async function tcpPair(): Promise<{ ours: Socket; peer: Socket }> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const peer = connect({
      port: (server.address() as AddressInfo).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    peer.on('error', () => {});
    const ours = await accepted;
    server.close();
    return { ours, peer };
  }

  const nothing = (): void => {};
  const silent: ConnectionEvents = {
    onText: nothing,
    onBinary: nothing,
    onFragment: nothing,
    onPing: nothing,
    onPong: nothing,
    onClosing: nothing,
    onError: nothing,
    onDrain: nothing,
    onClose: nothing,
  };

  test.each([
    ['breaks a rule', 'onError', frame(3), 1006],
    ['sends a Close frame', 'onClosing', closeFrame(1000), 1000],
  ] as const)(
    'FAULT-3: if the peer %s and the handler of %s calls reset(), the connection and the socket are closed',
    async (_cause, hook, bytes, code) => {
      const { ours, peer } = await tcpPair();
      const gone = new Promise<void>((resolve) => ours.once('close', () => resolve()));
      const codes: number[] = [];
      let resets = 0;
      const connection = bindSocket(
        ours,
        {
          ...silent,
          onClose: (record) => codes.push(record.code),
          [hook]: () => {
            resets++;
            connection.reset();
          },
        },
        { role: 'server', limits: serverLimits },
      );
      connection.start(Buffer.alloc(0));
      peer.write(bytes);
      await gone;
      expect([resets, codes, connection.isClosed]).toEqual([1, [code], true]);
      peer.destroy();
    },
  );
});

test('a violation of the protocol is reported as a ProtocolError', async () => {
  const errors: Error[] = [];
  const { receive, pass } = setUp('server', {}, { onError: (error) => errors.push(error) });
  await receive(frame(3));
  expect(errors[0]).toBeInstanceOf(ProtocolError);
  await pass(6_000);
});
