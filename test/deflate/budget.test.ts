import { expect, test } from 'vitest';
import {
  CompressionBudget,
  DEFAULT_COMPRESSION_BUDGET,
  processCompressionBudget,
} from '../../src/deflate/budget.ts';

test('A35: a budget can be reserved up to its last byte, and a reservation that is too large reserves nothing', () => {
  const budget = new CompressionBudget(100);
  expect(budget.reserve(60)).toBe(true);
  expect(budget.reserve(41)).toBe(false);
  expect(budget.used).toBe(60);
  expect(budget.reserve(40)).toBe(true);
  expect(budget.reserve(1)).toBe(false);
  expect(budget.reserve(0)).toBe(true);
  budget.release(60);
  expect(budget.used).toBe(40);
  expect(budget.reserve(60)).toBe(true);
});

test('A35: the budget of the process is 64 MiB, Infinity disables the limit, and a changed limit applies to later reservations', () => {
  expect(DEFAULT_COMPRESSION_BUDGET).toBe(64 * 1024 * 1024);
  expect(processCompressionBudget.limit).toBe(DEFAULT_COMPRESSION_BUDGET);
  const budget = new CompressionBudget(Infinity);
  expect(budget.reserve(2 ** 50)).toBe(true);
  budget.limit = 10;
  expect(budget.reserve(1)).toBe(false);
  budget.release(2 ** 50);
  expect(budget.reserve(10)).toBe(true);
});
