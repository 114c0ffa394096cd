/** Tests the chunks that wait while reading is stopped: their order, their copies, and their memory in the budget. */
import { describe, expect, test } from 'vitest';
import { Backlog } from '../../src/frame/backlog.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';

function open(): { backlog: Backlog; budget: MemoryBudget; rest(): string[] } {
  const budget = new MemoryBudget(1_000_000);
  const backlog = new Backlog(budget);
  const rest = (): string[] => {
    const texts: string[] = [];
    while (!backlog.isEmpty) backlog.next((chunk, start) => void texts.push(chunk.toString('latin1', start)));
    return texts;
  };
  return { backlog, budget, rest };
}

describe('chunks that wait while reading is stopped', () => {
  test('F24: waiting chunks come out in the order of their arrival, after the rest of the current chunk', () => {
    const { backlog, rest } = open();
    backlog.push(Buffer.from('second'), false);
    backlog.push(Buffer.from('third'), false);
    backlog.unshift(Buffer.from('processed, first'), 11, false);
    expect(rest()).toEqual(['first', 'second', 'third']);
    expect(backlog.isEmpty).toBe(true);
  });

  test('if the transport reuses the memory of a chunk, the backlog copies the part of the chunk that is not processed yet', () => {
    const { backlog, budget, rest } = open();
    const chunk = Buffer.from('processed, first');
    backlog.unshift(chunk, 11, true);
    expect(budget.used).toBe('first'.length);
    const other = Buffer.from('second');
    backlog.push(other, true);
    chunk.fill('x');
    other.fill('x');
    expect(rest()).toEqual(['first', 'second']);
  });

  test('the budget counts all memory of the waiting chunks until they are taken out or dropped', () => {
    const { backlog, budget, rest } = open();
    backlog.unshift(Buffer.alloc(100), 90, false);
    backlog.push(Buffer.alloc(50), false);
    expect(budget.used).toBe(150);
    rest();
    expect(budget.used).toBe(0);
    backlog.push(Buffer.alloc(70), false);
    backlog.clear();
    expect([backlog.isEmpty, budget.used]).toEqual([true, 0]);
  });
});
