/** Makes the messages that the tests of the engine compress. The messages depend only on a seed, so that a failed test can be repeated. */
import { constants, deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';

/** Returns numbers in [0, 1), which depend only on the seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const words =
  'order update the quick value of a price in room user message status time level and not is was open close'.split(
    ' ',
  );

/** Returns typical JSON of an application, cut to `length` bytes. */
export function jsonText(length: number, random: () => number): Buffer {
  const pick = (): string => words[Math.floor(random() * words.length)] ?? '';
  let text = '[';
  while (text.length < length) {
    text += JSON.stringify({
      id: Math.floor(random() * 1e6),
      type: pick(),
      at: 1.7e12 + Math.floor(random() * 1e9),
      user: { name: `${pick()}${Math.floor(random() * 100)}`, active: random() < 0.5 },
      values: [random().toFixed(3), random().toFixed(3)],
      text: Array.from({ length: 2 + Math.floor(random() * 8) }, pick).join(' '),
    });
    text += ',';
  }
  return Buffer.from(text.slice(0, length));
}

export function randomBytes(length: number, random: () => number, alphabet = 256): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * alphabet)));
}

/** Returns copies of earlier bytes at random distances, and some new bytes between the copies. A compressor finds matches of every kind. */
export function copies(length: number, random: () => number): Buffer {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    if (at === 0 || random() < 0.3) {
      bytes[at++] = Math.floor(random() * 256);
      continue;
    }
    const distance = 1 + Math.floor(random() ** 3 * at);
    for (let count = 3 + Math.floor(random() ** 2 * 300); count > 0 && at < length; count--, at++)
      bytes[at] = bytes[at - distance] ?? 0;
  }
  return bytes;
}

/** Functions that return content of different kinds, with any length. */
export const kinds: Readonly<Record<string, (length: number, random: () => number) => Buffer>> = {
  json: jsonText,
  copies,
  zeros: (length) => Buffer.alloc(length),
  random: (length, random) => randomBytes(length, random),
  'few symbols': (length, random) => randomBytes(length, random, 3),
  'two values': (length, random) => randomBytes(length, () => (random() < 0.9 ? 0 : 0.99)),
  counting: (length) => Buffer.from(Array.from({ length }, (_, index) => (index * 7) & 255)),
  period: (length) => Buffer.from(Array.from({ length }, (_, index) => index % 37)),
};

const tail = Buffer.from([0, 0, 0xff, 0xff]);

/** Compresses a message with zlib and removes the last four bytes of the flush, as RFC 7692 §7.2.1 requires. */
export function zlibDeflate(input: Uint8Array, history: Uint8Array, options: ZlibOptions = {}): Buffer {
  const bytes = deflateRawSync(input, {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...options,
    ...(history.length === 0 ? {} : { dictionary: history }),
  });
  return bytes.subarray(-4).equals(tail) ? bytes.subarray(0, -4) : bytes;
}

/** Decompresses a message with zlib (RFC 7692 §7.2.2). It stops at a final block, and accepts a stream that is cut off. */
export function zlibInflate(input: Uint8Array, history: Uint8Array, options: ZlibOptions = {}): Buffer {
  return inflateRawSync(Buffer.concat([input, tail]), {
    finishFlush: constants.Z_SYNC_FLUSH,
    ...options,
    ...(history.length === 0 ? {} : { dictionary: history }),
  });
}
