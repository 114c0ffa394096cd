/**
 * Tests the endpoint after the opening handshake, rule by rule: RFC 6455 §5.5, §6, §7. endpoint-model.test.ts tests these rules in random
 * orders. endpoint-callbacks.test.ts tests what callbacks may do.
 */
import { describe, expect, test } from 'vitest';
import { Endpoint, EndpointState } from '../../src/frame/endpoint.ts';
import type { EndpointOptions } from '../../src/frame/endpoint-options.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import type { Role } from '../../src/frame/parser.ts';
import { serializeFrame } from '../../src/frame/serializer.ts';
import {
  allCuts,
  type Bench,
  bench,
  cut,
  FakeCodec,
  type FrameSpec,
  frame,
  MemorySink,
  peerFrame,
  type ReadFrame,
  Recorder,
  readFrames,
  rfcKey,
  roles,
  sendFragmented,
} from './harness.ts';

const { Open, CloseSent, CloseReceived, Closed } = EndpointState;

function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
}

/** Returns the text with each lone surrogate replaced. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** Returns the only frame that was sent. */
function only(sink: MemorySink): ReadFrame {
  const frames = sink.frames;
  expect(frames.length).toBe(1);
  return frames[0]!;
}

function opcodes(sink: MemorySink): number[] {
  return sink.frames.map(({ opcode }) => opcode);
}

describe.each(roles)('a %s receives', (role) => {
  test('F18, F24: an endpoint reports text and binary messages one by one', () => {
    const { feed, events } = bench(role);
    feed({ opcode: 1, payload: 'Hello' });
    feed({ opcode: 2, payload: Buffer.from([0, 255, 128]) });
    feed({ opcode: 1, payload: '' });
    feed({ opcode: 2, payload: '' });
    feed({ opcode: 1, payload: 'é€😀\ufeff' });
    expect(events.log).toEqual([
      ['onText', 'Hello', 5],
      ['onBinary', '00ff80', 3],
      ['onText', '', 0],
      ['onBinary', '', 0],
      ['onText', 'é€😀\ufeff', 12],
    ]);
  });

  test('F15, F18, F19: an endpoint processes control frames between the fragments of a message, and reports the complete message', () => {
    const { feed, events, sink } = bench(role);
    feed({ opcode: 1, fin: false, payload: 'a' });
    feed({ opcode: 9, payload: 'ping' });
    feed({ opcode: 0, fin: false, payload: '' });
    feed({ opcode: 10, payload: 'pong' });
    feed({ opcode: 0, payload: 'b' });
    feed({ opcode: 2, fin: false, payload: 'c' });
    feed({ opcode: 0, payload: 'd' });
    expect(events.log).toEqual([
      ['onFragment'],
      ['onPing', Buffer.from('ping').toString('hex')],
      ['onFragment'],
      ['onPong', Buffer.from('pong').toString('hex')],
      ['onText', 'ab', 2],
      ['onFragment'],
      ['onBinary', '6364', 2],
    ]);
    expect(opcodes(sink)).toEqual([10]);
  });

  test('F15: a Close frame between fragments closes the connection', () => {
    const { feed, events } = bench(role);
    feed({ opcode: 1, fin: false, payload: 'a' });
    feed({ opcode: 8, payload: closePayload(1000) });
    feed({ opcode: 0, payload: 'b' });
    expect(events.log).toEqual([['onFragment'], ['onClosing', true]]);
  });

  test('F21: an endpoint accepts a text even if a character is divided between fragments or between chunks [A37]', () => {
    const bytes = Buffer.from('Grüße €😀');
    for (let place = 0; place <= bytes.length; place++) {
      const stream = Buffer.concat([
        peerFrame(role, { opcode: 1, fin: false, payload: bytes.subarray(0, place) }),
        peerFrame(role, { opcode: 0, payload: bytes.subarray(place) }),
      ]);
      for (const chunks of allCuts(stream)) {
        const { endpoint, events } = bench(role);
        for (const chunk of chunks) endpoint.receive(chunk);
        expect(events.of('onText')).toEqual([['Grüße €😀', bytes.length]]);
      }
    }
  });

  test('F21, C16: an endpoint refuses a byte that is invalid in UTF-8 as soon as the byte arrives, before FIN [A37]', () => {
    const { endpoint, events, sentCloseCode } = bench(role);
    const stream = peerFrame(role, { opcode: 1, payload: Buffer.from('ok \xed\xa0 ok', 'latin1') });
    const [start, impossible] = cut(stream, stream.length - 4) as [Buffer, Buffer];
    endpoint.receive(start);
    expect(events.log).toEqual([]);
    endpoint.receive(impossible.subarray(0, 1));
    expect(events.log).toEqual([['onError', 'WS_INVALID_UTF8']]);
    expect(sentCloseCode()).toBe(1007);
  });

  test('F21: an endpoint fails with 1007 if a text ends inside a character, in one frame and in fragments', () => {
    for (const specs of [
      [{ opcode: 1, payload: Buffer.from([0x61, 0xe2, 0x82]) }],
      [
        { opcode: 1, fin: false, payload: Buffer.from([0x61, 0xe2]) },
        { opcode: 0, payload: Buffer.from([0x82]) },
      ],
      [
        { opcode: 1, fin: false, payload: Buffer.from([0x61, 0xe2]) },
        { opcode: 0, payload: '' },
      ],
    ]) {
      for (const text of ['string', 'bytes'] as const) {
        const { feed, events, sentCloseCode } = bench(role, { text });
        for (const spec of specs) feed(spec);
        expect(events.of('onError')).toEqual([['WS_INVALID_UTF8']]);
        expect(events.of('onText')).toEqual([]);
        expect(sentCloseCode()).toBe(1007);
      }
    }
  });

  test('F21: if the application receives texts as bytes, the endpoint still checks that the bytes are UTF-8', () => {
    for (const chunkCount of [1, 2]) {
      const { endpoint, events } = bench(role, { text: 'bytes' });
      const stream = peerFrame(role, { opcode: 1, payload: 'é' });
      for (const chunk of cut(stream, ...(chunkCount === 1 ? [] : [stream.length - 1])))
        endpoint.receive(chunk);
      expect(events.log).toEqual([['onText', 'bytes c3a9', 2]]);
    }
  });

  test('F25: an endpoint accepts a message of exactly the limit, and refuses a larger message with 1009 at the frame header [A21, A22]', () => {
    const exact = bench(role, { maxMessageSize: 300 });
    exact.feed({ opcode: 2, payload: Buffer.alloc(300) });
    expect(exact.events.of('onBinary').length).toBe(1);
    const whole = bench(role, { maxMessageSize: 300 });
    whole.endpoint.receive(peerFrame(role, { opcode: 2, length: 301n }));
    expect(whole.sentCloseCode()).toBe(1009);
    const fragments = bench(role, { maxMessageSize: 300 });
    fragments.feed({ opcode: 2, fin: false, payload: Buffer.alloc(200) });
    expect(fragments.sentCloseCode()).toBe(null);
    fragments.endpoint.receive(peerFrame(role, { opcode: 0, length: 101n }));
    expect(fragments.sentCloseCode()).toBe(1009);
    expect(fragments.events.of('onBinary')).toEqual([]);
  });

  test('FAULT-4, F25: if the memory budget has no room, an endpoint stops reading, continues when there is room, and loses no message [A23]', () => {
    const memoryBudget = new MemoryBudget(20_000);
    const options = { maxMessageSize: 15_000, memoryBudget };
    const [first, second, third] = [bench(role, options), bench(role, options), bench(role, options)];
    const begin = { opcode: 2, fin: false, payload: Buffer.alloc(9000, 1) };
    const end = { opcode: 0, payload: Buffer.alloc(5000, 2) };
    expect(first.endpoint.receive(peerFrame(role, begin))).toBe(true);
    expect(second.endpoint.receive(peerFrame(role, begin))).toBe(true);
    // The endpoint processes the rest of the current chunk. A small message in one piece needs no memory of the budget.
    const chunk = Buffer.concat([begin, { opcode: 9, payload: 'ping' }].map((spec) => peerFrame(role, spec)));
    expect(third.endpoint.receive(chunk)).toBe(false);
    expect([third.endpoint.isPaused, third.endpoint.isPausedByUser]).toEqual([true, false]);
    expect(third.events.of('onPing').length).toBe(1);
    second.feed(end);
    expect(third.endpoint.isPaused).toBe(false);
    first.feed(end);
    expect(third.endpoint.receive(peerFrame(role, end))).toBe(true);
    for (const { events, sentCloseCode, endpoint } of [first, second, third]) {
      expect(events.of('onBinary').map(([payload]) => payload)).toEqual([
        '01'.repeat(9000) + '02'.repeat(5000),
      ]);
      expect(sentCloseCode()).toBe(null);
      endpoint.transportClosed();
    }
    expect(memoryBudget.used).toBe(0);
  });

  test('F18: an endpoint delivers a large message as a view of the received chunk, and a small message as a copy', () => {
    const { endpoint, events } = bench(role);
    const received: Buffer[] = [];
    events.onBinary = (payload) => received.push(payload);
    const large = peerFrame(role, { opcode: 2, payload: Buffer.alloc(60_000, 1) });
    const chunk = Buffer.from(new ArrayBuffer(65_536));
    large.copy(chunk);
    const small = peerFrame(role, { opcode: 2, payload: Buffer.alloc(100, 2) });
    small.copy(chunk, large.length);
    endpoint.receive(chunk.subarray(0, large.length + small.length));
    expect(received[0]?.buffer).toBe(chunk.buffer);
    expect(received[1]?.buffer).not.toBe(chunk.buffer);
    expect(received[0]?.equals(Buffer.alloc(60_000, 1))).toBe(true);
    expect(received[1]?.equals(Buffer.alloc(100, 2))).toBe(true);
    // If a message is only a small part of its chunk, the endpoint copies the message, even if it is large.
    const mostlyOther = Buffer.from(new ArrayBuffer(65_536));
    const medium = peerFrame(role, { opcode: 2, payload: Buffer.alloc(5000, 3) });
    medium.copy(mostlyOther);
    endpoint.receive(mostlyOther.subarray(0, medium.length));
    expect(received[2]?.buffer).not.toBe(mostlyOther.buffer);
    expect(received[2]?.equals(Buffer.alloc(5000, 3))).toBe(true);
  });

  test('C8: an endpoint reports a pong that answers no ping, and sends no reply [A28]', () => {
    const { feed, events, sink } = bench(role);
    for (let i = 0; i < 1000; i++) feed({ opcode: 10, payload: 'x' });
    expect(events.of('onPong').length).toBe(1000);
    expect(sink.bytes.length).toBe(0);
  });

  test('F25: when the message deadline passes, the connection fails with 1008 only if a message or frame is unfinished [A23]', () => {
    const idle = bench(role);
    idle.endpoint.messageTimedOut();
    idle.feed({ opcode: 1, payload: 'whole' });
    idle.endpoint.messageTimedOut();
    expect(idle.events.of('onError')).toEqual([]);
    const half = (stream: Buffer): Bench => {
      const connection = bench(role);
      expect(connection.endpoint.insideMessage).toBe(false);
      connection.endpoint.receive(stream);
      expect(connection.endpoint.insideMessage).toBe(true);
      connection.endpoint.messageTimedOut();
      expect(connection.endpoint.insideMessage).toBe(false);
      return connection;
    };
    const message = peerFrame(role, { opcode: 1, payload: 'message' });
    const ping = peerFrame(role, { opcode: 9, payload: 'ping' });
    for (const stream of [
      message.subarray(0, 1),
      message.subarray(0, -1),
      ping.subarray(0, -1),
      peerFrame(role, { opcode: 1, fin: false, payload: 'a' }),
    ]) {
      const connection = half(Buffer.from(stream));
      expect(connection.sentCloseCode()).toBe(1008);
      connection.endpoint.messageTimedOut();
      expect(connection.events.of('onError')).toEqual([['WS_MESSAGE_TIMEOUT']]);
    }
    const closed = bench(role);
    closed.feed({ opcode: 1, fin: false, payload: 'a' });
    closed.feed({ opcode: 8 });
    closed.endpoint.messageTimedOut();
    expect(closed.events.of('onError')).toEqual([]);
  });

  test('F25: a piece of a data frame counts as progress of a message, and a control frame does not', () => {
    const { endpoint, feed } = bench(role);
    const counts = [endpoint.dataPieces];
    const step = (act: () => void): void => {
      act();
      counts.push(endpoint.dataPieces);
    };
    step(() => feed({ opcode: 9 }));
    step(() => feed({ opcode: 1, fin: false, payload: 'a' }));
    step(() => feed({ opcode: 10 }));
    const chunks = cut(peerFrame(role, { opcode: 0, payload: 'bcd' }), 1, role === 'server' ? 8 : 4);
    step(() => endpoint.receive(chunks[0]!));
    step(() => endpoint.receive(chunks[1]!));
    step(() => endpoint.receive(chunks[2]!));
    const grew = counts.slice(1).map((count, i) => count > counts[i]!);
    expect(grew).toEqual([false, true, false, false, true, true]);
  });
});

describe.each(roles)('a %s receives pings', (role) => {
  test('C7: an endpoint answers a ping of 0 to 125 bytes with a pong that has the same payload', () => {
    for (let size = 0; size <= 125; size++) {
      const { feed, sink, events } = bench(role);
      const payload = Buffer.alloc(size, size + 1);
      feed({ opcode: 9, payload });
      expect(only(sink)).toMatchObject({ opcode: 10, fin: true, rsv: 0, masked: role === 'client' });
      expect(only(sink).payload.equals(payload)).toBe(true);
      expect(events.log).toEqual([['onPing', payload.toString('hex')]]);
    }
  });

  test('C7: an endpoint answers ten thousand pings in one chunk with ten thousand pongs [A27]', () => {
    const { endpoint, sink } = bench(role);
    endpoint.receive(Buffer.concat(Array(10_000).fill(peerFrame(role, { opcode: 9, payload: 'x' }))));
    expect(endpoint.state).toBe(Open);
    expect(opcodes(sink).length).toBe(10_000);
  });

  test("C7: an endpoint answers a ping after its own Close, but not a ping after the peer's Close", () => {
    const { endpoint, feed, sink } = bench(role);
    endpoint.close(1000);
    feed({ opcode: 9, payload: 'late' });
    expect(opcodes(sink)).toEqual([8, 10]);
    feed({ opcode: 8 });
    feed({ opcode: 9, payload: 'too late' });
    expect(opcodes(sink)).toEqual([8, 10]);
  });

  test('C8: while the transport is blocked, only the newest pong waits [A26]', () => {
    const { endpoint, feed, sink, events } = bench(role);
    sink.blocked = true;
    for (let i = 0; i < 1000; i++) feed({ opcode: 9, payload: `ping ${i}` });
    expect(sink.bytes.length).toBe(0);
    expect(events.of('onPing').length).toBe(1000);
    sink.blocked = false;
    endpoint.transportDrained();
    expect(only(sink).payload.toString()).toBe('ping 999');
    endpoint.transportDrained();
    expect(sink.frames.length).toBe(1);
  });

  test('C8: an endpoint never sends the pong for an older ping after the pong for a newer ping', () => {
    const { endpoint, feed, sink } = bench(role);
    sink.blocked = true;
    feed({ opcode: 9, payload: 'old' });
    // The transport is no longer blocked, but `transportDrained` has not been called yet.
    sink.blocked = false;
    feed({ opcode: 9, payload: 'new' });
    endpoint.transportDrained();
    expect(sink.frames.map(({ payload }) => payload.toString())).toEqual(['new']);
  });

  test("C7, C17: an endpoint sends no pong after the peer's Close, after a failure, or after the end of the connection", () => {
    const ends: ((connection: Bench) => void)[] = [
      (connection) => connection.feed({ opcode: 8 }),
      (connection) => connection.feed({ opcode: 3 }),
      (connection) => connection.endpoint.transportClosed(),
      (connection) => connection.endpoint.terminate(),
    ];
    for (const end of ends) {
      const connection = bench(role);
      connection.sink.blocked = true;
      connection.feed({ opcode: 9, payload: 'x' });
      end(connection);
      connection.sink.blocked = false;
      connection.endpoint.transportDrained();
      expect(opcodes(connection.sink)).not.toContain(10);
    }
  });

  test('C8: if an endpoint closes while a pong waits, the pong is sent after the Close frame', () => {
    const { endpoint, feed, sink } = bench(role);
    sink.blocked = true;
    feed({ opcode: 9, payload: 'x' });
    endpoint.close();
    sink.blocked = false;
    endpoint.transportDrained();
    expect(opcodes(sink)).toEqual([8, 10]);
  });

  test('C7: if the memory of a received ping changes, the pong that waits and the reported payload do not change', () => {
    const { endpoint, sink, events } = bench(role);
    sink.blocked = true;
    const received: Buffer[] = [];
    events.onPing = (payload) => received.push(payload);
    const chunk = peerFrame(role, { opcode: 9, payload: 'before' });
    endpoint.receive(chunk);
    chunk.fill(0);
    sink.blocked = false;
    endpoint.transportDrained();
    expect(only(sink).payload.toString()).toBe('before');
    expect(received[0]?.toString()).toBe('before');
  });
});

describe.each(roles)('a %s closes', (role) => {
  test('C10: close() sends one Close frame with the code and the reason, and later calls of close() have no effect', () => {
    const { endpoint, sink, events } = bench(role);
    endpoint.close(3001, 'enough');
    endpoint.close(1000);
    endpoint.close();
    expect(only(sink)).toMatchObject({ opcode: 8, fin: true, rsv: 0, masked: role === 'client' });
    expect(only(sink).payload.equals(closePayload(3001, 'enough'))).toBe(true);
    expect(sink.calls).toEqual(['closing']);
    expect(events.log).toEqual([['onClosing', false]]);
    expect(endpoint.state).toBe(CloseSent);
  });

  test('C10: close() without a code sends an empty Close frame', () => {
    const { endpoint, sink } = bench(role);
    endpoint.close();
    expect(only(sink).payload.length).toBe(0);
  });

  test('C23: close() throws for an invalid code, a long reason or a reason without a code, and sends nothing', () => {
    const { endpoint, sink, events } = bench(role);
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, Number.NaN]) {
      expect(() => endpoint.close(code), String(code)).toThrow(RangeError);
    }
    expect(() => endpoint.close(1000, '€'.repeat(42))).toThrow(RangeError);
    expect(() => endpoint.close(undefined, 'why')).toThrow(TypeError);
    expect(sink.bytes.length).toBe(0);
    expect(events.log).toEqual([]);
    expect(endpoint.state).toBe(Open);
    // Invalid arguments throw in every state of the connection.
    endpoint.transportClosed();
    expect(() => endpoint.close(1005)).toThrow(RangeError);
  });

  test('C3, F5, F23: after close(), an endpoint sends no message and no ping', () => {
    const { endpoint, sink } = bench(role);
    endpoint.close(1000);
    sendEverything(endpoint, role);
    expect(opcodes(sink)).toEqual([8]);
  });

  test("C3, C4: after the Close frame that answers the peer's Close, an endpoint sends nothing", () => {
    const { endpoint, feed, sink } = bench(role);
    feed({ opcode: 8, payload: closePayload(1000) });
    sendEverything(endpoint, role);
    endpoint.close(1001);
    expect(opcodes(sink)).toEqual([8]);
  });

  test("C4, C13: an endpoint answers the peer's Close with the same payload, and reports the code and the reason", () => {
    for (const [payload, code, reason] of [
      [closePayload(1000, 'done'), 1000, 'done'],
      [closePayload(4999), 4999, ''],
      [Buffer.alloc(0), 1005, ''],
      [closePayload(1014, 'x'.repeat(123)), 1014, 'x'.repeat(123)],
    ] as const) {
      for (const chunks of allCuts(peerFrame(role, { opcode: 8, payload }))) {
        const { endpoint, sink, events } = bench(role);
        for (const chunk of chunks) endpoint.receive(chunk);
        expect(only(sink).opcode).toBe(8);
        expect(only(sink).payload.equals(payload)).toBe(true);
        expect(endpoint.state).toBe(CloseReceived);
        expect(events.log).toEqual([['onClosing', true]]);
        endpoint.transportClosed();
        expect(events.of('onClose')).toEqual([[code, reason, true, true]]);
      }
    }
  });

  test('C5, C11: after both Close frames, a server ends TCP immediately, and a client waits until the server ends TCP', () => {
    const answering = bench(role);
    answering.feed({ opcode: 8, payload: closePayload(1000) });
    const asking = bench(role);
    asking.endpoint.close(1000);
    asking.feed({ opcode: 8, payload: closePayload(1000) });
    expect(answering.sink.calls).toEqual(role === 'server' ? ['closing', 'end'] : ['closing']);
    expect(asking.sink.calls).toEqual(
      role === 'server' ? ['closing', 'closing', 'end'] : ['closing', 'closing'],
    );
    for (const { endpoint, sink, events } of [answering, asking]) {
      // §7.1.1: the server has ended TCP, so the client ends TCP as well.
      endpoint.receiveEnd();
      expect(sink.calls.at(-1)).toBe('end');
      expect(events.of('onClose')).toEqual([]);
      endpoint.transportClosed();
      expect(events.of('onClose').length).toBe(1);
    }
  });

  test('C6: two Close frames that cross on the wire complete the closing handshake, and no second Close frame is sent', () => {
    const { endpoint, feed, sink, events } = bench(role);
    endpoint.close(1001, 'mine');
    feed({ opcode: 8, payload: closePayload(3000, 'theirs') });
    expect(only(sink).payload.equals(closePayload(1001, 'mine'))).toBe(true);
    expect(endpoint.state).toBe(CloseReceived);
    endpoint.transportClosed();
    expect(events.log).toEqual([
      ['onClosing', false],
      ['onClose', 3000, 'theirs', true, false],
    ]);
  });

  test('C4: messages that the peer sends before its Close frame are delivered even after our own close()', () => {
    const { endpoint, feed, events } = bench(role);
    endpoint.close(1000);
    feed({ opcode: 1, payload: 'late' });
    feed({ opcode: 8, payload: closePayload(1000) });
    expect(events.of('onText')).toEqual([['late', 4]]);
  });

  test("C17: after the peer's first Close frame, an endpoint ignores everything: messages, pings, Close frames and invalid bytes [A29]", () => {
    const { endpoint, feed, sink, events } = bench(role);
    const close = peerFrame(role, { opcode: 8, payload: closePayload(1000, 'first') });
    const more = [
      peerFrame(role, { opcode: 1, payload: 'more' }),
      peerFrame(role, { opcode: 9 }),
      peerFrame(role, { opcode: 8, payload: closePayload(4000, 'second') }),
      Buffer.alloc(20, 0xff),
    ];
    endpoint.receive(Buffer.concat([close, ...more]));
    for (const bytes of more) endpoint.receive(bytes);
    for (let i = 0; i < 1000; i++) feed({ opcode: 8, payload: closePayload(4000) });
    endpoint.transportClosed();
    expect(opcodes(sink)).toEqual([8]);
    expect(events.log).toEqual([
      ['onClosing', true],
      ['onClose', 1000, 'first', true, true],
    ]);
  });

  test('C1, C16: a Close frame with one byte or an invalid code fails the connection with 1002, and a reason that is not UTF-8 fails it with 1007 [A31]', () => {
    for (const [payload, code] of [
      [Buffer.from([3]), 1002],
      [closePayload(1006), 1002],
      [closePayload(999), 1002],
      [Buffer.concat([closePayload(1000), Buffer.from([0xc0, 0x80])]), 1007],
    ] as const) {
      const open = bench(role);
      open.feed({ opcode: 8, payload });
      expect(open.sentCloseCode()).toBe(code);
      expect(open.sink.calls).toEqual(['closing', 'end']);
      // §7.1.5: a Close frame with an error does not count as a received Close frame.
      open.endpoint.transportClosed();
      expect(open.events.of('onClose')).toEqual([[1006, '', false, false]]);
      const closing = bench(role);
      closing.endpoint.close(3000);
      closing.feed({ opcode: 8, payload });
      expect(closing.sentCloseCode()).toBe(3000);
      expect(closing.sink.calls).toEqual(['closing', 'closing', 'end']);
    }
  });

  test("C23, C24: an endpoint accepts or refuses each of the 65,536 codes in the peer's Close frame as the rules say [A31]", () => {
    for (let code = 0; code <= 0xffff; code++) {
      const { feed, sentCloseCode } = bench(role);
      feed({ opcode: 8, payload: closePayload(code) });
      const legal =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
      if (sentCloseCode() !== (legal ? code : 1002))
        expect.fail(`${code} was answered with ${sentCloseCode()}`);
    }
  });

  test('C17: after a failure, an endpoint processes no frame of the peer, not even a Close frame [A29]', () => {
    const { endpoint, feed, sink, events } = bench(role);
    feed({ opcode: 3 });
    feed({ opcode: 1, payload: 'more' });
    feed({ opcode: 9 });
    feed({ opcode: 8, payload: closePayload(1000, 'bye') });
    expect(opcodes(sink)).toEqual([8]);
    expect(events.log).toEqual([['onError', 'WS_UNKNOWN_OPCODE']]);
    endpoint.transportClosed();
    expect(events.of('onClose')).toEqual([[1006, '', false, false]]);
  });

  test('C14, C15, C16: if the peer breaks a rule, the endpoint sends one Close frame, ends TCP, and then reports the error', () => {
    const { endpoint, sink, events } = bench(role);
    let sentBefore = '';
    events.act = () => {
      sentBefore ||= sink.frames.map(({ payload }) => payload.readUInt16BE()).join();
    };
    endpoint.receive(Buffer.concat([peerFrame(role, { opcode: 11 }), peerFrame(role, { opcode: 12 })]));
    expect(sentBefore).toBe('1002');
    expect(sink.calls).toEqual(['closing', 'end']);
    expect(events.log).toEqual([['onError', 'WS_UNKNOWN_OPCODE']]);
    endpoint.close(1000);
    expect(endpoint.ping()).toBe(false);
    expect(sink.frames.length).toBe(1);
  });

  test('C16: if the peer breaks a rule after our own Close frame, the endpoint ends TCP without a second Close frame', () => {
    const { endpoint, feed, sink, events } = bench(role);
    endpoint.close(3000);
    feed({ opcode: 3 });
    expect(opcodes(sink)).toEqual([8]);
    expect(sink.calls).toEqual(['closing', 'closing', 'end']);
    endpoint.transportClosed();
    expect(events.log).toEqual([
      ['onClosing', false],
      ['onError', 'WS_UNKNOWN_OPCODE'],
      ['onClose', 1006, '', false, false],
    ]);
  });

  test('C12, C13, C19: if the transport ends without a Close frame, onClose is called once, with 1006 and wasClean false', () => {
    for (const end of ['receiveEnd', 'transportClosed'] as const) {
      for (const closeFirst of [false, true]) {
        const { endpoint, events, sink } = bench(role);
        if (closeFirst) endpoint.close(1000);
        endpoint[end]();
        endpoint.receiveEnd();
        endpoint.transportClosed();
        expect(endpoint.state).toBe(Closed);
        expect(events.of('onClose')).toEqual([[1006, '', false, false]]);
        if (end === 'receiveEnd') expect(sink.calls).toContain('end');
      }
    }
  });

  test('C12: terminate() drops the connection, and onClose reports a clean close only if both Close frames had been exchanged', () => {
    const open = bench(role);
    open.endpoint.terminate();
    open.endpoint.terminate();
    expect(open.sink.bytes.length).toBe(0);
    expect(open.sink.calls).toContain('destroy');
    sendEverything(open.endpoint, role);
    open.feed({ opcode: 1, payload: 'x' });
    open.endpoint.close(1000);
    open.endpoint.transportClosed();
    open.endpoint.terminate();
    expect(open.sink.bytes.length).toBe(0);
    expect(open.events.log).toEqual([['onClose', 1006, '', false, false]]);
    const done = bench(role);
    done.feed({ opcode: 8, payload: closePayload(1000) });
    done.endpoint.terminate();
    done.endpoint.transportClosed();
    expect(done.events.of('onClose')).toEqual([[1000, '', true, true]]);
  });

  test('C18: an endpoint never closes because of frames that the rules allow', () => {
    const { endpoint, feed, sink, events } = bench(role, { maxMessageSize: 70_000 });
    const payloads = ['', 'x', 'x'.repeat(125), '\ufeff', '\ufffd\0\u{10ffff}', 'x'.repeat(70_000)];
    for (const payload of payloads) {
      feed({ opcode: 1, payload });
      feed({ opcode: 2, payload });
      feed({ opcode: 1, fin: false, payload: '' });
      for (let i = 1; i < 1000; i++) feed({ opcode: 0, fin: false, payload: '' });
      feed({ opcode: 9, payload: payload.slice(0, 40) });
      feed({ opcode: 10, payload: payload.slice(0, 40) });
      feed({ opcode: 0, payload });
      endpoint.messageTimedOut();
      endpoint.pause();
      endpoint.resume();
      endpoint.transportDrained();
    }
    expect(events.of('onText').length).toBe(12);
    expect(events.of('onError')).toEqual([]);
    expect(new Set(opcodes(sink))).toEqual(new Set([10]));
    expect(new Set(sink.calls)).toEqual(new Set(['resume']));
    expect(endpoint.state).toBe(Open);
  });

  test('C20: abort() drops the connection and reports its error once', () => {
    const { endpoint, sink, events } = bench(role);
    endpoint.abort(new Error('gone'));
    expect(sink.calls).toEqual(['destroy']);
    endpoint.transportClosed();
    endpoint.abort(new Error('again'));
    expect(events.log).toEqual([
      ['onError', 'gone'],
      ['onClose', 1006, '', false, false],
    ]);
  });
});

interface ViewConstructor {
  readonly BYTES_PER_ELEMENT?: number;
  new (memory: ArrayBuffer, offset: number, length: number): ArrayBufferView<ArrayBuffer>;
}

/** Calls every method that sends. Each call must be refused. */
function sendEverything(endpoint: Endpoint, role: Role): void {
  expect(endpoint.sendText('x')).toBe(0);
  expect(endpoint.sendText('x'.repeat(5000))).toBe(0);
  expect(endpoint.sendBinary(new Uint8Array(1))).toBe(0);
  expect(endpoint.sendBinary(new Uint8Array(5000))).toBe(0);
  expect(endpoint.sendTextBytes(new Uint8Array(1))).toBe(0);
  expect(sendFragmented(endpoint, 'abc', 1)).toBe(0);
  if (role === 'server') {
    expect(
      endpoint.sendSerialized(serializeFrame({ opcode: 1, payload: Buffer.from('x') }, 'server'), 1),
    ).toBe(0);
  }
  expect(endpoint.ping()).toBe(false);
  expect(endpoint.pong()).toBe(false);
}

/**
 * Tests each cell of the table at the top of endpoint.ts. If a cell contains `-`, the event has no effect: the state does not change, and
 * the endpoint sends and reports nothing.
 */
describe.each(roles)('the table of states in endpoint.ts, for a %s', (role) => {
  const ended = role === 'server' ? ['closing', 'end'] : ['closing'];
  const enter: Record<string, (connection: Bench) => void> = {
    Open: () => {},
    CloseSent: ({ endpoint }) => endpoint.close(3000, 'ours'),
    CloseReceived: ({ feed }) => void feed({ opcode: 8, payload: closePayload(4000, 'theirs') }),
    Closed: ({ endpoint }) => endpoint.transportClosed(),
  };
  const act: Record<string, (connection: Bench) => void> = {
    'close()': ({ endpoint }) => endpoint.close(1000),
    'peer’s Close': ({ feed }) => void feed({ opcode: 8, payload: closePayload(1001, 'bye') }),
    violation: ({ feed }) => void feed({ opcode: 3 }),
    'transport’s end': ({ endpoint }) => endpoint.transportClosed(),
    'peer’s end': ({ endpoint }) => endpoint.receiveEnd(),
  };
  interface Cell {
    state: EndpointState;
    sent?: number;
    calls?: string[];
    log?: unknown[][];
    /** The values that `onClose` reports at the end of the connection. */
    close: unknown[] | null;
  }
  const lost = [1006, '', false, false];
  const theirs = [4000, 'theirs', true, true];
  const table: [string, string, Cell][] = [
    [
      'Open',
      'close()',
      { state: CloseSent, sent: 1000, calls: ['closing'], log: [['onClosing', false]], close: lost },
    ],
    [
      'Open',
      'peer’s Close',
      {
        ...{ state: CloseReceived, sent: 1001, calls: ended },
        ...{ log: [['onClosing', true]], close: [1001, 'bye', true, true] },
      },
    ],
    [
      'Open',
      'violation',
      {
        ...{ state: CloseSent, sent: 1002, calls: ['closing', 'end'] },
        ...{ log: [['onError', 'WS_UNKNOWN_OPCODE']], close: lost },
      },
    ],
    ['Open', 'transport’s end', { state: Closed, log: [['onClose', ...lost]], close: null }],
    ['Open', 'peer’s end', { state: Closed, calls: ['end'], log: [['onClose', ...lost]], close: null }],
    ['CloseSent', 'close()', { state: CloseSent, close: lost }],
    ['CloseSent', 'peer’s Close', { state: CloseReceived, calls: ended, close: [1001, 'bye', true, false] }],
    [
      'CloseSent',
      'violation',
      {
        ...{ state: CloseSent, calls: ['closing', 'end'] },
        ...{ log: [['onError', 'WS_UNKNOWN_OPCODE']], close: lost },
      },
    ],
    ['CloseSent', 'transport’s end', { state: Closed, log: [['onClose', ...lost]], close: null }],
    ['CloseSent', 'peer’s end', { state: Closed, calls: ['end'], log: [['onClose', ...lost]], close: null }],
    ['CloseReceived', 'close()', { state: CloseReceived, close: theirs }],
    ['CloseReceived', 'peer’s Close', { state: CloseReceived, close: theirs }],
    ['CloseReceived', 'violation', { state: CloseReceived, close: theirs }],
    ['CloseReceived', 'transport’s end', { state: Closed, log: [['onClose', ...theirs]], close: null }],
    ['CloseReceived', 'peer’s end', { state: CloseReceived, calls: ['end'], close: theirs }],
    ['Closed', 'close()', { state: Closed, close: null }],
    ['Closed', 'peer’s Close', { state: Closed, close: null }],
    ['Closed', 'violation', { state: Closed, close: null }],
    ['Closed', 'transport’s end', { state: Closed, close: null }],
    ['Closed', 'peer’s end', { state: Closed, calls: ['end'], close: null }],
  ];

  test('the table of these tests has a cell for each state and each event', () => {
    expect(table.length).toBe(Object.keys(enter).length * Object.keys(act).length);
    expect(new Set(table.map(([state, event]) => `${state}, ${event}`)).size).toBe(table.length);
    expect(Object.keys(enter)).toEqual(Object.keys(EndpointState));
  });

  test.each(table)(
    'C3, C4, C5, C10, C12, C13, C16, C17: in the state %s, the event "%s" has exactly the effects of its cell',
    (state, event, cell) => {
      const connection = bench(role);
      const { endpoint, sink, events } = connection;
      enter[state]!(connection);
      expect(endpoint.state).toBe(EndpointState[state as keyof typeof EndpointState]);
      sink.clear();
      events.log.length = 0;

      act[event]!(connection);
      expect(endpoint.state).toBe(cell.state);
      expect(connection.sentCloseCode()).toBe(cell.sent ?? null);
      expect(sink.frames.length).toBe(cell.sent === undefined ? 0 : 1);
      expect(sink.calls).toEqual(cell.calls ?? []);
      expect(events.log).toEqual(cell.log ?? []);

      events.log.length = 0;
      endpoint.transportClosed();
      expect(endpoint.state).toBe(Closed);
      expect(events.log).toEqual(cell.close === null ? [] : [['onClose', ...cell.close]]);
    },
  );
});

describe.each(roles)('a %s pauses', (role) => {
  const messages = (...texts: string[]): Buffer =>
    Buffer.concat(texts.map((payload) => peerFrame(role, { opcode: 1, payload })));

  test('F24: pause() in a callback stops the events after the current frame, and resume() continues with the next frame', () => {
    const { endpoint, events } = bench(role);
    events.act = () => endpoint.pause();
    expect(endpoint.receive(messages('a', 'b', 'c'))).toBe(false);
    expect(endpoint.receive(messages('d'))).toBe(false);
    expect(endpoint.isPaused).toBe(true);
    expect(endpoint.isPausedByUser).toBe(true);
    const seen = (): string =>
      events
        .of('onText')
        .map(([text]) => text)
        .join('');
    expect(seen()).toBe('a');
    endpoint.resume();
    expect(seen()).toBe('ab');
    events.act = () => {};
    endpoint.resume();
    expect(seen()).toBe('abcd');
    expect(endpoint.isPaused).toBe(false);
    expect(endpoint.receive(messages('e'))).toBe(true);
    expect(seen()).toBe('abcde');
  });

  test('F24: pause() followed by resume() in one callback has no effect', () => {
    const { endpoint, events } = bench(role);
    events.act = () => {
      endpoint.pause();
      endpoint.resume();
    };
    expect(endpoint.receive(messages('a', 'b', 'c'))).toBe(true);
    expect(events.of('onText').map(([text]) => text)).toEqual(['a', 'b', 'c']);
  });

  test('F24: events continue only after the application has ended its pause and the codec has finished', async () => {
    const codec = new FakeCodec();
    codec.waits = true;
    const { endpoint, events, feed } = bench(role, { codec });
    feed({ opcode: 1, rsv: 4, payload: 'z:0' });
    expect([endpoint.isPaused, endpoint.isPausedByUser]).toEqual([true, false]);
    endpoint.pause();
    expect(endpoint.receive(messages('a'))).toBe(false);
    endpoint.resume();
    expect([endpoint.isPaused, endpoint.isPausedByUser]).toEqual([true, false]);
    expect(events.log).toEqual([]);
    endpoint.pause();
    await codec.release();
    expect(events.log).toEqual([]);
    endpoint.resume();
    expect(events.of('onText')).toEqual([
      ['0', 3],
      ['a', 1],
    ]);
  });

  test('C13: if the transport ends while messages wait, the endpoint first delivers the messages and then processes the end', () => {
    const { endpoint, events } = bench(role);
    events.act = (name) => {
      if (name === 'onText') endpoint.pause();
    };
    const close = peerFrame(role, { opcode: 8, payload: closePayload(3000, 'done') });
    endpoint.receive(Buffer.concat([messages('a', 'b'), close]));
    endpoint.receiveEnd();
    expect(events.of('onClose')).toEqual([]);
    endpoint.resume();
    expect(events.of('onText').length).toBe(2);
    expect(endpoint.state).toBe(Open);
    endpoint.resume();
    expect(endpoint.state).toBe(CloseReceived);
    endpoint.transportClosed();
    expect(events.of('onClose')).toEqual([[3000, 'done', true, true]]);
  });

  test('C13, C19: if the transport ends while messages wait, the messages are delivered, and then onClose reports 1006', () => {
    const { endpoint, events } = bench(role);
    endpoint.pause();
    endpoint.receive(messages('a', 'b'));
    endpoint.receiveEnd();
    expect(events.log).toEqual([]);
    endpoint.resume();
    expect(events.log).toEqual([
      ['onText', 'a', 1],
      ['onText', 'b', 1],
      ['onClose', 1006, '', false, false],
    ]);
  });

  test('C19: if the transport is lost during a pause, the pause ends, and messages that wait are dropped', () => {
    const { endpoint, events } = bench(role);
    endpoint.pause();
    endpoint.receive(messages('a'));
    endpoint.transportClosed();
    endpoint.resume();
    expect(endpoint.isPaused).toBe(false);
    expect(events.log).toEqual([['onClose', 1006, '', false, false]]);
  });

  test('C17: pause() has no effect after a failure, after a Close frame of the peer, after terminate() or after abort()', () => {
    const ends: ((connection: Bench) => void)[] = [
      ({ feed }) => void feed({ opcode: 3 }),
      ({ feed }) => void feed({ opcode: 8 }),
      ({ endpoint }) => endpoint.terminate(),
      ({ endpoint }) => endpoint.abort(new Error('x')),
    ];
    for (const end of ends) {
      const connection = bench(role);
      const { endpoint, events } = connection;
      end(connection);
      endpoint.pause();
      expect(endpoint.isPaused).toBe(false);
      expect(endpoint.receive(messages('a'))).toBe(true);
      expect(events.of('onText')).toEqual([]);
    }
  });

  test("C17: if a paused connection fails while the peer's end waits to be processed, onClose is called once", () => {
    const { endpoint, events } = bench(role);
    endpoint.receive(peerFrame(role, { opcode: 1, fin: false, payload: 'half' }));
    endpoint.pause();
    endpoint.receive(messages('a'));
    endpoint.receiveEnd();
    endpoint.messageTimedOut();
    expect(events.log).toEqual([
      ['onFragment'],
      ['onError', 'WS_MESSAGE_TIMEOUT'],
      ['onClose', 1006, '', false, false],
    ]);
  });
});

describe.each(roles)('a %s sends', (role) => {
  test('F1, F3, F23: an endpoint sends each message as one frame with FIN and the right opcode, and only a client masks the frame', () => {
    const { endpoint, sink } = bench(role);
    expect(endpoint.sendText('hé')).toBe(3);
    expect(endpoint.sendBinary(Buffer.from([1, 2]))).toBe(2);
    expect(endpoint.sendTextBytes(Buffer.from('t'))).toBe(1);
    expect(endpoint.sendText('')).toBe(0);
    expect(endpoint.ping(Buffer.from('p'))).toBe(true);
    expect(endpoint.pong(Buffer.from('q'))).toBe(true);
    expect(endpoint.ping()).toBe(true);
    expect(endpoint.pong()).toBe(true);
    expect(sink.frames.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
      [1, 'h\xc3\xa9'],
      [2, '\x01\x02'],
      [1, 't'],
      [1, ''],
      [9, 'p'],
      [10, 'q'],
      [9, ''],
      [10, ''],
    ]);
    for (const sent of sink.frames)
      expect(sent).toMatchObject({ fin: true, rsv: 0, masked: role === 'client' });
  });

  test('F1, F3, F9, F10: an endpoint sends binary messages correctly if their size is near a limit of the length field or of copying', () => {
    for (const size of [0, 1, 125, 126, 127, 4095, 4096, 4097, 65535, 65536, 65537]) {
      const { endpoint, sink } = bench(role);
      const payload = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 7) & 255));
      const before = Buffer.from(payload);
      expect(endpoint.sendBinary(payload)).toBe(size);
      expect(payload.equals(before)).toBe(true);
      expect(only(sink)).toMatchObject({ opcode: 2, fin: true, masked: role === 'client' });
      expect(only(sink).payload.equals(before)).toBe(true);
      expect(endpoint.bufferedAmount).toBe(sink.bytes.length);
    }
  });

  test('F9, F10, F21: an endpoint sends texts with characters of 1 to 4 bytes correctly if the size is near a limit of the length field', () => {
    for (const [unit, width] of [
      ['a', 1],
      ['é', 2],
      ['€', 3],
      ['😀', 4],
      ['\ud800', 3],
      ['\udfff', 3],
    ] as const) {
      const counts = new Set<number>();
      for (const border of [0, 125, 126, 65535, 65536]) {
        // These lengths are near the boundaries, in UTF-16 units and in bytes. Up to a certain size the endpoint writes text in place, so
        // the list also contains lengths near this size.
        for (const middle of [
          border,
          border / width,
          border / unit.length,
          4096 / unit.length,
          4096 / width,
        ]) {
          for (let n = Math.floor(middle) - 2; n <= middle + 2; n++) if (n >= 0) counts.add(n);
        }
      }
      for (const count of counts) {
        for (const tail of ['', 'a', 'é']) {
          const { endpoint, sink } = bench(role);
          const text = unit.repeat(count) + tail;
          const expected = Buffer.from(wellFormed(text));
          const sent = endpoint.sendText(text);
          if (sent !== expected.length || !only(sink).payload.equals(expected)) {
            expect.fail(`${count} times ${JSON.stringify(unit)} and ${JSON.stringify(tail)}`);
          }
        }
      }
    }
  });

  test('F21: an endpoint sends a lone surrogate as U+FFFD, so that the text is valid UTF-8', () => {
    for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800', 'é\ud83d', '\ud83d\ud83d\ude00']) {
      for (const long of ['', 'x'.repeat(5000)]) {
        const { endpoint, sink } = bench(role);
        endpoint.sendText(long + text);
        expect(new TextDecoder('utf-8', { fatal: true }).decode(only(sink).payload)).toBe(
          long + wellFormed(text),
        );
      }
    }
  });

  test('F1, F12: each frame of a client has its own masking key', () => {
    const { endpoint, sink } = bench(role);
    for (let i = 0; i < 100; i++) {
      endpoint.sendText('same');
      endpoint.sendBinary(Buffer.alloc(5000));
      endpoint.ping();
    }
    const keys = new Set(sink.frames.map(({ key }) => key.join()));
    if (role === 'client') expect(keys.size).toBeGreaterThan(297);
    else expect(keys).toEqual(new Set(['']));
  });

  test('F5, F17, F23: in a fragmented message, the first frame has the opcode, the other frames are continuations, and the last has FIN', () => {
    for (const [data, opcode] of [
      ['Grüße €😀', 1],
      [Buffer.from('Grüße €😀'), 2],
      ['', 1],
      [Buffer.alloc(10_000, 9), 2],
    ] as const) {
      const expected = Buffer.from(data as string);
      for (const fragmentSize of [1, 2, 3, 7, 4096, 4097, 5000, 100_000]) {
        if (expected.length / fragmentSize > 5000) continue;
        const { endpoint, sink } = bench(role);
        expect(sendFragmented(endpoint, data, fragmentSize)).toBe(expected.length);
        const { frames } = sink;
        expect(frames.length).toBe(Math.max(1, Math.ceil(expected.length / fragmentSize)));
        for (const [i, sent] of frames.entries()) {
          expect(sent.opcode).toBe(i === 0 ? opcode : 0);
          expect(sent.fin).toBe(i === frames.length - 1);
          expect(sent.masked).toBe(role === 'client');
          expect(sent.payload.length).toBeLessThanOrEqual(fragmentSize);
        }
        expect(Buffer.concat(frames.map(({ payload }) => payload)).equals(expected)).toBe(true);
      }
    }
  });

  test('F23: if terminate() is called while a fragmented message is sent, no further fragment is sent', () => {
    const { endpoint, sink } = bench(role);
    sink.onSend = () => {
      if (sink.frames.length === 2) endpoint.terminate();
    };
    sendFragmented(endpoint, 'abcdef', 1);
    expect(sink.frames.map(({ opcode, fin }) => [opcode, fin])).toEqual([
      [1, false],
      [0, false],
    ]);
  });

  test('F23: sending with a fragment size that is not a positive integer throws, and nothing is sent', () => {
    const { endpoint, sink } = bench(role);
    for (const size of [0, -1, 1.5, Number.NaN, Infinity, '5' as unknown as number]) {
      expect(() => sendFragmented(endpoint, 'abc', size)).toThrow(RangeError);
    }
    expect(sink.bytes.length).toBe(0);
  });

  test('F16: ping() and pong() throw for a payload of over 125 bytes, and send nothing', () => {
    const { endpoint, sink } = bench(role);
    expect(endpoint.ping(Buffer.alloc(125, 1))).toBe(true);
    expect(only(sink).payload.length).toBe(125);
    sink.clear();
    expect(() => endpoint.ping(Buffer.alloc(126))).toThrow(RangeError);
    expect(() => endpoint.pong(Buffer.alloc(126))).toThrow(RangeError);
    expect(sink.bytes.length).toBe(0);
  });

  test('F3: a server sends a serialized frame unchanged, and a client refuses to send a serialized frame', () => {
    const { endpoint, sink } = bench(role);
    for (const size of [5, 4000, 5000]) {
      sink.clear();
      const serialized = serializeFrame({ opcode: 2, payload: Buffer.alloc(size, 3) }, 'server');
      if (role === 'client') {
        expect(() => endpoint.sendSerialized(serialized, size)).toThrow(TypeError);
        expect(sink.bytes.length).toBe(0);
      } else {
        expect(endpoint.sendSerialized(serialized, size)).toBe(size);
        expect(sink.bytes.equals(serialized)).toBe(true);
      }
    }
  });

  test('F13: an endpoint never modifies the payload of the caller, and never sends uninitialized memory [A40]', () => {
    // The sink of the test fills its memory with 0xa5. No payload contains this byte, so a server must never send it.
    const content = Uint8Array.from({ length: 4104 }, (_, i) => i % 0xa5);
    const memory = new Uint8Array(8 + content.length + 8).fill(0xa5);
    memory.set(content, 8);
    const kinds = [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
    ];
    const wide = [Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView];
    for (const Kind of [...kinds, ...wide] as ViewConstructor[]) {
      for (const size of [0, 8, 120, 128, 4088, 4096, 4104]) {
        const view = new Kind(memory.buffer, 8, size / (Kind.BYTES_PER_ELEMENT ?? 1));
        // The endpoint must send the bytes of any view, and not its elements.
        const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
        const expected = Buffer.from(content.subarray(0, size));
        const { endpoint, sink } = bench(role);
        endpoint.sendBinary(bytes);
        endpoint.sendTextBytes(bytes);
        sendFragmented(endpoint, bytes, 1000);
        if (size <= 125) {
          endpoint.ping(bytes);
          endpoint.pong(bytes);
        }
        const sent = Buffer.concat(sink.frames.map(({ payload }) => payload));
        expect(sent.equals(Buffer.concat(Array(size <= 125 ? 5 : 3).fill(expected)))).toBe(true);
        expect(memory.subarray(8, 8 + content.length).every((byte, i) => byte === content[i])).toBe(true);
        if (role === 'server') expect(sink.bytes.includes(0xa5)).toBe(false);
      }
    }
    for (const text of ['', 'a', 'é'.repeat(60), 'é'.repeat(64), '€'.repeat(4096), '😀'.repeat(30_000)]) {
      const { endpoint, sink } = bench(role);
      endpoint.sendText(text);
      sendFragmented(endpoint, text, 999);
      endpoint.close(1000, text.slice(0, 30));
      const frames = sink.frames;
      const expected = Buffer.from(text);
      expect(frames[0]?.payload.equals(expected)).toBe(true);
      expect(Buffer.concat(frames.slice(1, -1).map(({ payload }) => payload)).equals(expected)).toBe(true);
      expect(frames.at(-1)?.payload.equals(closePayload(1000, text.slice(0, 30)))).toBe(true);
    }
  });

  test('F13: a client masks a copy of a large payload, and a server passes a large payload to the transport without a copy', () => {
    const { endpoint, sink } = bench(role);
    const payload = Buffer.alloc(10_000, 7);
    const appended: Uint8Array[] = [];
    sink.append = (bytes) => appended.push(bytes);
    endpoint.sendBinary(payload);
    expect(appended.length).toBe(1);
    expect(appended[0] === payload).toBe(role === 'server');
    expect(payload.equals(Buffer.alloc(10_000, 7))).toBe(true);
  });
});

describe('two endpoints together', () => {
  test('F1, F3, F14, C4, C5: a client and a server exchange messages and close', () => {
    const [client, server] = [bench('client'), bench('server')];
    const exchange = (): void => {
      for (const [from, to] of [
        [client, server],
        [server, client],
        [client, server],
      ] as const) {
        const { bytes, calls } = from.sink;
        const ends = calls.includes('end');
        from.sink.clear();
        to.endpoint.receive(bytes);
        if (ends) to.endpoint.receiveEnd();
      }
    };
    client.endpoint.sendText('question');
    sendFragmented(client.endpoint, 'in parts', 3);
    server.endpoint.sendBinary(Buffer.alloc(100_000, 5));
    server.endpoint.ping(Buffer.from('?'));
    exchange();
    expect(server.events.of('onText')).toEqual([
      ['question', 8],
      ['in parts', 8],
    ]);
    expect(client.events.of('onBinary')[0]?.[1]).toBe(100_000);
    expect(server.events.of('onPong')).toEqual([['3f']]);
    client.endpoint.close(3000, 'enough');
    exchange();
    for (const { endpoint } of [client, server]) endpoint.transportClosed();
    expect(client.events.of('onClose')).toEqual([[3000, 'enough', true, false]]);
    expect(server.events.of('onClose')).toEqual([[3000, 'enough', true, true]]);
  });
});

describe('invalid arguments', () => {
  test('F25: an endpoint refuses a limit that is negative or not a number', () => {
    for (const maxMessageSize of [undefined, Number.NaN, -1, 'x']) {
      const options = { role: 'server', maxMessageSize } as EndpointOptions;
      expect(() => new Endpoint(new MemorySink(), new Recorder(), options)).toThrow(RangeError);
    }
    for (const maxMessageSize of [0, 1, Infinity]) {
      new Endpoint(new MemorySink(), new Recorder(), { role: 'server', maxMessageSize });
    }
  });

  test('F1, F2: an endpoint refuses an invalid role', () => {
    for (const role of [undefined, 'Server', '']) {
      const options = { role, maxMessageSize: 1 } as EndpointOptions;
      expect(() => new Endpoint(new MemorySink(), new Recorder(), options)).toThrow(TypeError);
    }
  });
});

test('F2, F4, C17: a frame with the wrong masking fails the connection, whatever its opcode and whatever frames came before it [A15, A16]', () => {
  const places: [string, FrameSpec[], FrameSpec][] = [
    ['text', [], { opcode: 1, payload: 'x' }],
    ['empty', [], { opcode: 2 }],
    ['continuation', [{ opcode: 1, fin: false, payload: 'a' }], { opcode: 0, payload: 'b' }],
    ['ping', [], { opcode: 9 }],
    ['close', [], { opcode: 8 }],
    ['after a message', [{ opcode: 1, payload: 'a' }], { opcode: 1, payload: 'b' }],
  ];
  for (const role of roles) {
    for (const [name, before, spec] of places) {
      const { endpoint, feed, events, sentCloseCode } = bench(role);
      for (const good of before) feed(good);
      events.log.length = 0;
      endpoint.receive(frame({ ...spec, key: role === 'server' ? null : rfcKey }));
      expect(events.log, name).toEqual([
        ['onError', role === 'server' ? 'WS_UNMASKED_FRAME' : 'WS_MASKED_FRAME'],
      ]);
      expect(sentCloseCode()).toBe(1002);
    }
  }
});

test('F6, F7, F22: a frame with a reserved bit or a reserved opcode fails the connection, also inside a message [A17, A18]', () => {
  for (const role of roles) {
    for (const inside of [false, true]) {
      for (let opcode = 0; opcode < 16; opcode++) {
        for (let rsv = 0; rsv < 8; rsv++) {
          const known = [0, 1, 2, 8, 9, 10].includes(opcode);
          if (rsv === 0 && known) continue;
          const { feed, events, sentCloseCode } = bench(role);
          if (inside) feed({ opcode: 1, fin: false, payload: 'a' });
          events.log.length = 0;
          feed({ opcode, rsv });
          expect(sentCloseCode()).toBe(1002);
          expect(events.log.length).toBe(1);
          const code = events.log[0]?.[1];
          if (rsv === 0) expect(code).toBe('WS_UNKNOWN_OPCODE');
          else if (known) expect(code).toBe('WS_RESERVED_BITS');
        }
      }
    }
  }
});

test('F18: the frame reader of these tests reads the same frames however the bytes are cut', () => {
  // The test reads the frames that the frame builder writes. So a fault of the reader or of the builder becomes visible.
  const specs: FrameSpec[] = [0, 1, 125, 126, 65535, 65536].map((size) => ({
    opcode: 2,
    payload: Buffer.alloc(size, size),
    key: rfcKey,
  }));
  const frames = readFrames(Buffer.concat(specs.map(frame)));
  expect(frames.map(({ payload }) => payload.length)).toEqual([0, 1, 125, 126, 65535, 65536]);
  for (const [i, spec] of specs.entries())
    expect(frames[i]?.payload.equals(spec.payload as Buffer)).toBe(true);
});
