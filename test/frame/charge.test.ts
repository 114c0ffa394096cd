import { expect, test } from 'vitest';
import { Charge } from '../../src/frame/charge.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';

test('FAULT-4: memory that many connections hold counts once, until the last connection releases it', () => {
  const budget = new MemoryBudget(1000);
  const charge = new Charge(budget, 600);
  for (let holder = 1; holder < 100; holder++) charge.hold();
  expect(budget.used).toBe(600);
  for (let holder = 1; holder < 100; holder++) charge.release();
  expect([budget.used, charge.bytes]).toEqual([600, 600]);
  charge.release();
  expect([budget.used, charge.bytes]).toEqual([0, 0]);
});

test('FAULT-4: a charge (bytes counted in the budget) follows the size of its memory, even beyond the limit', () => {
  const budget = new MemoryBudget(1000);
  const charge = new Charge(budget);
  expect(budget.used).toBe(0);
  for (const bytes of [10, 1500, 1500, 7]) {
    charge.resize(bytes);
    expect([budget.used, charge.bytes]).toEqual([bytes, bytes]);
  }
  charge.release();
  expect(budget.used).toBe(0);
});

test('FAULT-4: after its release, a charge stays at 0 bytes, whatever is called later', () => {
  const budget = new MemoryBudget(1000);
  const other = new Charge(budget, 5);
  const charge = new Charge(budget, 10);
  charge.release();
  charge.release();
  charge.hold();
  charge.resize(20);
  charge.release();
  expect([budget.used, charge.bytes]).toEqual([5, 0]);
  other.release();
  expect(budget.used).toBe(0);
});

test('FAULT-4: data that the application has not read yet counts both in `used` and in `unread` of the budget', () => {
  const budget = new MemoryBudget(1000);
  const message = new Charge(budget, 10, true);
  const queue = new Charge(budget, 100);
  expect([budget.used, budget.unread]).toEqual([110, 10]);
  message.resize(30);
  queue.release();
  expect([budget.used, budget.unread]).toEqual([30, 30]);
  message.release();
  expect([budget.used, budget.unread]).toEqual([0, 0]);
});
