/** Tests `Unsettled`, which stores the messages that the bus has neither accepted nor refused yet. */
import { expect, test } from 'vitest';
import { Unsettled } from '../../../src/api/topics/unsettled.ts';

test('`has` returns whether a topic has an unsettled message with this number or a lower number', () => {
  const unsettled = new Unsettled();
  for (const number of [1, 3, 4]) unsettled.add('t', number);
  unsettled.add('u', 2);
  expect(unsettled.has('t', 0)).toBe(false);
  expect(unsettled.has('t', 1)).toBe(true);
  unsettled.delete('t', 3);
  expect(unsettled.has('t', 3)).toBe(true);
  unsettled.delete('t', 1);
  expect(unsettled.has('t', 3)).toBe(false);
  expect(unsettled.has('t', 4)).toBe(true);
  unsettled.delete('t', 4);
  unsettled.delete('t', 5);
  expect(unsettled.has('t', 100)).toBe(false);
  expect(unsettled.has('u', 2)).toBe(true);
});
