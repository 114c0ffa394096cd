import { expect, test } from 'vitest';
import { freeMemory } from '../../src/frame/free-memory.ts';

test('memory is given back at once', () => {
  const bytes = Buffer.allocUnsafeSlow(100_000);
  const view = bytes.subarray(10, 20);
  freeMemory(bytes);
  expect([bytes.length, view.length]).toEqual([0, 0]);
});

test('what is given back does not add up, and nothing is left open', async () => {
  const resources = process.getActiveResourcesInfo().length;
  const { arrayBuffers } = process.memoryUsage();
  for (let n = 0; n < 1000; n++) freeMemory(Buffer.allocUnsafeSlow(1_048_576));
  expect(process.memoryUsage().arrayBuffers).toBeLessThan(arrayBuffers + 10 * 1_048_576);
  await new Promise((resolve) => setImmediate(resolve));
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources);
});
