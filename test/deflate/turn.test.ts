/**
 * Tests the limits on the decompression work in one turn of the event loop. Work beyond a limit waits for a later turn, or is done in
 * zlib's threads.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { flushBeforeLateWork, inLaterTurn, TurnShare, turnClock } from '../../src/deflate/turn.ts';
import { alone, codecOf, engines, full, jsonOf, noiseOf, verdict } from './harness.ts';

const MiB = 1_048_576;

function peerDeflate(message: Uint8Array): Buffer {
  return deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
}

const KiB = 1024;

/** Waits for a turn of the event loop in which no work has been done yet. */
async function freshTurn(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await nextTurn();
}

beforeEach(freshTurn);

/** Uses up the work that a turn of the event loop allows for all connections. */
function spendAll(): void {
  new TurnShare().spend(9 * MiB);
}

test('FAULT-5: the more work a turn of the event loop has done, the lower the limit of a connection is: 512 KiB, 64 KiB or 0', async () => {
  const [one, other, idle] = [new TurnShare(), new TurnShare(), new TurnShare()];
  one.spend(512 * KiB - 1);
  other.spend(64 * KiB);
  expect([one.isSpent, other.isSpent]).toEqual([false, false]);
  one.spend(1);
  expect([one.isSpent, other.isSpent, idle.isSpent]).toEqual([true, false, false]);
  new TurnShare().spend(MiB + 448 * KiB);
  expect([one.isSpent, other.isSpent, idle.isSpent]).toEqual([true, true, false]);
  idle.spend(64 * KiB - 1);
  expect(idle.isSpent).toBe(false);
  new TurnShare().spend(6 * MiB);
  expect([one.isSpent, idle.isSpent, new TurnShare().isSpent]).toEqual([true, true, true]);
  await freshTurn();
  expect([one.isSpent, other.isSpent, idle.isSpent]).toEqual([false, false, false]);
  one.spend(1);
  expect(one.isSpent).toBe(false);
});

test('FAULT-5: in one turn of the event loop, a connection may process only 64 KiB after 2 ms, and nothing after 5 ms', async () => {
  let now = 100;
  turnClock.now = () => now;
  const [busy, idle] = [new TurnShare(), new TurnShare()];
  busy.spend(64 * KiB);
  const after = (milliseconds: number) => {
    now = 100 + milliseconds;
    // The clock is read again only after some more work.
    busy.spend(8 * KiB);
    return [busy.isSpent, idle.isSpent];
  };
  expect(after(1.9)).toEqual([false, false]);
  expect(after(2)).toEqual([true, false]);
  expect(after(4.9)).toEqual([true, false]);
  expect(after(5)).toEqual([true, true]);
  await freshTurn();
  expect([busy.isSpent, idle.isSpent]).toEqual([false, false]);
});

test('FAULT-5: the package reads the clock at the beginning of a turn of the event loop, and then once for every 8 KiB of work', async () => {
  let looks = 0;
  turnClock.now = () => {
    looks++;
    return 0;
  };
  const share = new TurnShare();
  for (let done = 0; done < 64 * KiB; done += 512) {
    expect(share.isSpent).toBe(false);
    share.spend(512);
  }
  // The clock is also read once at the beginning of the turn.
  expect(looks).toBe(1 + 7);
});

test('FAULT-5: functions that wait for a later turn of the event loop run in the order of their calls, and no turn exceeds its limits', async () => {
  spendAll();
  let turn = 0;
  const log: [name: number, turn: number][] = [];
  const works = Array.from({ length: 7 }, (_, name) =>
    inLaterTurn(() => {
      new TurnShare().spend(MiB);
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

test('FAULT-5: a connection first uses up its limit for a turn of the event loop, and then the next connection continues', async () => {
  spendAll();
  const log: string[] = [];
  const serve = async (name: string) => {
    const share = new TurnShare();
    await inLaterTurn(() => share.spend(100 * KiB));
    while (!share.isSpent) {
      share.spend(100 * KiB);
      log.push(name);
    }
  };
  await Promise.all([serve('one'), serve('other')]);
  expect(log.slice(0, 5)).toEqual(new Array(5).fill('one'));
  expect(log.slice(5)).toEqual(new Array(5).fill('other'));
});

test('FAULT-5: if compression has taken too much time in a turn of the event loop, the remaining work waits for the next turn', async () => {
  let now = 0;
  turnClock.now = () => now;
  spendAll();
  let turn = 0;
  const turns: number[] = [];
  const works = Array.from({ length: 3 }, () =>
    inLaterTurn(() => {
      new TurnShare().spend(8 * KiB);
      turns.push(turn);
      now += 2;
    }),
  );
  for (; turns.length < 3; turn++) await nextTurn();
  await Promise.all(works);
  expect(new Set(turns).size).toBe(3);
});

test('FAULT-5: frames that were sent are flushed before the waiting work is done', async () => {
  const log: string[] = [];
  flushBeforeLateWork(() => log.push('flush'));
  spendAll();
  await freshTurn();
  expect(log).toEqual([]);
  spendAll();
  const works = ['one', 'two'].map((name) => inLaterTurn(() => log.push(name)));
  await Promise.all(works);
  expect(log).toEqual(['flush', 'one', 'two']);
  flushBeforeLateWork(() => {});
});

test('if postponed work throws, its Promise rejects, and the next work is done', async () => {
  spendAll();
  const failing = inLaterTurn(() => {
    throw new Error('broken');
  });
  const next = inLaterTurn(() => Promise.resolve('next'));
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('next');
});

describe.each(engines)('with the compression engine "%s"', (engine) => {
  test('FAULT-5: if 200 bombs arrive on a connection, some are decompressed in later turns of the event loop, and all results are correct', async () => {
    for (const size of [16_384, 131_072]) {
      await freshTurn();
      const message = Buffer.alloc(size);
      const bomb = peerDeflate(message);
      expect(bomb.length).toBeLessThan(160);
      const codec = codecOf(alone, { engine });
      const results = Array.from({ length: 200 }, () => codec.decompress(bomb, MiB));
      const atOnce = results.filter((result) => !(result instanceof Promise));
      expect(atOnce.length).toBeGreaterThan(2);
      expect(atOnce.length * size).toBeLessThanOrEqual(512 * KiB + size);
      // A message on another connection is decompressed immediately.
      expect(codecOf(alone, { engine }).decompress(bomb, MiB)).toBeInstanceOf(Buffer);
      for (const result of await Promise.all(results)) expect(result.equals(message)).toBe(true);
    }
  });

  test('FAULT-5: the work of many connections together does not exceed the limit of a turn of the event loop', async () => {
    const message = Buffer.alloc(131_072);
    const bomb = peerDeflate(message);
    const codecs = Array.from({ length: 100 }, () => codecOf(alone, { engine }));
    const results = codecs.map((codec) => codec.decompress(bomb, MiB));
    const atOnce = results.filter((result) => !(result instanceof Promise));
    expect(atOnce.length).toBeGreaterThan(30);
    expect(atOnce.length).toBeLessThanOrEqual(64);
    for (const result of await Promise.all(results)) expect(result.equals(message)).toBe(true);
  });

  test('FAULT-5: if the limit of a turn is used up, a message too large for our own engine is decompressed in a later turn', async () => {
    const message = jsonOf(4_000, 1);
    const payload = peerDeflate(message);
    expect(payload.length).toBeGreaterThan(512);
    spendAll();
    const codec = codecOf(alone, { engine });
    let done = false;
    const result = Promise.resolve(codec.decompress(payload, MiB)).finally(() => (done = true));
    // zlib's threads would need an unknown number of turns. So two turns are enough only without threads.
    await nextTurn();
    await nextTurn();
    expect(done).toBe(true);
    expect((await result).equals(message)).toBe(true);
  });

  test('FAULT-5: each final block counts as much work as a separate message, unless our engine decompresses the message', async () => {
    const final = deflateRawSync(Buffer.from('finals'));
    const payload = Buffer.concat([...Array.from({ length: 16 }, () => final), peerDeflate(jsonOf(2500, 1))]);
    expect(payload.length).toBeGreaterThan(512);
    const codec = codecOf(alone, { engine });
    let atOnce = 0;
    while (!(codec.decompress(payload, MiB) instanceof Promise)) atOnce++;
    expect(atOnce).toBeGreaterThanOrEqual(engine === 'zlib' ? 2 : 15);
    expect(atOnce).toBeLessThan(engine === 'zlib' ? 5 : 40);
  });

  test('FAULT-5, A34: for messages with several final blocks, every engine has the same result, and the limit of the message applies', async () => {
    const context = codecOf(full, { engine });
    const before = jsonOf(3000, 2);
    await verdict(context, peerDeflate(before));
    const parts = [jsonOf(700, 1), noiseOf(900, 1), before.subarray(0, 2000)];
    const dictionaries = [
      before,
      Buffer.concat([before, parts[0]!]),
      Buffer.concat([before, parts[0]!, parts[1]!]),
    ];
    const payload = Buffer.concat(
      parts.map((part, at) => deflateRawSync(part, { dictionary: dictionaries[at]! })),
    );
    expect(payload.length).toBeGreaterThan(1000);
    expect(await verdict(context, payload, 3600)).toEqual(Buffer.concat(parts));
    expect(await verdict(context, payload, 3599)).toBe('WS_MESSAGE_TOO_BIG');
    // The limit of a turn does not allow this message, so zlib's threads decompress it.
    const large = Buffer.alloc(200_000);
    const bomb = Buffer.concat([deflateRawSync(noiseOf(600, 2)), deflateRawSync(large)]);
    const result = await verdict(codecOf(alone, { engine }), bomb, MiB);
    expect(result).toEqual(Buffer.concat([noiseOf(600, 2), large]));
  });

  test('FAULT-5: with synchronous: true, a message never waits for a later turn of the event loop', () => {
    const codec = codecOf(alone, { engine, synchronous: true });
    for (const payload of [peerDeflate(jsonOf(200, 1)), peerDeflate(jsonOf(100_000, 1))]) {
      spendAll();
      expect(codec.decompress(payload, MiB)).toBeInstanceOf(Buffer);
    }
  });

  test('FAULT-5, P31: if a message is decompressed in a later turn, the limit still applies, and corrupt data is still refused', async () => {
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

  test('FAULT-5: if a connection ends while work waits, this work is not done', async () => {
    spendAll();
    for (const message of [jsonOf(200, 1), jsonOf(700_000, 2)]) {
      const codec = codecOf(alone, { engine });
      const result = Promise.resolve(codec.decompress(peerDeflate(message), MiB));
      codec.close();
      await expect(result).rejects.toThrow('The connection is closed');
    }
  });
});
