/**
 * Tests the judge's codec for frames. The codec writes any frame that a case needs, even an invalid frame. It reads frames in chunks of any
 * size.
 */
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Random } from '../../conformance/corpus/random.ts';
import {
  Deflate,
  type DeflateParams,
  paramsOf,
  parseExtensionField,
} from '../../conformance/wire/deflate.ts';
import {
  encodeFrame,
  encodeHeader,
  type Frame,
  FrameReader,
  freshKey,
  mask,
} from '../../conformance/wire/frame.ts';
import { acceptOf, faultOfAnswer, listOf, parseHead, valuesOf } from '../../conformance/wire/head.ts';
import { inflate } from '../../conformance/wire/inflate.ts';
import { isUtf8 } from '../../conformance/wire/utf8.ts';

/** Returns bytes without repetitions. Random bytes could contain a repetition by chance. The bytes are the same in every run. */
function noiseOf(size: number): Buffer {
  const random = new Random(size + 1);
  return Buffer.from(Array.from({ length: size }, () => random.next() >>> 24));
}

function readAll(bytes: Buffer, size: number): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader(
    () => {},
    (frame) => frames.push(frame),
  );
  for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
  return frames;
}

describe("frames of the judge's codec", () => {
  test('encoding the examples of §5.7 gives the bytes of the RFC', () => {
    const plain = { fin: true, rsv: 0, key: null };
    const hello = Buffer.from('Hello');
    expect(encodeFrame({ ...plain, opcode: 1, payload: hello }).toString('hex')).toBe('810548656c6c6f');
    const key = Buffer.from('37fa213d', 'hex');
    expect(encodeFrame({ ...plain, key, opcode: 1, payload: hello }).toString('hex')).toBe(
      '818537fa213d7f9f4d5158',
    );
    expect(encodeHeader({ ...plain, opcode: 2, payload: Buffer.alloc(256) }).toString('hex')).toBe(
      '827e0100',
    );
    expect(encodeHeader({ ...plain, opcode: 2, payload: Buffer.alloc(65_536) }).toString('hex')).toBe(
      '827f0000000000010000',
    );
  });

  test('the codec can write invalid frames', () => {
    const spec = { opcode: 11, payload: Buffer.alloc(3), fin: false, rsv: 5, key: null };
    expect(encodeFrame(spec).toString('hex')).toBe('5b03000000');
    expect(encodeHeader({ ...spec, lengthForm: 64 }).toString('hex')).toBe('5b7f0000000000000003');
    const huge = encodeHeader({ ...spec, lengthForm: 64, declaredLength: 1n << 63n });
    expect(huge.toString('hex')).toBe('5b7f8000000000000000');
  });

  test.each([1, 2, 3, 7, 64, 100_000])(
    'the reader reads frames that arrive in chunks of %i bytes',
    (size) => {
      const lengths = [0, 1, 125, 126, 127, 65_535, 65_536];
      const specs = lengths.map((length, i) => ({
        opcode: i % 3,
        payload: noiseOf(length),
        fin: i % 2 === 0,
        rsv: i,
        key: i % 2 === 0 ? freshKey() : null,
      }));
      const frames = readAll(Buffer.concat(specs.map((spec) => encodeFrame(spec))), size);
      expect(frames.map(({ opcode, fin, rsv, key }) => ({ opcode, fin, rsv, key }))).toEqual(
        specs.map(({ opcode, fin, rsv, key }) => ({ opcode, fin, rsv, key })),
      );
      expect(frames.every(({ payload }, i) => payload.equals(specs[i]!.payload))).toBe(true);
    },
  );

  test('masking a payload in parts gives the same result as masking the whole payload', () => {
    const [bytes, key] = [noiseOf(23), freshKey()];
    const parts = [mask(bytes.subarray(0, 5), key), mask(bytes.subarray(5), key, 5)];
    expect(Buffer.concat(parts)).toEqual(mask(bytes, key));
  });

  test('a reader that was stopped reads no further frames', () => {
    const seen: Frame[] = [];
    const reader = new FrameReader(
      () => {},
      (frame) => {
        seen.push(frame);
        reader.stop();
      },
    );
    reader.read(Buffer.from('8800810141', 'hex'));
    expect(seen.length).toBe(1);
    expect(reader.unread).toBe(3);
  });
});

describe('the UTF-8 check of the judge', () => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /**
   * Returns true if the bytes are valid UTF-8. For valid bytes, the decoder replaces no character. A decoder that throws would be ten times
   * slower.
   */
  const decodes = (bytes: Buffer): boolean => Buffer.from(decoder.decode(bytes)).equals(bytes);

  test("the judge's UTF-8 check agrees with TextDecoder on all two-byte and many four-byte sequences", () => {
    for (let two = 0; two < 0x1_0000; two++) {
      const bytes = Buffer.from([two >> 8, two & 255]);
      if (isUtf8(bytes) !== decodes(bytes)) throw new Error(bytes.toString('hex'));
    }
    const edges = [
      0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5,
      0xff,
    ];
    for (const a of edges)
      for (const b of edges)
        for (const c of edges)
          for (const d of edges) {
            const bytes = Buffer.from([a, b, c, d]);
            if (isUtf8(bytes) !== decodes(bytes)) throw new Error(bytes.toString('hex'));
          }
  });
});

describe("compression in the judge's codec", () => {
  const params = (changes: Partial<DeflateParams>): DeflateParams => ({
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
    ...changes,
  });
  const messages = Array.from({ length: 12 }, (_, i) =>
    Buffer.from(`message ${i} `.repeat(1 + 400 * (i % 4)) + noiseOf(40 + i).toString('hex')),
  );

  test.each([8, 9, 10, 15])(
    'compression works in both directions, with a window of 2^%i bytes, with and without context takeover',
    (bits) => {
      for (const quiet of [false, true]) {
        const agreed = params({
          clientMaxWindowBits: bits,
          serverMaxWindowBits: bits,
          clientNoContextTakeover: quiet,
          serverNoContextTakeover: quiet,
        });
        const [client, server] = [new Deflate(agreed, 'client'), new Deflate(agreed, 'server')];
        for (const message of messages) {
          expect(server.decompress(client.compress(message)).equals(message)).toBe(true);
          expect(client.decompress(server.compress(message)).equals(message)).toBe(true);
        }
      }
    },
  );

  test('with context takeover, the second of two equal messages becomes much shorter; without context takeover it does not', () => {
    const text = noiseOf(200);
    const [kept, dropped] = [false, true].map(
      (quiet) => new Deflate(params({ clientNoContextTakeover: quiet }), 'client'),
    ) as [Deflate, Deflate];
    kept.compress(text);
    dropped.compress(text);
    expect(kept.compress(text).length).toBeLessThan(20);
    expect(dropped.compress(text).length).toBeGreaterThan(200);
  });

  test('an empty message is compressed to one byte, and an empty payload is read as an empty message', () => {
    const deflate = new Deflate(params({}), 'client');
    expect(deflate.compress(Buffer.alloc(0))).toEqual(Buffer.from([0]));
    expect(deflate.decompress(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
  });

  test('the judge detects a peer that refers back beyond the agreed window', () => {
    const noise = noiseOf(1000);
    const message = Buffer.concat([noise, noise]);
    const wide = new Deflate(params({}), 'client').compress(message);
    const narrow = new Deflate(params({ clientMaxWindowBits: 9 }), 'server');
    expect(() => narrow.decompress(wide)).toThrow(/1000 bytes back, beyond a window of 512/);
  });

  test('the judge detects a peer that keeps its context although it agreed to "no context takeover"', () => {
    const sender = new Deflate(params({}), 'client');
    const receiver = new Deflate(
      params({ clientNoContextTakeover: true, clientMaxWindowBits: 14 }),
      'server',
    );
    const noise = noiseOf(300);
    receiver.decompress(sender.compress(noise));
    expect(() => receiver.decompress(sender.compress(noise))).toThrow(/bytes back, where there are/);
  });

  const hel = Buffer.from('010300fcff48656c', 'hex');
  const lo = deflateRawSync('lo', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  test.each([
    ['of a fixed block', 'f248cdc9c90700', 'Hello'],
    ['of a final block', 'f348cdc9c9070000', 'Hello'],
    ['of a final block and another block', Buffer.concat([hel, lo]).toString('hex'), 'Hello'],
    ['that still has its 00 00 ff ff', 'f248cdc9c907000000ffff', null],
    ['that still has its 00 00 ff ff and an empty block', 'f248cdc9c907000000ffff00', 'Hello'],
    ['that is cut off', 'f248cd', null],
    ['that is cut off in a stored block', '000500faff48656c', null],
    ['without the byte of the empty block', 'f348cdc9c90700', 'Hello'],
  ])(
    'a message %s has the same result with a window of 32 KiB and with a smaller window',
    (_how, digits, text) => {
      for (const bits of [15, 10]) {
        const deflate = new Deflate(params({ clientMaxWindowBits: bits }), 'server');
        const read = (): string => `${deflate.decompress(Buffer.from(digits, 'hex'))}`;
        if (text === null) expect(read).toThrow(/DEFLATE|block/);
        else expect(read()).toBe(text);
      }
    },
  );

  test('the inflater reads all blocks that zlib writes: stored, fixed and dynamic', () => {
    const text = Buffer.concat(messages);
    const table = [
      { level: 0, blocks: 'stored' },
      { level: 6, strategy: constants.Z_FIXED, blocks: 'fixed' },
      { level: 9, blocks: 'dynamic' },
    ] as const;
    for (const { blocks, ...options } of table) {
      const inflated = inflate(deflateRawSync(text, options));
      expect(inflated.output.equals(text)).toBe(true);
      expect(inflated.blocks).toContain(blocks);
      expect(inflated.final).toBe(true);
    }
  });

  test.each(['07', '05e0ffff', '01000000ff', '0500', ''])(
    'the inflater refuses bytes that are not DEFLATE, and returns an empty message for an empty input: "%s"',
    (digits) => {
      const bytes = Buffer.from(digits, 'hex');
      if (digits === '') expect(inflate(bytes).output.length).toBe(0);
      else expect(() => inflate(bytes)).toThrow(Error);
    },
  );

  test('the judge reads the parameters of permessage-deflate as §7.1 defines them', () => {
    const parse = (text: string): DeflateParams | string => paramsOf(parseExtensionField(text)[0]!);
    expect(parse('permessage-deflate; server_max_window_bits="10"; client_no_context_takeover')).toEqual(
      params({ serverMaxWindowBits: 10, clientNoContextTakeover: true }),
    );
    for (const bad of [
      'permessage-foo',
      'permessage-deflate; unknown',
      'permessage-deflate; server_max_window_bits',
      'permessage-deflate; server_max_window_bits=7',
      'permessage-deflate; server_max_window_bits=08',
      'permessage-deflate; server_no_context_takeover=1',
      'permessage-deflate; client_no_context_takeover; client_no_context_takeover',
    ])
      expect(parse(bad), bad).toBeTypeOf('string');
  });
});

describe('reading the heads of requests and answers', () => {
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
  const right = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: WebSocket',
    'connection: keep-alive, Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  const faultOf = (lines: readonly string[]): string | null =>
    faultOfAnswer(parseHead(`${lines.join('\r\n')}\r\n\r\n`), key, ['chat']);

  test('§1.3: the example key of the RFC results in the Sec-WebSocket-Accept of the RFC', () => {
    expect(acceptOf(key)).toBe(accept);
  });

  test('a correct answer is accepted', () => {
    expect(faultOf(right)).toBeNull();
    expect(faultOf([...right, 'Sec-WebSocket-Protocol: chat'])).toBeNull();
  });

  test.each([
    ['the status', 0, 'HTTP/1.1 200 OK'],
    ['the version', 0, 'HTTP/1.0 101 Switching Protocols'],
    ['Upgrade', 1, 'Upgrade: h2c'],
    ['Connection', 2, 'Connection: keep-alive'],
    ['an Accept of another key', 3, 'Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
    ['a missing Accept', 3, 'X: y'],
    [
      'a subprotocol that was not offered',
      3,
      `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: other`,
    ],
  ])('the judge names a fault in an answer: %s', (_name, index, line) => {
    expect(faultOf(right.with(index, line))).toBeTypeOf('string');
  });

  test('the parser ignores the case of field names, and divides lists into elements', () => {
    const head = parseHead('GET / HTTP/1.1\r\nA: 1\r\na:  2 , 3\r\n\r\n');
    expect(head.parts).toEqual(['GET', '/', 'HTTP/1.1']);
    expect(valuesOf(head, 'A')).toEqual(['1', '2 , 3']);
    expect(listOf(head, 'a')).toEqual(['1', '2', '3']);
  });
});
