import { createDeflateRaw } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { deflateInThreadPool } from '../../src/deflate/deflate-in-pool.ts';
import { PoolJob } from '../../src/deflate/pool.ts';
import { type DeflateSettings, deflateNow, inflateNow } from '../../src/deflate/zlib.ts';
import { hex, jsonOf, noiseOf } from './harness.ts';

const nothing = Buffer.alloc(0);
const fast = { level: 6, windowBits: 15 };

const deflated = (message: Buffer, settings: DeflateSettings, dictionary: Buffer): Promise<Buffer> =>
  new PoolJob().run((job) => deflateInThreadPool(message, settings, dictionary, job));

test('P23, P26: the thread pool compresses the examples of RFC 7692 §7.2.3.1 and §7.2.3.2 to the same bytes', async () => {
  const hello = Buffer.from('Hello');
  expect(await deflated(hello, fast, nothing)).toEqual(hex('f2 48 cd c9 c9 07 00'));
  expect(await deflated(hello, fast, hello)).toEqual(hex('f2 00 11 00 00'));
  expect(await deflated(nothing, fast, nothing)).toEqual(hex('00'));
});

test('P23, P26: when messages are compressed one after the other, no result contains data of an earlier message', async () => {
  const messages = [
    ...[jsonOf(50_000, 2), jsonOf(50_000, 2), jsonOf(100, 1), noiseOf(70_000, 3), noiseOf(200_000, 3)],
    // The output of these messages needs several pieces of memory. The messages before them have little output.
    ...[Buffer.alloc(1_000_000), noiseOf(65_536, 4), jsonOf(3_000_000, 5), nothing, jsonOf(50_000, 2)],
  ];
  for (const dictionary of [nothing, jsonOf(8192, 4)]) {
    for (const message of messages) {
      const output = await deflated(message, fast, dictionary);
      const whole = deflateNow(message, fast, dictionary);
      // A slice has 128 KiB, and the compressor flushes at the end of each slice. So only a message of one slice equals the output of one
      // call.
      if (message.length <= 131_072) expect(output.equals(whole)).toBe(true);
      expect(inflateNow(output, dictionary, message.length).equals(message)).toBe(true);
      expect(output.length).toBeLessThanOrEqual(whole.length * 1.02 + 20 * (message.length / 131_072));
      expect(output.buffer.byteLength).toBeLessThanOrEqual(output.length + Buffer.poolSize + 64);
    }
  }
});

test('P26: a context of 1 to 4,096 bytes is used for one message, and does not affect the next message', async () => {
  const context = jsonOf(4096, 4);
  const message = Buffer.concat([context, jsonOf(30_000, 6)]);
  const alone = await deflated(message, fast, nothing);
  for (const size of [1, 300, 4096]) {
    const output = await deflated(message, fast, context.subarray(-size));
    expect(inflateNow(output, context.subarray(-size), message.length).equals(message)).toBe(true);
    expect((await deflated(message, fast, nothing)).equals(alone)).toBe(true);
  }
  const output = await deflated(message, fast, context);
  expect(output.length).toBeLessThan(alone.length - 500);
});

test('P25: each message is compressed with its own settings, even if many streams alternate or run at the same time', async () => {
  const settings = [1, 6, 9].flatMap((level) => [8, 9, 12, 15].map((windowBits) => ({ level, windowBits })));
  const jobs = Array.from({ length: 60 }, (_, n) => ({
    message: jsonOf(20_000 + 500 * n, n),
    setting: settings[(n * 7) % settings.length]!,
  }));
  const outputs = await Promise.all(jobs.map(({ message, setting }) => deflated(message, setting, nothing)));
  for (const [n, { message, setting }] of jobs.entries()) {
    expect(outputs[n]!.equals(deflateNow(message, setting, nothing))).toBe(true);
  }
});

test('A35, A48: if a zlib stream runs out of memory, its Promise rejects, and the next stream can run', async () => {
  type Stream = { _transform(chunk: Buffer, encoding: string, callback: (error: Error) => void): void };
  const failing = vi.spyOn(Object.getPrototypeOf(createDeflateRaw()) as Stream, '_transform');
  failing.mockImplementationOnce((_chunk, _encoding, callback) => callback(new Error('insufficient memory')));
  const message = jsonOf(50_000, 2);
  await expect(deflated(message, fast, nothing)).rejects.toThrow('insufficient memory');
  failing.mockRestore();
  const outputs = await Promise.all(Array.from({ length: 5 }, () => deflated(message, fast, nothing)));
  for (const output of outputs) expect(output.equals(deflateNow(message, fast, nothing))).toBe(true);
});
