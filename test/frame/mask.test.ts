import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyMask, copyMasked, nextMaskingKey, rotateMaskingKey } from '../../src/frame/mask.ts';

/** Masks byte by byte, with the formula of §5.3. */
function naive(payload: Uint8Array, key: readonly number[], phase = 0): Buffer {
  return Buffer.from(payload.map((byte, i) => byte ^ key[(i + phase) % 4]!));
}

/** Returns a key in the form that mask.ts uses. The first byte on the wire is the lowest byte of the number. */
function packed(key: readonly number[]): number {
  return Buffer.from(key).readInt32LE();
}

function unpacked(key: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(key | 0);
  return [...bytes];
}

/** The key has four different bytes. Two of them are above 0x7f, so that a wrong order or a wrong sign changes the result. */
const key = [0x81, 0x02, 0xf3, 0x7c] as const;
const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 167 + (i >> 8)) & 255);

/** Masks `length` bytes inside a larger memory, and checks that the bytes around them do not change. */
function check(memoryOffset: number, start: number, length: number): void {
  const memory = new Uint8Array(memoryOffset + start + length + 8).fill(0x55);
  const buffer = Buffer.from(memory.buffer, memoryOffset);
  buffer.set(content.subarray(0, length), start);
  const next = applyMask(buffer, start, start + length, packed(key));
  const where = `memory ${memoryOffset}, start ${start}, length ${length}`;
  if (!buffer.subarray(start, start + length).equals(naive(content.subarray(0, length), key))) {
    expect.fail(`${where}: not what §5.3 says`);
  }
  if (memory.subarray(0, memoryOffset + start).some((byte) => byte !== 0x55)) expect.fail(`${where}: before`);
  if (memory.subarray(memoryOffset + start + length).some((byte) => byte !== 0x55)) {
    expect.fail(`${where}: behind`);
  }
  expect(unpacked(next), where).toEqual([0, 1, 2, 3].map((i) => key[(i + length) % 4]));
}

describe('masking', () => {
  test('F13: RFC 6455 §5.7: "Hello" with the key 37 fa 21 3d is masked correctly', () => {
    const bytes = Buffer.from('Hello');
    applyMask(bytes, 0, 5, packed([0x37, 0xfa, 0x21, 0x3d]));
    expect(bytes.toString('hex')).toBe('7f9f4d5158');
  });

  test('F13: masking has the same result as a simple loop over bytes, at every alignment and for lengths around all limits', () => {
    const lengths = [...Array(65).keys()];
    for (let length = 88; length <= 110; length++) lengths.push(length);
    lengths.push(125, 126, 127, 255, 256, 1000, 4095, 4096, 4097);
    for (let memoryOffset = 0; memoryOffset < 8; memoryOffset++) {
      for (let start = 0; start < 4; start++) {
        for (const length of lengths) check(memoryOffset, start, length);
      }
    }
  });

  test('F13: if a payload is cut into chunks at any place, masking continues with the right byte of the masking key', () => {
    for (const total of [7, 64, 97, 300]) {
      for (let place = 0; place <= total; place++) {
        const buffer = Buffer.from(content.subarray(0, total));
        const next = applyMask(buffer, 0, place, packed(key));
        applyMask(buffer, place, total, next);
        if (!buffer.equals(naive(content.subarray(0, total), key))) expect.fail(`${total} cut at ${place}`);
      }
    }
  });

  test('F13: masking is correct for any payload, key, alignment and cuts, and masking twice restores the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 7 }),
        fc.array(fc.nat(400), { maxLength: 5 }),
        (payload, bytes, offset, cuts) => {
          const buffer = Buffer.from(new ArrayBuffer(offset + payload.length), offset);
          buffer.set(payload);
          const edges = [0, ...cuts.filter((place) => place <= payload.length).sort((a, b) => a - b)];
          let next = packed(bytes);
          for (const [i, edge] of edges.entries()) {
            next = applyMask(buffer, edge, edges[i + 1] ?? payload.length, next);
          }
          expect(buffer.equals(naive(payload, bytes))).toBe(true);
          applyMask(buffer, 0, payload.length, packed(bytes));
          expect(buffer.equals(payload)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('F13: after n masked bytes, the masking key is rotated by n modulo 4 bytes', () => {
    for (let count = 0; count < 12; count++) {
      expect(unpacked(rotateMaskingKey(packed(key), count))).toEqual(
        [0, 1, 2, 3].map((i) => key[(i + count) % 4]),
      );
    }
  });

  test('F13: copyMasked masks the copy and does not change the source', () => {
    for (const length of [0, 1, 5, 63, 64, 95, 96, 97, 200, 4096]) {
      for (let offset = 0; offset < 8; offset++) {
        const source = Buffer.from(content.subarray(0, length));
        const target = Buffer.alloc(offset + length + 1, 0x55);
        copyMasked(source, target, offset, packed(key));
        expect(source.equals(content.subarray(0, length))).toBe(true);
        expect(target.subarray(offset, offset + length).equals(naive(source, key))).toBe(true);
        expect([...target.subarray(0, offset), target[offset + length]].every((byte) => byte === 0x55)).toBe(
          true,
        );
      }
    }
  });
});

describe('masking keys', () => {
  test('F12: keys do not repeat more often than by chance, and no key is a function of the previous one [A38]', () => {
    const keys = Array.from({ length: 20_000 }, nextMaskingKey);
    // There are 2^32 possible keys. Among 20,000 random keys, 0.05 repetitions are expected. Six repetitions happen in one of 10^11 runs.
    expect(new Set(keys).size).toBeGreaterThan(19_994);
    const differences = new Set(keys.slice(1).map((value, i) => (value - keys[i]!) | 0));
    expect(differences.size).toBeGreaterThan(19_990);
    const xors = new Set(keys.slice(1).map((value, i) => value ^ keys[i]!));
    expect(xors.size).toBeGreaterThan(19_990);
  });

  test('F12: in each of the four bytes of a key, every value is equally frequent [A38]', () => {
    const counts = [0, 1, 2, 3].map(() => new Uint32Array(256));
    const draws = 51_200;
    for (let n = 0; n < draws; n++) {
      for (const [place, byte] of unpacked(nextMaskingKey()).entries()) counts[place]![byte]!++;
    }
    for (const [place, table] of counts.entries()) {
      const expected = draws / 256;
      const chiSquare = table.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // The chi-square value has 255 degrees of freedom: the mean is 255, and the deviation is 22.6. The limits are too far away for
      // chance.
      // chance.
      expect(chiSquare, `byte ${place}`).toBeGreaterThan(60);
      expect(chiSquare, `byte ${place}`).toBeLessThan(480);
    }
  });

  test('F12: each key comes from randomFillSync, and is removed from the pool of keys when it is used [A38]', () => {
    const original = crypto.randomFillSync;
    const pools: Buffer[] = [];
    crypto.randomFillSync = ((pool: Int32Array<ArrayBuffer>) => {
      pools.push(Buffer.from(pool.buffer).fill(0x5a));
      return pool;
    }) as typeof original;
    syncBuiltinESMExports();
    try {
      let drawn = 0;
      while (pools.length === 0) {
        nextMaskingKey();
        expect(++drawn).toBeLessThan(1_000_000);
      }
      const pool = pools[0]!;
      // The loop uses the key for which the pool was filled, and then all other keys of the pool.
      for (let used = 4; used <= pool.length; used += 4) {
        expect(pool.subarray(0, used).every((byte) => byte === 0)).toBe(true);
        expect(pool.subarray(used).every((byte) => byte === 0x5a)).toBe(true);
        if (used < pool.length) expect(nextMaskingKey()).toBe(0x5a5a5a5a);
      }
      // An empty pool is filled again before it returns a key.
      expect(pools.length).toBe(1);
      expect(nextMaskingKey()).toBe(0x5a5a5a5a);
      expect(pools.length).toBe(2);
    } finally {
      crypto.randomFillSync = original;
      syncBuiltinESMExports();
    }
    // Uses up the false keys in the pool, so that no later test gets one of them.
    while (nextMaskingKey() === 0x5a5a5a5a);
  });

  test('F11: payloads in every kind of memory are masked correctly, one after the other', () => {
    const Resizable = ArrayBuffer as new (size: number, options: { maxByteLength: number }) => ArrayBuffer;
    const resizable = new Resizable(4096, { maxByteLength: 8192 });
    const memories = [new ArrayBuffer(4096), new ArrayBuffer(4099), new ArrayBuffer(200_000), resizable];
    const check = (memory: ArrayBufferLike): void => {
      for (let offset = 0; offset < 8; offset++) {
        const bytes = new Uint8Array(memory, offset, 300).fill(0);
        applyMask(bytes, 3, 203, 0x04030201);
        const expected = Buffer.alloc(300);
        for (let index = 0; index < 200; index++) expected[3 + index] = (index % 4) + 1;
        expect(Buffer.from(bytes).equals(expected)).toBe(true);
      }
    };
    for (let round = 0; round < 3; round++) for (const memory of memories) check(memory);
    // Here shared memory grows. An old view of the memory would be too short.
    const Growable = SharedArrayBuffer as new (
      size: number,
      options: { maxByteLength: number },
    ) => SharedArrayBuffer;
    const growable = new Growable(400, { maxByteLength: 8192 });
    check(growable);
    (growable as unknown as { grow(size: number): void }).grow(8000);
    const grown = new Uint8Array(growable, 7000, 100);
    applyMask(grown, 0, 100, 0x01010101);
    expect(grown.every((byte) => byte === 1)).toBe(true);
    // Here the memory shrinks. An old view of the memory would be empty.
    (resizable as unknown as { resize(size: number): void }).resize(400);
    check(resizable);
  });

  test('F12: the user of the package cannot choose a masking key [A39]', async () => {
    const mask = await import('../../src/frame/mask.ts');
    expect(nextMaskingKey.length).toBe(0);
    expect(Object.keys(mask).sort()).toEqual([
      'KERNEL_THRESHOLD',
      'applyMask',
      'applyMaskWordwise',
      'copyMasked',
      'copyMaskedPart',
      'nextMaskingKey',
      'rotateMaskingKey',
    ]);
    // `serializeFrame` accepts a role, but no key.
    const { serializeFrame } = await import('../../src/frame/serializer.ts');
    const withKey = { opcode: 2, payload: new Uint8Array(4), key: 0, maskingKey: 0, mask: [0, 0, 0, 0] };
    const seen = new Set(Array.from({ length: 20 }, () => serializeFrame(withKey, 'client').readInt32LE(2)));
    expect(seen.size).toBe(20);
  });
});
