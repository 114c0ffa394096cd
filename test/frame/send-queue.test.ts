/** Tests messages that wait for the codec, for a half-written frame, or before the Close frame. */
import { describe, expect, test } from 'vitest';
import { EndpointState } from '../../src/frame/endpoint.ts';
import type { MessageCodec } from '../../src/frame/message-codec.ts';
import { serializeFrame } from '../../src/frame/serializer.ts';
import { COPY_THRESHOLD } from '../../src/frame/writer.ts';
import {
  type Bench,
  bench,
  FakeCodec,
  type MemorySink,
  peerFrame,
  random,
  roles,
  sendFragmented,
} from './harness.ts';

function connect(role: 'client' | 'server', waits = true): Bench & { codec: FakeCodec } {
  const codec = new FakeCodec();
  codec.waits = waits;
  return { ...bench(role, { codec }), codec };
}

/** Returns the sent frames as texts of FIN, RSV, opcode and payload. */
function sent({ sink }: Bench): string[] {
  return sink.frames.map(({ fin, rsv, opcode, payload }) => {
    const flags = `${fin ? '' : '-'}${rsv === 4 ? '*' : ''}`;
    return `${flags}${opcode} ${opcode === 8 ? payload.toString('hex') : payload.toString('latin1')}`;
  });
}

describe.each(roles)('a %s sends through a codec', (role) => {
  test('F6, F22, F23: an endpoint sets RSV1 only on the first frame of a message that the codec compressed', () => {
    const connection = connect(role, false);
    const { endpoint } = connection;
    expect(endpoint.sendText('text')).toBe(6);
    expect(endpoint.sendBinary(Buffer.from('data'))).toBe(6);
    expect(endpoint.sendTextBytes(Buffer.from('bytes'))).toBe(7);
    expect(sendFragmented(endpoint, 'in parts', 4)).toBe(10);
    expect(endpoint.sendText('not this', { compress: false })).toBe(8);
    expect(endpoint.sendBinary(Buffer.from('random'))).toBe(6);
    expect(endpoint.sendBinary(Buffer.from('abc'))).toBe(3);
    endpoint.ping(Buffer.from('ping'));
    endpoint.close(1000, 'done');
    expect(sent(connection)).toEqual([
      '*1 z:text',
      '*2 z:data',
      '*1 z:bytes',
      '-*1 z:in',
      '-0  par',
      '0 ts',
      '1 not this',
      '2 random',
      '2 abc',
      '9 ping',
      '8 03e8646f6e65',
    ]);
  });

  test('F23: while the codec compresses a message, later messages wait in order, and control frames do not wait', async () => {
    const connection = connect(role);
    const { endpoint, codec, sink } = connection;
    expect(endpoint.sendText('first')).toBe(-1);
    expect(endpoint.canSendSerialized).toBe(false);
    const payload = Buffer.from('abc');
    expect(endpoint.sendBinary(payload)).toBe(-1);
    // The endpoint has copied the small payload that waits, so the caller may change it.
    payload.fill('x');
    expect(endpoint.sendText('fourth', { compress: false })).toBe(-1);
    expect(sendFragmented(endpoint, 'fifth', 2)).toBe(-1);
    endpoint.ping();
    expect(sink.held).toBe(5 + 3 + 6 + 5);
    expect(sent(connection)).toEqual(['9 ']);
    await codec.release(1);
    expect(sent(connection)).toEqual(['9 ', '*1 z:first', '2 abc', '1 fourth']);
    expect(endpoint.sendText('x')).toBe(-1);
    await codec.release();
    expect(sent(connection).slice(4)).toEqual(['-*1 z:', '-0 fi', '-0 ft', '0 h', '1 x']);
    expect(sink.held).toBe(0);
    expect(endpoint.canSendSerialized).toBe(true);
  });

  test('C3, C10: our Close frame waits for the messages before it, and nothing is sent after it', async () => {
    const connection = connect(role);
    const { endpoint, codec, events, sink } = connection;
    endpoint.sendText('first');
    endpoint.sendText('second');
    endpoint.close(3000, 'x');
    expect(endpoint.state).toBe(EndpointState.CloseSent);
    expect(events.of('onClosing')).toEqual([[false]]);
    expect(sink.calls).toEqual(['closing']);
    expect(endpoint.sendText('never')).toBe(0);
    await codec.release();
    expect(sent(connection)).toEqual(['*1 z:first', '*1 z:second', '8 0bb878']);
    expect(sink.calls).toEqual(['closing', 'closing']);
  });

  test("C4, C5: the Close frame that answers the peer's Close waits for the messages before it, and then a server ends TCP", async () => {
    const connection = connect(role);
    const { endpoint, codec, feed, sink } = connection;
    sendFragmented(endpoint, 'first', 4);
    sendFragmented(endpoint, 'second', 4);
    feed({ opcode: 8, payload: Buffer.from([3, 232]) });
    expect(sent(connection)).toEqual([]);
    expect(sink.calls).toEqual(['closing']);
    await codec.release();
    expect(sent(connection)).toEqual(['-*1 z:fi', '0 rst', '-*1 z:se', '0 cond', '8 03e8']);
    expect(sink.calls).toEqual(role === 'server' ? ['closing', 'closing', 'end'] : ['closing', 'closing']);
    endpoint.transportClosed();
    expect(connection.events.of('onClose')).toEqual([[1000, '', true, true]]);
  });

  test('C16, C17: if the connection fails, its Close frame is sent immediately, and messages that wait for the codec are dropped', async () => {
    for (const closeFirst of [false, true]) {
      const connection = connect(role);
      const { endpoint, codec, feed, sink } = connection;
      endpoint.sendText('first');
      endpoint.sendText('second');
      if (closeFirst) endpoint.close(1000);
      feed({ opcode: 3 });
      expect(sent(connection)[0]?.slice(0, 6)).toBe('8 03ea');
      expect(sink.calls.slice(-2)).toEqual(['closing', 'end']);
      await codec.release();
      expect(sink.frames.length).toBe(1);
      expect(sink.held).toBe(0);
      endpoint.transportClosed();
    }
  });

  test('F23: terminate() and the end of the transport drop the messages that wait', async () => {
    for (const end of ['terminate', 'transportClosed', 'receiveEnd'] as const) {
      const connection = connect(role);
      const { endpoint, codec, sink } = connection;
      endpoint.sendText('first');
      endpoint.sendText('second');
      endpoint.close();
      endpoint[end]();
      await codec.release();
      expect(sent(connection)).toEqual([]);
      expect(sink.held).toBe(0);
      endpoint.transportClosed();
      expect(codec.closed).toBe(1);
    }
  });

  test('C16, F26: if the codec throws or rejects, the connection closes with 1011, and the peer receives no details', async () => {
    for (const text of ['throws', 'rejects']) {
      const connection = connect(role);
      const { endpoint, codec, sink, events } = connection;
      endpoint.sendText(text);
      endpoint.sendText('second');
      await codec.release();
      expect(sent(connection)).toEqual(['8 03f3']);
      expect(events.of('onError')).toEqual([['the codec broke']]);
      expect(sink.held).toBe(0);
      expect([...new Set(sink.calls)]).toEqual(['closing', 'end']);
    }
  });

  test("C4: if the codec fails, the endpoint still answers the peer's Close, and sends its own waiting Close frame with 1011", async () => {
    // Here the peer closes first. The endpoint answers with a Close frame although the message is lost.
    const answering = connect(role);
    answering.endpoint.sendText('rejects');
    answering.endpoint.sendText('second');
    answering.feed({ opcode: 8, payload: Buffer.from([3, 232]) });
    await answering.codec.release();
    expect(sent(answering)).toEqual(['8 03e8']);
    expect(answering.sink.calls.includes('end')).toBe(role === 'server');
    // Here our endpoint closes first. The message is lost, so the code is 1011 and no longer 1000.
    const closing = connect(role);
    closing.endpoint.sendText('first');
    closing.endpoint.sendText('throws');
    closing.endpoint.close(1000);
    await closing.codec.release();
    expect(sent(closing)).toEqual(['*1 z:first', '8 03f3']);
    expect(closing.sink.calls.at(-1)).toBe('end');
    for (const { events } of [answering, closing])
      expect(events.of('onError')).toEqual([['the codec broke']]);
  });

  test("F13: an endpoint never modifies the caller's bytes, whether the message waits or not", async () => {
    const { endpoint, codec } = connect(role);
    const large = Buffer.alloc(9000, 7);
    const small = Buffer.from('random');
    for (const payload of [large, small, large]) {
      endpoint.sendBinary(payload, { compress: payload === small });
      sendFragmented(endpoint, payload, 5000, false);
    }
    await codec.release();
    expect(large.equals(Buffer.alloc(9000, 7))).toBe(true);
    expect(small.toString()).toBe('random');
  });

  test('F23: a serialized frame does not overtake a message that the codec compresses', async () => {
    if (role === 'client') return;
    const { endpoint, codec, sink } = connect(role);
    const frame = serializeFrame({ opcode: 1, payload: Buffer.from('all') }, 'server');
    endpoint.sendText('first');
    expect(endpoint.canSendSerialized).toBe(false);
    expect(endpoint.sendSerialized(frame, 3)).toBe(3);
    expect(sink.frames).toEqual([]);
    await codec.release();
    expect(endpoint.canSendSerialized).toBe(true);
    expect(endpoint.sendSerialized(frame, 3)).toBe(3);
    expect(sink.frames.map(({ payload }) => payload.toString())).toEqual(['z:first', 'all', 'all']);
  });

  test('C3, F17: if the application sends a message during a write to the transport, this message leaves after the waiting messages', async () => {
    const connection = connect(role);
    const { endpoint, codec, sink } = connection;
    endpoint.sendText('first');
    endpoint.sendText('abc');
    endpoint.sendText('def');
    let sends = 0;
    sink.onSend = () => {
      if (sends++ === 0) endpoint.sendText('ghi');
    };
    await codec.release();
    expect(sent(connection)).toEqual(['*1 z:first', '1 abc', '1 def', '1 ghi']);
  });
});

describe.each(roles)('a %s sends and receives through a codec', (role) => {
  test('F17, F23, F24, C3: each direction keeps the order of its messages, whether the codec answers immediately or later', async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const pick = random(seed);
    for (let run = 0; run < 300; run++) {
      // Each direction has a separate codec. So either codec can be the first that answers.
      const [out, back] = [new FakeCodec(), new FakeCodec()];
      let closed = 0;
      const codec: MessageCodec = {
        threshold: 4,
        compress: (payload) => out.compress(payload),
        decompress: (payload, maxLength) => back.decompress(payload, maxLength),
        close: () => closed++,
      };
      const connection = bench(role, { codec });
      const { endpoint, events, sink } = connection;
      const expectedOut: string[] = [];
      const expectedIn: string[] = [];
      for (let n = 0; n < 30; n++) {
        out.waits = pick(2) === 0;
        back.waits = pick(2) === 0;
        const text = `${n}-${'abcdefgh'.slice(0, pick(8))}`;
        switch (pick(6)) {
          case 0:
            expectedOut.push(text);
            endpoint.sendText(text, { compress: pick(3) > 0 });
            break;
          case 1:
            expectedOut.push(text);
            sendFragmented(endpoint, text, 1 + pick(5), pick(3) > 0);
            break;
          case 2:
            expectedIn.push(text);
            endpoint.receive(peerFrame(role, { opcode: 1, rsv: 4, payload: `z:${text}` }));
            break;
          case 3:
            expectedIn.push(text);
            endpoint.receive(peerFrame(role, { opcode: 1, payload: text }));
            break;
          case 4:
            await out.release(pick(3));
            break;
          default:
            await back.release(pick(3));
        }
      }
      endpoint.close(1000);
      for (let n = 0; n < 60; n++) await (pick(2) === 0 ? out : back).release(1);
      await out.release();
      await back.release();
      let message = '';
      let isCompressed = false;
      const wire: string[] = [];
      for (const { opcode, rsv, fin, payload } of sink.frames) {
        if (opcode === 8) continue;
        if (opcode !== 0) isCompressed = rsv === 4;
        message += payload.toString();
        if (!fin) continue;
        wire.push(isCompressed ? message.slice(2) : message);
        message = '';
      }
      expect(wire, `seed ${seed}`).toEqual(expectedOut);
      expect(sink.frames.at(-1)?.opcode).toBe(8);
      expect(
        events.of('onText').map(([text]) => text),
        `seed ${seed}`,
      ).toEqual(expectedIn);
      expect(sink.held).toBe(0);
      endpoint.transportClosed();
      expect(closed).toBe(1);
    }
  });

  test('C4, C5, C11: if the peer ends TCP after its Close frame, an endpoint still sends the messages that wait for the codec', async () => {
    const connection = connect(role);
    const { endpoint, codec, feed, sink } = connection;
    endpoint.sendText('first');
    feed({ opcode: 8, payload: Buffer.from([3, 232]) });
    endpoint.receiveEnd();
    expect(sink.calls).toEqual(['closing']);
    await codec.release();
    expect(sent(connection)).toEqual(['*1 z:first', '8 03e8']);
    expect(sink.calls).toEqual(['closing', 'closing', 'end']);
    endpoint.transportClosed();
    expect(connection.events.of('onClose')).toEqual([[1000, '', true, true]]);
  });

  test('F13: on a client, the caller may reuse its bytes immediately; on a server, only after the message has left', async () => {
    const { endpoint, codec, sink } = connect(role);
    const payloads = [Buffer.alloc(5000, 'a'), Buffer.alloc(6000, 'b'), Buffer.alloc(7000, 'c')];
    for (const payload of payloads) endpoint.sendBinary(payload, { compress: payload !== payloads[1] });
    if (role === 'client') for (const payload of payloads) payload.fill('x');
    await codec.release();
    // The fake codec reads a payload when it is called. For a waiting message, this happens only when all earlier messages have left.
    expect(sink.frames.map(({ payload }) => payload.toString('latin1', 2, 4))).toEqual(['aa', 'bb', 'cc']);
  });
});

describe.each(roles)('fragments that a %s sends', (role) => {
  function shape(sink: MemorySink): [boolean, number, number, number][] {
    return sink.frames.map(({ fin, rsv, opcode, payload }) => [fin, rsv, opcode, payload.length]);
  }

  test('F17, F23: a message is divided only if it is larger than one frame; the first frame has the opcode, and the last has FIN', () => {
    const codec = new FakeCodec();
    const { endpoint, sink } = bench(role, { codec });
    sendFragmented(endpoint, Buffer.alloc(8), 10);
    sendFragmented(endpoint, Buffer.alloc(8), 9);
    sendFragmented(endpoint, '', 1);
    sendFragmented(endpoint, 'x'.repeat(COPY_THRESHOLD * 2 + 1), COPY_THRESHOLD + 1, false);
    expect(shape(sink)).toEqual([
      [true, 4, 2, 10],
      [false, 4, 2, 9],
      [true, 0, 0, 1],
      [true, 0, 1, 0],
      [false, 0, 1, COPY_THRESHOLD + 1],
      [true, 0, 0, COPY_THRESHOLD],
    ]);
  });

  test('F17, F23: if the rest of a message fits into lastFragmentSize, the rest is sent as one last frame', () => {
    const { endpoint, sink } = bench(role);
    for (const length of [19, 20, 29, 30, 100]) sendFragmented(endpoint, Buffer.alloc(length), 10, true, 19);
    const last: number[] = [];
    let whole = 0;
    for (const { fin, payload } of sink.frames) {
      whole += payload.length;
      if (!fin) expect(payload.length).toBe(10);
      else last.push(payload.length);
    }
    expect(last).toEqual([19, 10, 19, 10, 10]);
    expect(whole).toBe(19 + 20 + 29 + 30 + 100);
  });

  test('F23: if messages are sent during a write to the transport, they leave in order, and a ping leaves before them [A49]', () => {
    for (const fragmentSize of [5000, 10_000]) {
      const { endpoint, sink } = bench(role);
      const bytes = Buffer.alloc(100, 7);
      let calls = 0;
      sink.onSend = () => {
        // The endpoint writes a header and then its payload. A control frame may follow only after the payload.
        if (calls++ !== 1) return;
        expect(endpoint.sendText('small')).toBe(5);
        expect(endpoint.sendBinary(bytes)).toBe(100);
        // The caller may change a small payload immediately after the call.
        bytes.fill(8);
        sendFragmented(endpoint, 'x'.repeat(9000), 5000);
        if (role === 'server') endpoint.sendSerialized(Buffer.from([0x82, 1, 9]), 1);
        endpoint.ping();
        endpoint.sendText('z'.repeat(5000));
        expect(sink.held).toBe(5 + 100 + 9000 + (role === 'server' ? 3 : 0) + 5000);
      };
      sendFragmented(endpoint, Buffer.alloc(9000, 1), fragmentSize);
      const messages: [number, number][] = [];
      for (const { opcode, payload } of sink.frames) {
        if (opcode === 0) messages.at(-1)![1] += payload.length;
        else if (opcode === 9) expect(payload.length).toBe(0);
        else messages.push([opcode, payload.length]);
      }
      expect(messages).toEqual([
        [2, 9000],
        [1, 5],
        [2, 100],
        [1, 9000],
        ...(role === 'server' ? [[2, 1]] : []),
        [1, 5000],
      ]);
      expect(sink.frames.find(({ payload }) => payload.length === 100)?.payload).toEqual(
        Buffer.alloc(100, 7),
      );
      expect(sink.held).toBe(0);
    }
  });

  test('F23, C16: if the connection fails, the endpoint drops the messages that wait, and the rest of the message that it is sending', () => {
    const { endpoint, sink } = bench(role);
    let calls = 0;
    sink.onSend = () => {
      if (calls++ > 0) return;
      endpoint.sendText('given up');
      endpoint.fail(new Error('inside'));
    };
    sendFragmented(endpoint, Buffer.alloc(50), 10);
    expect(sink.frames.map(({ opcode }) => opcode)).toEqual([2, 8]);
    expect(sink.held).toBe(0);
  });

  test('C3, C10, C16: if close() is called during a write to the transport, the Close frame waits for the end of the half-written message', () => {
    for (const how of ['close', 'fail'] as const) {
      for (const data of [Buffer.alloc(9000, 1), 'x'.repeat(9000)]) {
        for (const fragmentSize of [5000, 10_000]) {
          const { endpoint, sink, sentCloseCode } = bench(role);
          let calls = 0;
          sink.onSend = () => {
            if (calls++ > 0) return;
            if (how === 'close') endpoint.close(3000);
            else endpoint.fail(new Error('inside'));
          };
          sendFragmented(endpoint, data, fragmentSize);
          const frames = sink.frames;
          expect(frames.at(-1)?.opcode).toBe(8);
          expect(sentCloseCode()).toBe(how === 'close' ? 3000 : 1011);
          // After a failure, the endpoint completes the current frame and drops the rest of the message.
          const whole = how === 'close' || fragmentSize > 9000;
          expect(frames.length - 1).toBe(fragmentSize > 9000 ? 1 : whole ? 2 : 1);
          expect(frames.at(-2)?.fin).toBe(whole);
          expect(sink.calls.filter((call) => call === 'end').length).toBe(how === 'fail' ? 1 : 0);
        }
      }
    }
  });
});
