/**
 * Inside a callback (hook), an application may call any method of the endpoint. These tests make every call inside every hook, and throw in
 * every hook. They also use a transport that delivers synchronously, so that `receive` runs during a send.
 */
import { describe, expect, test } from 'vitest';
import { Endpoint, EndpointState } from '../../src/frame/endpoint.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import type { Role } from '../../src/frame/parser.ts';
import type { ByteSink, SendCallback } from '../../src/frame/sink.ts';
import {
  type Bench,
  bench,
  type EventName,
  eventNames,
  peerFrame,
  type ReadFrame,
  Recorder,
  readFrames,
  roles,
  sendFragmented,
} from './harness.ts';

const closePayload = Buffer.from([3, 232]);

/** For each hook, `act` makes an open endpoint call the hook. */
const triggers: Record<string, { hook: EventName; act: (connection: Bench) => void }> = {
  onText: { hook: 'onText', act: ({ feed }) => void feed({ opcode: 1, payload: 'text' }) },
  'onText in pieces': {
    hook: 'onText',
    act: ({ endpoint, role }) => {
      const bytes = peerFrame(role, { opcode: 1, payload: 'text' });
      endpoint.receive(Buffer.from(bytes.subarray(0, -1)));
      endpoint.receive(Buffer.from(bytes.subarray(-1)));
    },
  },
  onBinary: { hook: 'onBinary', act: ({ feed }) => void feed({ opcode: 2, payload: 'data' }) },
  onFragment: {
    hook: 'onFragment',
    act: ({ feed }) => void feed({ opcode: 2, fin: false, payload: 'data' }),
  },
  onPing: { hook: 'onPing', act: ({ feed }) => void feed({ opcode: 9, payload: 'ping' }) },
  onPong: { hook: 'onPong', act: ({ feed }) => void feed({ opcode: 10, payload: 'pong' }) },
  'onClosing by the peer': {
    hook: 'onClosing',
    act: ({ feed }) => void feed({ opcode: 8, payload: closePayload }),
  },
  'onClosing by close()': { hook: 'onClosing', act: ({ endpoint }) => endpoint.close(1000) },
  'onError of a violation': { hook: 'onError', act: ({ feed }) => void feed({ opcode: 3 }) },
  'onError of a deadline': {
    hook: 'onError',
    act: ({ endpoint, feed }) => {
      feed({ opcode: 1, fin: false, payload: 'half' });
      endpoint.messageTimedOut();
    },
  },
  'onError of abort()': { hook: 'onError', act: ({ endpoint }) => endpoint.abort(new Error('gone')) },
  'onClose of the transport': { hook: 'onClose', act: ({ endpoint }) => endpoint.transportClosed() },
  'onClose of the peer': { hook: 'onClose', act: ({ endpoint }) => endpoint.receiveEnd() },
};

/** All calls that an application can make on an endpoint. */
const calls: Record<string, (connection: Bench) => void> = {
  sendText: ({ endpoint }) => void endpoint.sendText('reply'),
  'sendText, large': ({ endpoint }) => void endpoint.sendText('reply'.repeat(2000)),
  sendBinary: ({ endpoint }) => void endpoint.sendBinary(Buffer.alloc(10)),
  'sendBinary, large': ({ endpoint }) => void endpoint.sendBinary(Buffer.alloc(10_000)),
  sendFragmented: ({ endpoint }) => void sendFragmented(endpoint, 'reply', 2),
  ping: ({ endpoint }) => void endpoint.ping(),
  pong: ({ endpoint }) => void endpoint.pong(),
  close: ({ endpoint }) => endpoint.close(3000, 'from inside'),
  terminate: ({ endpoint }) => endpoint.terminate(),
  abort: ({ endpoint }) => endpoint.abort(new Error('from inside')),
  fail: ({ endpoint }) => endpoint.fail(new Error('from inside')),
  pause: ({ endpoint }) => endpoint.pause(),
  resume: ({ endpoint }) => endpoint.resume(),
  'pause, resume': ({ endpoint }) => {
    endpoint.pause();
    endpoint.resume();
  },
  transportBlocked: ({ endpoint }) => endpoint.transportBlocked(),
  transportDrained: ({ endpoint }) => endpoint.transportDrained(),
  messageTimedOut: ({ endpoint }) => endpoint.messageTimedOut(),
  'receive of a message': ({ feed }) => void feed({ opcode: 1, payload: 'nested' }),
  'receive of half a frame': ({ endpoint, role }) =>
    void endpoint.receive(peerFrame(role, { opcode: 1, payload: 'nested' }).subarray(0, 5)),
  'receive of a ping': ({ feed }) => void feed({ opcode: 9 }),
  'receive of a Close': ({ feed }) => void feed({ opcode: 8, payload: closePayload }),
  'receive of a violation': ({ feed }) => void feed({ opcode: 3 }),
  receiveEnd: ({ endpoint }) => endpoint.receiveEnd(),
  transportClosed: ({ endpoint }) => endpoint.transportClosed(),
  throw: () => {
    throw new Error('from inside');
  },
};

/** Checks the rules that every test must obey: §5.5.1, §5.4, §7.1.4. */
function expectLegal(role: Role, frames: readonly ReadFrame[], events: Recorder): void {
  let inside = false;
  let closed = false;
  for (const { opcode, fin, masked, rsv } of frames) {
    expect([masked, rsv]).toEqual([role === 'client', 0]);
    if (opcode === 8) {
      expect(closed).toBe(false);
      closed = true;
    } else if (opcode < 8) {
      // C3: no data frame follows a Close frame. F17: messages are not interleaved.
      expect(closed).toBe(false);
      expect(opcode === 0).toBe(inside);
      inside = !fin;
    }
  }
  const names = events.log.map(([name]) => name);
  expect(names.filter((name) => name === 'onClose').length).toBe(1);
  expect(names.filter((name) => name === 'onClosing').length).toBeLessThanOrEqual(1);
  // After onClose, only the exception of onClose itself is reported.
  expect(names.slice(names.indexOf('onClose') + 1).filter((name) => name !== 'onError')).toEqual([]);
}

describe.each(roles)('the callbacks of a %s call methods of the endpoint', (role) => {
  for (const [name, { hook, act }] of Object.entries(triggers)) {
    for (const [call, run] of Object.entries(calls)) {
      test(`C3, C13, F23, F26: after ${call} inside ${name}, the endpoint still follows the rules and closes once [A48, A49]`, () => {
        const connection = bench(role);
        const { endpoint, events, sink } = connection;
        let ran = 0;
        events.act = (event) => {
          if (event !== hook || ran > 0) return;
          ran++;
          run(connection);
        };
        act(connection);
        expect(ran).toBe(1);
        // If the connection is still open, it continues.
        endpoint.resume();
        endpoint.transportDrained();
        connection.feed({ opcode: 1, payload: 'after' });
        connection.feed({ opcode: 9 });
        endpoint.sendText('after');
        endpoint.close();
        connection.feed({ opcode: 8 });
        endpoint.transportClosed();
        endpoint.transportClosed();
        expect(endpoint.state).toBe(EndpointState.Closed);
        expectLegal(role, sink.frames, events);
        if (call === 'throw' || call === 'abort' || call === 'fail') {
          const thrown = events.errors.filter(({ message }) => message === 'from inside');
          // `onError` does not receive its own exception, and abort() has no effect after the connection was closed.
          const isHeard =
            (call !== 'throw' || hook !== 'onError') && (call !== 'abort' || hook !== 'onClose');
          expect(thrown.length).toBe(isHeard ? 1 : 0);
        }
      });
    }
  }

  test('the table of these tests has every callback', () => {
    expect(new Set(Object.values(triggers).map(({ hook }) => hook))).toEqual(new Set(eventNames));
  });

  for (const name of ['onText', 'onBinary', 'onFragment', 'onPing', 'onPong']) {
    test(`C16, F26: an exception in ${name} closes the connection with 1011, and the Close frame does not reveal the exception [A48]`, () => {
      const connection = bench(role);
      const { events, sink } = connection;
      events.act = (event) => {
        if (event === name) throw new Error('a secret');
      };
      triggers[name]!.act(connection);
      connection.feed({ opcode: 1, payload: 'more' });
      const close = sink.frames.at(-1)!;
      expect(close.opcode).toBe(8);
      expect(close.payload.toString('hex')).toBe('03f3');
      expect(sink.bytes.includes('secret')).toBe(false);
      expect(sink.calls).toEqual(['closing', 'end']);
      expect(events.of('onError')).toEqual([['a secret']]);
      expect(events.of(name as EventName).length).toBe(1);
    });
  }

  test('F26: if a callback throws a value that is not an Error, onError receives an Error with this value as its cause [A48]', () => {
    for (const thrown of ['text', undefined, null, 7, { toString: () => 'x' }]) {
      const { events, feed } = bench(role);
      events.act = (event) => {
        if (event === 'onText') throw thrown;
      };
      feed({ opcode: 1, payload: 'x' });
      expect(events.errors.length).toBe(1);
      expect(events.errors[0]).toBeInstanceOf(Error);
      expect(events.errors[0]?.cause).toBe(thrown);
    }
  });

  test('C13: an exception in onClosing is reported to onError, and does not reach the caller of close()', () => {
    const { endpoint, events, sink, sentCloseCode } = bench(role);
    events.act = (event) => {
      if (event === 'onClosing') throw new Error('inside');
    };
    endpoint.close(3000);
    expect(sentCloseCode()).toBe(3000);
    expect(sink.calls).toEqual(['closing', 'closing', 'end']);
    expect(events.of('onError')).toEqual([['inside']]);
  });

  test('F24: if a callback passes bytes to receive(), the endpoint processes them after the current chunk [A49]', () => {
    const { endpoint, events } = bench(role);
    const texts = (...list: string[]): Buffer =>
      Buffer.concat(list.map((payload) => peerFrame(role, { opcode: 1, payload })));
    const nested: Record<string, Buffer[]> = { a: [texts('d'), texts('e', 'f')], d: [texts('g')] };
    events.act = () => {
      const text = String(events.log.at(-1)?.[1]);
      for (const chunk of nested[text] ?? []) expect(endpoint.receive(chunk)).toBe(true);
    };
    endpoint.receive(texts('a', 'b', 'c'));
    expect(events.of('onText').map(([text]) => text)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  test('C13: if a callback calls receiveEnd(), the endpoint processes the end after the current chunk', () => {
    const connection = bench(role);
    const { endpoint, events } = connection;
    events.act = (event) => {
      if (event === 'onText') endpoint.receiveEnd();
    };
    endpoint.receive(
      Buffer.concat([
        peerFrame(role, { opcode: 1, payload: 'a' }),
        peerFrame(role, { opcode: 8, payload: closePayload }),
      ]),
    );
    endpoint.transportClosed();
    expect(events.log.map(([name]) => name)).toEqual(['onText', 'onClosing', 'onClose']);
    expect(events.of('onClose')).toEqual([[1000, '', true, true]]);
  });

  test('F26: if another endpoint receives data inside a callback, both endpoints report the correct events [A49]', () => {
    for (const hook of ['onText', 'onBinary', 'onFragment', 'onPing', 'onPong'] as const) {
      for (const otherRole of roles) {
        const ours = bench(role);
        const other = bench(otherRole);
        ours.events.act = (event) => {
          if (event !== hook) return;
          other.feed({ opcode: 1, fin: false, payload: 'Gr\u00fc' });
          other.feed({ opcode: 9, payload: 'between' });
          other.feed({ opcode: 0, payload: '\u00dfe' });
          other.feed({ opcode: 2, payload: Buffer.alloc(500, 1) });
          other.endpoint.sendText('reply');
          other.endpoint.sendBinary(Buffer.alloc(9000, 2));
        };
        const stream = Buffer.concat([
          peerFrame(role, { opcode: 1, fin: false, payload: 'fragm\u00e9' }),
          peerFrame(role, { opcode: 9, payload: 'ping' }),
          peerFrame(role, { opcode: 10, payload: 'pong' }),
          peerFrame(role, { opcode: 0, payload: 'nt' }),
          peerFrame(role, { opcode: 2, payload: Buffer.alloc(300, 7) }),
        ]);
        for (let at = 0; at < stream.length; at += 7) {
          ours.endpoint.receive(Buffer.from(stream.subarray(at, at + 7)));
        }
        expect(ours.events.log).toEqual([
          ['onFragment'],
          ['onPing', Buffer.from('ping').toString('hex')],
          ['onPong', Buffer.from('pong').toString('hex')],
          ['onText', 'fragm\u00e9nt', 9],
          ['onBinary', '07'.repeat(300), 300],
        ]);
        expect(ours.sink.frames.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
          [10, 'ping'],
        ]);
        expect(other.events.of('onText')).toEqual([['Gr\u00fc\u00dfe', 7]]);
        expect(other.sink.frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
          [10, 7],
          [1, 5],
          [2, 9000],
        ]);
      }
    }
  });

  test('F25, C17: if the budget aborts a message, onError of the connection may end other connections that wait for memory [A49]', () => {
    for (const end of ['terminate', 'transportClosed', 'close'] as const) {
      const clock = { now: 0 };
      const memoryBudget = new MemoryBudget(10_000, () => clock.now);
      const options = { memoryBudget, maxMessageSize: 9000 };
      const [victim, ...others] = Array.from({ length: 5 }, () => bench(role, options));
      victim!.events.act = (event) => {
        if (event === 'onError') for (const { endpoint } of others) endpoint[end]();
      };
      for (const { feed } of [victim!, ...others])
        feed({ opcode: 2, fin: false, payload: Buffer.alloc(6000) });
      expect(memoryBudget.isWaiting).toBe(true);
      for (; clock.now < 4000; clock.now += 500) memoryBudget.review();
      expect(victim!.sentCloseCode()).toBe(1013);
      for (const { endpoint } of [victim!, ...others]) endpoint.transportClosed();
      expect([memoryBudget.used, memoryBudget.isWaiting]).toEqual([0, false]);
      for (const { events } of others) expect(events.of('onClose').length).toBe(1);
    }
  });

  test('C13: if the transport reports its end during a call of the endpoint, onClose is called once, as the last event', () => {
    const starts: ((connection: Bench) => void)[] = [
      ({ endpoint }) => endpoint.terminate(),
      ({ endpoint }) => endpoint.close(1000),
      ({ feed }) => void feed({ opcode: 8 }),
      ({ feed }) => void feed({ opcode: 3 }),
      ({ feed }) => void feed({ opcode: 9, payload: 'x' }),
      ({ endpoint }) => void sendFragmented(endpoint, 'abc', 1),
    ];
    for (const start of starts) {
      const connection = bench(role);
      const { endpoint, sink, events } = connection;
      sink.onSend = () => endpoint.transportClosed();
      sink.onEnd = () => endpoint.transportClosed();
      sink.onDestroy = () => endpoint.transportClosed();
      start(connection);
      endpoint.transportClosed();
      expect(endpoint.state).toBe(EndpointState.Closed);
      expectLegal(role, sink.frames, events);
      connection.feed({ opcode: 1, payload: 'x' });
      expect(endpoint.sendText('x')).toBe(0);
      expect(events.of('onClose').length).toBe(1);
    }
  });

  test('C20: if the connection is aborted while a pong is sent, the endpoint does not call onPing', () => {
    const { endpoint, sink, events, feed } = bench(role);
    sink.onSend = () => endpoint.abort(new Error('send cap'));
    feed({ opcode: 9, payload: 'x' });
    expect(events.log).toEqual([['onError', 'send cap']]);
  });
});

/** Passes all bytes to the other endpoint immediately, during the call that sends the bytes. */
class SynchronousSink implements ByteSink {
  peer: Endpoint | null = null;
  sent: Buffer[] = [];
  bufferedAmount = 0;
  blocked = false;
  #buffer = Buffer.alloc(0);

  reserve(size: number): { readonly buffer: Buffer; readonly offset: number } {
    this.#buffer = Buffer.alloc(size, 0xa5);
    return { buffer: this.#buffer, offset: 0 };
  }
  commit(size: number): void {
    this.#send(this.#buffer.subarray(0, size));
  }
  append(payload: Uint8Array, size: number): void {
    if (size > 0) this.commit(size);
    this.#send(payload);
  }
  #send(payload: Uint8Array): void {
    this.sent.push(Buffer.from(payload));
    this.peer?.receive(Buffer.from(payload));
  }
  closing(): void {}
  end(): void {}
  destroy(): void {}
  resumeReading(): void {}
  whenSent(done: SendCallback): void {
    done(null);
  }
}

interface Side {
  role: Role;
  sink: SynchronousSink;
  events: Recorder;
  endpoint: Endpoint;
}

function side(role: Role): Side {
  const sink = new SynchronousSink();
  const events = new Recorder();
  return { role, sink, events, endpoint: new Endpoint(sink, events, { role, maxMessageSize: 1e6 }) };
}

function synchronousPair(): [Side, Side] {
  const [client, server] = [side('client'), side('server')];
  client.sink.peer = server.endpoint;
  server.sink.peer = client.endpoint;
  return [client, server];
}

describe('two endpoints on a transport that delivers synchronously', () => {
  /** Checks that no frame of either endpoint is broken, out of place or lost. */
  function finish(...sides: Side[]): void {
    for (const { endpoint } of sides) endpoint.transportClosed();
    for (const { role, sink, events } of sides) {
      expect(events.of('onError')).toEqual([]);
      expectLegal(role, readFrames(Buffer.concat(sink.sent)), events);
    }
  }

  test('F17, F23: if a callback sends a message while another message is half sent, the frames of the two messages are not mixed', () => {
    for (const first of ['client', 'server'] as const) {
      const pair = synchronousPair();
      const [sender, replier] = first === 'client' ? pair : [pair[1], pair[0]];
      // This endpoint answers every event with a message. The other endpoint answers each ping with a message.
      replier.events.act = (event) => {
        if (event === 'onFragment') replier.endpoint.ping(Buffer.from('progress'));
        if (event === 'onPing') replier.endpoint.sendText('pinged');
        if (event === 'onText' || event === 'onBinary') sendFragmented(replier.endpoint, 'reply', 2);
      };
      sender.events.act = (event) => {
        if (event === 'onPing') sender.endpoint.sendBinary(Buffer.alloc(6000, 5));
        if (event === 'onFragment') sender.endpoint.pong();
      };
      sendFragmented(sender.endpoint, 'fragmented message', 5);
      sender.endpoint.sendBinary(Buffer.alloc(9000, 1));
      sender.endpoint.sendText('x'.repeat(5000));
      sender.endpoint.ping();
      // Four fragments cause three pings, and each ping is answered with a message.
      expect(replier.events.of('onBinary').length).toBe(4);
      expect(replier.events.of('onText').map(([text]) => String(text).slice(0, 18))).toEqual(
        expect.arrayContaining(['fragmented message', 'x'.repeat(18)]),
      );
      expect(sender.events.of('onText').filter(([text]) => text === 'reply').length).toBe(6);
      expect(sender.events.of('onPong').length).toBe(1);
      finish(...pair);
    }
  });

  test('C4, C6, C13: the closing handshake completes if the client, the server, or both call close()', () => {
    for (const closers of [['client'], ['server'], ['client', 'server']] as const) {
      const pair = synchronousPair();
      const [client, server] = pair;
      for (const name of closers) (name === 'client' ? client : server).endpoint.close(3000, name);
      finish(...pair);
      expect(client.events.of('onClose')).toEqual([[3000, closers[0], true, closers[0] === 'server']]);
      expect(server.events.of('onClose')).toEqual([[3000, closers[0], true, closers[0] === 'client']]);
    }
  });

  test('C6: the closing handshake completes if the server closes when it receives a message, and the client closes in onClosing', () => {
    const pair = synchronousPair();
    const [client, server] = pair;
    server.events.act = (event) => {
      if (event === 'onText') server.endpoint.close(1000, 'server');
    };
    client.events.act = (event) => {
      if (event === 'onClosing') client.endpoint.close(1000, 'client');
    };
    sendFragmented(client.endpoint, 'question', 3);
    finish(...pair);
    expect(server.events.of('onClose')).toEqual([[1000, 'server', true, false]]);
  });

  test('F24: when a paused endpoint resumes, it reports the messages that arrived during the pause', () => {
    const pair = synchronousPair();
    const [client, server] = pair;
    server.endpoint.pause();
    for (let i = 0; i < 100; i++) client.endpoint.sendText(`message ${i}`);
    client.endpoint.sendBinary(Buffer.alloc(50_000));
    expect(server.events.log).toEqual([]);
    server.endpoint.resume();
    expect(server.events.of('onText').map(([text]) => text)).toEqual(
      Array.from({ length: 100 }, (_, i) => `message ${i}`),
    );
    expect(server.events.of('onBinary').length).toBe(1);
    finish(...pair);
  });
});
