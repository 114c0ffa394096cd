/**
 * Tests what the options of an endpoint change: RFC 6455 §5.5.2 (`autoPong`), §7.1.2 (`pauseOutlivesClose`).
 * endpoint.test.ts tests the limits.
 */
import { describe, expect, test } from 'vitest';
import { checkFirstBytes } from '../../src/frame/header-rules.ts';
import { allCuts, bench, peerFrame, roles } from './harness.ts';

describe.each(roles)('the options of a %s', (role) => {
  test('with autoPong: false, an endpoint reports a ping but does not answer it', () => {
    for (const autoPong of [undefined, true, false]) {
      const { endpoint, feed, sink, events } = bench(role, { autoPong });
      feed({ opcode: 9, payload: 'ping' });
      expect(events.of('onPing')).toEqual([['70696e67']]);
      expect(sink.frames.map(({ opcode }) => opcode)).toEqual(autoPong === false ? [] : [10]);
      endpoint.pong(Buffer.from('own'));
      expect(sink.frames.at(-1)?.payload.toString()).toBe('own');
    }
  });

  test("with pauseOutlivesClose, resume() after close() still delivers the messages before the peer's Close", () => {
    const bytes = Buffer.concat([
      peerFrame(role, { opcode: 1, payload: 'one' }),
      peerFrame(role, { opcode: 1, payload: 'two' }),
      peerFrame(role, { opcode: 8, payload: Buffer.from([3, 232]) }),
    ]);
    for (const pieces of allCuts(bytes)) {
      const { endpoint, events } = bench(role, { pauseOutlivesClose: true });
      endpoint.pause();
      endpoint.close(1000);
      for (const piece of pieces) endpoint.receive(Buffer.from(piece));
      expect(events.of('onText')).toEqual([]);
      expect(endpoint.isPaused).toBe(true);
      endpoint.resume();
      expect(events.of('onText').map(([text]) => text)).toEqual(['one', 'two']);
      endpoint.transportClosed();
      expect(events.of('onClose')).toEqual([[1000, '', true, false]]);
    }
  });

  test('without pauseOutlivesClose, close() ends the pause, and messages that arrive later are dropped', () => {
    const { endpoint, feed, events } = bench(role);
    endpoint.pause();
    endpoint.close(1000);
    expect(endpoint.isPaused).toBe(false);
    feed({ opcode: 1, payload: 'one' });
    expect(events.of('onText')).toEqual([]);
  });
});

test('the property `opcode` of a ProtocolError is the unknown opcode for WS_UNKNOWN_OPCODE, and null for all other codes', () => {
  for (const opcode of [3, 7, 11, 15]) {
    expect(() => checkFirstBytes(0x80 | opcode, 0x80, true, 0)).toThrow(
      expect.objectContaining({ code: 'WS_UNKNOWN_OPCODE', opcode }),
    );
  }
  expect(() => checkFirstBytes(0x81, 0, true, 0)).toThrow(expect.objectContaining({ opcode: null }));
});
