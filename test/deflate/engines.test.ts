/**
 * Tests that our engine, zlib in one call, and zlib in its threads have the same outcome. The inputs are valid streams, streams that are
 * cut off at every byte, and damaged streams. RFC 7692 §7.2.1, §7.2.2, §7.2.3.4; RFC 1951.
 */
import { deflateRawSync, constants as zlib } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inflate } from '../../src/deflate/engine/inflate.ts';
import { InflateError } from '../../src/deflate/engine/inflate-error.ts';
import { Window } from '../../src/deflate/engine/window.ts';
import { RECEIVING, SENDING } from '../../src/deflate/engines.ts';
import { inflateInThreadPool } from '../../src/deflate/inflate-in-pool.ts';
import { probes } from '../../src/deflate/message-end.ts';
import { PoolJob } from '../../src/deflate/pool.ts';
import { inflateNow } from '../../src/deflate/zlib.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { codecOf, engines, full, hex, jsonOf, noiseOf, verdict } from './harness.ts';

const LIMIT = 8_388_608;

/** Returns the decompressed message as hexadecimal digits, or the code of the error. */
function own(payload: Uint8Array, context: Uint8Array, bits = 15): string {
  const window = new Window(bits);
  window.append(context);
  try {
    return inflate(payload, window, LIMIT).toString('hex');
  } catch (error) {
    if (error instanceof InflateError && error.reason === 'corrupt') return 'WS_INVALID_DEFLATE';
    throw error;
  }
}

async function codeOr(work: () => Buffer | Promise<Buffer>): Promise<string> {
  try {
    return (await work()).toString('hex');
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

/** Returns the outcome of the three engines. The test fails if the outcomes differ. */
async function agreed(
  payload: Uint8Array,
  context: Uint8Array = Buffer.alloc(0),
  bits = 15,
): Promise<string> {
  const history = context.subarray(-(2 ** bits));
  const [ours, inOneCall, inPool] = [
    own(payload, context, bits),
    await codeOr(() => inflateNow(payload, history, LIMIT)),
    await codeOr(() => new PoolJob().run((job) => inflateInThreadPool(payload, history, LIMIT, job))),
  ];
  expect(inOneCall, `zlib in one call, of ${Buffer.from(payload).toString('hex')}`).toBe(ours);
  expect(inPool, `zlib in its threads, of ${Buffer.from(payload).toString('hex')}`).toBe(ours);
  return ours;
}

/** Returns a stored block (RFC 1951 §3.2.4). */
function stored(content: Uint8Array, isFinal = false): Buffer {
  const header = Buffer.from([isFinal ? 1 : 0, 0, 0, 0, 0]);
  header.writeUInt16LE(content.length, 1);
  header.writeUInt16LE(0xffff - content.length, 3);
  return Buffer.concat([header, content]);
}

// ---- streams that peers may send ----

/** A part of a message: text, noise, or a run of one byte. */
const part = fc
  .record({
    kind: fc.constantFrom('json', 'noise', 'run'),
    size: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 900 })),
    seed: fc.integer({ min: 0, max: 1_000_000 }),
  })
  .map(({ kind, size, seed }) =>
    kind === 'json' ? jsonOf(size, seed) : kind === 'noise' ? noiseOf(size, seed) : Buffer.alloc(size, seed),
  );

/** How a part of a stream is written: as blocks of any type, flushed or final. */
const writing = fc.record({
  how: fc.constantFrom('flushed', 'final', 'stored', 'stored and final'),
  level: fc.integer({ min: 0, max: 9 }),
  strategy: fc.constantFrom(zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY),
  memLevel: fc.constantFrom(1, 8),
});

interface Stream {
  readonly context: Buffer;
  readonly payload: Buffer;
  readonly message: Buffer;
}

const stream: fc.Arbitrary<Stream> = fc
  .record({
    context: part,
    parts: fc.array(fc.tuple(part, writing), { minLength: 1, maxLength: 4 }),
    end: fc.constantFrom('00', '01', ''),
  })
  .map(({ context, parts, end }) => {
    const payload: Buffer[] = [];
    let plain = context;
    let isWhole = false;
    for (const [content, { how, ...options }] of parts) {
      const dictionary = plain.subarray(-32_768);
      const settings = { ...options, ...(dictionary.length === 0 ? {} : { dictionary }) };
      isWhole = how.endsWith('final');
      if (how.startsWith('stored')) payload.push(stored(content, how.endsWith('final')));
      else if (how === 'final') payload.push(deflateRawSync(content, settings));
      else payload.push(deflateRawSync(content, { ...settings, finishFlush: zlib.Z_SYNC_FLUSH }));
      plain = Buffer.concat([plain, content]);
    }
    // A message may end after a final block. Otherwise it ends with an empty stored block. The last four bytes of this block are not sent.
    payload.push(hex(end === '' && !isWhole ? '00' : end));
    return { context, payload: Buffer.concat(payload), message: plain.subarray(context.length) };
  });

describe('FAULT-9: our engine, zlib in one call and zlib in its threads have the same outcome', () => {
  test('FAULT-9, P24, P27: the three engines decompress valid streams with all types of blocks', async () => {
    await fc.assert(
      fc.asyncProperty(stream, async ({ context, payload, message }) => {
        expect(await agreed(payload, context)).toBe(message.toString('hex'));
      }),
      { numRuns: 150 },
    );
  });

  test('FAULT-9, P31: if a stream is cut off anywhere, the three engines have the same outcome, and deliver only the beginning of the message', async () => {
    await fc.assert(
      fc.asyncProperty(stream, async ({ context, payload, message }) => {
        const step = Math.max(1, payload.length >> 6);
        for (
          let size = 1;
          size < payload.length;
          size += size < 40 || size > payload.length - 40 ? 1 : step
        ) {
          const result = await agreed(payload.subarray(0, size), context);
          if (result !== 'WS_INVALID_DEFLATE') {
            expect(message.toString('hex').startsWith(result), `cut at ${size}`).toBe(true);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('FAULT-9, P31: if a stream has flipped, lost, doubled or replaced parts, the three engines have the same outcome', async () => {
    const damage = fc.array(
      fc.record({
        kind: fc.constantFrom('flip', 'lose', 'double', 'insert'),
        at: fc.integer({ min: 0, max: 100_000 }),
        value: fc.integer({ min: 0, max: 255 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(stream, damage, async ({ context, payload }, steps) => {
        let broken = Buffer.from(payload);
        for (const { kind, at, value } of steps) {
          const place = at % (broken.length + 1);
          const [before, after] = [broken.subarray(0, place), broken.subarray(place)];
          if (kind === 'flip' && after.length > 0) after[0]! ^= 1 << (value & 7);
          else if (kind === 'lose') broken = Buffer.concat([before, after.subarray(1)]);
          else if (kind === 'double') broken = Buffer.concat([before, after.subarray(0, 4), after]);
          else if (kind === 'insert') broken = Buffer.concat([before, Buffer.from([value]), after]);
        }
        if (broken.length > 0) await agreed(broken, context);
      }),
      { numRuns: 600 },
    );
  });

  test('FAULT-9, P31: for random bytes, the three engines have the same outcome', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (bytes) => {
        await agreed(bytes, jsonOf(300, 1));
      }),
      { numRuns: 1500 },
    );
  });

  test('FAULT-9, P24: the three engines accept a final empty stored block without its 00 00 ff ff, alone or after other blocks', async () => {
    const text = jsonOf(3000, 1);
    const flushed = deflateRawSync(text, { finishFlush: zlib.Z_SYNC_FLUSH });
    for (const [payload, message] of [
      ['01', ''],
      ['0000 00ff ff01', ''],
      [`${flushed.toString('hex')}01`, text.toString('hex')],
      [`${deflateRawSync(text).toString('hex')}01`, text.toString('hex')],
    ] as const) {
      expect(await agreed(hex(payload))).toBe(message);
    }
  });

  test('FAULT-9, P31: the three engines refuse a final Huffman block that is cut off, although 00 00 ff ff is appended to its bytes', async () => {
    const text = jsonOf(3000, 1);
    for (const strategy of [zlib.Z_FIXED, zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY]) {
      const whole = deflateRawSync(text, { strategy });
      for (let missing = 1; missing < 40; missing++) {
        expect(await agreed(whole.subarray(0, -missing))).toBe('WS_INVALID_DEFLATE');
      }
    }
  });

  test('FAULT-9, P31: the three engines refuse a stored block that lacks a few bytes, and accept a message that ends with the same bytes', async () => {
    const noise = noiseOf(700, 1);
    for (const { bytes } of probes) {
      for (const isFinal of [false, true]) {
        for (let missing = 1; missing <= bytes.length + 1; missing++) {
          expect(await agreed(stored(noise, isFinal).subarray(0, -missing))).toBe('WS_INVALID_DEFLATE');
        }
      }
      for (let size = 1; size <= bytes.length; size++) {
        const message = Buffer.concat([noise, bytes.subarray(0, size)]);
        const flushed = deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
        for (const payload of [flushed, Buffer.concat([deflateRawSync(message), hex('01')])]) {
          expect(await agreed(payload)).toBe(message.toString('hex'));
        }
      }
    }
  });

  test('FAULT-9, P28: the three engines accept the same distances, both inside a message and back into the context', async () => {
    const far = noiseOf(40_000, 1);
    // Inside one message, a distance may be larger than our window. Only the RFC limits the sender.
    for (const back of [250, 300, 600, 5000, 30_000]) {
      const message = Buffer.concat([far.subarray(0, back), far.subarray(0, 200)]);
      const payload = deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
      for (const bits of [8, 9, 12, 15]) {
        expect(await agreed(payload, Buffer.alloc(0), bits)).toBe(message.toString('hex'));
      }
    }
    // Earlier messages are available only inside the window.
    for (const bits of [8, 9, 12, 15]) {
      const size = 2 ** bits;
      const context = far.subarray(0, size + 300);
      for (const offset of [-1, 0, 1, 3, 50]) {
        const from = context.length - size - offset;
        const message = Buffer.concat([context.subarray(from, from + 150)]);
        const dictionary = context.subarray(from);
        const payload = deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH, dictionary }).subarray(
          0,
          -4,
        );
        // zlib never uses the farthest distances. It writes these bytes as literals.
        const isReferred = payload.length < 100;
        // zlib also never refers to the first byte of a dictionary.
        const isThere = offset <= 1 || !isReferred;
        expect(await agreed(payload, context, bits)).toBe(
          isThere ? message.toString('hex') : 'WS_INVALID_DEFLATE',
        );
      }
    }
  });
});

describe.each(engines)('with the compression engine "%s"', (engine) => {
  test('FAULT-9, P24, P31: just below and just above each size at which the engine changes, the codec has the same outcome', async () => {
    for (const size of [100, 500, 520, 4000, 16_000, 17_000, 200_000]) {
      const noise = noiseOf(size, size);
      const whole = deflateRawSync(noise);
      for (const synchronous of [false, true]) {
        const of = (payload: Buffer): Promise<Buffer | string> =>
          verdict(codecOf(full, { engine, synchronous }), payload);
        for (const end of ['', '00', '01']) {
          expect((await of(Buffer.concat([whole, hex(end)]))).toString('hex')).toBe(noise.toString('hex'));
        }
        const blocks = deflateRawSync(noise, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -5);
        expect((await of(Buffer.concat([blocks, hex('01')]))).toString('hex')).toBe(noise.toString('hex'));
        const symbols = deflateRawSync(noise, { strategy: zlib.Z_FIXED });
        for (let missing = 1; missing < 8; missing++) {
          expect(await of(symbols.subarray(0, -missing))).toBe('WS_INVALID_DEFLATE');
          expect(await of(whole.subarray(0, -missing))).toBe('WS_INVALID_DEFLATE');
        }
      }
    }
  });
});

test('the engines in the table have increasing maximum sizes, and the last engine has no maximum', () => {
  for (const direction of [SENDING, RECEIVING]) {
    expect(direction.own.maxSize).toBeLessThan(direction.zlib.maxSize);
    expect(direction.pool.maxSize).toBe(Infinity);
  }
  expect(RECEIVING.own.maxOutput).toBeLessThan(RECEIVING.zlib.maxOutput);
  expect(RECEIVING.pool.maxOutput).toBe(Infinity);
  expect(SENDING.own.maxSizeWithoutContext).toBeLessThan(SENDING.own.maxSize);
  expect(SENDING.pool.fastWindowBits).toBeLessThan(SENDING.zlib.fastWindowBits);
});
