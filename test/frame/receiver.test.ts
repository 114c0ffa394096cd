/** Tests the path from chunks to messages: frames that are refused early, and data that waits during a pause. */
import { describe, expect, test } from 'vitest';
import { type Bench, bench, FakeCodec, type FrameSpec, peerFrame, roles } from './harness.ts';

/** Sends a frame byte by byte. Returns the number of bytes after which the endpoint refused the frame, and the code of the error. */
function refusedAfter(connection: Bench, spec: FrameSpec): [number, unknown] {
  const { endpoint, events, role } = connection;
  const bytes = peerFrame(role, spec);
  for (let at = 0; at < bytes.length; at++) {
    endpoint.receive(Buffer.from(bytes.subarray(at, at + 1)));
    const [error] = events.of('onError');
    if (error !== undefined) return [at + 1, error[0]];
  }
  return [0, null];
}

describe('a server refuses a frame before its masking key arrives', () => {
  const codec = (): FakeCodec => new FakeCodec();

  test('FAULT-10, F25: a server refuses a length over the limit at the last byte of the length, in all three forms', () => {
    const tooBig = 'WS_MESSAGE_TOO_BIG';
    const limited = (maxMessageSize: number): Bench => bench('server', { maxMessageSize });
    expect(refusedAfter(limited(1_048_576), { opcode: 2, length: 2n ** 31n, form: 64 })).toEqual([
      10,
      tooBig,
    ]);
    expect(refusedAfter(limited(1_048_576), { opcode: 1, length: 1_048_577n })).toEqual([10, tooBig]);
    expect(refusedAfter(limited(1000), { opcode: 2, length: 1001n })).toEqual([4, tooBig]);
    expect(refusedAfter(limited(100), { opcode: 2, length: 101n })).toEqual([2, tooBig]);
    // A message may be exactly as large as the limit. Then the server does not refuse the frame, and waits for the key.
    for (const length of [100n, 1000n]) {
      expect(refusedAfter(limited(Number(length)), { opcode: 2, length })).toEqual([0, null]);
    }
  });

  test('FAULT-10, F25: before the masking key arrives, a server refuses the fragment that makes a message too large, and a compressed message that is too large', () => {
    const fragmented = bench('server', { maxMessageSize: 1000 });
    fragmented.feed({ opcode: 2, fin: false, payload: 'x'.repeat(600) });
    expect(refusedAfter(fragmented, { opcode: 0, length: 401n })).toEqual([4, 'WS_MESSAGE_TOO_BIG']);
    const compressed = (length: bigint): [number, unknown] =>
      refusedAfter(bench('server', { maxMessageSize: 1600, codec: codec() }), { opcode: 1, rsv: 4, length });
    expect(compressed(BigInt(1600 + 100 + 1024))).toEqual([0, null]);
    expect(compressed(BigInt(1600 + 100 + 1025))).toEqual([4, 'WS_MESSAGE_TOO_BIG']);
  });

  test('FAULT-10, F17: before the masking key arrives, a server refuses a frame out of sequence, with the same code as for a whole frame', () => {
    for (const spec of [
      { opcode: 0, payload: 'x' },
      { opcode: 0, length: 5000n },
    ]) {
      const whole = bench('server', { maxMessageSize: 1000 });
      whole.feed(spec);
      const code = whole.events.of('onError')[0]?.[0];
      const [, found] = refusedAfter(bench('server', { maxMessageSize: 1000 }), spec);
      expect(found).toBe(code);
    }
    const inside = bench('server', { maxMessageSize: 1000 });
    inside.feed({ opcode: 1, fin: false, payload: 'a' });
    expect(refusedAfter(inside, { opcode: 2, length: 5000n })).toEqual([4, 'WS_INTERLEAVED_MESSAGE']);
  });

  test('FAULT-10: the payload of a control frame between fragments does not count towards the limit of the message', () => {
    const { endpoint, events, feed } = bench('server', { maxMessageSize: 10 });
    feed({ opcode: 1, fin: false, payload: '0123456789' });
    const ping = peerFrame('server', { opcode: 9, payload: 'x'.repeat(100) });
    for (const byte of ping) endpoint.receive(Buffer.from([byte]));
    feed({ opcode: 0, payload: '' });
    expect(events.log.map(([name]) => name)).toEqual(['onFragment', 'onPing', 'onText']);
  });
});

describe.each(roles)('data that waits while a %s is paused', (role) => {
  test('F24: the transport may read again only when every reason to stop reading has ended', async () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, feed, sink } = bench(role, { codec });
    feed({ opcode: 1, rsv: 4, payload: 'z:a' });
    endpoint.pause();
    await codec.release();
    expect(sink.calls).toEqual([]);
    endpoint.resume();
    expect(sink.calls).toEqual(['resume']);
    endpoint.resume();
    expect(sink.calls).toEqual(['resume']);
  });

  test('F24: if the handler of a message that waited pauses again, the transport does not read again', () => {
    const { endpoint, events, sink } = bench(role);
    endpoint.pause();
    for (const payload of ['a', 'b', 'c']) endpoint.receive(peerFrame(role, { opcode: 1, payload }));
    events.act = () => endpoint.pause();
    endpoint.resume();
    expect(events.of('onText').length).toBe(1);
    expect(sink.calls).toEqual([]);
    events.act = () => {};
    endpoint.resume();
    expect(events.of('onText').length).toBe(3);
    expect(sink.calls).toEqual(['resume']);
  });
});
