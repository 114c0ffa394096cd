/**
 * Tests node:zlib with single messages. It compresses and decompresses them in one call or in its threads. The results of the two ways must
 * be equal.
 */
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { inflateInThreadPool } from '../../src/deflate/inflate-in-pool.ts';
import { PoolJob } from '../../src/deflate/pool.ts';
import { deflateNow, inflateNow, inputWithoutOutput } from '../../src/deflate/zlib.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { hex, jsonOf, noiseOf } from './harness.ts';
import { StrictInflate } from './strict-inflate.ts';

const nothing = Buffer.alloc(0);
const fast = { level: 6, windowBits: 15 };

const ways = [
  {
    name: 'zlib in one call',
    inflate: async (...args: Parameters<typeof inflateNow>) => inflateNow(...args),
  },
  {
    name: 'zlib in the thread pool',
    inflate: (payload: Uint8Array, history: Uint8Array, maxLength: number) =>
      new PoolJob().run((job) => inflateInThreadPool(payload, history, maxLength, job)),
  },
];

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof ProtocolError ? error.code : String(error);
  }
  return 'no error';
}

describe('P23: compressing with zlib in one call', () => {
  test('P23, P26: the examples of RFC 7692 §7.2.3.1 and §7.2.3.2 are compressed to the bytes of the RFC', () => {
    const hello = Buffer.from('Hello');
    expect(deflateNow(hello, fast, nothing)).toEqual(hex('f2 48 cd c9 c9 07 00'));
    expect(deflateNow(hello, fast, hello)).toEqual(hex('f2 00 11 00 00'));
    // This is the empty message of 7692 §7.2.3.6.
    expect(deflateNow(nothing, fast, nothing)).toEqual(hex('00'));
  });

  test('P23: the output equals the output of a flushed zlib stream without its last four bytes', () => {
    for (const message of [jsonOf(100, 1), jsonOf(50_000, 2), noiseOf(70_000, 3)]) {
      for (const dictionary of [nothing, jsonOf(8192, 4)]) {
        const now = deflateNow(message, fast, dictionary);
        const whole = deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH, dictionary });
        expect(Buffer.concat([now, hex('00 00 ff ff')]).equals(whole)).toBe(true);
      }
    }
  });

  test.each([8, 9])('P25: with %i window bits, no distance is greater than 250 bytes', (windowBits) => {
    // zlib uses a window of 512 bytes instead of 256. Its output must nevertheless fit into a window of 256 bytes.
    const peer = new StrictInflate(windowBits, false);
    for (const level of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      for (let period = 240; period <= 270; period++) {
        const noise = noiseOf(period, period);
        const message = Buffer.concat([noise, noise, noise, jsonOf(300, period), noise]);
        const sent = deflateNow(message, { level, windowBits }, nothing);
        expect(peer.message(sent).equals(message)).toBe(true);
      }
    }
    expect(peer.farthest).toBeGreaterThan(240);
    expect(peer.farthest).toBeLessThanOrEqual(250);
  });
});

describe.each(ways)('P27: decompressing with $name', ({ inflate }) => {
  const message = jsonOf(100_000, 1);
  const sent = deflateNow(message, fast, nothing);

  test('P24, P27: complete messages are decompressed correctly with the context of earlier messages', async () => {
    expect((await inflate(sent, nothing, 100_000)).equals(message)).toBe(true);
    const second = deflateNow(message, fast, message.subarray(-32_768));
    expect((await inflate(second, message.subarray(-32_768), 100_000)).equals(message)).toBe(true);
    expect(await codeOf(inflate(second, nothing, 100_000))).toBe('WS_INVALID_DEFLATE');
    expect((await inflate(nothing, nothing, 0)).length).toBe(0);
  });

  test('P31: input is refused if it is cut off, damaged, or followed by more bytes', async () => {
    for (const size of [1, 100, sent.length - 1]) {
      expect(await codeOf(inflate(sent.subarray(0, size), nothing, 1e6))).toBe('WS_INVALID_DEFLATE');
    }
    expect(await codeOf(inflate(hex('07'), nothing, 1e6))).toBe('WS_INVALID_DEFLATE');
    expect(await codeOf(inflate(hex('03 00 ff'), nothing, 1e6))).toBe('WS_INVALID_DEFLATE');
    expect(await codeOf(inflate(hex('00 05 00 fa fe 48'), nothing, 1e6))).toBe('WS_INVALID_DEFLATE');
  });

  test('P24, A34: after a final block, the next block can refer to the context and to the earlier output of the same message', async () => {
    const window = noiseOf(32_768, 5);
    // The first stream refers to the oldest bytes in the window. The second stream also refers to the output of the first stream.
    const first = Buffer.concat([window.subarray(300, 900), noiseOf(7000, 1)]);
    const between = Buffer.concat([window, first]).subarray(-32_768);
    const second = Buffer.concat([between.subarray(300, 900), first.subarray(0, 900), jsonOf(500, 1)]);
    const payload = Buffer.concat([
      deflateRawSync(first, { dictionary: window }),
      deflateRawSync(second, { dictionary: between }),
    ]);
    expect(payload.length).toBeLessThan(7600);
    expect((await inflate(payload, window, 1e6)).equals(Buffer.concat([first, second]))).toBe(true);
  });

  test('P31, A33: a message that exceeds the limit by one byte, or by much more, is refused with WS_MESSAGE_TOO_BIG', async () => {
    expect(await codeOf(inflate(sent, nothing, 99_999))).toBe('WS_MESSAGE_TOO_BIG');
    const bomb = deflateNow(Buffer.alloc(50_000_000), fast, nothing);
    expect(await codeOf(inflate(bomb, nothing, 1000))).toBe('WS_MESSAGE_TOO_BIG');
    expect(await codeOf(inflate(hex('f2 48 cd c9 c9 07 00'), nothing, 0))).toBe('WS_MESSAGE_TOO_BIG');
  });
});

test('P31, A34: the input of decompression is refused when it exceeds 17/16 of the output by more than 1 MiB', () => {
  expect(inputWithoutOutput(1_048_576, 0)).toBe(false);
  expect(inputWithoutOutput(1_048_577, 0)).toBe(true);
  expect(inputWithoutOutput(1_048_576 + 1700, 1600)).toBe(false);
  expect(inputWithoutOutput(1_048_576 + 1701, 1600)).toBe(true);
});
