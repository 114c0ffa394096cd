/** Tests the codec with both settings of `engine`: the compression of messages (RFC 7692 §7.2), and the limits for a peer. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CompressionBudget } from '../../src/deflate/budget.ts';
import { DeflateCodec, type Direction, receivingContextSize } from '../../src/deflate/codec.ts';
import { deflate } from '../../src/deflate/engine/deflate.ts';
import { Window } from '../../src/deflate/engine/window.ts';
import { Charge } from '../../src/frame/charge.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { random } from '../frame/harness.ts';
import { alone, codecOf, engines, full, hex, jsonOf, noiseOf, settings, verdict } from './harness.ts';
import { StrictInflate } from './strict-inflate.ts';

/**
 * At these sizes, the codec changes to another engine, or uses zlib in another way. The tests also use sizes of one byte less and one byte
 * more.
 */
const thresholds = [512, 768, 2048, 8192, 16_384, 65_536, 131_072, 262_144];
const around = thresholds.flatMap((size) => [size - 1, size, size + 1]);

/**
 * Compresses a message as a peer does, without our code. `options` can change the flush, so that the message has one block or several
 * blocks.
 */
function peerDeflate(message: Uint8Array, options: object = {}): Buffer {
  const output = deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH, ...options });
  return output.subarray(0, -4);
}

/** Returns a whole DEFLATE stream. Its last block is final. */
function finalDeflate(message: Uint8Array, options: object = {}): Buffer {
  return deflateRawSync(message, options);
}

/** Returns a stored block (RFC 1951 §3.2.4). */
function stored(content: Uint8Array, isFinal = false): Buffer {
  const header = Buffer.from([isFinal ? 1 : 0, 0, 0, 0, 0]);
  header.writeUInt16LE(content.length, 1);
  header.writeUInt16LE(0xffff - content.length, 3);
  return Buffer.concat([header, content]);
}

describe.each(engines)('with the compression engine "%s"', (engine) => {
  describe('the examples of RFC 7692 §7.2.3', () => {
    const examples: [string, string[], string[]][] = [
      ['one block', ['f2 48 cd c9 c9 07 00'], ['Hello']],
      [
        'two messages, the second with the context',
        ['f2 48 cd c9 c9 07 00', 'f2 00 11 00 00'],
        ['Hello', 'Hello'],
      ],
      [
        'two messages without a context',
        ['f2 48 cd c9 c9 07 00', 'f2 48 cd c9 c9 07 00'],
        ['Hello', 'Hello'],
      ],
      ['a block without compression', ['00 05 00 fa ff 48 65 6c 6c 6f 00'], ['Hello']],
      ['a final block', ['f3 48 cd c9 c9 07 00 00', 'f2 00 11 00 00'], ['Hello', 'Hello']],
      ['two blocks', ['f2 48 05 00 00 00 ff ff ca c9 c9 07 00', 'f2 00 11 00 00'], ['Hello', 'Hello']],
      [
        'empty messages between other messages',
        ['00', 'f2 48 cd c9 c9 07 00', '00', 'f2 00 11 00 00'],
        ['', 'Hello', '', 'Hello'],
      ],
    ];
    test.each(examples)('P23, P24, P27, P29: the codec decompresses %s', async (_, payloads, messages) => {
      for (const synchronous of [false, true]) {
        const codec = codecOf(full, { engine, synchronous });
        for (const [index, payload] of payloads.entries()) {
          expect((await codec.decompress(hex(payload), 5)).toString()).toBe(messages[index]);
        }
      }
    });

    test('P23, P26, P29: with a context, the codec compresses a second Hello to at most five bytes, as in §7.2.3.2', () => {
      // One Hello alone would be sent uncompressed, because compression does not make it smaller. Therefore it is part of a longer message.
      const codec = codecOf(full, { engine });
      expect(codec.compressNow(Buffer.from('Hello'))).toEqual(Buffer.from('Hello'));
      const first = Buffer.from('Hello'.repeat(4));
      const second = Buffer.from('HelloHello');
      const peer = new StrictInflate(15, true);
      const sent = codec.compressNow(first);
      expect(sent).not.toBe(first);
      expect(peer.message(sent)).toEqual(first);
      const short = codec.compressNow(second);
      // The message consists of one match, the end of the block and the end of the message.
      expect(short.length).toBeLessThanOrEqual(5);
      expect(peer.message(short)).toEqual(second);
    });

    test('P29: the codec sends an empty message uncompressed; it decompresses a payload of the byte 00 or of no bytes to an empty message', async () => {
      const codec = codecOf(full, { engine });
      const empty = Buffer.alloc(0);
      expect(codec.compressNow(empty)).toBe(empty);
      expect(await verdict(codec, hex('00'), 0)).toEqual(empty);
      expect(await verdict(codec, empty, 0)).toEqual(empty);
      // The message consists of one or two final empty blocks.
      expect(await verdict(codec, hex('03 00'), 0)).toEqual(empty);
      expect(await verdict(codec, hex('03 00 03 00 00'), 0)).toEqual(empty);
    });
  });

  describe.each([true, false])('context takeover: %s', (takeover) => {
    test('P6, P10, P23, P25, P26, P27: small and large messages alternate on one codec, and all are decompressed correctly', async () => {
      for (const synchronous of [false, true]) {
        const direction = { windowBits: 15, takeover };
        const sender = codecOf(direction, { engine, synchronous });
        const receiver = codecOf(direction, { engine, synchronous });
        const peer = new StrictInflate(15, takeover);
        const pick = random(7);
        const sizes = [...around, 1, 2, 3, 100, 200, 1000, 5000];
        // Small and large messages alternate in an order that looks random.
        const mixed = [...sizes, ...sizes.map((size) => size % 700)].sort(
          (a, b) => ((a * 7919) % 997) - ((b * 7919) % 997),
        );
        for (const [index, size] of mixed.entries()) {
          const message = jsonOf(size, pick(3));
          const sent = await sender.compress(message);
          if (synchronous) expect(sent).toBeInstanceOf(Uint8Array);
          if (sent === message) continue;
          expect(sent.length, `message ${index}`).toBeLessThan(size);
          expect(peer.message(sent).equals(message), `message ${index} of ${size} bytes`).toBe(true);
          expect((await receiver.decompress(sent, size)).equals(message)).toBe(true);
        }
      }
    });

    test('P7, P26: a message that compression does not make smaller is sent uncompressed, and does not become part of the context', async () => {
      const direction = { windowBits: 15, takeover };
      const sender = codecOf(direction, { engine });
      const peer = new StrictInflate(15, takeover);
      for (const size of [100, 700, 2000, 3000, 9000, 20_000]) {
        for (const message of [
          jsonOf(size, size),
          noiseOf(size, size),
          // If the noise were in the context, this message would become very small.
          Buffer.concat([noiseOf(size, size), jsonOf(50, 1)]),
          jsonOf(size, size),
          Buffer.concat([jsonOf(60, 2), noiseOf(40, size)]),
        ]) {
          const sent = await sender.compress(message);
          if (sent !== message) expect(peer.message(sent).equals(message)).toBe(true);
        }
        const noise = noiseOf(size, size + 1);
        expect(await sender.compress(noise)).toBe(noise);
        expect(await sender.compress(noise)).toBe(noise);
      }
    });
  });

  test.each([8, 9, 10, 11, 12, 13, 14, 15])(
    'P6, P25, P26, P28: with %i window bits, a compressed message refers back at most 2^bits bytes',
    async (windowBits) => {
      for (const takeover of [true, false]) {
        for (const synchronous of [false, true]) {
          const direction = { windowBits, takeover };
          const sender = codecOf(direction, { engine, synchronous, level: takeover ? 6 : 9 });
          const receiver = codecOf(direction, { engine, synchronous });
          const peer = new StrictInflate(windowBits, takeover);
          const window = 2 ** windowBits;
          // The text repeats at a distance that is just inside or just outside the window. The compressor might refer too far back.
          const messages = [-263, -262, -2, -1, 0, 1, 2, 262, 263].flatMap((offset) => {
            const noise = noiseOf(Math.min(40, window), offset + 300);
            const block = Buffer.concat([noise, jsonOf(Math.max(0, window + offset - noise.length), 3)]);
            return [Buffer.concat([block, noise, noise.subarray(0, 20)]), jsonOf(300, 4), block];
          });
          messages.push(jsonOf(1000, 5), jsonOf(20_000, 6), jsonOf(3000, 7), jsonOf(700, 8));
          for (const message of messages) {
            const sent = await sender.compress(message);
            if (sent === message) continue;
            expect(peer.message(sent).equals(message)).toBe(true);
            expect((await receiver.decompress(sent, message.length)).equals(message)).toBe(true);
          }
          expect(peer.farthest).toBeLessThanOrEqual(window);
          expect(peer.farthest).toBeGreaterThan(window / 4);
        }
      }
    },
  );

  test('P28: with levels up to 6, a compressed message refers back at most 8 KiB; with levels from 7, it refers back up to a whole window', async () => {
    // Each message contains the same noise twice. If the second copy can refer to the first copy, the message shrinks to half its size.
    const reaches = async (size: number, level: number, synchronous: boolean): Promise<boolean> => {
      const noise = noiseOf(size, size);
      const message = Buffer.concat([noise, noise]);
      const sent = await codecOf(alone, { engine, synchronous, level }).compress(message);
      return sent.length < message.length * 0.6;
    };
    for (const synchronous of [false, true]) {
      for (const level of [1, 6, 7, 9]) {
        const isThorough = level > 6;
        expect(await reaches(8_000, level, synchronous)).toBe(true);
        expect(await reaches(8_500, level, synchronous)).toBe(isThorough);
        expect(await reaches(30_000, level, synchronous)).toBe(isThorough);
      }
    }
  });

  test('P15, P16, P26, P27: without context takeover the codec keeps no context, and refuses a reference to the previous message', async () => {
    for (const synchronous of [false, true]) {
      const codec = codecOf(alone, { engine, synchronous });
      expect((await codec.decompress(hex('f2 48 cd c9 c9 07 00'), 5)).toString()).toBe('Hello');
      expect(await verdict(codec, hex('f2 00 11 00 00'))).toBe('WS_INVALID_DEFLATE');
    }
    const large = jsonOf(40_000, 1);
    const second = peerDeflate(large, { dictionary: noiseOf(1000, 1), level: 9 });
    expect((await verdict(codecOf(alone, { engine }), second)).toString()).toBe(large.toString());
  });

  test('P28: if the window of the peer is not limited, the codec accepts references 32 KiB back, in messages of any size', async () => {
    const far = noiseOf(32_768, 1);
    for (const size of [200, 1000, 20_000, 200_000]) {
      for (const synchronous of [false, true]) {
        const codec = codecOf(full, { engine, synchronous });
        expect((await codec.decompress(peerDeflate(far), Infinity)).equals(far)).toBe(true);
        const message = Buffer.concat([far.subarray(300, 500), jsonOf(size, 2)]);
        const sent = peerDeflate(message, { dictionary: far });
        expect(sent.length).toBeLessThan(size / 2 + 100);
        expect((await codec.decompress(sent, Infinity)).equals(message)).toBe(true);
      }
    }
  });

  describe('messages that a peer may send', () => {
    const hello = Buffer.from('Hello');
    const sizes = [5, 600, 3000, 60_000, 400_000];

    test('P24: a message may have blocks of every type, even final blocks, and the next message can refer to this message', async () => {
      for (const size of sizes) {
        const text = jsonOf(size, size);
        const [a, b] = [text.subarray(0, size >> 1), text.subarray(size >> 1)];
        const dictionary = Buffer.concat([hello, a]).subarray(-32_768);
        const variants: Record<string, Buffer> = {
          'two flushed blocks': Buffer.concat([
            peerDeflate(a, { dictionary: hello }),
            hex('00 00 ff ff'),
            peerDeflate(b, { dictionary }),
          ]),
          'a final block in front': Buffer.concat([
            finalDeflate(a, { dictionary: hello }),
            peerDeflate(b, { dictionary }),
          ]),
          'final blocks only': Buffer.concat([
            finalDeflate(a, { dictionary: hello }),
            finalDeflate(b, { dictionary }),
          ]),
          'final blocks, then the byte 00': Buffer.concat([
            finalDeflate(a, { dictionary: hello }),
            finalDeflate(b, { dictionary }),
            hex('00'),
          ]),
          'fixed codes': peerDeflate(text, { strategy: zlib.Z_FIXED }),
          'stored blocks': Buffer.concat([
            ...Array.from({ length: Math.ceil(size / 5000) }, (_, n) =>
              stored(text.subarray(n * 5000, n * 5000 + 5000), n % 7 === 6),
            ),
            hex('00'),
          ]),
          'empty blocks around': Buffer.concat([
            ...Array.from({ length: 20 }, (_, n) => stored(Buffer.alloc(0), n % 5 === 0)),
            peerDeflate(text),
            ...Array.from({ length: 20 }, () => hex('00 00 ff ff 00')),
          ]),
        };
        for (const [name, payload] of Object.entries(variants)) {
          for (const synchronous of [false, true]) {
            const codec = codecOf(full, { engine, synchronous });
            expect((await codec.decompress(peerDeflate(hello), 5)).equals(hello)).toBe(true);
            const message = await verdict(codec, payload, size);
            expect(message.toString(), `${name}, ${size} bytes`).toBe(text.toString());
            const last = peerDeflate(hello, { dictionary: text.subarray(-32_768) });
            expect((await codec.decompress(last, 5)).equals(hello)).toBe(true);
          }
        }
      }
    });

    test('FAULT-5, P24, P31: every engine accepts 16 final blocks before the end of a message, and refuses 17 [A34]', async () => {
      const words = Buffer.from('some text in a block of its own');
      const final = finalDeflate(words);
      const padding = Buffer.alloc(4000);
      for (const [sent, text] of [
        [final, words],
        [hex('03 00'), Buffer.alloc(0)],
        // The codec inflates this message in more than one step.
        [Buffer.concat([final, stored(padding)]), Buffer.concat([words, padding])],
      ] as const) {
        for (const last of ['00', '01']) {
          for (const count of [1, 16, 17]) {
            const payload = Buffer.concat([...Array.from({ length: count }, () => sent), hex(last)]);
            const message = Buffer.concat(Array.from({ length: count }, () => text));
            for (const synchronous of [false, true]) {
              const received = await verdict(codecOf(full, { engine, synchronous }), payload);
              const expected = count > 16 ? 'WS_INVALID_DEFLATE' : message.toString('hex');
              expect(received.toString('hex'), `${count} of ${sent.length} bytes`).toBe(expected);
            }
          }
        }
      }
      // These are 4,100 final blocks in about 1 MiB.
      const blocks = Array.from({ length: 4100 }, (_, n) => finalDeflate(noiseOf(250, n)));
      expect(await verdict(codecOf(full, { engine }), Buffer.concat(blocks))).toBe('WS_INVALID_DEFLATE');
    });

    test('P31: a message that is cut off at any byte is refused with 1007', async () => {
      const text = jsonOf(900, 1);
      const noise = noiseOf(900, 1);
      const streams: Buffer[] = [
        peerDeflate(text),
        peerDeflate(text, { strategy: zlib.Z_FIXED }),
        peerDeflate(noise),
        Buffer.concat([stored(noise), hex('00')]),
        Buffer.concat([stored(text.subarray(0, 300)), peerDeflate(text.subarray(300))]),
        Buffer.concat([finalDeflate(text.subarray(0, 300)), peerDeflate(text.subarray(300))]),
        Buffer.concat([stored(Buffer.concat([noise, Buffer.alloc(9)])), hex('00')]),
      ];
      for (const stream of streams) {
        const whole = await verdict(codecOf(full, { engine }), stream);
        for (let size = 0; size < stream.length; size++) {
          const cut = await verdict(codecOf(full, { engine }), stream.subarray(0, size));
          if (typeof cut === 'string') {
            expect(cut).toBe('WS_INVALID_DEFLATE');
            continue;
          }
          // A stream that is cut off is a valid message only if it ends after a final block, or if it is empty.
          expect(whole.slice(0, cut.length).toString('latin1')).toBe(cut.toString('latin1'));
          expect([0, 300]).toContain(cut.length);
        }
      }
    });

    test('P31: a stored block without its last bytes is refused, because the four appended bytes do not complete the block', async () => {
      for (const size of [6, 7, 260, 900, 20_000, 65_535]) {
        for (const synchronous of [false, true]) {
          for (const isFinal of [false, true]) {
            for (let missing = 1; missing <= 6; missing++) {
              const block = stored(noiseOf(size, size), isFinal);
              const before = Buffer.concat([peerDeflate(jsonOf(1000, 1)), hex('00 00 ff ff')]);
              const payload = Buffer.concat([before, block.subarray(0, -missing)]);
              const codec = codecOf(full, { engine, synchronous });
              expect(await verdict(codec, payload), `${missing} of ${size}`).toBe('WS_INVALID_DEFLATE');
            }
          }
        }
        // A message may also end with these bytes.
        for (const end of ['00 00 ff ff', '00 00 ff ff 03 00']) {
          const message = Buffer.concat([noiseOf(size, size), hex(end)]).subarray(-65_535);
          const whole = [
            stored(message, true),
            Buffer.concat([stored(message), hex('00')]),
            peerDeflate(message),
          ];
          for (const sent of whole) {
            const received = await verdict(codecOf(full, { engine }), sent);
            expect(received.toString('hex')).toBe(message.toString('hex'));
          }
        }
      }
    });

    test('P31: for a stream with a wrong bit or an added byte, the codec returns no more bytes than the limit, or fails with 1007 or 1009', async () => {
      const pick = random(11);
      const allowed = ['WS_INVALID_DEFLATE', 'WS_MESSAGE_TOO_BIG', 'WS_NO_DEFLATE_OUTPUT'];
      for (const size of [60, 900, 5000, 30_000]) {
        const stream = peerDeflate(Buffer.concat([jsonOf(size, 1), noiseOf(size >> 3, 2)]));
        for (let n = 0; n < 150; n++) {
          const broken = Buffer.from(stream);
          broken[pick(broken.length)]! ^= 1 << pick(8);
          const result = await verdict(codecOf(full, { engine, synchronous: n % 2 === 0 }), broken, size * 2);
          if (typeof result === 'string') expect(allowed).toContain(result);
          else expect(result.length).toBeLessThanOrEqual(size * 2);
        }
        // The added bytes follow the empty block. They are read as another block, of the invalid type 3.
        const garbage = Buffer.concat([stream, hex('00 00 ff ff 07 55')]);
        expect(await verdict(codecOf(full, { engine }), garbage)).toBe('WS_INVALID_DEFLATE');
        const behindFinal = Buffer.concat([finalDeflate(jsonOf(size, 1)), hex('07')]);
        expect(await verdict(codecOf(full, { engine }), behindFinal)).toBe('WS_INVALID_DEFLATE');
      }
    });
  });

  describe('the limits of a compressed message', () => {
    test('P10, P31: whatever the limit is, a message of exactly this size is accepted, and a larger message is refused [A33]', async () => {
      for (const size of [1, 100, 700, 3000, 20_000, 131_072, 131_073, 300_000, 2_000_000]) {
        for (const message of [Buffer.alloc(size), jsonOf(size, 1)]) {
          for (const synchronous of [false, true]) {
            const payload = peerDeflate(message);
            const limit = (maxLength: number): Promise<Buffer | string> =>
              verdict(codecOf(full, { engine, synchronous }), payload, maxLength);
            expect((await limit(size)).length).toBe(size);
            expect(await limit(size - 1)).toBe('WS_MESSAGE_TOO_BIG');
            expect(await limit(Math.floor(size / 2))).toBe('WS_MESSAGE_TOO_BIG');
            expect((await limit(Infinity)).length).toBe(size);
          }
        }
      }
    });

    test('P24, P31: the limit of a message includes the output of all its final blocks [A33]', async () => {
      const part = finalDeflate(Buffer.alloc(100_000));
      for (const synchronous of [false, true]) {
        const payload = Buffer.concat([part, part, part]);
        const limit = (maxLength: number): Promise<Buffer | string> =>
          verdict(codecOf(full, { engine, synchronous }), payload, maxLength);
        expect((await limit(300_000)).length).toBe(300_000);
        expect(await limit(299_999)).toBe('WS_MESSAGE_TOO_BIG');
        expect(await limit(100_000)).toBe('WS_MESSAGE_TOO_BIG');
      }
    });

    test('P31: if a peer sends 100 MB of empty blocks, decompression fails with 1007 after at most a few MiB [A34]', async () => {
      const empty = Buffer.alloc(100_000_000, hex('00 00 00 ff ff'));
      const blocks = await verdict(codecOf(full, { engine }), empty, 268_435_456);
      expect(blocks).toBe('WS_NO_DEFLATE_OUTPUT');
      // The result is the same with a little output at the end, and with synchronous: true.
      const some = Buffer.concat([
        Buffer.alloc(5_000_000, hex('00 00 00 ff ff')),
        peerDeflate(jsonOf(1000, 1)),
      ]);
      expect(await verdict(codecOf(full, { engine }), some)).toBe('WS_NO_DEFLATE_OUTPUT');
      expect(await verdict(codecOf(full, { engine, synchronous: true }), some)).toBe('WS_NO_DEFLATE_OUTPUT');
      // Normal messages have almost no empty blocks, and are accepted.
      const honest = noiseOf(3_000_000, 1);
      expect((await verdict(codecOf(full, { engine }), peerDeflate(honest))).length).toBe(3_000_000);
    });

    test('P10: a short message does not keep the large memory that zlib allocated for the output', async () => {
      const codec = codecOf(full, { engine });
      for (const message of [jsonOf(300, 1), noiseOf(900, 1), jsonOf(3000, 2)]) {
        const received = await codec.decompress(peerDeflate(message), 5000);
        expect(received.equals(message)).toBe(true);
        // The message may keep at most a part of the process's pool. The size of the pool depends on the version of Node.js.
        expect(received.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize + 1024);
      }
    });
  });

  test('P10: the codec processes messages up to 16 KiB synchronously, and returns a Promise only for larger messages', () => {
    const codec = codecOf(full, { engine });
    const small = jsonOf(16_384, 1);
    const sent = codec.compress(small);
    expect(sent).toBeInstanceOf(Uint8Array);
    expect(codec.decompress(sent as Uint8Array, 20_000)).toBeInstanceOf(Buffer);
    const later = codec.compress(jsonOf(16_385, 1));
    expect(later).toBeInstanceOf(Promise);
    const grows = codecOf(full, { engine }).decompress(peerDeflate(Buffer.alloc(131_073)), Infinity);
    expect(grows).toBeInstanceOf(Promise);
    return Promise.all([later, grows]);
  });

  test('P10: the codec decompresses small input synchronously up to 128 KiB of output, and returns a Promise for more output [A33, A34]', async () => {
    const zeros = Buffer.alloc(600_000);
    const context = jsonOf(5_000, 3);
    for (const length of [16_384, 16_385, 131_072, 131_073, 400_000]) {
      const codec = codecOf(full, { engine });
      const peer = peerDeflate(zeros.subarray(0, length));
      expect(peer.length).toBeLessThan(512);
      const now = codec.decompress(peer, Infinity);
      expect(now instanceof Promise).toBe(length > 131_072);
      expect((await now).equals(zeros.subarray(0, length))).toBe(true);
      // The limit is exact for each of these sizes.
      for (const most of [length - 1, length]) {
        const other = codecOf(full, { engine });
        await other.decompress(peerDeflate(context), Infinity);
        const result = Promise.resolve().then(() => other.decompress(peer, most));
        if (most === length) expect((await result).length).toBe(length);
        else await expect(result).rejects.toMatchObject({ code: 'WS_MESSAGE_TOO_BIG' });
      }
    }
  });

  describe.each([true, false])(
    'FAULT-1: the caller changes the memory of a message after compress(), context takeover: %s',
    (takeover) => {
      const direction = { windowBits: 15, takeover };
      const uses: [string, (bytes: Uint8Array) => void][] = [
        ['changed', (bytes) => void bytes.fill(7)],
        [
          'transferred',
          (bytes) => void structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] }),
        ],
        ['resized', (bytes) => void (bytes.buffer as unknown as { resize(size: number): void }).resize(10)],
      ];
      test.each(uses)(
        'FAULT-1: if the memory is %s after the call, the codec compresses the original bytes, and the context is correct',
        async (_, use) => {
          for (const synchronous of [false, true]) {
            const codec = codecOf(direction, { engine, synchronous });
            const peer = new StrictInflate(15, takeover);
            for (const size of [1500, 12_000, 20_000, 400_000]) {
              const message = jsonOf(size, size);
              // @ts-expect-error: Node 20 supports `maxByteLength`, but the TypeScript library that we compile for does not
              const bytes = new Uint8Array(new ArrayBuffer(size, { maxByteLength: size }));
              bytes.set(message);
              const compressed = codec.compress(bytes);
              use(bytes);
              expect(peer.message(await compressed).equals(message)).toBe(true);
              // With context takeover, the next message refers to this message.
              const next = await codec.compress(jsonOf(size, size));
              expect(peer.message(next).equals(message)).toBe(true);
            }
          }
        },
      );

      test('FAULT-1: if the caller transfers the memory before the result is ready, compress rejects, and no empty message is sent', async () => {
        const codec = codecOf(direction, { engine });
        const bytes = new Uint8Array(noiseOf(20_000, 1));
        const compressed = codec.compress(bytes);
        uses[1]![1](bytes);
        await expect(compressed).rejects.toThrow('transferred or resized');
        const owned = new Uint8Array(noiseOf(20_000, 1));
        expect(await codec.compress(owned, true)).toBe(owned);
      });
    },
  );

  test("FAULT-4: the input and the output of zlib's threads count in the memory budget until the Promise settles", async () => {
    const budget = new MemoryBudget(Infinity);
    const charge = new Charge(budget);
    const message = Buffer.alloc(4_000_000);
    const payload = peerDeflate(message);
    const pending = codecOf(full, { engine }).decompress(payload, Infinity, charge);
    expect(pending).toBeInstanceOf(Promise);
    expect(budget.used).toBe(payload.length);
    let most = 0;
    let isDone = false;
    const done = (pending as Promise<Buffer>).then(() => {
      isDone = true;
    });
    while (!isDone) {
      most = Math.max(most, budget.used);
      await nextTurn();
    }
    await done;
    expect(most).toBeGreaterThan(message.length / 4);
    expect(most).toBeLessThan(message.length + payload.length + 100_000);
    // From this point, the receiver of the message counts and releases the memory.
    expect(charge.bytes).toBe(payload.length);
    charge.release();
    expect(budget.used).toBe(0);
  });

  test('P26, A35: the codec reserves memory before it makes a context, and works without context if the budget is used up', async () => {
    const budget = new CompressionBudget(100);
    const sender = new DeflateCodec(full, full, settings({ engine, budget }), 0);
    const peer = new StrictInflate(15, false);
    for (const size of [300, 300, 3000, 3000, 20_000, 20_000]) {
      const message = jsonOf(size, 1);
      // Each message is compressed without a context, so the peer does not need a context.
      expect(peer.message(await sender.compress(message)).equals(message)).toBe(true);
    }
    expect(budget.used).toBe(0);
    sender.close();
    expect(budget.used).toBe(0);
  });

  test('A35: a codec that is closed releases its contexts and all reserved budget exactly once', async () => {
    const budget = new CompressionBudget();
    const reserved = receivingContextSize(full);
    expect(budget.reserve(reserved)).toBe(true);
    const codec = new DeflateCodec(full, full, settings({ engine, budget }), reserved);
    expect(budget.used).toBe(reserved);
    await codec.decompress(peerDeflate(jsonOf(1000, 1)), Infinity);
    expect(budget.used).toBe(reserved);
    codec.compressNow(jsonOf(1000, 1));
    const used = budget.used;
    expect(used).toBeGreaterThan(reserved + 32_768);
    codec.compressNow(jsonOf(1000, 2));
    expect(budget.used).toBe(used);
    // Work that is in progress when the connection ends reserves no memory afterwards.
    const sending = codec.compress(jsonOf(50_000, 1));
    const receiving = codec.decompress(peerDeflate(jsonOf(400_000, 1)), Infinity);
    // A closed connection starts no more work. The test waits for the rejection in advance, because the rejection may come before the other
    // result.
    const dropped = expect(receiving).rejects.toThrow('The connection is closed');
    codec.close();
    codec.close();
    expect(budget.used).toBe(0);
    await sending;
    await dropped;
    codec.compressNow(jsonOf(1000, 1));
    await codec.decompress(peerDeflate(jsonOf(1000, 1)), Infinity);
    expect(budget.used).toBe(0);
  });

  test('P26: if the output of two codecs without a context can differ, their sharedKey differs; with a context, sharedKey is null', () => {
    const key = (sending: Direction, level: number): string | null =>
      new DeflateCodec(sending, full, settings({ engine, level }), 0).sharedKey;
    expect(key(full, 6)).toBe(null);
    const keys = [key(alone, 6), key(alone, 1), key({ windowBits: 9, takeover: false }, 6)];
    expect(new Set(keys).size).toBe(3);
    expect(key({ ...alone }, 6)).toBe(keys[0]);
  });
});

test.each([8, 9, 10, 11, 12, 13, 14, 15])(
  'A35: with %i window bits, the codec never holds more memory than it has reserved',
  (windowBits) => {
    const direction = { windowBits, takeover: true };
    const received = new Window(windowBits);
    const sent = new Window(windowBits);
    const budget = new CompressionBudget();
    const codec = new DeflateCodec(direction, direction, settings({ budget }), 0);
    const pick = random(windowBits);
    for (let n = 0; n < 300; n++) {
      const message = jsonOf(pick(n % 10 === 0 ? 3000 : 200), n);
      deflate(message, sent, windowBits);
      sent.append(message);
      received.append(message);
      codec.compressNow(message);
      expect(received.retained).toBeLessThanOrEqual(receivingContextSize(direction));
      if (budget.used > 0) expect(sent.retained).toBeLessThanOrEqual(budget.used);
    }
    expect(budget.used).toBeGreaterThan(0);
    expect(receivingContextSize({ ...direction, takeover: false })).toBe(0);
  },
);
