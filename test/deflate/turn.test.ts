/** The quantum of one turn of the event loop: what is inflated beyond it waits, or goes to zlib's threads. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { inLaterTurn, isTurnSpent, spendTurn } from '../../src/deflate/turn.ts';
import { alone, codecOf, engines, jsonOf, verdict } from './harness.ts';

const MiB = 1_048_576;

function peerDeflate(message: Uint8Array): Buffer {
  return deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** A turn of which nothing is spent. */
async function freshTurn(): Promise<void> {
  do await nextTurn();
  while (isTurnSpent());
  await nextTurn();
}

beforeEach(freshTurn);

test('FAULT-5: 4 MiB are enough for a turn; the next one begins with none', async () => {
  spendTurn(4 * MiB - 1);
  expect(isTurnSpent()).toBe(false);
  spendTurn(1);
  expect(isTurnSpent()).toBe(true);
  await nextTurn();
  await nextTurn();
  expect(isTurnSpent()).toBe(false);
});

test('FAULT-5: what waits is done first come, first served, each turn no more than fits', async () => {
  spendTurn(5 * MiB);
  let turn = 0;
  const log: [name: number, turn: number][] = [];
  const works = Array.from({ length: 7 }, (_, name) =>
    inLaterTurn(() => {
      spendTurn(2 * MiB);
      log.push([name, turn]);
      return name;
    }),
  );
  expect(log).toEqual([]);
  for (; log.length < 7; turn++) await nextTurn();
  expect(await Promise.all(works)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(log.map(([name]) => name)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const perTurn = new Map<number, number>();
  for (const [, at] of log) perTurn.set(at, (perTurn.get(at) ?? 0) + 1);
  expect(Math.max(...perTurn.values())).toBe(2);
});

test('what fails in a later turn rejects, and the next one has its turn', async () => {
  spendTurn(5 * MiB);
  const failing = inLaterTurn(() => {
    throw new Error('broken');
  });
  const next = inLaterTurn(() => Promise.resolve('next'));
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('next');
});

describe.each(engines)('engine %s', (engine) => {
  test('FAULT-5: of 400 bombs in one turn some are inflated in it, the others later, and all come out right', async () => {
    for (const size of [16_384, 131_072]) {
      const message = Buffer.alloc(size);
      const bomb = peerDeflate(message);
      expect(bomb.length).toBeLessThan(160);
      await freshTurn();
      const codecs = Array.from({ length: 400 }, () => codecOf(alone, { engine }));
      const results = codecs.map((codec) => codec.decompress(bomb, MiB));
      const atOnce = results.filter((result) => !(result instanceof Promise));
      expect(atOnce.length).toBeGreaterThan(10);
      expect(atOnce.length * size).toBeLessThanOrEqual(4 * MiB + size);
      // In the order in which they came, those of our engine; all of them after those of this turn.
      expect(results[atOnce.length]).toBeInstanceOf(Promise);
      for (const result of await Promise.all(results)) expect(result.equals(message)).toBe(true);
    }
  });

  test('FAULT-5: final blocks count like messages of their own', async () => {
    const final = deflateRawSync(Buffer.from('finals'));
    const payload = Buffer.concat([...Array.from({ length: 16 }, () => final), peerDeflate(jsonOf(2500, 1))]);
    expect(payload.length).toBeGreaterThan(512);
    const codec = codecOf(alone, { engine });
    let atOnce = 0;
    while (!(codec.decompress(payload, MiB) instanceof Promise)) atOnce++;
    expect(atOnce).toBeLessThan(20);
    expect(atOnce).toBeGreaterThan(5);
  });

  test('FAULT-5: with synchronous: true a message never waits', () => {
    const codec = codecOf(alone, { engine, synchronous: true });
    for (const payload of [peerDeflate(jsonOf(200, 1)), peerDeflate(jsonOf(100_000, 1))]) {
      spendTurn(5 * MiB);
      expect(codec.decompress(payload, MiB)).toBeInstanceOf(Buffer);
    }
  });

  test('FAULT-5, P31: later or not, the limit holds and what is broken is refused', async () => {
    const message = jsonOf(300, 1);
    const payload = peerDeflate(message);
    for (const size of [300, 299]) {
      spendTurn(5 * MiB);
      const result = await verdict(codecOf(alone, { engine }), payload, size);
      expect(result).toEqual(size === 300 ? message : 'WS_MESSAGE_TOO_BIG');
      spendTurn(5 * MiB);
      expect(await verdict(codecOf(alone, { engine }), payload.subarray(0, -9))).toBe('WS_INVALID_DEFLATE');
    }
  });

  test('FAULT-5: a connection that ends before its turn leaves nothing to do', async () => {
    spendTurn(5 * MiB);
    for (const message of [jsonOf(200, 1), jsonOf(700_000, 2)]) {
      // A small message of this engine is one slice of zlib's threads, which has begun.
      if (engine === 'zlib' && message.length < 1000) continue;
      const codec = codecOf(alone, { engine });
      const result = Promise.resolve(codec.decompress(peerDeflate(message), MiB));
      codec.close();
      await expect(result).rejects.toThrow('The connection is closed');
    }
  });
});
