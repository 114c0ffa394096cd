/**
 * Flushes connections at the end of the event loop's turn: everything that a connection sent within one turn leaves in one write. The RFC
 * allows this (§5.4 only forbids changing the order).
 */

import { flushBeforeLateWork } from '../deflate/turn.ts';
import { clock } from './clock.ts';

/** An object with bytes to write at the end of the turn. */
export interface Flushable {
  /** Whether the object is in the list for the end of the turn. Only this file changes the field. */
  isListed: boolean;
  flush(): void;
  /** Called at the end of the turn: flushes, and does the other work that had to wait for the end of the turn. */
  endTurn(now: number): void;
}

let dirty: Flushable[] = [];
let scheduled = false;

/** Flushes `outbox` at the end of this turn, at the latest. */
export function flushAtEndOfTurn(outbox: Flushable): void {
  if (outbox.isListed) return;
  outbox.isListed = true;
  dirty.push(outbox);
  if (scheduled) return;
  scheduled = true;
  clock.atEndOfTurn(endTurn);
}

/** Flushes every outbox that has something to write now. */
export function flushAll(): void {
  const list = dirty;
  dirty = [];
  for (const outbox of list) {
    outbox.isListed = false;
    outbox.flush();
  }
}

flushBeforeLateWork(flushAll);

function endTurn(): void {
  scheduled = false;
  const list = dirty;
  dirty = [];
  const now = clock.now();
  for (const outbox of list) {
    outbox.isListed = false;
    outbox.endTurn(now);
  }
}
