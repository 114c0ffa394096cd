import { createDeflateRaw } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { deflateElsewhere } from '../../src/deflate/deflate-stream.ts';
import { inPool } from '../../src/deflate/pool.ts';
import { deflateNow, inflateNow } from '../../src/deflate/zlib.ts';
import { hex, jsonOf, noiseOf } from './harness.ts';

const nothing = Buffer.alloc(0);
const fast = { level: 6, windowBits: 15 };

test('P23, P26: the examples of RFC 7692 §7.2.3.1 and §7.2.3.2, octet by octet', async () => {
  const hello = Buffer.from('Hello');
  expect(await deflateElsewhere(hello, fast, nothing)).toEqual(hex('f2 48 cd c9 c9 07 00'));
  expect(await deflateElsewhere(hello, fast, hello)).toEqual(hex('f2 00 11 00 00'));
  expect(await deflateElsewhere(nothing, fast, nothing)).toEqual(hex('00'));
});

test('P23, P26: one message after the other, each as if it were the first: nothing of the last is left', async () => {
  const messages = [
    ...[jsonOf(50_000, 2), jsonOf(50_000, 2), jsonOf(100, 1), noiseOf(70_000, 3), noiseOf(200_000, 3)],
    // More than what one piece of output has room for, from what made little before.
    ...[Buffer.alloc(1_000_000), noiseOf(65_536, 4), jsonOf(3_000_000, 5), nothing, jsonOf(50_000, 2)],
  ];
  for (const dictionary of [nothing, jsonOf(8192, 4)]) {
    for (const message of messages) {
      const output = await deflateElsewhere(message, fast, dictionary);
      expect(output.equals(deflateNow(message, fast, dictionary))).toBe(true);
      expect(output.buffer.byteLength).toBeLessThanOrEqual(output.length + Buffer.poolSize + 64);
    }
  }
});

test('P26: a short context is referred to like a long one, and only by the message that it is for', async () => {
  const context = jsonOf(4096, 4);
  const message = Buffer.concat([context, jsonOf(30_000, 6)]);
  const alone = await deflateElsewhere(message, fast, nothing);
  for (const size of [1, 300, 4096]) {
    const output = await deflateElsewhere(message, fast, context.subarray(-size));
    expect(inflateNow(output, 15, context.subarray(-size), message.length).equals(message)).toBe(true);
    expect((await deflateElsewhere(message, fast, nothing)).equals(alone)).toBe(true);
  }
  const output = await deflateElsewhere(message, fast, context);
  expect(output.length).toBeLessThan(alone.length - 500);
});

test('P25: each with its own settings, however many of them take turns, and several at once', async () => {
  const settings = [1, 6, 9].flatMap((level) => [8, 9, 12, 15].map((windowBits) => ({ level, windowBits })));
  const jobs = Array.from({ length: 60 }, (_, n) => ({
    message: jsonOf(20_000 + 500 * n, n),
    setting: settings[(n * 7) % settings.length]!,
  }));
  const outputs = await Promise.all(
    jobs.map(({ message, setting }) => inPool(() => deflateElsewhere(message, setting, nothing))),
  );
  for (const [n, { message, setting }] of jobs.entries()) {
    expect(outputs[n]!.equals(deflateNow(message, setting, nothing))).toBe(true);
  }
});

test('A35, A48: a zlib stream that fails, for want of memory, rejects, and leaves room for the next', async () => {
  type Stream = { _transform(chunk: Buffer, encoding: string, callback: (error: Error) => void): void };
  const failing = vi.spyOn(Object.getPrototypeOf(createDeflateRaw()) as Stream, '_transform');
  failing.mockImplementationOnce((_chunk, _encoding, callback) => callback(new Error('insufficient memory')));
  const message = jsonOf(50_000, 2);
  await expect(inPool(() => deflateElsewhere(message, fast, nothing))).rejects.toThrow('insufficient memory');
  failing.mockRestore();
  const outputs = await Promise.all(
    Array.from({ length: 5 }, () => inPool(() => deflateElsewhere(message, fast, nothing))),
  );
  for (const output of outputs) expect(output.equals(deflateNow(message, fast, nothing))).toBe(true);
});
