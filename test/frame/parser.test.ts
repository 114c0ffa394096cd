import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FrameHandler } from '../../src/frame/frame-handler.ts';
import { FrameParser, type Role } from '../../src/frame/parser.ts';
import { serializeFrame } from '../../src/frame/serializer.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { allCuts, cut, type FrameSpec, frame, peerFrame, rfcKey, roles } from './harness.ts';

interface Parsed {
  fin: boolean;
  rsv1: boolean;
  opcode: number;
  length: number;
  payload: string;
  pieces: number;
  complete: boolean;
}

/** Collects the parsed frames, and lets a test act inside the callbacks. */
class Collector implements FrameHandler {
  readonly frames: Parsed[] = [];
  inHeader: () => void = () => {};
  inPayload: () => void = () => {};

  onFrameLength(): void {}

  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    this.frames.push({ fin, rsv1, opcode, length, payload: '', pieces: 0, complete: false });
    this.inHeader();
  }

  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void {
    const frame = this.frames.at(-1)!;
    if (frame.complete) throw new Error('a piece after the last');
    frame.payload += buffer.toString('hex', start, end);
    frame.pieces++;
    frame.complete = last;
    this.inPayload();
  }

  /** The collected frames, without the number of pieces in which each frame arrived. */
  get contents(): Omit<Parsed, 'pieces'>[] {
    return this.frames.map(({ pieces: _, ...rest }) => rest);
  }
}

function parse(role: Role, chunks: readonly Buffer[], rsv1 = false): Collector {
  const collector = new Collector();
  const parser = new FrameParser(collector, role, rsv1);
  for (const chunk of chunks) expect(parser.push(chunk)).toBe(chunk.length);
  return collector;
}

/** Parses the chunks. Returns the code of the broken rule or "none", and the frames that were reported before the error. */
function violationOf(
  role: Role,
  chunks: readonly Buffer[],
  rsv1 = false,
): { code: string; collector: Collector } {
  const collector = new Collector();
  const parser = new FrameParser(collector, role, rsv1);
  try {
    for (const chunk of chunks) parser.push(chunk);
  } catch (error) {
    if (error instanceof ProtocolError) return { code: error.code, collector };
    throw error;
  }
  return { code: 'none', collector };
}

/** The examples of RFC 6455 §5.7. Each has its bytes, the role that receives them, and the expected frames. */
const vectors: [string, Role, string, [boolean, number, string][]][] = [
  ['F10: an unmasked text', 'client', '810548656c6c6f', [[true, 1, 'Hello']]],
  ['F13, F14: a masked text', 'server', '818537fa213d7f9f4d5158', [[true, 1, 'Hello']]],
  [
    'F18: a fragmented text',
    'client',
    '010348656c80026c6f',
    [
      [false, 1, 'Hel'],
      [true, 0, 'lo'],
    ],
  ],
  ['C7: an unmasked ping', 'client', '890548656c6c6f', [[true, 9, 'Hello']]],
  ['C7: a masked pong', 'server', '8a8537fa213d7f9f4d5158', [[true, 10, 'Hello']]],
  ['F10: 256 bytes', 'client', `827e0100${'2a'.repeat(256)}`, [[true, 2, '*'.repeat(256)]]],
];

describe('the parser reads the examples of RFC 6455 §5.7, whole, byte by byte, and in two chunks', () => {
  test.each(vectors)('%s is parsed by a %s as in the RFC', (_, role, hex, expected) => {
    for (const chunks of allCuts(Buffer.from(hex, 'hex'))) {
      expect(parse(role, chunks).contents).toEqual(
        expected.map(([fin, opcode, text]) => ({
          ...{ fin, rsv1: false, opcode, length: text.length },
          ...{ payload: Buffer.from(text).toString('hex'), complete: true },
        })),
      );
    }
  });

  test('F10: the parser reads a frame of 64 KiB', () => {
    const bytes = Buffer.concat([Buffer.from('827f0000000000010000', 'hex'), Buffer.alloc(65536, '*')]);
    for (const places of [
      [],
      [1],
      [9],
      [10],
      [11],
      [40_000],
      [10, 65_545],
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    ]) {
      const [only, ...more] = parse('client', cut(bytes, ...places)).contents;
      expect(more).toEqual([]);
      expect(only?.length).toBe(65536);
      expect(only?.payload === '2a'.repeat(65536)).toBe(true);
    }
  });
});

describe('frames that are serialized and parsed', () => {
  test.each([0, 1, 125, 126, 127, 65535, 65536, 65537])(
    'F10, F13, F14: a payload of %i bytes is unchanged after serializing and parsing',
    (size) => {
      const payload = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31) & 255));
      for (const role of roles) {
        const bytes = serializeFrame({ opcode: 2, payload }, role === 'client' ? 'server' : 'client');
        for (const places of [[], [1], [2], [5], [13].filter((p) => p < bytes.length), [bytes.length >> 1]]) {
          const [parsed] = parse(role, cut(bytes, ...places)).contents;
          expect(parsed?.payload === payload.toString('hex')).toBe(true);
          expect(parsed?.complete).toBe(true);
        }
      }
    },
  );

  test('F10, F13, F18: any frames, cut into any chunks, are parsed to the same frames', () => {
    const spec = fc.record({
      opcode: fc.constantFrom(0, 1, 2),
      fin: fc.boolean(),
      payload: fc.uint8Array({ maxLength: 300 }),
      key: fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
    });
    const control = fc.record({
      opcode: fc.constantFrom(8, 9, 10),
      fin: fc.constant(true),
      payload: fc.uint8Array({ maxLength: 125 }),
      key: fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...roles),
        fc.array(fc.oneof(spec, control), { maxLength: 6 }),
        fc.array(fc.nat(2000), { maxLength: 12 }),
        (role, specs, cuts) => {
          const bytes = Buffer.concat(specs.map((s) => frame(role === 'server' ? s : { ...s, key: null })));
          const places = cuts.filter((place) => place < bytes.length).sort((a, b) => a - b);
          expect(parse(role, cut(bytes, ...places)).contents).toEqual(
            specs.map(({ fin, opcode, payload }) => ({
              ...{ fin, rsv1: false, opcode, length: payload.length },
              ...{ payload: Buffer.from(payload).toString('hex'), complete: true },
            })),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Returns the rule that the first two bytes break. It uses no code of src/. */
function headerRule(
  role: Role,
  rsv: number,
  opcode: number,
  masked: boolean,
  fin: boolean,
  length: number,
): string[] {
  const broken: string[] = [];
  if (rsv !== 0) broken.push('WS_RESERVED_BITS');
  if (![0, 1, 2, 8, 9, 10].includes(opcode)) broken.push('WS_UNKNOWN_OPCODE');
  if (role === 'server' && !masked) broken.push('WS_UNMASKED_FRAME');
  if (role === 'client' && masked) broken.push('WS_MASKED_FRAME');
  if (opcode > 7 && !fin) broken.push('WS_FRAGMENTED_CONTROL');
  if (opcode > 7 && length > 125) broken.push('WS_CONTROL_TOO_LONG');
  return broken;
}

describe('the first two bytes of a frame', () => {
  test('F2, F4, F6, F7, F16: the parser accepts or refuses each combination of RSV, opcode, MASK, FIN, length form and role as the rules say [A15, A16, A17, A18, A19]', () => {
    for (const role of roles) {
      for (let bits = 0; bits < 0x10000; bits++) {
        const [first, second] = [bits >> 8, bits & 255];
        const [rsv, opcode, fin] = [(first >> 4) & 7, first & 15, first >= 128];
        const expected = headerRule(role, rsv, opcode, second >= 128, fin, second & 127);
        // The first two bytes are sufficient. The parser must not wait for an extended length, a masking key or a payload.
        const { code, collector } = violationOf(role, [Buffer.from([first, second])]);
        if (expected.length === 0 ? code !== 'none' : !expected.includes(code)) {
          expect.fail(`${role}: ${bits.toString(16)} gave ${code}, not ${expected.join(' or ')}`);
        }
        if (expected.length === 1 && code !== expected[0]) expect.fail(`${role}: ${bits.toString(16)}`);
        if (code !== 'none' && collector.frames.length !== 0) expect.fail('announced all the same');
      }
    }
  });

  test('F6, F22: if an extension uses RSV1, the parser accepts RSV1 only on the first frame of a data message [A17]', () => {
    for (const role of roles) {
      for (let rsv = 0; rsv < 8; rsv++) {
        for (const opcode of [0, 1, 2, 8, 9, 10]) {
          const { code, collector } = violationOf(role, [peerFrame(role, { opcode, rsv })], true);
          const allowed = rsv === 0 || (rsv === 4 && (opcode === 1 || opcode === 2));
          expect(code, `${rsv} ${opcode}`).toBe(allowed ? 'none' : 'WS_RESERVED_BITS');
          if (allowed) expect(collector.frames[0]?.rsv1).toBe(rsv === 4);
        }
      }
    }
  });

  test('F26: if the first two bytes of a frame break a rule, the close code is 1002', () => {
    for (const code of [
      'WS_RESERVED_BITS',
      'WS_UNKNOWN_OPCODE',
      'WS_UNMASKED_FRAME',
      'WS_MASKED_FRAME',
    ] as const) {
      expect(new ProtocolError(code).closeCode).toBe(1002);
    }
    expect(new ProtocolError('WS_FRAGMENTED_CONTROL').closeCode).toBe(1002);
    expect(new ProtocolError('WS_CONTROL_TOO_LONG').closeCode).toBe(1002);
  });

  test('F16: the parser delivers the frames before an invalid frame, and reports no header of the invalid frame', () => {
    const good = peerFrame('server', { opcode: 1, payload: 'ok' });
    const bad = peerFrame('server', { opcode: 9, fin: false });
    for (const chunks of allCuts(Buffer.concat([good, bad]))) {
      const { code, collector } = violationOf('server', chunks);
      expect(code).toBe('WS_FRAGMENTED_CONTROL');
      expect(collector.contents.map(({ opcode, payload }) => [opcode, payload])).toEqual([[1, '6f6b']]);
    }
  });
});

describe('payload lengths [A20]', () => {
  const lengths: [bigint, 16 | 64, string][] = [
    [0n, 16, 'WS_NON_MINIMAL_LENGTH'],
    [1n, 16, 'WS_NON_MINIMAL_LENGTH'],
    [125n, 16, 'WS_NON_MINIMAL_LENGTH'],
    [126n, 16, 'none'],
    [127n, 16, 'none'],
    [65535n, 16, 'none'],
    [0n, 64, 'WS_NON_MINIMAL_LENGTH'],
    [125n, 64, 'WS_NON_MINIMAL_LENGTH'],
    [126n, 64, 'WS_NON_MINIMAL_LENGTH'],
    [65535n, 64, 'WS_NON_MINIMAL_LENGTH'],
    [65536n, 64, 'none'],
    [2n ** 31n - 1n, 64, 'none'],
    [2n ** 31n, 64, 'none'],
    [2n ** 32n - 1n, 64, 'none'],
    [2n ** 32n, 64, 'none'],
    [2n ** 32n + 1n, 64, 'none'],
    [2n ** 53n - 1n, 64, 'none'],
    [2n ** 53n, 64, 'WS_MESSAGE_TOO_BIG'],
    [2n ** 53n + 1n, 64, 'WS_MESSAGE_TOO_BIG'],
    [2n ** 63n - 1n, 64, 'WS_MESSAGE_TOO_BIG'],
    [2n ** 63n, 64, 'WS_LENGTH_MSB'],
    [2n ** 63n + 5n, 64, 'WS_LENGTH_MSB'],
    [2n ** 64n - 1n, 64, 'WS_LENGTH_MSB'],
  ];

  test.each(lengths)(
    'F8, F9, F10: for a length of %i in a field of %i bits, the error code is "%s" as soon as the header has arrived',
    (length, form, expected) => {
      for (const role of roles) {
        for (const opcode of [0, 1, 2]) {
          for (const chunks of allCuts(peerFrame(role, { opcode, length, form }))) {
            const { code, collector } = violationOf(role, chunks);
            expect(code).toBe(expected);
            expect(collector.frames.map((parsed) => parsed.length)).toEqual(
              expected === 'none' ? [Number(length)] : [],
            );
            expect(collector.frames[0]?.pieces ?? 0).toBe(0);
          }
        }
      }
    },
  );

  test('F8, F9: the parser refuses an invalid length at its last byte, before the masking key arrives', () => {
    for (const [length, form] of [
      [125n, 16],
      [65535n, 64],
      [2n ** 63n, 64],
    ] as const) {
      const header = frame({ opcode: 2, length, form }).subarray(0, form === 16 ? 4 : 10);
      header[1]! |= 0x80;
      expect(violationOf('server', [header.subarray(0, -1)]).code).toBe('none');
      expect(violationOf('server', [header]).code).not.toBe('none');
    }
  });

  test('F16: the parser refuses a control frame of 126 bytes or more before the extended length arrives [A19]', () => {
    for (const role of roles) {
      for (const opcode of [8, 9, 10]) {
        for (const form of [126, 127]) {
          const header = Buffer.from([0x80 | opcode, (role === 'server' ? 0x80 : 0) | form]);
          expect(violationOf(role, [header]).code).toBe('WS_CONTROL_TOO_LONG');
        }
      }
    }
  });
});

describe('the parser reports frames while they arrive', () => {
  test('F18: the parser reports the header of a frame before any payload has arrived', () => {
    for (const role of roles) {
      const bytes = peerFrame(role, { opcode: 2, payload: Buffer.alloc(300, 1) });
      const headerSize = bytes.length - 300;
      const collector = new Collector();
      const parser = new FrameParser(collector, role);
      parser.push(Buffer.from(bytes.subarray(0, headerSize - 1)));
      expect(collector.frames).toEqual([]);
      expect(parser.insideFrame).toBe(true);
      parser.push(Buffer.from(bytes.subarray(headerSize - 1, headerSize)));
      expect(collector.frames.map(({ length, pieces }) => [length, pieces])).toEqual([[300, 0]]);
      expect(parser.insideFrame).toBe(true);
      parser.push(Buffer.from(bytes.subarray(headerSize)));
      expect(collector.frames[0]?.complete).toBe(true);
      expect(parser.insideFrame).toBe(false);
    }
  });

  test('F14: the parser unmasks a data payload inside the chunk, and passes it on in pieces without a copy', () => {
    const seen: [Buffer, number, number, boolean][] = [];
    const parser = new FrameParser(
      {
        onFrameLength: () => {},
        onFrameHeader: () => {},
        onFramePayload: (buffer, start, end, last) => seen.push([buffer, start, end, last]),
      },
      'server',
    );
    const chunks = cut(frame({ opcode: 1, payload: 'abcdefghij', key: rfcKey }), 9, 12);
    for (const chunk of chunks) parser.push(chunk);
    expect(seen.map(([, start, end, last]) => [start, end, last])).toEqual([
      [6, 9, false],
      [0, 3, false],
      [0, 4, true],
    ]);
    expect(seen.every(([buffer], i) => buffer === chunks[i])).toBe(true);
    expect(seen.map(([buffer, start, end]) => buffer.toString('latin1', start, end)).join('')).toBe(
      'abcdefghij',
    );
  });

  test('F16: the parser passes on the payload of a control frame in one call, however the frame is cut', () => {
    for (const role of roles) {
      for (const size of [0, 1, 2, 125]) {
        const payload = Buffer.alloc(size, 0x6b);
        const ping = peerFrame(role, { opcode: 9, payload });
        const bytes = Buffer.concat([ping, ping]);
        for (const chunks of allCuts(bytes)) {
          const { frames } = parse(role, chunks);
          expect(frames.map((parsed) => [parsed.pieces, parsed.complete])).toEqual([
            [1, true],
            [1, true],
          ]);
          expect(frames.map((parsed) => parsed.payload)).toEqual([
            payload.toString('hex'),
            payload.toString('hex'),
          ]);
        }
      }
    }
  });

  test('F18: the parser makes one payload call for an empty data frame, and no call for an empty chunk', () => {
    for (const role of roles) {
      for (const chunks of allCuts(peerFrame(role, { opcode: 1 }))) {
        const { frames } = parse(role, [Buffer.alloc(0), ...chunks, Buffer.alloc(0)]);
        expect(frames.map(({ pieces, complete }) => [pieces, complete])).toEqual([[1, true]]);
      }
    }
  });

  test('F13: the parser unmasks each frame with its own key, whatever frame came before', () => {
    const specs: FrameSpec[] = [1, 2, 3, 5, 96, 97, 130].map((size, i) => ({
      opcode: 2,
      payload: Buffer.alloc(size, size),
      key: [i, 0x80 + i, 255 - i, i * 3],
    }));
    const bytes = Buffer.concat(specs.map(frame));
    for (const chunks of allCuts(bytes)) {
      expect(parse('server', chunks).frames.map(({ payload }) => payload)).toEqual(
        specs.map((spec) => Buffer.from(spec.payload as Buffer).toString('hex')),
      );
    }
  });
});

describe('stopping the parser', () => {
  // Parsing changes a chunk, so each test makes new chunks.
  const three = (): Buffer =>
    Buffer.concat(['a', 'b', 'c'].map((payload) => peerFrame('server', { opcode: 1, payload })));

  test('F24: after stop(), push() returns at the end of the frame, and the rest of the chunk can be pushed later', () => {
    const collector = new Collector();
    const parser = new FrameParser(collector, 'server');
    collector.inPayload = () => parser.stop();
    const chunk = three();
    const size = chunk.length / 3;
    expect(parser.push(chunk)).toBe(size);
    expect(parser.push(chunk, size)).toBe(size * 2);
    expect(parser.push(chunk, size * 2)).toBe(size * 3);
    expect(collector.frames.map(({ payload }) => payload)).toEqual(['61', '62', '63']);
  });

  test('F24: stop() in the middle of an incomplete frame takes effect at the end of this frame', () => {
    for (let place = 1; place < three().length; place++) {
      const collector = new Collector();
      const parser = new FrameParser(collector, 'server');
      collector.inHeader = () => parser.stop();
      collector.inPayload = () => parser.stop();
      for (const chunk of cut(three(), place)) {
        let offset = 0;
        while (offset < chunk.length) offset = parser.push(chunk, offset);
      }
      expect(collector.frames.map(({ payload, complete }) => [payload, complete])).toEqual([
        ['61', true],
        ['62', true],
        ['63', true],
      ]);
    }
  });

  test('F24: stop() before push() has no effect', () => {
    const collector = new Collector();
    const parser = new FrameParser(collector, 'server');
    parser.stop();
    expect(parser.push(three())).toBe(three().length);
    expect(collector.frames.length).toBe(3);
  });

  test('C17: after switchOff(), the parser ignores all data, including the rest of the chunk', () => {
    for (const chunks of allCuts(three())) {
      const collector = new Collector();
      const parser = new FrameParser(collector, 'server');
      collector.inPayload = () => {
        parser.switchOff();
      };
      expect(parser.isOff).toBe(false);
      for (const chunk of chunks) expect(parser.push(chunk)).toBe(chunk.length);
      expect(parser.isOff).toBe(true);
      expect(collector.frames.map(({ payload }) => payload)).toEqual(['61']);
      expect(parser.insideFrame).toBe(false);
    }
  });

  test('C17: switchOff() in the middle of a frame drops the rest of the frame', () => {
    const collector = new Collector();
    const parser = new FrameParser(collector, 'server');
    parser.push(Buffer.from(three().subarray(0, 3)));
    parser.switchOff();
    expect(parser.insideFrame).toBe(false);
    expect(parser.push(Buffer.from([0xff, 0xff]))).toBe(2);
    expect(collector.frames).toEqual([]);
  });
});

test('F10: if each byte arrives in its own chunk, the parser processes each payload byte only once [A25]', () => {
  // The parser may read the header again for each byte of the header. However, if it read the whole frame again for each byte, the test
  // would take too long.
  const size = 200_000;
  const bytes = frame({ opcode: 2, payload: Buffer.alloc(size, 1), key: rfcKey });
  let pieces = 0;
  const parser = new FrameParser(
    {
      onFrameLength: () => {},
      onFrameHeader: () => {},
      onFramePayload: (_buffer, start, end) => {
        pieces++;
        if (end - start !== 1) expect.fail('a piece that is not the byte that came');
      },
    },
    'server',
  );
  for (let i = 0; i < bytes.length; i++) parser.push(bytes.subarray(i, i + 1));
  expect(pieces).toBe(size);
  expect(parser.insideFrame).toBe(false);
});
