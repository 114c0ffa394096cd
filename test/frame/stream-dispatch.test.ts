/**
 * Tests messages that are reported while they arrive: the order of events, the limit, UTF-8, and events between the parts. RFC 6455 §5.4,
 * §8.1.
 */
import { describe, expect, test } from 'vitest';
import { Endpoint } from '../../src/frame/endpoint.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import type { Role } from '../../src/frame/parser.ts';
import type { ProtocolError } from '../../src/frame/violation.ts';
import { FakeCodec, MemorySink, peerFrame, Recorder, roles } from './harness.ts';

class PartsRecorder extends Recorder {
  readonly parts: string[] = [];
  act2: (event: string) => void = () => {};

  onMessageStart(isBinary: boolean): void {
    this.parts.push(isBinary ? 'binary' : 'text');
    this.act2('start');
  }
  onMessagePart(part: Buffer): void {
    this.parts.push(`+${part.toString('latin1')}`);
    this.act2('part');
  }
  onMessageEnd(wireSize: number): void {
    this.parts.push(`end ${wireSize}`);
    this.act2('end');
  }

  /** The received messages. The pieces of each message are joined. */
  get whole(): string {
    return this.parts.join('|').replaceAll('|+', '');
  }
}

function open(
  role: Role,
  options: { codec?: FakeCodec; maxStreamSize?: number; memoryBudget?: MemoryBudget } = {},
) {
  const sink = new MemorySink();
  const events = new PartsRecorder();
  const { codec = null, maxStreamSize = 100, ...rest } = options;
  const endpoint = new Endpoint(sink, events, { role, maxMessageSize: 10, maxStreamSize, codec, ...rest });
  sink.endpoint = endpoint;
  return { sink, events, endpoint };
}

const codesOf = ({ errors }: Recorder): string[] => errors.map((error) => (error as ProtocolError).code);

describe.each(roles)('a %s reports messages in parts', (role) => {
  const stream = Buffer.concat([
    peerFrame(role, { opcode: 1, fin: false, payload: 'one ' }),
    peerFrame(role, { opcode: 9, payload: 'ping' }),
    peerFrame(role, { opcode: 0, fin: false, payload: Buffer.from('é').subarray(0, 1) }),
    peerFrame(role, { opcode: 0, fin: false, payload: '' }),
    peerFrame(role, { opcode: 0, payload: Buffer.from('é').subarray(1) }),
    peerFrame(role, { opcode: 2, payload: 'x'.repeat(90) }),
    peerFrame(role, { opcode: 1, payload: '' }),
    peerFrame(role, { opcode: 2, payload: 'last' }),
  ]);
  const expected = `text${'one Ã©'}|end 6|binary${'x'.repeat(90)}|end 90|text|end 0|binarylast|end 4`;

  test('F18, F24: an endpoint reports the same messages if the bytes are cut at any point, and if each byte arrives alone', () => {
    for (let split = 0; split <= stream.length; split++) {
      const { endpoint, events } = open(role);
      endpoint.receive(Buffer.from(stream.subarray(0, split)));
      endpoint.receive(Buffer.from(stream.subarray(split)));
      expect(events.whole, `split at ${split}`).toBe(expected);
      expect(events.errors).toEqual([]);
      expect(endpoint.insideMessage).toBe(false);
    }
    const { endpoint, events } = open(role);
    for (const byte of stream) endpoint.receive(Buffer.from([byte]));
    expect(events.whole).toBe(expected);
    expect(events.log.filter(([name]) => name === 'onPing')).toHaveLength(1);
    expect(events.log.filter(([name]) => name === 'onFragment')).toHaveLength(3);
  });

  test('an endpoint reports a part before its frame is complete, and the message counts as unfinished until its end', () => {
    const { endpoint, events } = open(role);
    const frame = peerFrame(role, { opcode: 2, payload: 'abcdef' });
    endpoint.receive(Buffer.from(frame.subarray(0, -2)));
    expect(events.parts).toEqual(['binary', '+abcd']);
    expect(endpoint.insideMessage).toBe(true);
    const { dataPieces } = endpoint;
    endpoint.receive(Buffer.from(frame.subarray(-2)));
    expect(endpoint.dataPieces).toBeGreaterThan(dataPieces);
    expect(endpoint.insideMessage).toBe(false);
  });

  test.each([
    [
      'F25: fragments that together exceed maxStreamSize are refused at the header',
      [
        { opcode: 2, fin: false, payload: 'x'.repeat(60) },
        { opcode: 0, payload: 'x'.repeat(41) },
      ],
      'WS_MESSAGE_TOO_BIG',
    ],
    [
      'F25: a frame that exceeds maxStreamSize is refused',
      [{ opcode: 2, payload: 'x'.repeat(101) }],
      'WS_MESSAGE_TOO_BIG',
    ],
    [
      'F17: a continuation frame without a message is refused',
      [{ opcode: 0, payload: 'x' }],
      'WS_UNEXPECTED_CONTINUATION',
    ],
    [
      'F17: a message inside another message is refused',
      [
        { opcode: 2, fin: false, payload: 'x' },
        { opcode: 1, payload: 'x' },
      ],
      'WS_INTERLEAVED_MESSAGE',
    ],
    [
      'F21: a text that is not UTF-8 is refused',
      [{ opcode: 1, fin: false, payload: Buffer.from([0x61, 0xff]) }],
      'WS_INVALID_UTF8',
    ],
    [
      'F21: a text that ends inside a character is refused',
      [{ opcode: 1, payload: Buffer.from([0xc3]) }],
      'WS_INVALID_UTF8',
    ],
    [
      'more than 1,000 frames without payload are refused',
      [
        { opcode: 2, fin: false, payload: '' },
        ...Array.from({ length: 1_000 }, () => ({ opcode: 0, fin: false, payload: '' })),
      ],
      'WS_EMPTY_FRAGMENTS',
    ],
  ] as const)('%s', (_, frames, code) => {
    const bytes = Buffer.concat(frames.map((spec) => peerFrame(role, spec)));
    for (const size of [1, bytes.length]) {
      const { endpoint, events } = open(role);
      for (let at = 0; at < bytes.length; at += size)
        endpoint.receive(Buffer.from(bytes.subarray(at, at + size)));
      expect(codesOf(events)).toEqual([code]);
      expect(events.parts.some((part) => part.startsWith('end'))).toBe(false);
    }
  });

  test('with maxStreamSize: Infinity, an endpoint reports a message of any size in parts', () => {
    const { endpoint, events } = open(role, { maxStreamSize: Number.POSITIVE_INFINITY });
    for (let round = 0; round < 50; round++) {
      endpoint.receive(
        peerFrame(role, { opcode: round === 0 ? 2 : 0, fin: round === 49, payload: 'x'.repeat(1_000) }),
      );
    }
    expect(events.parts.at(-1)).toBe('end 50000');
  });

  test('F6: an endpoint reports a compressed message whole, and other messages in parts', () => {
    const codec = new FakeCodec();
    codec.waits = false;
    const { endpoint, events } = open(role, { codec });
    endpoint.receive(
      Buffer.concat([
        peerFrame(role, { opcode: 1, rsv: 4, fin: false, payload: 'z:he' }),
        peerFrame(role, { opcode: 0, payload: 'llo' }),
        peerFrame(role, { opcode: 2, fin: false, payload: 'parts' }),
        peerFrame(role, { opcode: 0, payload: ' too' }),
      ]),
    );
    expect(events.log.filter(([name]) => name === 'onText').map(([, text]) => text)).toEqual(['hello']);
    expect(events.whole).toBe('binaryparts too|end 9');
    const large = open(role, { codec });
    large.endpoint.receive(peerFrame(role, { opcode: 1, rsv: 4, payload: `z:${'x'.repeat(11)}` }));
    expect(codesOf(large.events)).toEqual(['WS_MESSAGE_TOO_BIG']);
    const inside = open(role, { codec });
    inside.endpoint.receive(peerFrame(role, { opcode: 1, rsv: 4, fin: false, payload: 'z:' }));
    inside.endpoint.receive(peerFrame(role, { opcode: 1, payload: 'x' }));
    expect(codesOf(inside.events)).toEqual(['WS_INTERLEAVED_MESSAGE']);
  });

  test.each(['start', 'part', 'end'])(
    'the handler of the %s of a message may pause, close, terminate or throw',
    (when) => {
      for (const action of ['pause', 'close', 'terminate', 'throw'] as const) {
        const { endpoint, events } = open(role);
        let did = false;
        events.act2 = (event) => {
          if (event !== when || did) return;
          did = true;
          if (action === 'pause') endpoint.pause();
          else if (action === 'close') endpoint.close(1000);
          else if (action === 'terminate') endpoint.terminate();
          else throw new Error('fault');
        };
        endpoint.receive(Buffer.from(stream));
        if (action === 'pause') {
          expect(events.whole).not.toBe(expected);
          endpoint.resume();
          expect(events.whole).toBe(expected);
        } else {
          endpoint.transportClosed();
          expect(events.closes).toHaveLength(1);
        }
        // No end of a message is reported without its start.
        expect(events.parts.filter((part) => part.startsWith('end')).length).toBeLessThanOrEqual(
          events.parts.filter((part) => part === 'text' || part === 'binary').length,
        );
        if (action === 'throw') expect(events.errors.map(({ message }) => message)).toEqual(['fault']);
      }
    },
  );

  test('no event follows onClose, even if a handler ends the connection during the last part of a frame', () => {
    for (const when of ['start', 'part']) {
      for (const fin of [true, false]) {
        const { endpoint, events, sink } = open(role);
        const order: string[] = [];
        sink.onDestroy = () => {
          endpoint.transportClosed();
          order.push(...events.parts, `${events.of('onFragment').length} fragments`);
        };
        events.act2 = (event) => {
          if (event === when) endpoint.terminate();
        };
        endpoint.receive(
          Buffer.concat([
            peerFrame(role, { opcode: 2, fin, payload: 'abc' }),
            peerFrame(role, { opcode: 0, payload: 'd' }),
          ]),
        );
        expect(events.closes).toHaveLength(1);
        expect([...events.parts, `${events.of('onFragment').length} fragments`], when).toEqual(order);
      }
    }
  });

  test.each([
    ['is a view of the chunk', 0, true],
    ['is a copy while memory is scarce', 800, false],
  ])('§10.4: a part that is more than two fifths of its chunk %s', (_, used, isView) => {
    const memoryBudget = new MemoryBudget(1_000);
    memoryBudget.count(used);
    const { endpoint, events } = open(role, { maxStreamSize: 10_000, memoryBudget });
    const frames = Buffer.concat([
      peerFrame(role, { opcode: 2, fin: false, payload: 'a'.repeat(5_000) }),
      peerFrame(role, { opcode: 0, payload: 'b'.repeat(4_500) }),
    ]);
    const memory: ArrayBufferLike[] = [];
    const keep = events.onMessagePart;
    events.onMessagePart = (part) => {
      memory.push(part.buffer);
      keep.call(events, part);
    };
    // The chunk is not part of Node's buffer pool. It has exactly its own memory.
    const chunk = Buffer.alloc(frames.length);
    frames.copy(chunk);
    endpoint.receive(chunk);
    expect(memory.map((one) => one === chunk.buffer)).toEqual([isView, isView]);
    expect(events.whole).toBe(`binary${'a'.repeat(5_000)}${'b'.repeat(4_500)}|end 9500`);
    memoryBudget.count(-used);
    expect(memoryBudget.used).toBe(0);
  });

  test('after close() during a pause, an endpoint checks and drops the rest of the messages', () => {
    const { endpoint, events } = open(role);
    endpoint.receive(peerFrame(role, { opcode: 1, fin: false, payload: 'one' }));
    endpoint.pause();
    endpoint.close(1000);
    endpoint.receive(peerFrame(role, { opcode: 0, payload: 'two' }));
    expect(events.parts).toEqual(['text', '+one']);
    endpoint.receive(peerFrame(role, { opcode: 0, payload: 'x' }));
    expect(codesOf(events)).toEqual(['WS_UNEXPECTED_CONTINUATION']);
  });
});
