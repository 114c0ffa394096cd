import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { freeMemory } from '../../src/frame/free-memory.ts';

test('freeMemory releases the memory of a buffer at once', () => {
  const bytes = Buffer.allocUnsafeSlow(100_000);
  const view = bytes.subarray(10, 20);
  freeMemory(bytes);
  expect([bytes.length, view.length]).toEqual([0, 0]);
});

test('memory passed to freeMemory does not accumulate, and no handle stays open', async () => {
  const resources = process.getActiveResourcesInfo().length;
  const { arrayBuffers } = process.memoryUsage();
  for (let n = 0; n < 1000; n++) freeMemory(Buffer.allocUnsafeSlow(1_048_576));
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(arrayBuffers + 10 * 1_048_576);
  await new Promise((resolve) => setImmediate(resolve));
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources);
});

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };

// What is tested is a property of glibc: macOS, Windows and Alpine have other allocators, which ignore the block.
test.skipIf(header.glibcVersionRuntime === undefined)(
  'with keepFreedMemory, the process uses the pages of large messages again',
  () => {
    const module = JSON.stringify(new URL('../../dist/frame/free-memory.js', import.meta.url).href);
    const faults = (keeps: boolean): number => {
      const program = `
      const { freeMemory, keepFreedMemory } = await import(${module});
      if (${keeps}) keepFreedMemory();
      const round = () => Array.from({ length: 8 }, () => Buffer.allocUnsafeSlow(1_048_576).fill(1)).forEach(freeMemory);
      round();
      const before = process.resourceUsage().minorPageFault;
      for (let n = 0; n < 20; n++) round();
      console.log(process.resourceUsage().minorPageFault - before);`;
      // Otherwise these variables of glibc would decide.
      const env = Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith('MALLOC_')),
      );
      return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { env }));
    };
    // Without keepFreedMemory, each round touches its 2,048 pages of 4 KiB anew.
    expect(faults(true) * 3).toBeLessThan(faults(false));
  },
);
