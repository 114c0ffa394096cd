/** Tests `close()` and the `close` event of `WebSocket`, as in the WebSockets Standard and RFC 6455 §7. */
import { afterEach, describe, expect, test } from 'vitest';
import type { WebSocket } from '../../../src/websocket.ts';
import { startServer } from '../../transport/servers.ts';
import { closeFrame, codeOf, Op } from '../../transport/wire.ts';
import { closeAll, message, rawServer, task, thrownBy, watch } from './harness.ts';

afterEach(closeAll);

/** Opens a `WebSocket`. @returns the WebSocket, its events, and the server's end of the connection */
async function opened(...options: unknown[]) {
  const server = await rawServer();
  const { socket, events } = watch(server.url, [], ...(options as []));
  await events.opened();
  return { socket, events, peer: await server.peer };
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Waits for the Close frame that the server receives. @returns its code and its reason */
async function closeOf({ peer }: Opened): Promise<{ code: number; reason: string }> {
  await peer.until(() => peer.frames.some(({ opcode }) => opcode === Op.Close));
  const found = peer.frames.find(({ opcode }) => opcode === Op.Close)!;
  return { code: codeOf(found), reason: found.payload.toString('utf8', 2) };
}

function endOf({ code, reason, wasClean }: { code: number; reason: string; wasClean: boolean }) {
  return { code, reason, wasClean };
}

describe('the arguments of close()', () => {
  const call = (socket: WebSocket, ...given: unknown[]) =>
    thrownBy(() => (socket.close as (...given: unknown[]) => void).apply(socket, given));

  test('in every state, close() throws an InvalidAccessError for a code other than 1000 and 3000 to 4999', async () => {
    const { socket, events, peer } = await opened();
    const bad = [
      0,
      500,
      999,
      1001,
      1005,
      1006,
      1011,
      2999,
      5000,
      65_535,
      65_536,
      -1,
      NaN,
      null,
      'reason only',
      {},
    ];
    for (const code of bad) expect(call(socket, code)).toBe('InvalidAccessError');
    expect(socket.readyState).toBe(1);
    socket.close();
    expect(call(socket, 999)).toBe('InvalidAccessError');
    peer.write(closeFrame(null, '', { mask: false }));
    peer.socket.end();
    await events.closed();
    expect(call(socket, 999)).toBe('InvalidAccessError');
  });

  test('close() rounds its code to the nearest integer, and it rounds a half to the even integer', async () => {
    for (const [given, sent] of [
      [1000, 1000],
      [3000, 3000],
      [4999, 4999],
      [4999.4, 4999],
      [2999.5, 3000],
      [3000.5, 3000],
      [3001.5, 3002],
      ['4000', 4000],
      [{ valueOf: () => 4001 }, 4001],
    ] as const) {
      const one = await opened();
      expect(call(one.socket, given)).toBe('');
      expect(await closeOf(one)).toEqual({ code: sent, reason: '' });
    }
    const { socket } = await opened();
    expect(call(socket, 4999.5)).toBe('InvalidAccessError');
    expect(call(socket, 4000n)).toBe('TypeError');
    expect(call(socket, Symbol('x'))).toBe('TypeError');
  });

  test('close() sends a reason of 123 bytes, and throws a SyntaxError for a longer reason', async () => {
    const one = await opened();
    expect(call(one.socket, 1000, 'a'.repeat(124))).toBe('SyntaxError');
    expect(call(one.socket, 1000, 'ü'.repeat(62))).toBe('SyntaxError');
    expect(one.socket.readyState).toBe(1);
    one.socket.close(3000, 'ü'.repeat(61));
    expect(await closeOf(one)).toEqual({ code: 3000, reason: 'ü'.repeat(61) });
  });

  test('close() without arguments sends a Close frame without a body', async () => {
    for (const given of [[], [undefined], [undefined, undefined], [undefined, '']]) {
      const one = await opened();
      expect(call(one.socket, ...given)).toBe('');
      await one.peer.until(() => one.peer.frames.length > 0);
      expect(one.peer.frames[0]!.payload.length).toBe(0);
    }
  });

  test('if close() has a reason but no code, the Close frame has the code 1000', async () => {
    const one = await opened();
    one.socket.close(undefined, 'done');
    expect(await closeOf(one)).toEqual({ code: 1000, reason: 'done' });
  });

  test('close() converts its reason to a string, and unpaired surrogates become U+FFFD', async () => {
    const one = await opened();
    expect(call(one.socket, 1000, 'a\ud800b')).toBe('');
    expect(await closeOf(one)).toEqual({ code: 1000, reason: 'a\ufffdb' });
    const other = await opened();
    expect(call(other.socket, 1000, null)).toBe('');
    expect(await closeOf(other)).toEqual({ code: 1000, reason: 'null' });
  });

  test('close() returns undefined', async () => {
    const { socket } = await opened();
    expect(socket.close(1000)).toBeUndefined();
    expect(socket.close(1000)).toBeUndefined();
  });
});

describe('closing', () => {
  test('close() sets readyState to CLOSING and fires no event before it returns', async () => {
    const one = await opened();
    const before = one.events.all.length;
    one.socket.close(4000, 'bye');
    expect(one.socket.readyState).toBe(2);
    expect(one.events.all.length).toBe(before);
    await closeOf(one);
    one.peer.write(closeFrame(4000, 'bye', { mask: false }));
    one.peer.socket.end();
    expect(endOf(await one.events.closed())).toEqual({ code: 4000, reason: 'bye', wasClean: true });
    expect(one.socket.readyState).toBe(3);
    expect(one.events.of('error')).toEqual([]);
  });

  test('the close event has the code and reason of the peer, even if the program passed others to close()', async () => {
    const one = await opened();
    one.socket.close(4000, 'ours');
    await closeOf(one);
    one.peer.write(closeFrame(4001, 'theirs', { mask: false }));
    one.peer.socket.end();
    expect(endOf(await one.events.closed())).toEqual({ code: 4001, reason: 'theirs', wasClean: true });
  });

  test('after the first call of close(), other calls have no effect', async () => {
    const one = await opened();
    one.socket.close(4000, 'first');
    one.socket.close(4001, 'second');
    await closeOf(one);
    one.peer.write(closeFrame(4000, '', { mask: false }));
    one.peer.socket.end();
    await one.events.closed();
    one.socket.close(4002, 'third');
    expect(one.peer.frames.filter(({ opcode }) => opcode === Op.Close).length).toBe(1);
    await task();
    expect(one.events.of('close').length).toBe(1);
    expect(one.socket.readyState).toBe(3);
  });

  test('messages that arrive after the call of close() are not delivered', async () => {
    const one = await opened();
    one.peer.write(message('before'));
    await one.events.messages(1);
    one.socket.close();
    await closeOf(one);
    one.peer.write(Buffer.concat([message('after'), closeFrame(1000, '', { mask: false })]));
    one.peer.socket.end();
    await one.events.closed();
    expect(one.events.data).toEqual(['before']);
  });

  test('if a listener calls close(), messages that have arrived but were not delivered are dropped', async () => {
    const one = await opened();
    one.socket.onmessage = () => one.socket.close();
    one.peer.write(Buffer.concat([message('1'), message('2'), message('3')]));
    await closeOf(one);
    one.peer.write(closeFrame(null, '', { mask: false }));
    one.peer.socket.end();
    await one.events.closed();
    expect(one.events.data).toEqual(['1']);
  });

  test('if the peer closes, earlier messages are delivered first, and the close event has the code of the peer', async () => {
    const one = await opened();
    const states: number[] = [];
    one.socket.addEventListener('message', () => states.push(one.socket.readyState));
    one.peer.write(Buffer.concat([message('a'), message('b'), closeFrame(3001, 'over', { mask: false })]));
    await closeOf(one);
    expect(one.socket.readyState).toBe(2);
    one.peer.socket.end();
    expect(endOf(await one.events.closed())).toEqual({ code: 3001, reason: 'over', wasClean: true });
    expect(states).toEqual([1, 1]);
    expect(one.events.types).toEqual(['open', 'message', 'message', 'close']);
  });

  test('if the Close frame of the peer has no code, the close event has the code 1005', async () => {
    const one = await opened();
    one.peer.write(closeFrame(null, '', { mask: false }));
    await closeOf(one);
    one.peer.socket.end();
    expect(endOf(await one.events.closed())).toEqual({ code: 1005, reason: '', wasClean: true });
  });

  test('if a Close frame arrives together with the 101 response, the open event is fired before the close event', async () => {
    const server = await rawServer('', closeFrame(1001, 'PASS', { mask: false }));
    const { socket, events } = watch(server.url);
    const peer = await server.peer;
    await peer.until(() => peer.frames.length > 0);
    peer.socket.end();
    expect(endOf(await events.closed())).toEqual({ code: 1001, reason: 'PASS', wasClean: true });
    expect(events.types).toEqual(['open', 'close']);
    expect(socket.readyState).toBe(3);
  });

  test('messages of earlier calls of send() are sent before the Close frame', async () => {
    const received: unknown[] = [];
    let closed: (code: number) => void = () => {};
    const code = new Promise<number>((resolve) => {
      closed = resolve;
    });
    const { url } = await startServer(
      { message: (_c, text) => void received.push(text), close: (_c, given) => closed(given) },
      { compression: true },
    );
    const { socket, events } = watch(url, [], { compression: true });
    await events.opened();
    socket.send('x'.repeat(200_000));
    socket.send('small');
    socket.close(4000);
    expect(await code).toBe(4000);
    expect(received).toEqual(['x'.repeat(200_000), 'small']);
  });
});

describe('close() in the state CONNECTING', () => {
  test('close() in the state CONNECTING sets readyState to CLOSING, and later an error event and a close event with 1006 are fired', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    socket.close();
    expect(socket.readyState).toBe(2);
    expect(events.types).toEqual([]);
    await Promise.resolve();
    expect(events.types).toEqual([]);
    expect(endOf(await events.closed())).toEqual({ code: 1006, reason: '', wasClean: false });
    expect(events.types).toEqual(['error', 'close']);
    expect((await events.failed()).error).toMatchObject({ name: 'AbortError' });
    expect(socket.readyState).toBe(3);
  });

  test('close() in the state CONNECTING fails the connection, and with invalid arguments it throws and has no effect', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    expect(thrownBy(() => socket.close(1001))).toBe('InvalidAccessError');
    expect(thrownBy(() => socket.close(1000, 'a'.repeat(124)))).toBe('SyntaxError');
    expect(socket.readyState).toBe(0);
    socket.close(4000, 'x');
    expect(endOf(await events.closed())).toEqual({ code: 1006, reason: '', wasClean: false });
    expect(events.types).toEqual(['error', 'close']);
  });

  test('whenever close() is called during the handshake, readyState never decreases', async () => {
    // Each round calls close() a little later than the previous round. In the last round, the connection is already open.
    for (let turns = 0; ; turns++) {
      const server = await rawServer();
      const { socket, events } = watch(server.url);
      const states: number[] = [];
      const note = () => states.push(socket.readyState);
      for (const type of ['open', 'error', 'close']) socket.addEventListener(type, note);
      for (let turn = 0; turn < turns; turn++) {
        note();
        await new Promise((resolve) => (turn % 3 === 2 ? setTimeout(resolve, 1) : setImmediate(resolve)));
      }
      const wasOpen = socket.readyState === 1;
      socket.close();
      note();
      const peer = wasOpen ? await server.peer : null;
      if (peer !== null) {
        await peer.until(() => peer.frames.length > 0);
        peer.write(closeFrame(null, '', { mask: false })).socket.end();
      }
      await events.closed();
      note();
      expect(states).toEqual([...states].sort());
      expect(events.types).toEqual(wasOpen ? ['open', 'close'] : ['error', 'close']);
      if (wasOpen) break;
    }
  });

  test('close() works if the program calls it in a microtask after the constructor, or in a listener of open', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    await Promise.resolve().then(() => socket.close());
    await events.closed();
    expect(events.types).toEqual(['error', 'close']);
    const again = await rawServer();
    const { socket: second, events: secondEvents } = watch(again.url);
    second.onopen = () => second.close();
    const peer = await again.peer;
    await peer.until(() => peer.frames.length > 0);
    peer.write(closeFrame(null, '', { mask: false })).socket.end();
    expect(endOf(await secondEvents.closed())).toEqual({ code: 1005, reason: '', wasClean: true });
  });

  test('if the application aborts its signal, the error event has the reason of the signal, and a close event follows', async () => {
    const server = await rawServer();
    const abort = new AbortController();
    const { events } = watch(server.url, [], { signal: abort.signal });
    const reason = new Error('no longer wanted');
    abort.abort(reason);
    expect(events.types).toEqual([]);
    expect((await events.failed()).error).toBe(reason);
    expect(events.types).toEqual(['error', 'close']);
  });
});
