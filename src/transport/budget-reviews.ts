/** Reviews a memory budget from time to time while connections wait for room in it, since frame/reading-turns.ts has no timer. */

import type { MemoryBudget } from '../frame/memory-budget.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';

// Milliseconds. A peer that has its turn and does not use it keeps the others waiting for at most two intervals.
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

/** Reviews the budget from now on, whenever a connection waits for room in it. */
export function watchBudget(budget: MemoryBudget): void {
  // The new object lives as long as the budget.
  if (budget.onWaiting === null) new BudgetReviews(budget);
}
