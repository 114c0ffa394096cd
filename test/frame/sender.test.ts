/** What holds once for each message: the send cap, what counts as a reply, whose memory it is, and what becomes of it. */
import { describe, expect, test } from 'vitest';
import { EndpointState } from '../../src/frame/endpoint.ts';
import { serializeFrame } from '../../src/frame/serializer.ts';
import type { SharedMemory } from '../../src/frame/sink.ts';
import { type Bench, bench, FakeCodec, peerFrame, roles, sendFragmented } from './harness.ts';

/** Microtasks, in which callbacks are called. */
async function ticks(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

describe.each(roles)('the send cap of a %s', (role) => {
  const capped = (sendCap: number): Bench => {
    const connection = bench(role, { sendCap });
    connection.sink.blocked = true;
    return connection;
  };

  test('A33: more than it may not wait: the connection is dropped with WS_SEND_CAP, once', () => {
    const { endpoint, events, sink } = capped(100_000);
    for (let n = 0; n < 12; n++) expect(endpoint.sendBinary(Buffer.alloc(8000))).toBe(8000);
    expect(events.log).toEqual([]);
    expect(endpoint.sendBinary(Buffer.alloc(8000))).toBe(8000);
    expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
    expect(sink.calls).toEqual(['destroy']);
    expect(endpoint.state).toBe(EndpointState.CloseSent);
  });

  test('one message is always admitted to an empty queue, in however many frames; a second one is not', () => {
    for (const fragmentSize of [1000, 10_000_000]) {
      const { endpoint, events, sink } = capped(100_000);
      expect(sendFragmented(endpoint, Buffer.alloc(2_000_000), fragmentSize)).toBe(2_000_000);
      expect(events.log).toEqual([]);
      endpoint.sendText('x');
      expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
      expect(sink.calls).toEqual(['destroy']);
    }
  });

  test('a transport that takes what it is given is not asked about', () => {
    const { endpoint, events, sink } = bench(role, { sendCap: 10 });
    for (let n = 0; n < 100; n++) endpoint.sendBinary(Buffer.alloc(5000));
    expect(sink.frames.length).toBe(100);
    expect(events.log).toEqual([]);
  });

  test('messages that wait for the codec count as well', () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, events } = bench(role, { sendCap: 10_000, codec });
    expect(endpoint.sendBinary(Buffer.alloc(50_000))).toBe(-1);
    expect(events.log).toEqual([]);
    expect(endpoint.sendBinary(Buffer.alloc(50))).toBe(50);
    expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
    expect(endpoint.bufferedAmount).toBe(0);
  });

  test('each message costs 128 bytes beside its own: tiny ones are not free', () => {
    const { endpoint, events } = capped(10_000);
    let sent = 0;
    while (events.log.length === 0 && sent < 1000) {
      endpoint.sendText('');
      sent++;
    }
    expect(sent).toBeGreaterThan(60);
    expect(sent).toBeLessThan(90);
  });

  test('what has left since does not count: a slow peer may be blocked for ever', () => {
    const { endpoint, events, sink } = capped(100_000);
    for (let n = 0; n < 5000; n++) {
      endpoint.sendBinary(Buffer.alloc(1000));
      sink.bufferedAmount = Math.min(sink.bufferedAmount, 10_000);
    }
    expect(events.log).toEqual([]);
  });

  test('our Close frame, and the answer to a ping, are never too much', () => {
    const { endpoint, events, feed, sink } = capped(10);
    endpoint.sendText('x'.repeat(100));
    feed({ opcode: 9, payload: 'x' });
    endpoint.close(1000);
    expect(events.of('onError')).toEqual([]);
    sink.blocked = false;
    endpoint.transportDrained();
    expect(sink.frames.map(({ opcode }) => opcode)).toEqual([1, 8, 10]);
  });
});

describe('replies', () => {
  /** Answers each message with `size` bytes. */
  function answering(role: 'client' | 'server', size: number, options = {}): Bench {
    const connection = bench(role, { highWaterMark: 1000, ...options });
    connection.events.act = (name) => {
      if (name === 'onText') connection.endpoint.sendBinary(Buffer.alloc(size));
    };
    return connection;
  }

  test('A32: a server stops reading, in the middle of a chunk, when more of them wait than the high-water mark', () => {
    const { endpoint, events, sink } = answering('server', 300);
    sink.blocked = true;
    const chunk = Buffer.concat(
      Array.from({ length: 10 }, (_, n) => peerFrame('server', { opcode: 1, payload: `${n}` })),
    );
    expect(endpoint.receive(chunk)).toBe(false);
    expect([endpoint.isPaused, endpoint.isPausedByUser]).toEqual([true, false]);
    expect(events.of('onText').length).toBe(4);
    expect(sink.calls).toEqual([]);
    sink.blocked = false;
    sink.leave();
    endpoint.transportDrained();
    expect(events.of('onText').length).toBe(10);
    expect(sink.calls).toEqual(['resume']);
    expect(endpoint.isPaused).toBe(false);
  });

  test('A32: the sink that becomes blocked after they were sent stops reading too', () => {
    const { endpoint, feed, sink } = answering('server', 5000);
    feed({ opcode: 1, payload: 'x' });
    expect(endpoint.isPaused).toBe(false);
    sink.blocked = true;
    endpoint.transportBlocked();
    expect(endpoint.isPaused).toBe(true);
    sink.blocked = false;
    sink.leave();
    endpoint.transportDrained();
    expect(sink.calls).toEqual(['resume']);
  });

  test('those that have left are forgotten, however many they were', () => {
    const { endpoint, feed, sink } = answering('server', 500);
    for (let n = 0; n < 100; n++) {
      feed({ opcode: 1, payload: 'x' });
      sink.leave();
    }
    sink.blocked = true;
    endpoint.transportBlocked();
    feed({ opcode: 1, payload: 'x' });
    expect(endpoint.isPaused).toBe(false);
  });

  test('what an application sends by itself never stops reading, nor do the replies of a client', () => {
    const { endpoint, feed, sink } = bench('server', { highWaterMark: 1000 });
    sink.blocked = true;
    for (let n = 0; n < 100; n++) endpoint.sendBinary(Buffer.alloc(1000));
    endpoint.transportBlocked();
    expect(feed({ opcode: 1, payload: 'x' })).toBe(true);
    const client = answering('client', 3000);
    client.sink.blocked = true;
    for (let n = 0; n < 100; n++) expect(client.feed({ opcode: 1, payload: 'x' })).toBe(true);
  });

  test('A32: those that wait for the codec stop reading as well, until they are written', async () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, events, feed, sink } = answering('server', 3000, { codec });
    expect(feed({ opcode: 1, payload: 'x' })).toBe(false);
    feed({ opcode: 1, payload: 'y' });
    expect(events.of('onText').length).toBe(1);
    await codec.release(1);
    expect(events.of('onText').length).toBe(2);
    await codec.release();
    expect(sink.frames.length).toBe(2);
    expect(endpoint.isPaused).toBe(false);
  });
});

describe.each(roles)('completion on a %s', (role) => {
  /** What became of each message, in order. */
  function outcomes(): { list: unknown[]; done: (name: string) => (error: Error | null) => void } {
    const list: unknown[] = [];
    return {
      list,
      done: (name) => (error) => {
        list.push(error === null ? name : [name, (error as Error & { code?: string }).code ?? error.message]);
      },
    };
  }

  test('done is called once what was sent has left, in order, never inside send', async () => {
    const { endpoint, sink } = bench(role);
    const { list, done } = outcomes();
    sink.keeps = true;
    endpoint.sendText('a', null, done('text'));
    endpoint.sendBinary(Buffer.alloc(9000), null, done('binary'));
    endpoint.sendTextBytes(Buffer.from('b'), { fragmentSize: 1 }, done('bytes'));
    sendFragmented(endpoint, 'abc', 1);
    await ticks();
    expect(list).toEqual([]);
    sink.leave();
    expect(list).toEqual(['text', 'binary', 'bytes']);
    // A sink that answers from inside `whenSent`.
    sink.keeps = false;
    endpoint.sendText('c', null, done('later'));
    expect(list.length).toBe(3);
    await ticks();
    expect(list.length).toBe(4);
  });

  test('also for messages that wait in the codec, after it, or for a frame that is half written', async () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, sink } = bench(role, { codec });
    const { list, done } = outcomes();
    endpoint.sendText('first', null, done('first'));
    endpoint.sendText('x', null, done('second'));
    endpoint.sendText('third', { compress: false }, done('third'));
    await ticks();
    expect(list).toEqual([]);
    await codec.release();
    expect(list).toEqual(['first', 'second', 'third']);
    let sends = 0;
    sink.onSend = () => {
      if (sends++ === 0) endpoint.sendText('x', null, done('inside'));
    };
    endpoint.sendBinary(Buffer.alloc(9000), { compress: false }, done('outside'));
    await ticks();
    expect(list.slice(3).sort()).toEqual(['inside', 'outside']);
  });

  test('for what a server shares, too', async () => {
    if (role === 'client') return;
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint } = bench(role, { codec });
    const { list, done } = outcomes();
    const frame = serializeFrame({ opcode: 1, payload: Buffer.from('all') }, 'server');
    endpoint.sendSerialized(frame, 3, null, done('now'));
    endpoint.sendShared(2, Buffer.alloc(100), true, null, done('compressed'));
    endpoint.sendSerialized(frame, 3, null, done('after it'));
    await codec.release();
    expect(list).toEqual(['now', 'compressed', 'after it']);
  });

  test('with the reason, exactly once, if the connection ends first', async () => {
    const ends: ((connection: Bench) => void)[] = [
      ({ endpoint }) => endpoint.terminate(),
      ({ endpoint }) => endpoint.transportClosed(),
      ({ endpoint }) => endpoint.abort(new Error('gone')),
      ({ feed }) => void feed({ opcode: 3 }),
      ({ endpoint }) => endpoint.fail(new Error('gone')),
    ];
    for (const end of ends) {
      const codec = new FakeCodec();
      codec.waits = true;
      const connection = bench(role, { codec });
      const { list, done } = outcomes();
      connection.endpoint.sendText('first', null, done('in the codec'));
      connection.endpoint.sendText('x', null, done('after it'));
      end(connection);
      connection.endpoint.sendText('x', null, done('too late'));
      expect(list).toEqual([]);
      await codec.release();
      connection.endpoint.transportClosed();
      await ticks();
      expect(list).toEqual([
        ['in the codec', 'WS_NOT_SENT'],
        ['after it', 'WS_NOT_SENT'],
        ['too late', 'WS_NOT_SENT'],
      ]);
    }
  });

  test('for a message that was cut off by a failure, and one over the send cap', async () => {
    const { endpoint, sink } = bench(role, { sendCap: 10_000 });
    const { list, done } = outcomes();
    sink.onSend = () => {
      sink.onSend = null;
      endpoint.fail(new Error('inside'));
    };
    endpoint.sendBinary(Buffer.alloc(50), { fragmentSize: 10 }, done('cut off'));
    const other = bench(role, { sendCap: 1000 });
    other.sink.blocked = true;
    other.endpoint.sendText('x'.repeat(900));
    other.endpoint.sendText('x'.repeat(900), null, done('too much'));
    await ticks();
    expect(list).toEqual([
      ['cut off', 'WS_NOT_SENT'],
      ['too much', 'WS_NOT_SENT'],
    ]);
  });

  test('A48: what it throws closes the connection with 1011, and is reported', async () => {
    const { endpoint, events, sentCloseCode } = bench(role);
    endpoint.sendText('x', null, () => {
      throw new Error('from inside');
    });
    await ticks();
    expect(events.of('onError')).toEqual([['from inside']]);
    expect(sentCloseCode()).toBe(1011);
  });

  test('F13: it may send, close and terminate', async () => {
    const { endpoint, sink } = bench(role);
    endpoint.sendText('a', null, () => {
      endpoint.sendText('b', null, () => endpoint.close(1000));
    });
    await ticks();
    expect(sink.frames.map(({ opcode }) => opcode)).toEqual([1, 1, 8]);
    expect(endpoint.state).toBe(EndpointState.CloseSent);
  });
});

describe('shared memory', () => {
  class Holders implements SharedMemory {
    readonly bytes = 100;
    holders = 1;
    hold(): void {
      this.holders++;
    }
    release(): void {
      this.holders--;
    }
  }

  test('FAULT-4: a message for many is held once for each connection that it waits in, and released by each', async () => {
    for (const end of ['codec', 'terminate'] as const) {
      const codec = new FakeCodec();
      codec.waits = true;
      const { endpoint } = bench('server', { codec });
      const shared = new Holders();
      endpoint.sendShared(2, Buffer.alloc(100), true, shared);
      endpoint.sendSerialized(Buffer.from([0x82, 0]), 0, shared);
      expect(shared.holders).toBe(3);
      if (end === 'terminate') endpoint.terminate();
      await codec.release();
      expect(shared.holders).toBe(1);
    }
  });
});
