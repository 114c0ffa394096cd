/** The quantum of one turn of the event loop: what is inflated beyond it waits, or goes to zlib's threads. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { inLaterTurn, TurnShare } from '../../src/deflate/turn.ts';
import { alone, codecOf, engines, jsonOf, verdict } from './harness.ts';

const MiB = 1_048_576;

function peerDeflate(message: Uint8Array): Buffer {
  return deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** A turn of which nothing is spent. */
async function freshTurn(): Promise<void> {
  do await nextTurn();
  while (new TurnShare().isSpent);
  await nextTurn();
}

beforeEach(freshTurn);

/** All that a turn has for all connections. */
function spendAll(): void {
  new TurnShare().spend(17 * MiB);
}

test('FAULT-5: a connection has 1 MiB of a turn, all of them together 16; the next turn begins with none', async () => {
  const [one, other] = [new TurnShare(), new TurnShare()];
  one.spend(MiB - 1);
  expect(one.isSpent).toBe(false);
  one.spend(1);
  expect([one.isSpent, other.isSpent]).toEqual([true, false]);
  for (let n = 0; n < 14; n++) new TurnShare().spend(MiB);
  expect(other.isSpent).toBe(false);
  other.spend(MiB - 1);
  expect(new TurnShare().isSpent).toBe(false);
  new TurnShare().spend(1);
  expect([one.isSpent, other.isSpent, new TurnShare().isSpent]).toEqual([true, true, true]);
  await nextTurn();
  await nextTurn();
  expect([one.isSpent, other.isSpent]).toEqual([false, false]);
  one.spend(1);
  expect(one.isSpent).toBe(false);
});

test('FAULT-5: what waits is done first come, first served, each turn no more than fits', async () => {
  spendAll();
  let turn = 0;
  const log: [name: number, turn: number][] = [];
  const works = Array.from({ length: 7 }, (_, name) =>
    inLaterTurn(() => {
      new TurnShare().spend(8 * MiB);
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
  spendAll();
  const failing = inLaterTurn(() => {
    throw new Error('broken');
  });
  const next = inLaterTurn(() => Promise.resolve('next'));
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('next');
});

describe.each(engines)('engine %s', (engine) => {
  test('FAULT-5: of 200 bombs on a connection in one turn some are inflated in it, the others later, and all come out right', async () => {
    for (const size of [16_384, 131_072]) {
      await freshTurn();
      const message = Buffer.alloc(size);
      const bomb = peerDeflate(message);
      expect(bomb.length).toBeLessThan(160);
      const codec = codecOf(alone, { engine });
      const results = Array.from({ length: 200 }, () => codec.decompress(bomb, MiB));
      const atOnce = results.filter((result) => !(result instanceof Promise));
      expect(atOnce.length).toBeGreaterThan(5);
      expect(atOnce.length * size).toBeLessThanOrEqual(MiB + size);
      // Another connection is not held up by it.
      expect(codecOf(alone, { engine }).decompress(bomb, MiB)).toBeInstanceOf(Buffer);
      for (const result of await Promise.all(results)) expect(result.equals(message)).toBe(true);
    }
  });

  test('FAULT-5: nor do many connections together get more of a turn than their limit', async () => {
    const message = Buffer.alloc(131_072);
    const bomb = peerDeflate(message);
    const results = Array.from({ length: 200 }, () => codecOf(alone, { engine }).decompress(bomb, MiB));
    const atOnce = results.filter((result) => !(result instanceof Promise));
    expect(atOnce.length).toBeGreaterThan(80);
    expect(atOnce.length).toBeLessThanOrEqual(128);
    for (const result of await Promise.all(results)) expect(result.equals(message)).toBe(true);
  });

  test('FAULT-5: final blocks count like messages of their own', async () => {
    const final = deflateRawSync(Buffer.from('finals'));
    const payload = Buffer.concat([...Array.from({ length: 16 }, () => final), peerDeflate(jsonOf(2500, 1))]);
    expect(payload.length).toBeGreaterThan(512);
    const codec = codecOf(alone, { engine });
    let atOnce = 0;
    while (!(codec.decompress(payload, MiB) instanceof Promise)) atOnce++;
    expect(atOnce).toBeLessThan(6);
    expect(atOnce).toBeGreaterThan(1);
  });

  test('FAULT-5: with synchronous: true a message never waits', () => {
    const codec = codecOf(alone, { engine, synchronous: true });
    for (const payload of [peerDeflate(jsonOf(200, 1)), peerDeflate(jsonOf(100_000, 1))]) {
      spendAll();
      expect(codec.decompress(payload, MiB)).toBeInstanceOf(Buffer);
    }
  });

  test('FAULT-5, P31: later or not, the limit holds and what is broken is refused', async () => {
    const message = jsonOf(300, 1);
    const payload = peerDeflate(message);
    for (const size of [300, 299]) {
      spendAll();
      const result = await verdict(codecOf(alone, { engine }), payload, size);
      expect(result).toEqual(size === 300 ? message : 'WS_MESSAGE_TOO_BIG');
      spendAll();
      expect(await verdict(codecOf(alone, { engine }), payload.subarray(0, -9))).toBe('WS_INVALID_DEFLATE');
    }
  });

  test('FAULT-5: a connection that ends before its turn leaves nothing to do', async () => {
    spendAll();
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
