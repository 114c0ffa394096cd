/**
 * Tests messages that are compressed in parts while the application writes them: RFC 7692 §7.2.1. They use the same context as messages
 * that are sent whole.
 */
import { describe, expect, test } from 'vitest';
import { alone, codecOf, engines, full, jsonOf, noiseOf } from './harness.ts';

const sources: [string, (size: number, seed: number) => Buffer][] = [
  ['JSON', jsonOf],
  ['noise', noiseOf],
  ['alternating JSON and noise', (size, seed) => (seed % 2 === 0 ? jsonOf : noiseOf)(size, seed)],
];

describe.each(engines)('with the compression engine "%s"', (engine) => {
  describe.each([
    ['with a context', full],
    ['with a small context', { windowBits: 9, takeover: true }],
    ['without a context', alone],
  ])('%s', (_, direction) => {
    test.each(sources)(
      'if messages in parts and whole messages alternate, the receiver decompresses %s correctly',
      async (_, make) => {
        const sender = codecOf(direction, { engine });
        const receiver = codecOf(direction, { engine });
        for (const sizes of [[1], [10, 1, 2_000], [70_000, 3, 140_000], [], [65_535, 65_536, 5]]) {
          const parts = sizes.map((size, index) => make(size, size + index));
          const wire: Uint8Array[] = [];
          for (const part of parts) wire.push(await sender.compressPart(part, true));
          wire.push(sender.endOfParts);
          const message = await receiver.decompress(Buffer.concat(wire), Number.POSITIVE_INFINITY);
          expect(message.equals(Buffer.concat(parts))).toBe(true);
          // The contexts of the sender and the receiver are still equal.
          const whole = make(3_000, 7);
          const compressed = await sender.compress(whole, true);
          if (compressed === whole) continue;
          expect((await receiver.decompress(compressed, Number.POSITIVE_INFINITY)).equals(whole)).toBe(true);
        }
        sender.close();
        receiver.close();
      },
    );
  });

  test('a part of a message may refer to earlier parts', async () => {
    const text = noiseOf(4_000, 1);
    const sender = codecOf(full, { engine });
    expect((await sender.compressPart(text, true)).length).toBeGreaterThan(4_000);
    expect((await sender.compressPart(text, true)).length).toBeLessThan(200);
    sender.close();
  });

  test('a closed codec compresses a part of a message without a context', async () => {
    const sender = codecOf(full, { engine });
    sender.close();
    expect((await sender.compressPart(noiseOf(100, 1), true)).length).toBe(105);
  });
});
