/**
 * While an endpoint processes received data, its small texts are collected and encoded together. These tests compare the frames with those
 * of an endpoint that encodes each text when it is sent.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Role } from '../../src/frame/parser.ts';
import { encodeBatch, roomForBatch, TextBatch, textsOfBatch } from '../../src/frame/text-batch.ts';
import { FIN, FrameWriter, NOT_ENCODED } from '../../src/frame/writer.ts';
import { bench, MemorySink, peerFrame, roles } from './harness.ts';

/** Texts with characters of one to four bytes, lone surrogates, and every length from 0 to 130. */
const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 130, unit: 'grapheme-ascii' }) },
  fc.string({ maxLength: 130, unit: 'binary' }),
  fc.constantFrom('', 'é', '€', '😀', '\ud800', 'x\udc00', '\0', '\u007f', '\u0080', `${'a'.repeat(124)}é`),
  fc.string({ maxLength: 128, unit: fc.constantFrom('a', 'é', '€', '\ud83d', '\ude00', 'ÿ') }),
);

/** Returns the payloads that a writer sends. If `together` is true, the writer collects the texts. */
function written(role: Role, texts: readonly string[], together: boolean): { texts: string[]; last: number } {
  const sink = new MemorySink();
  const writer = new FrameWriter(sink, role);
  let last = 0;
  if (together) writer.startCollecting();
  for (const text of texts) {
    last = together ? writer.collectText(text) : writer.writeText(text);
    if (text.length % 3 === 0) last = writer.sizeOf(last);
  }
  writer.stopCollecting();
  last = writer.sizeOf(last);
  expect(writer.sentBytes).toBe(sink.bytes.length);
  const frames = sink.frames.map(({ fin, rsv, opcode, masked, payload }) => {
    return `${fin} ${rsv} ${opcode} ${masked} ${payload.toString('hex')}`;
  });
  return { texts: frames, last };
}

describe.each(roles)('small texts that a %s collects', (role) => {
  test('F3, F10, F13, F21: the frames of collected texts are the same as those of texts that are encoded one by one', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 60 }), (texts) => {
        expect(written(role, texts, true)).toEqual(written(role, texts, false));
      }),
      { numRuns: 500 },
    );
  });

  test('F21: if one text of a batch has a character beyond ASCII, at any position, all texts are encoded correctly', () => {
    for (const character of ['é', '€', '😀', '\ud800']) {
      for (let at = 0; at <= 20; at++) {
        for (const length of [20, 120]) {
          const text = 'a'.repeat(at) + character + 'b'.repeat(length - at);
          const texts = ['first', text, 'last'];
          expect(written(role, texts, true)).toEqual(written(role, texts, false));
          expect(written(role, [text], true)).toEqual(written(role, [text], false));
        }
      }
    }
  });

  test('F12: each text of a batch has a different masking key on a client, and no key on a server', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role);
    writer.startCollecting();
    for (let index = 0; index < 40; index++) writer.collectText('the same text');
    writer.stopCollecting();
    const keys = new Set(sink.frames.map(({ key }) => key.join()));
    expect(sink.frames.length).toBe(40);
    expect(keys.size).toBe(role === 'client' ? 40 : 1);
  });

  test('a batch is encoded when it has 4 KiB, so that it does not grow further', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role);
    writer.startCollecting();
    let most = 0;
    for (let index = 0; index < 1000; index++) {
      writer.collectText('x'.repeat(125));
      most = Math.max(most, writer.maxCollectedBytes);
    }
    expect(most).toBeLessThan(4096 * 3);
    expect(sink.bytes.length).toBeGreaterThan(120_000);
    writer.stopCollecting();
    expect(sink.frames.length).toBe(1000);
  });

  test('any other frame of the writer comes after the texts that were collected before it', () => {
    const others: Record<string, (writer: FrameWriter) => void> = {
      frame: (writer) => writer.writeFrame(FIN | 2, Buffer.from('other'), false, null),
      'large frame': (writer) => writer.writeFrame(FIN | 2, Buffer.alloc(9000, 1), false, null),
      'longer text': (writer) => void writer.collectText('x'.repeat(126)),
      'text that is not collected': (writer) => void writer.writeText('other'),
    };
    if (role === 'server') {
      others['serialized frame'] = (writer) => writer.writeSerialized(Buffer.from([0x82, 1, 65]), null);
    }
    for (const [name, send] of Object.entries(others)) {
      const sink = new MemorySink();
      const writer = new FrameWriter(sink, role);
      writer.startCollecting();
      writer.collectText('one');
      writer.collectText('two');
      send(writer);
      writer.collectText('three');
      writer.stopCollecting();
      const small = sink.frames.map(({ payload }) => payload.toString());
      expect([name, small.length, small[0], small[1], small[3]]).toEqual([name, 4, 'one', 'two', 'three']);
    }
  });

  test('while one writer collects its texts, another writer sends its texts immediately', () => {
    const sinks = [new MemorySink(), new MemorySink()] as const;
    const first = new FrameWriter(sinks[0], role);
    const second = new FrameWriter(sinks[1], role);
    first.startCollecting();
    expect(first.collectText('one')).toBe(NOT_ENCODED);
    second.startCollecting();
    expect(second.collectText('é')).toBe(2);
    second.stopCollecting();
    expect(first.collectText('two')).toBe(NOT_ENCODED);
    expect([sinks[0].frames.length, sinks[1].frames.length]).toEqual([0, 1]);
    first.stopCollecting();
    expect(sinks[0].frames.map(({ payload }) => payload.toString())).toEqual(['one', 'two']);
    second.startCollecting();
    expect(second.collectText('three')).toBe(NOT_ENCODED);
    second.stopCollecting();
    expect(sinks[1].frames.length).toBe(2);
  });
});

test('encodeBatch writes no byte beyond the size that roomForBatch returned', () => {
  for (const text of ['abc', 'é'.repeat(60), '😀'.repeat(60), `${'a'.repeat(100)}😀`]) {
    const batch = new TextBatch();
    batch.add(text, false);
    batch.add('x', false);
    const frames = batch.take();
    const room = roomForBatch(frames);
    const buffer = Buffer.alloc(room + 20, 0xa5);
    const isAscii = encodeBatch(frames, false, buffer, 7);
    expect(isAscii).toBe(text === 'abc');
    expect(buffer.subarray(7 + room).every((byte) => byte === 0xa5)).toBe(true);
    expect(buffer.subarray(0, 7).every((byte) => byte === 0xa5)).toBe(true);
    expect(textsOfBatch(frames, false)).toEqual([text, 'x']);
    expect(batch.length).toBe(0);
  }
});

/** What a handler does with a message. */
type Act =
  | 'text'
  | 'long'
  | 'binary'
  | 'ping'
  | 'close'
  | 'throw'
  | 'terminate'
  | 'whenSent'
  | 'buffered'
  | 'pause'
  | 'done'
  | 'fragments'
  | 'stream';

/** Runs one endpoint whose handler of the message number n does `acts[n]`. Returns everything that others can see. */
function outcome(role: Role, acts: readonly (readonly [Act, string])[], soon: boolean): unknown {
  const { endpoint, sink, events } = bench(role);
  const seen: unknown[] = [];
  const { whenSent } = sink;
  // The position of the mark decides which bytes must have left before `done` is called.
  sink.whenSent = (done) => {
    seen.push(['mark', sink.frames.length]);
    whenSent.call(sink, done);
  };
  const note = (name: string) => (error: Error | null) => void seen.push([name, sink.frames.length, error]);
  const run = ([act, text]: readonly [Act, string]): void => {
    if (act === 'text') {
      if (soon) endpoint.sendTextSoon(text);
      else endpoint.sendText(text);
    } else if (act === 'long') endpoint.sendText(text.padEnd(200));
    else if (act === 'binary') endpoint.sendBinary(Buffer.from(text));
    else if (act === 'ping') endpoint.ping(Buffer.from('ping'));
    else if (act === 'close') endpoint.close(1000, 'bye');
    else if (act === 'throw') throw new Error('handler');
    else if (act === 'terminate') endpoint.terminate();
    else if (act === 'whenSent') endpoint.whenSent(note('whenSent'));
    else if (act === 'buffered') seen.push(endpoint.bufferedAmount);
    else if (act === 'pause') endpoint.pause();
    else if (act === 'done') endpoint.sendText(text, null, note('done'));
    else if (act === 'fragments') endpoint.sendText(text, { fragmentSize: 3 });
    else {
      const stream = endpoint.openStream(false, { onTurn: () => {}, onStopped: () => {} });
      stream?.whenSent(note('stream'));
      stream?.end(1, note('end of stream'));
    }
  };
  let next = 0;
  events.act = (name) => {
    // Each message makes the handler do up to three things.
    if (name === 'onText') for (let left = 3; left > 0 && next < acts.length; left--) run(acts[next++]!);
  };
  const message = peerFrame(role, { opcode: 1, payload: 'message' });
  const ping = peerFrame(role, { opcode: 9, payload: 'from the peer' });
  for (let chunk = 0; chunk < 4; chunk++) {
    endpoint.receive(Buffer.concat([message, message, ping, message]));
    if (endpoint.isPaused) endpoint.resume();
  }
  endpoint.transportClosed();
  return {
    sent: sink.frames.map(({ fin, opcode, payload }) => `${fin} ${opcode} ${payload.toString('hex')}`),
    calls: sink.calls,
    log: events.log,
    seen,
    state: endpoint.state,
  };
}

describe.each(roles)('the messages that a %s sends while it processes received data', (role) => {
  test('F19, F21, F23, C3: collecting the texts changes neither the order of the frames, nor the events, nor the values of bufferedAmount', () => {
    const act = fc.oneof(
      { weight: 8, arbitrary: fc.constant<Act>('text') },
      fc.constantFrom<Act>(
        'long',
        'binary',
        'ping',
        'whenSent',
        'buffered',
        'pause',
        'done',
        'fragments',
        'stream',
      ),
      fc.constantFrom<Act>('text', 'text', 'close', 'throw', 'terminate'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(act, anyText), { maxLength: 40 }), (acts) => {
        expect(outcome(role, acts, true)).toEqual(outcome(role, acts, false));
      }),
      { numRuns: 400 },
    );
  });

  test('buffersMoreThan says exactly whether more bytes wait than a limit, and encodes the texts only if the number is near the limit', () => {
    const { endpoint, sink, events } = bench(role);
    const header = role === 'client' ? 6 : 2;
    const seen: unknown[] = [];
    events.act = () => {
      endpoint.sendTextSoon('é'.repeat(50));
      const { sender } = endpoint;
      seen.push(sender.buffersMoreThan(1000), sink.frames.length);
      seen.push(
        sender.buffersMoreThan(99 + header),
        sender.buffersMoreThan(100 + header),
        sink.frames.length,
      );
    };
    endpoint.receive(peerFrame(role, { opcode: 1, payload: 'message' }));
    expect(seen).toEqual([false, 0, true, false, 1]);
  });

  test('if the sink throws when the collected texts are written, the connection fails, and other endpoints still collect', () => {
    const { endpoint, sink, events } = bench(role);
    events.act = (name) => {
      if (name === 'onText') endpoint.sendTextSoon('answer');
    };
    sink.onSend = () => {
      sink.onSend = null;
      throw new Error('the sink is broken');
    };
    endpoint.receive(peerFrame(role, { opcode: 1, payload: 'message' }));
    expect(events.of('onError')).toEqual([['the sink is broken']]);
    expect(sink.frames.at(-1)?.payload.readUInt16BE()).toBe(1011);
    const other = new FrameWriter(new MemorySink(), role);
    other.startCollecting();
    expect(other.collectText('text')).toBe(NOT_ENCODED);
    other.stopCollecting();
  });

  test('a text that is sent at another time leaves immediately', () => {
    const { endpoint, sink } = bench(role);
    expect(endpoint.sendTextSoon('é')).toBe(2);
    expect(sink.frames.length).toBe(1);
    endpoint.receive(peerFrame(role, { opcode: 1, payload: 'message' }));
    expect(endpoint.sendTextSoon('abc')).toBe(3);
    expect(sink.frames.length).toBe(2);
  });

  test('A33: while the transport is blocked, sendTextSoon does not collect texts, and the send cap applies to the texts', () => {
    const { endpoint, sink, events } = bench(role, { sendCap: 2000 });
    events.act = (name) => {
      if (name === 'onText') for (let index = 0; index < 100; index++) endpoint.sendTextSoon('x'.repeat(100));
    };
    sink.blocked = true;
    endpoint.receive(peerFrame(role, { opcode: 1, payload: 'message' }));
    expect(events.of('onError')).toEqual([['WS_SEND_CAP']]);
  });
});
