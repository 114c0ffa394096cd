/**
 * Tests how a closing endpoint ends a pause, what it reports about the close, and that it releases its resources before the transport is
 * closed. endpoint.test.ts tests the table of states.
 */
import { describe, expect, test } from 'vitest';
import { EndpointState } from '../../src/frame/endpoint.ts';
import { type Bench, bench, FakeCodec, peerFrame, roles } from './harness.ts';

const closePayload = Buffer.from([0x0b, 0xb8, ...Buffer.from('enough')]);

describe.each(roles)('a %s that closes during a pause', (role) => {
  test("FAULT-2: close() ends a pause: messages that arrive later are dropped, and the peer's Close is processed", () => {
    const { endpoint, events, feed, sink } = bench(role);
    endpoint.pause();
    endpoint.receive(peerFrame(role, { opcode: 1, payload: 'before' }));
    endpoint.close(4001);
    expect([endpoint.isPaused, endpoint.isPausedByUser]).toEqual([false, false]);
    expect(sink.calls.filter((call) => call === 'resume').length).toBe(1);
    expect(feed({ opcode: 1, payload: 'after' })).toBe(true);
    feed({ opcode: 2, fin: false, payload: 'in' });
    feed({ opcode: 9, payload: 'ping' });
    feed({ opcode: 0, payload: 'parts' });
    feed({ opcode: 8, payload: closePayload });
    endpoint.transportClosed();
    expect(events.log).toEqual([
      ['onClosing', false],
      ['onClose', 3000, 'enough', true, false],
    ]);
    // §5.5.2: the endpoint has answered the ping nevertheless.
    expect(sink.frames.map(({ opcode }) => opcode)).toEqual([8, 10]);
  });

  test('FAULT-2: if a handler pauses the connection, close() in this handler or after it ends the pause, and drops the messages that wait', () => {
    for (const inside of [true, false]) {
      const { endpoint, events, sink } = bench(role);
      events.act = (name) => {
        if (name !== 'onText') return;
        endpoint.pause();
        if (inside) endpoint.close(1000);
      };
      endpoint.receive(
        Buffer.concat([
          peerFrame(role, { opcode: 1, payload: 'a' }),
          peerFrame(role, { opcode: 1, payload: 'b' }),
          peerFrame(role, { opcode: 8, payload: closePayload }),
        ]),
      );
      if (!inside) endpoint.close(1000);
      expect(events.of('onText')).toEqual([['a', 1]]);
      expect(endpoint.state).toBe(EndpointState.CloseReceived);
      expect(endpoint.isPaused).toBe(false);
      expect(sink.calls).toContain('closing');
    }
  });

  test('FAULT-2: close() in onClosing, after the peer has closed, does nothing', () => {
    const { endpoint, events, feed, sink } = bench(role);
    events.act = (name) => {
      if (name === 'onClosing') endpoint.close(3001, 'too late');
    };
    feed({ opcode: 8, payload: closePayload });
    expect(sink.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [8, closePayload.toString('latin1')],
    ]);
    expect(events.of('onClosing')).toEqual([[true]]);
    expect(endpoint.state).toBe(EndpointState.CloseReceived);
  });

  test("FAULT-2: if close() ends a pause while the codec works, the codec's message is dropped, and the peer's Close is processed", async () => {
    for (const release of ['before', 'after'] as const) {
      const codec = new FakeCodec();
      codec.waits = true;
      const { endpoint, events, feed } = bench(role, { codec });
      feed({ opcode: 1, rsv: 4, payload: 'z:first' });
      endpoint.pause();
      endpoint.receive(peerFrame(role, { opcode: 8, payload: closePayload }));
      if (release === 'before') await codec.release();
      endpoint.close(1000);
      await codec.release();
      expect(endpoint.state).toBe(EndpointState.CloseReceived);
      expect(events.log).toEqual([['onClosing', false]]);
    }
  });

  test("FAULT-2: if close() is called while reading is not paused, messages are delivered until the peer's Close frame arrives", () => {
    const { endpoint, events, feed } = bench(role);
    endpoint.close(1000);
    feed({ opcode: 1, payload: 'on its way' });
    expect(events.of('onText')).toEqual([['on its way', 10]]);
  });

  test('FAULT-2: an endpoint that drops messages still checks the rules and the limits', () => {
    for (const broken of [
      { opcode: 3 },
      { opcode: 0, payload: 'x' },
      { opcode: 2, payload: 'x'.repeat(200) },
    ]) {
      const { endpoint, events, feed } = bench(role, { maxMessageSize: 100 });
      endpoint.pause();
      endpoint.close(1000);
      feed(broken);
      expect(events.errors.length).toBe(1);
    }
  });
});

describe.each(roles)('what onClose reports, for a %s', (role) => {
  const nothingSent = { sentCode: null, sentReason: '' };

  test('FAULT-8: wasClean is true only if our Close frame has left the process', () => {
    for (const hasLeft of [true, false]) {
      for (const first of ['peer', 'we'] as const) {
        const { endpoint, events, feed, sink } = bench(role);
        sink.keeps = true;
        sink.blocked = true;
        endpoint.sendBinary(Buffer.alloc(10_000));
        if (first === 'we') endpoint.close(4000, 'over');
        feed({ opcode: 8, payload: closePayload });
        if (hasLeft) sink.leave();
        else sink.leave(new Error('reset'));
        endpoint.transportClosed();
        expect(events.closes).toEqual([
          {
            ...{ code: 3000, reason: 'enough', wasClean: hasLeft, byPeer: first === 'peer' },
            ...(first === 'we'
              ? { sentCode: 4000, sentReason: 'over' }
              : { sentCode: 3000, sentReason: 'enough' }),
            error: null,
          },
        ]);
      }
    }
  });

  test('FAULT-8: wasClean is false if our Close frame still waits, or was not reported as sent before the end', async () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, events, feed } = bench(role, { codec });
    endpoint.sendText('waits');
    feed({ opcode: 8, payload: closePayload });
    endpoint.transportClosed();
    expect(events.closes).toMatchObject([{ code: 3000, wasClean: false, ...nothingSent }]);
    const late = bench(role);
    late.sink.keeps = true;
    late.feed({ opcode: 8 });
    late.endpoint.transportClosed();
    late.sink.leave();
    expect(late.events.closes).toMatchObject([{ code: 1005, wasClean: false, sentCode: 1005 }]);
  });

  test('FAULT-8: after a failure, onClose reports the Close frame that we sent, and the error', () => {
    const { endpoint, events, feed } = bench(role, { maxMessageSize: 100 });
    feed({ opcode: 2, length: 101n });
    endpoint.transportClosed();
    expect(events.closes).toMatchObject([
      {
        ...{ code: 1006, reason: '', wasClean: false, byPeer: false, sentCode: 1009 },
        error: { code: 'WS_MESSAGE_TOO_BIG' },
      },
    ]);
    expect(events.closes[0]?.sentReason).toBe(events.closes[0]?.error?.message);
  });

  test('FAULT-8: onClose reports the first error, whether it came from fail() or from abort()', () => {
    const ends: [name: string, end: (connection: Bench) => void, sentCode: number | null][] = [
      ['first', ({ endpoint }) => endpoint.fail(new Error('first')), 1011],
      ['first', ({ endpoint }) => endpoint.abort(new Error('first')), null],
    ];
    for (const [message, end, sentCode] of ends) {
      const connection = bench(role);
      end(connection);
      connection.endpoint.fail(new Error('second'));
      connection.endpoint.transportClosed();
      expect(connection.events.closes).toMatchObject([{ code: 1006, sentCode, error: { message } }]);
    }
  });

  test('FAULT-8: onClose reports no error and no sent code if nothing failed and no Close frame was sent', () => {
    for (const end of ['terminate', 'transportClosed', 'receiveEnd'] as const) {
      const { endpoint, events } = bench(role);
      endpoint[end]();
      endpoint.transportClosed();
      expect(events.closes).toMatchObject([{ code: 1006, error: null, ...nothingSent }]);
    }
  });

  test('FAULT-8: if the connection fails while a Close frame waits to be sent, onClose reports only the Close frame of the failure', () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, events, feed } = bench(role, { codec });
    endpoint.sendText('waits');
    endpoint.close(1000);
    feed({ opcode: 3 });
    endpoint.transportClosed();
    expect(events.closes).toMatchObject([{ sentCode: 1002 }]);
  });
});

describe.each(roles)('a %s that releases its resources before the transport is closed', (role) => {
  test('FAULT-3: terminate(), abort() and the error WS_SEND_CAP make an endpoint release all resources immediately, before the transport is closed', async () => {
    const ends: ((connection: Bench) => void)[] = [
      ({ endpoint }) => endpoint.terminate(),
      ({ endpoint }) => endpoint.abort(new Error('gone')),
      ({ endpoint, sink }) => {
        sink.blocked = true;
        endpoint.sendBinary(Buffer.alloc(100));
      },
    ];
    for (const end of ends) {
      const codec = new FakeCodec();
      codec.waits = true;
      const connection = bench(role, { codec, sendCap: 50 });
      const { endpoint, feed, sink } = connection;
      const outcomes: (Error | null)[] = [];
      feed({ opcode: 1, fin: false, payload: 'half' });
      endpoint.sendText('waits', null, (error) => outcomes.push(error));
      end(connection);
      await Promise.resolve();
      expect(codec.closed).toBe(1);
      expect(outcomes.length).toBe(1);
      expect(endpoint.insideMessage).toBe(false);
      expect(endpoint.bufferedAmount).toBe(sink.bufferedAmount);
      expect(sink.calls).toContain('destroy');
      // All resources are released before the transport reports its close, because a transport may never report this.
      endpoint.transportClosed();
      expect(codec.closed).toBe(1);
      expect(connection.events.of('onClose').length).toBe(1);
    }
  });
});
