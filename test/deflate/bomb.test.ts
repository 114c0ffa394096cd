/** Measures the peak memory of a process that receives a decompression bomb (attacks A33, A34). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { engines, jsonOf, noiseOf } from './harness.ts';

const script = fileURLToPath(new URL('peak.js', import.meta.url));
const MiB = 1_048_576;

function compressed(message: Buffer): Buffer {
  return deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
}

const small = [jsonOf(3000, 1), Buffer.alloc(70_000), Buffer.concat([noiseOf(20_000, 1), jsonOf(20_000, 2)])];

function peak(
  payload: Buffer,
  engine: string,
  synchronous: boolean,
  limit: number,
): { verdict: string; growth: number } {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', script, engine, `${synchronous}`, `${limit}`],
    {
      input: JSON.stringify({
        payload: payload.toString('base64'),
        small: small.map((message) => compressed(message).toString('base64')),
      }),
      encoding: 'utf8',
    },
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as { verdict: string; growth: number };
}

/**
 * Returns the smallest growth of memory in up to five runs. If the growth of a run is below `enough`, no further run follows. Several runs
 * are needed, because the garbage collector and the compiler sometimes use a few hundred KiB.
 */
function leastPeak(enough: number, ...run: Parameters<typeof peak>): ReturnType<typeof peak> {
  let least = peak(...run);
  for (let count = 1; count < 5 && least.growth >= enough; count++) {
    const again = peak(...run);
    if (again.verdict !== least.verdict) return again;
    if (again.growth < least.growth) least = again;
  }
  return least;
}

// Only Linux can report the peak memory since a chosen moment.
const linux = process.platform === 'linux';

describe.runIf(linux).each(engines)('with the compression engine "%s"', (engine) => {
  for (const limit of [MiB, 16 * MiB]) {
    for (const synchronous of [false, true]) {
      test(`P10: with synchronous: ${synchronous}, a compression bomb of 1000:1 fails with 1009 and uses less than ${limit / MiB} MiB + 256 KiB of memory [A33]`, () => {
        const bomb = compressed(Buffer.alloc(limit * 10));
        expect((limit * 10) / bomb.length).toBeGreaterThan(1000);
        const most = limit + 262_144;
        const { verdict, growth } = leastPeak(most, bomb, engine, synchronous, limit);
        expect(verdict).toBe('1009');
        expect(growth).toBeLessThan(most);
      });
    }
  }

  test('P10: a bomb with an incompressible beginning uses at most 256 KiB more memory than the limit of 16 MiB [A33]', () => {
    const bomb = compressed(Buffer.concat([noiseOf(40_000, 1), Buffer.alloc(100 * MiB)]));
    const most = 16 * MiB + 262_144;
    const { verdict, growth } = leastPeak(most, bomb, engine, false, 16 * MiB);
    expect(verdict).toBe('1009');
    expect(growth).toBeLessThan(most);
  });

  test('if a message of 16 MiB is delivered, the measured growth includes the memory of the message', () => {
    // This is the memory of the pieces of the message, and of the whole message.
    const most = 33 * MiB;
    const message = compressed(Buffer.alloc(16 * MiB));
    const { verdict, growth } = leastPeak(most, message, engine, false, 16 * MiB);
    expect(verdict).toBe('delivered');
    expect(growth).toBeGreaterThan(15 * MiB);
    expect(growth).toBeLessThan(most);
  });
});
