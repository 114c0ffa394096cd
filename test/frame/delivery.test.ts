/** Tests how a complete payload passes through the codec to the application: the order, the waiting, and failures. */
import { describe, expect, test } from 'vitest';
import { type Bench, bench, FakeCodec, peerFrame, roles } from './harness.ts';

function connect(role: 'client' | 'server', waits = true): Bench & { codec: FakeCodec } {
  const codec = new FakeCodec();
  codec.waits = waits;
  return { ...bench(role, { codec }), codec };
}

describe.each(roles)('a %s receives through a codec', (role) => {
  const compressed = (payload: string, rest = {}): Buffer =>
    peerFrame(role, { opcode: 1, rsv: 4, payload, ...rest });

  test('F6, F11, F22: an endpoint decompresses a message only if its first frame has RSV1, both for a whole message and for fragments', () => {
    const { endpoint, events, feed } = connect(role, false);
    endpoint.receive(compressed('z:whole'));
    endpoint.receive(compressed('z:fr', { fin: false }));
    feed({ opcode: 0, fin: false, payload: 'agm' });
    feed({ opcode: 9 });
    feed({ opcode: 0, payload: 'ent' });
    feed({ opcode: 1, payload: 'plain' });
    endpoint.receive(compressed('z:data', { opcode: 2 }));
    expect(events.log).toEqual([
      ['onText', 'whole', 7],
      ['onFragment'],
      ['onFragment'],
      ['onPing', ''],
      ['onText', 'fragment', 10],
      ['onText', 'plain', 5],
      ['onBinary', Buffer.from('data').toString('hex'), 6],
    ]);
  });

  test('F6: an endpoint refuses RSV1 on a continuation or control frame, even with a codec [A17]', () => {
    for (const opcode of [0, 8, 9, 10]) {
      const { endpoint, feed, events } = connect(role, false);
      if (opcode === 0) endpoint.receive(compressed('z:', { fin: false }));
      feed({ opcode, rsv: 4 });
      expect(events.of('onError')).toEqual([['WS_RESERVED_BITS']]);
    }
  });

  test('F21: an endpoint checks that a compressed text is UTF-8 after decompression, not before it', () => {
    const { endpoint, events } = connect(role, false);
    endpoint.receive(compressed('z:', { fin: false }));
    endpoint.receive(peerFrame(role, { opcode: 0, payload: Buffer.from([0xff]) }));
    expect(events.log).toEqual([['onFragment'], ['onError', 'WS_INVALID_UTF8']]);
  });

  test('F25: the size limit applies to the decompressed message, and the compressed payload may be slightly larger [A22]', () => {
    const connection = (maxMessageSize: number): Bench =>
      bench(role, { codec: new FakeCodec(), maxMessageSize });
    const exact = connection(100);
    exact.endpoint.receive(compressed(`z:${'x'.repeat(100)}`));
    expect(exact.events.of('onText').length).toBe(1);
    exact.endpoint.receive(compressed(`z:${'x'.repeat(101)}`));
    expect(exact.sentCloseCode()).toBe(1009);
    const header = connection(1600);
    header.endpoint.receive(compressed('', { length: BigInt(1600 + 100 + 1024) }));
    expect(header.sentCloseCode()).toBe(null);
    const over = connection(1600);
    over.endpoint.receive(compressed('', { length: BigInt(1600 + 100 + 1025) }));
    expect(over.sentCloseCode()).toBe(1009);
    // The larger limit applies only to compressed messages. This message is not compressed.
    const plain = connection(1600);
    plain.feed({ opcode: 1, length: 1601n });
    expect(plain.sentCloseCode()).toBe(1009);
  });

  test('F24: while the codec decompresses a message, later frames wait, and the endpoint tells the transport to stop reading', async () => {
    const { endpoint, codec, events, sink } = connect(role);
    const chunk = Buffer.concat([
      compressed('z:first'),
      peerFrame(role, { opcode: 9, payload: 'ping' }),
      compressed('z:second'),
      peerFrame(role, { opcode: 8, payload: Buffer.from([3, 232]) }),
    ]);
    expect(endpoint.receive(chunk)).toBe(false);
    endpoint.receiveEnd();
    expect(events.log).toEqual([]);
    await codec.release(1);
    expect(events.log).toEqual([
      ['onText', 'first', 7],
      ['onPing', Buffer.from('ping').toString('hex')],
    ]);
    expect(sink.calls).toEqual([]);
    await codec.release();
    endpoint.transportClosed();
    expect(events.log.slice(2)).toEqual([
      ['onText', 'second', 8],
      ['onClosing', true],
      ['onClose', 1000, '', true, true],
    ]);
  });

  test('F24: when the codec has finished, reading continues automatically, except during a pause of the application', async () => {
    const running = connect(role);
    running.endpoint.receive(compressed('z:first'));
    await running.codec.release();
    expect(running.sink.calls).toEqual(['resume']);
    expect(running.endpoint.isPaused).toBe(false);
    const paused = connect(role);
    paused.endpoint.receive(compressed('z:first'));
    paused.endpoint.pause();
    await paused.codec.release();
    expect(paused.events.log).toEqual([]);
    expect(paused.sink.calls).toEqual([]);
    paused.endpoint.resume();
    expect(paused.events.of('onText')).toEqual([['first', 7]]);
  });

  test('C16, C17, F26: an error that the codec reports asynchronously fails the connection with the close code of the error', async () => {
    const { endpoint, codec, events, sentCloseCode } = connect(role);
    endpoint.receive(Buffer.concat([compressed('corrupt'), compressed('z:second')]));
    endpoint.receiveEnd();
    await codec.release();
    expect(sentCloseCode()).toBe(1007);
    expect(events.log).toEqual([
      ['onError', 'WS_INVALID_UTF8'],
      ['onClose', 1006, '', false, false],
    ]);
  });

  test('F26: if a handler throws for a message that the codec decompressed asynchronously, the connection closes with 1011 [A48]', async () => {
    const { endpoint, codec, events, sentCloseCode } = connect(role);
    events.act = (name) => {
      if (name === 'onText') throw new Error('inside');
    };
    endpoint.receive(compressed('z:first'));
    await codec.release();
    expect(sentCloseCode()).toBe(1011);
    expect(events.of('onError')).toEqual([['inside']]);
  });

  test('C17, C19: after the end of the connection, an endpoint drops the message or the error that the codec returns', async () => {
    for (const end of ['terminate', 'transportClosed', 'fail'] as const) {
      for (const payload of ['z:first', 'corrupt']) {
        const { endpoint, codec, events } = connect(role);
        endpoint.receive(compressed(payload));
        if (end === 'fail') endpoint.fail(new Error('other'));
        else endpoint[end]();
        const before = [...events.log];
        await codec.release();
        expect(events.log).toEqual(before);
        expect(endpoint.isPaused).toBe(false);
      }
    }
  });

  test('F24: resume() delivers a decompressed message that waits, even if resume() is called during a write to the transport', async () => {
    const { endpoint, codec, events, sink } = connect(role);
    endpoint.receive(compressed('z:first'));
    endpoint.pause();
    await codec.release();
    sink.onSend = () => endpoint.resume();
    endpoint.sendBinary(Buffer.alloc(5000), { compress: false });
    expect(events.of('onText')).toEqual([['first', 7]]);
  });
});
