/**
 * Calls `review` of a memory budget every 500 ms while connections wait for memory. `review` decides which of these connections may read.
 * The decision is in frame/reading-turns.ts, which has no timer.
 */

import type { MemoryBudget } from '../frame/memory-budget.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';

// In milliseconds. Connections that wait for memory are read one after another. If the peer of a connection sends nothing, the next
// connection waits for at most two intervals.
const REVIEW_INTERVAL = 500;

class BudgetReviews implements TimerOwner {
  readonly #budget: MemoryBudget;
  readonly #timer: Timer = processTimers.timer(this);

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
    budget.onWaiting = () => this.#timer.setSooner(REVIEW_INTERVAL);
  }

  onTimer(): void {
    this.#budget.review();
    if (this.#budget.isWaiting) this.#timer.set(REVIEW_INTERVAL);
  }
}

/** Makes sure that `review` of the budget is called regularly while a connection waits for memory. */
export function watchBudget(budget: MemoryBudget): void {
  // The new object sets `budget.onWaiting` to a function that refers to the object. So the object lives as long as the budget.
  if (budget.onWaiting === null) new BudgetReviews(budget);
}
