import { expect, test } from 'vitest';
import {
  type BudgetHolder,
  DEFAULT_MEMORY_BUDGET,
  MemoryBudget,
  processMemoryBudget,
} from '../../src/frame/memory-budget.ts';
import { ProtocolError } from '../../src/frame/violation.ts';

class Holder implements BudgetHolder {
  heldBytes = 0;
  readonly shedFor: ProtocolError[] = [];
  readonly #budget: MemoryBudget;

  constructor(budget: MemoryBudget, bytes = 0) {
    this.#budget = budget;
    if (bytes > 0) this.take(bytes);
  }

  take(bytes: number): void {
    this.#budget.reserve(this, bytes);
    this.heldBytes += bytes;
  }

  shed(error: ProtocolError): void {
    this.shedFor.push(error);
    this.#budget.release(this, this.heldBytes);
    this.heldBytes = 0;
  }
}

test('F25: up to the limit, inclusive, everybody gets what they ask for', () => {
  const budget = new MemoryBudget(100);
  const holders = [new Holder(budget, 60), new Holder(budget, 40)];
  expect(budget.used).toBe(100);
  expect(holders.flatMap(({ shedFor }) => shedFor)).toEqual([]);
});

test('F25: the largest goes first, then the next largest, with 1013', () => {
  const budget = new MemoryBudget(100);
  const [a, b, c] = [new Holder(budget, 20), new Holder(budget, 45), new Holder(budget, 35)];
  const asking = new Holder(budget);
  asking.take(30);
  expect([a, b, c].map((holder) => holder!.shedFor.length)).toEqual([0, 1, 0]);
  asking.take(3);
  asking.take(2);
  expect([a, b, c].map((holder) => holder!.shedFor.length)).toEqual([0, 1, 0]);
  expect(budget.used).toBe(90);
  new Holder(budget, 15);
  // 35 of c and 35 of the one before: the first of equals goes.
  expect(budget.used).toBe(70);
  expect(c!.shedFor[0]?.code).toBe('WS_MEMORY_BUDGET');
  expect(c!.shedFor[0]?.closeCode).toBe(1013);
  expect(a!.shedFor).toEqual([]);
});

test('F25: nobody goes for one who asks for more than they hold', () => {
  const budget = new MemoryBudget(100);
  const small = new Holder(budget, 30);
  const large = new Holder(budget, 60);
  expect(() => large.take(11)).toThrow(ProtocolError);
  const newcomer = new Holder(budget);
  expect(() => newcomer.take(61)).toThrow(expect.objectContaining({ code: 'WS_MEMORY_BUDGET' }));
  expect(() => new Holder(budget, 101)).toThrow(ProtocolError);
  expect([small.shedFor, large.shedFor]).toEqual([[], []]);
  expect(budget.used).toBe(90);
});

test('F25: an empty budget refuses, Infinity refuses nothing', () => {
  expect(() => new Holder(new MemoryBudget(0), 1)).toThrow(ProtocolError);
  const unlimited = new MemoryBudget(Infinity);
  new Holder(unlimited, 2 ** 52);
  expect(unlimited.used).toBe(2 ** 52);
});

test('F25: send queues count; they drive out unfinished messages, largest first, but are never refused', () => {
  const budget = new MemoryBudget(100);
  const [small, large] = [new Holder(budget, 20), new Holder(budget, 50)];
  budget.countQueued(30);
  expect(budget.used).toBe(100);
  budget.countQueued(20);
  expect([small!.shedFor.length, large!.shedFor.length]).toEqual([0, 1]);
  expect(budget.used).toBe(70);
  budget.countQueued(60);
  expect(small!.shedFor.length).toBe(1);
  // Nobody is left to shed.
  budget.countQueued(100);
  expect(budget.used).toBe(210);
  budget.countQueued(-210);
  expect(budget.used).toBe(0);
});

test('F25: a queue that shrinks sheds nobody, however much is held', () => {
  const budget = new MemoryBudget(100);
  const holder = new Holder(budget, 50);
  budget.limit = 10;
  budget.countQueued(-1);
  expect(holder.shedFor).toEqual([]);
});

test('F25: the process has a budget of 256 MiB', () => {
  expect(DEFAULT_MEMORY_BUDGET).toBe(256 * 1024 * 1024);
  expect(processMemoryBudget.limit).toBe(DEFAULT_MEMORY_BUDGET);
  expect(new MemoryBudget().limit).toBe(DEFAULT_MEMORY_BUDGET);
});
