import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { freeMemory } from '../../src/frame/free-memory.ts';
import { DEFAULT_MEMORY_BUDGET } from '../../src/frame/memory-budget.ts';

test('freeMemory releases the memory of a buffer immediately', () => {
  const bytes = Buffer.allocUnsafeSlow(100_000);
  const view = bytes.subarray(10, 20);
  freeMemory(bytes);
  expect([bytes.length, view.length]).toEqual([0, 0]);
});

test('memory that is passed to freeMemory does not accumulate, and freeMemory leaves no handle open', async () => {
  const resources = process.getActiveResourcesInfo().length;
  const { arrayBuffers } = process.memoryUsage();
  for (let n = 0; n < 1000; n++) freeMemory(Buffer.allocUnsafeSlow(1_048_576));
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(arrayBuffers + 10 * 1_048_576);
  await new Promise((resolve) => setImmediate(resolve));
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources);
});

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };

// These tests need glibc. macOS, Windows and Alpine have other allocators, and keepFreedMemory has no effect on them.
describe.skipIf(header.glibcVersionRuntime === undefined)('keepFreedMemory', () => {
  const module = JSON.stringify(new URL('../../dist/frame/free-memory.js', import.meta.url).href);

  /** Runs 8 rounds. Each round allocates and frees `messages` buffers of 1 MiB. Returns the number of page faults. */
  function faults(budget: number | null, messages: number): number {
    const program = `
      const { freeMemory, keepFreedMemory } = await import(${module});
      if (${budget} !== null) keepFreedMemory(${budget});
      const round = () => Array.from({ length: ${messages} }, () => Buffer.allocUnsafeSlow(1_048_576).fill(1)).forEach(freeMemory);
      round();
      const before = process.resourceUsage().minorPageFault;
      for (let n = 0; n < 8; n++) round();
      console.log(process.resourceUsage().minorPageFault - before);`;
    // These variables of glibc would change the behaviour of the allocator.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('MALLOC_')),
    );
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { env }));
  }

  test('with the default budget, keepFreedMemory makes the process reuse the freed memory of 48 MiB of messages', () => {
    // Without keepFreedMemory, each round causes page faults for all of its 12,288 pages of 4 KiB.
    expect(faults(DEFAULT_MEMORY_BUDGET, 48) * 3).toBeLessThan(faults(null, 48));
  });

  test('with a small budget, keepFreedMemory makes the process keep at most a quarter of the budget as freed memory', () => {
    // A quarter of 32 MiB is 8 MiB. So the process keeps 4 messages of 1 MiB, but not 16.
    const budget = 32 * 1_048_576;
    expect(faults(budget, 4) * 3).toBeLessThan(faults(null, 4));
    expect(faults(budget, 16)).toBeGreaterThan(4 * 16 * 256);
  });
});
