/**
 * Calls `review` of a memory budget every 500 ms while connections wait for the budget. frame/reading-turns.ts has no timer, and decides
 * which of these connections may read.
 */

import type { MemoryBudget } from '../frame/memory-budget.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';

// In milliseconds. If a peer has its turn to send and sends nothing, the other peers wait for at most two intervals.
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

/** From now on, reviews the budget while a connection waits for it. */
export function watchBudget(budget: MemoryBudget): void {
  // `budget.onWaiting` refers to the new object, so the object lives as long as the budget.
  if (budget.onWaiting === null) new BudgetReviews(budget);
}
