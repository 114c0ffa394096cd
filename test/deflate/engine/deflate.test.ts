import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deflate } from '../../../src/deflate/engine/deflate.ts';
import { inflate } from '../../../src/deflate/engine/inflate.ts';
import { MAX_TOKENS } from '../../../src/deflate/engine/matcher.ts';
import { Window } from '../../../src/deflate/engine/window.ts';
import { distanceSymbol } from './block-writer.ts';
import { type Inflated, referenceInflate } from './reference-inflate.ts';
import { copies, jsonText, kinds, randomBytes, randomFrom, zlibDeflate, zlibInflate } from './samples.ts';

const NONE = Buffer.alloc(0);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Compresses a message, and appends the message to the window. Checks that zlib and a decompressor with a window of exactly this size can
 * read the result.
 */
function send(
  message: Uint8Array,
  window: Window | null,
  exact = true,
): { data: Buffer; seen: Inflated | null } {
  const history = Buffer.from(window?.history ?? NONE);
  const before = Buffer.from(message);
  const data = deflate(message, window);
  expect(before.equals(message)).toBe(true);
  expect(history.equals(window?.history ?? NONE)).toBe(true);
  expect(before.equals(zlibInflate(data, history))).toBe(true);
  let seen: Inflated | null = null;
  if (exact) {
    seen = referenceInflate(data, history, window?.size);
    expect(before.equals(seen.bytes)).toBe(true);
  }
  window?.append(message);
  return { data, seen };
}

describe('the examples of RFC 7692 §7.2.3', () => {
  test('P23: Hello is compressed to the bytes of the RFC, and a second Hello with context is shorter', () => {
    const window = new Window(15);
    const hello = Buffer.from('Hello');
    expect(hex(send(hello, null).data)).toBe('f248cdc9c90700');
    expect(hex(send(hello, window).data)).toBe('f248cdc9c90700');
    // The example of the RFC begins with a literal (f2 00 11 00 00). One match needs one byte less.
    expect(hex(send(hello, window).data)).toBe('02130000');
    expect(hex(send(hello, null).data)).toBe('f248cdc9c90700');
  });

  test('P23, P29: an empty message is compressed to one byte', () => {
    const window = new Window(15);
    expect(hex(send(NONE, null).data)).toBe('00');
    expect(hex(send(NONE, window).data)).toBe('00');
    send(Buffer.from('Hello'), window);
    expect(hex(send(NONE, window).data)).toBe('00');
  });
});

describe('messages without a context', () => {
  for (const [kind, make] of Object.entries(kinds)) {
    test(`P23, P26: messages of 0 to 600 bytes are compressed correctly (${kind})`, () => {
      const random = randomFrom(1);
      for (let length = 0; length <= 600; length++) send(make(length, random), null, length % 25 === 0);
    });

    test(`P23, P26: longer messages are compressed correctly (${kind})`, () => {
      const random = randomFrom(2);
      for (const length of [1000, 4096, 16_384, 65_535, 65_536, 200_000])
        send(make(length, random), null, length < 20_000);
    });
  }

  test('our engine chooses the smallest of a stored block, a fixed block and a dynamic block', () => {
    const random = randomFrom(3);
    const types = (message: Buffer): readonly number[] => send(message, null).seen?.blocks ?? [];
    expect(types(randomBytes(300, random))).toEqual([0, 0]);
    expect(types(Buffer.from('a short text'))).toEqual([1, 0]);
    expect(types(jsonText(600, random))).toEqual([2, 0]);
    // Stored blocks have the largest overhead: a header, and five bytes for each 64 KiB.
    for (let length = 1; length < 400; length++)
      expect(deflate(randomBytes(length, random), null).length).toBeLessThanOrEqual(length + 6);
    expect(deflate(randomBytes(70_000, random), null).length).toBeLessThan(70_000 + 50);
  });

  test('literals and matches are written in several blocks if one block cannot hold all of them', () => {
    const random = randomFrom(4);
    for (const length of [
      MAX_TOKENS - 8,
      MAX_TOKENS - 4,
      MAX_TOKENS - 1,
      MAX_TOKENS,
      MAX_TOKENS + 1,
      50_000,
    ]) {
      const { seen } = send(randomBytes(length, random, 200), null);
      expect(seen?.blocks.length).toBe(
        length > MAX_TOKENS ? 1 + Math.ceil(length / MAX_TOKENS) : 2 + +(length > MAX_TOKENS - 8),
      );
    }
  });

  test('matches of every length, with distances of every distance symbol, are written correctly', () => {
    const random = randomFrom(5);
    for (let length = 5; length <= 258; length++) {
      const part = randomBytes(length, random);
      // The bytes before and after the repetition differ. Therefore the repetition has exactly this length.
      part[0] = 0xff;
      part[length - 1] = 0xfe;
      const message = Buffer.concat([Buffer.of(1), part, Buffer.of(2, 3, 4), part, Buffer.of(5)]);
      expect(send(message, null).seen?.matches).toContainEqual([length, length + 3]);
    }
    const symbols = new Set<number>();
    for (let distance = 1; distance <= 32768; distance += Math.ceil(distance / 6)) {
      const part = randomBytes(Math.min(distance, 30), random);
      const message = Buffer.concat([part, Buffer.alloc(distance - part.length), part, part, part]);
      for (const [, far] of send(message, null).seen?.matches ?? []) symbols.add(distanceSymbol(far)[0]);
    }
    expect(symbols.size).toBe(30);
  });

  test('the result for a message does not depend on earlier messages', () => {
    const random = randomFrom(6);
    const messages = Array.from({ length: 300 }, (_, n) =>
      n % 3 === 0
        ? jsonText(Math.floor(random() * 3000), random)
        : copies(Math.floor(random() * 3000), random),
    );
    const first = messages.map((message) => hex(deflate(message, null)));
    const second = messages.map((_, n) => hex(deflate(messages[299 - n]!, null)));
    expect(second.reverse()).toEqual(first);
  });
});

describe('messages with a context', () => {
  test.each([8, 9, 10, 11, 12, 13, 14, 15])(
    'P25: with %i window bits, no distance is greater than the window',
    (bits) => {
      const random = randomFrom(bits);
      const window = new Window(bits);
      let farthest = 0;
      for (let count = 0; count < 150; count++) {
        const make = Object.values(kinds)[count % 8] ?? jsonText;
        const length = Math.floor(random() ** 3 * (count % 10 === 0 ? 40_000 : 2000));
        const { seen } = send(make(length, random), window);
        farthest = Math.max(farthest, seen?.farthest ?? 0);
      }
      expect(farthest).toBeGreaterThan(2 ** bits * 0.9);
      expect(farthest).toBeLessThanOrEqual(2 ** bits);
    },
  );

  test.each([8, 9, 12, 15])(
    'P25: with %i window bits, a match can refer to the farthest byte of the window, but no farther',
    (bits) => {
      const size = 1 << bits;
      const random = randomFrom(bits);
      for (const distance of [size - 30, size - 1, size, size + 1, size + 30]) {
        const window = new Window(bits);
        const needle = randomBytes(30, random);
        send(Buffer.concat([randomBytes(40, random), needle]), window, false);
        // The text between the two copies adds few hashes. Therefore the index still contains the first copy.
        for (let gap = distance - 30; gap > 0; gap -= 1000)
          send(Buffer.alloc(Math.min(gap, 1000)), window, false);
        const { seen } = send(needle, window);
        expect(seen?.matches ?? []).toEqual(distance <= size ? [[30, distance]] : []);
      }
    },
  );

  test('P26, P27: on one context, our engine and zlib can take turns, both for compression and for decompression', () => {
    const random = randomFrom(17);
    for (const bits of [9, 12, 15]) {
      const sent = new Window(bits);
      const received = new Window(bits);
      for (let count = 0; count < 400; count++) {
        const make = random() < 0.6 ? jsonText : (Object.values(kinds)[Math.floor(random() * 8)] ?? jsonText);
        const message = make(Math.floor(random() ** 4 * 20_000), random);
        const data =
          random() < 0.5 ? deflate(message, sent) : zlibDeflate(message, sent.history, { windowBits: bits });
        // A message that was compressed but not sent must not change the context.
        if (random() < 0.1) continue;
        sent.append(message);
        const inflated =
          random() < 0.5
            ? inflate(data, received, message.length)
            : zlibInflate(data, received.history, { windowBits: bits });
        expect(message.equals(inflated)).toBe(true);
        received.append(inflated);
      }
      expect(hex(sent.history)).toBe(hex(received.history));
    }
  });

  test('P26: messages of any content and in any order are compressed correctly on one context', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ maxLength: 60 }).map((text) => Buffer.from(text)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat({ max: 200 }))
        .map(([unit, times]) => Buffer.alloc(unit.length * times, unit)),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 15 }),
        fc.array(fc.array(piece, { maxLength: 6 }), { maxLength: 12 }),
        (bits, messages) => {
          const window = new Window(bits);
          for (const pieces of messages) send(Buffer.concat(pieces), window);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('our engine finds matches in earlier text, even after zlib has compressed a large message', () => {
    const random = randomFrom(19);
    const window = new Window(15);
    const message = jsonText(300, random);
    send(message, window);
    expect(send(message, window).data.length).toBeLessThan(12);
    window.append(jsonText(2000, random));
    expect(send(message, window).data.length).toBeLessThan(80);
    const other = jsonText(400, random);
    window.append(other);
    expect(send(other, window).data.length).toBeLessThan(16);
  });

  test('our engine compresses correctly after more than 65,536 bytes, when its positions have started again at 0', () => {
    const random = randomFrom(23);
    const window = new Window(15);
    let bytes = 0;
    for (let count = 0; bytes < 300_000; count++) {
      const message = count % 50 === 0 ? randomBytes(9000, random) : jsonText(500, random);
      bytes += message.length;
      send(message, window, count % 40 === 0);
    }
    expect(window.total).toBe(bytes);
  });

  test('bytes before and after the history in memory do not influence the result', () => {
    const outcomes = [0x00, 0xff, 0x61].map((poison) => {
      const random = randomFrom(29);
      const window = new Window(9);
      const all: string[] = [];
      for (let count = 0; count < 100; count++) {
        const message = copies(Math.floor(random() * 200), random);
        window.buffer.fill(poison, 0, window.start);
        window.buffer.fill(poison, window.end);
        const around = Buffer.alloc(message.length + 64, poison);
        around.set(message, 32);
        const { data } = send(new Uint8Array(around.buffer, around.byteOffset + 32, message.length), window);
        expect(around.subarray(0, 32).every((byte) => byte === poison)).toBe(true);
        expect(around.subarray(-32).every((byte) => byte === poison)).toBe(true);
        all.push(hex(data));
      }
      return all.join();
    });
    expect(new Set(outcomes).size).toBe(1);
  });
});

describe('the compressed size of our engine', () => {
  test.each([
    [256, 1.1],
    [1024, 1.1],
    [4096, 1.16],
  ])('with context, JSON of %i bytes is almost as small as with zlib at level 6', (length, most) => {
    const random = randomFrom(31);
    const window = new Window(15);
    let ours = 0;
    let zlibs = 0;
    for (let count = 0; count < 200_000 / length; count++) {
      const message = jsonText(length, random);
      zlibs += zlibDeflate(message, window.history).length;
      ours += send(message, window, false).data.length;
    }
    expect(ours).toBeLessThan(zlibs * most);
  });

  test.each([256, 1024, 4096])(
    'without context, JSON of %i bytes is at most 3 % larger than with zlib at level 6',
    (length) => {
      const random = randomFrom(37);
      let ours = 0;
      let zlibs = 0;
      for (let count = 0; count < 100; count++) {
        const message = jsonText(length, random);
        zlibs += zlibDeflate(message, NONE).length;
        ours += deflate(message, null).length;
      }
      expect(ours).toBeLessThan(zlibs * 1.03);
    },
  );

  test('the memory of a result belongs to the caller, and a later message does not change it', () => {
    const random = randomFrom(41);
    const kept = Array.from({ length: 50 }, (_, n) => deflate(jsonText(n * 40, random), null));
    const before = kept.map(hex);
    for (let count = 0; count < 50; count++) deflate(jsonText(3000, random), null);
    expect(kept.map(hex)).toEqual(before);
  });
});
