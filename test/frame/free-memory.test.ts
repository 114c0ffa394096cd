import { expect, test } from 'vitest';
import { canFreeMemory, freeMemory } from '../../src/frame/free-memory.ts';

test('memory is given back where Node can do that, and stays as it is elsewhere', () => {
  const bytes = Buffer.allocUnsafeSlow(100_000);
  const view = bytes.subarray(10, 20);
  freeMemory(bytes);
  expect([bytes.length, view.length]).toEqual(canFreeMemory ? [0, 0] : [100_000, 10]);
  const [major] = process.versions.node.split('.');
  expect(canFreeMemory).toBe(Number(major) >= 22);
});
