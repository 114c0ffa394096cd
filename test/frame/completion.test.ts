/**
 * Tests the callback that reports whether a message has left the process. The callback is called exactly once, in the order of the
 * messages, and only after the send call has returned.
 */
import { describe, expect, test } from 'vitest';
import { EndpointState } from '../../src/frame/endpoint.ts';
import { serializeFrame } from '../../src/frame/serializer.ts';
import { type Bench, bench, FakeCodec, roles, sendFragmented } from './harness.ts';

/** Lets microtasks run. The callbacks are called in microtasks. */
async function ticks(): Promise<void> {
  for (let n = 0; n < 10; n++) await Promise.resolve();
}

describe.each(roles)('the callback `done` of a message that a %s sends', (role) => {
  /** Records the outcome of each message, in order. */
  function outcomes(): { list: unknown[]; done: (name: string) => (error: Error | null) => void } {
    const list: unknown[] = [];
    return {
      list,
      done: (name) => (error) => {
        list.push(error === null ? name : [name, (error as Error & { code?: string }).code ?? error.message]);
      },
    };
  }

  test('the callbacks of messages are called in order after the messages have left, and never during the call that sends a message', async () => {
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
    // Now the sink (the fake transport) reports each write as sent during the call of `whenSent`.
    sink.keeps = false;
    endpoint.sendText('c', null, done('later'));
    expect(list.length).toBe(3);
    await ticks();
    expect(list.length).toBe(4);
  });

  test('the callback is also called for a message that waits for the codec, and for a message that is sent during a write', async () => {
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

  test('the callback of a message is called if a server sends the message to many connections', async () => {
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

  test('if the connection ends before a message has left, the callback of the message receives WS_NOT_SENT exactly once', async () => {
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

  test('the callback of a message receives WS_NOT_SENT if a failure or the send cap stops the message', async () => {
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

  test('A48: if the callback of a message throws, the connection closes with 1011, and onError receives the exception', async () => {
    const { endpoint, events, sentCloseCode } = bench(role);
    endpoint.sendText('x', null, () => {
      throw new Error('from inside');
    });
    await ticks();
    expect(events.of('onError')).toEqual([['from inside']]);
    expect(sentCloseCode()).toBe(1011);
  });

  test('F13: inside the callback of a message, the application may send another message and close the connection', async () => {
    const { endpoint, sink } = bench(role);
    endpoint.sendText('a', null, () => {
      endpoint.sendText('b', null, () => endpoint.close(1000));
    });
    await ticks();
    expect(sink.frames.map(({ opcode }) => opcode)).toEqual([1, 1, 8]);
    expect(endpoint.state).toBe(EndpointState.CloseSent);
  });

  test('F13: if the application terminates the connection in `done`, the connection is dropped, and a later `done` receives the reason', async () => {
    const { endpoint, sink } = bench(role);
    const results: (string | null)[] = [];
    sink.keeps = true;
    endpoint.sendText('a', null, (error) => {
      results.push(error?.message ?? null);
      endpoint.terminate();
    });
    endpoint.sendText('b', null, (error) => results.push(error === null ? null : 'dropped'));
    sink.leave();
    await ticks();
    expect(results).toEqual([null, null]);
    expect(sink.calls).toContain('destroy');
    endpoint.sendText('c', null, (error) => results.push(error === null ? null : 'dropped'));
    await ticks();
    expect(results).toEqual([null, null, 'dropped']);
  });
});
