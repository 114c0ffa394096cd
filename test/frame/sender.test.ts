/** Tests the send cap, which the sender checks for each message, and the memory of a broadcast. */
import { describe, expect, test } from 'vitest';
import { EndpointState } from '../../src/frame/endpoint.ts';
import type { SharedMemory } from '../../src/frame/sink.ts';
import { type Bench, bench, FakeCodec, roles, sendFragmented } from './harness.ts';

describe.each(roles)('the send cap of a %s', (role) => {
  const capped = (sendCap: number): Bench => {
    const connection = bench(role, { sendCap });
    connection.sink.blocked = true;
    return connection;
  };

  test('A33: if the bytes that wait exceed the send cap, the connection is dropped once, with WS_SEND_CAP', () => {
    const { endpoint, events, sink } = capped(100_000);
    for (let n = 0; n < 12; n++) expect(endpoint.sendBinary(Buffer.alloc(8000))).toBe(8000);
    expect(events.log).toEqual([]);
    expect(endpoint.sendBinary(Buffer.alloc(8000))).toBe(8000);
    expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
    expect(sink.calls).toEqual(['destroy']);
    expect(endpoint.state).toBe(EndpointState.CloseSent);
  });

  test('an empty queue accepts one message of any size, and the next message drops the connection', () => {
    for (const fragmentSize of [1000, 10_000_000]) {
      const { endpoint, events, sink } = capped(100_000);
      expect(sendFragmented(endpoint, Buffer.alloc(2_000_000), fragmentSize)).toBe(2_000_000);
      expect(events.log).toEqual([]);
      endpoint.sendText('x');
      expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
      expect(sink.calls).toEqual(['destroy']);
    }
  });

  test('the send cap does not apply while the transport takes all bytes immediately', () => {
    const { endpoint, events, sink } = bench(role, { sendCap: 10 });
    for (let n = 0; n < 100; n++) endpoint.sendBinary(Buffer.alloc(5000));
    expect(sink.frames.length).toBe(100);
    expect(events.log).toEqual([]);
  });

  test('messages that wait for the codec count towards the send cap', () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, events } = bench(role, { sendCap: 10_000, codec });
    expect(endpoint.sendBinary(Buffer.alloc(50_000))).toBe(-1);
    expect(events.log).toEqual([]);
    expect(endpoint.sendBinary(Buffer.alloc(50))).toBe(50);
    expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
    expect(endpoint.bufferedAmount).toBe(0);
  });

  test('each message counts 128 bytes in addition to its payload, so that many tiny messages can exceed the send cap', () => {
    const { endpoint, events } = capped(10_000);
    let sent = 0;
    while (events.log.length === 0 && sent < 1000) {
      endpoint.sendText('');
      sent++;
    }
    expect(sent).toBeGreaterThan(60);
    expect(sent).toBeLessThan(90);
  });

  test('bytes that have left do not count towards the send cap, even if the transport stays blocked', () => {
    const { endpoint, events, sink } = capped(100_000);
    for (let n = 0; n < 5000; n++) {
      endpoint.sendBinary(Buffer.alloc(1000));
      sink.bufferedAmount = Math.min(sink.bufferedAmount, 10_000);
    }
    expect(events.log).toEqual([]);
  });

  test('our Close frame and the pong for a ping are sent even if the send cap is exceeded', () => {
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

describe('memory that several connections share', () => {
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

  test('FAULT-4: each message that waits counts its shared memory once, and releases this memory when it is sent or dropped', async () => {
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
