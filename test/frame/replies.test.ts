/** Tests which messages count as replies, and when a server stops reading because replies wait. */
import { describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { type Bench, bench, FakeCodec, peerFrame } from './harness.ts';

describe('replies of an endpoint to messages', () => {
  /** Creates an endpoint that answers each message with `size` bytes. */
  function answering(role: 'client' | 'server', size: number, options = {}): Bench {
    const connection = bench(role, { highWaterMark: 1000, ...options });
    connection.events.act = (name) => {
      if (name === 'onText') connection.endpoint.sendBinary(Buffer.alloc(size));
    };
    return connection;
  }

  test('A32: a server stops reading, even in the middle of a chunk, when the replies that wait exceed the high-water mark', () => {
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

  test('A32: a server also stops reading if the transport becomes blocked after the server has sent too many bytes of replies', () => {
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

  test.each(['server', 'client'] as const)(
    'FAULT-4: while memory is scarce, a %s answers only the first 32 pings and the newest ping of a chunk',
    (role) => {
      const memoryBudget = new MemoryBudget(1000);
      const { endpoint, sink } = bench(role, { memoryBudget });
      const flood = (count: number): string[] => {
        sink.clear();
        const pings = Array.from({ length: count }, (_, n) =>
          peerFrame(role, { opcode: 9, payload: `${n}` }),
        );
        endpoint.receive(Buffer.concat(pings));
        return sink.frames.map(({ payload }) => payload.toString());
      };
      expect(flood(100).length).toBe(100);
      memoryBudget.count(900);
      expect(flood(32).length).toBe(32);
      expect(flood(100)).toEqual([...Array.from({ length: 32 }, (_, n) => `${n}`), '99']);
      memoryBudget.count(-900);
      expect(flood(100).length).toBe(100);
    },
  );

  test('even after many replies, an endpoint keeps reading if these replies have left the process', () => {
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

  test('a server never stops reading because of messages that are not replies, and a client never stops reading because of replies', () => {
    const { endpoint, feed, sink } = bench('server', { highWaterMark: 1000 });
    sink.blocked = true;
    for (let n = 0; n < 100; n++) endpoint.sendBinary(Buffer.alloc(1000));
    endpoint.transportBlocked();
    expect(feed({ opcode: 1, payload: 'x' })).toBe(true);
    const client = answering('client', 3000);
    client.sink.blocked = true;
    for (let n = 0; n < 100; n++) expect(client.feed({ opcode: 1, payload: 'x' })).toBe(true);
  });

  test('A32: a server also stops reading while its replies wait for the codec', async () => {
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
