/**
 * Flushes connections at the end of a turn of the event loop. One write sends all bytes of a connection that wait at the end of the turn.
 * RFC 6455 §5.4 allows this, because the order of the frames stays the same.
 */

import { flushBeforeLateWork } from '../deflate/turn.ts';
import { clock } from './clock.ts';

/** An object with bytes to write at the end of the turn. */
export interface Flushable {
  /** True while the object is in the list of objects to flush at the end of the turn. Only turn.ts changes this field. */
  isListed: boolean;
  flush(): void;
  /**
   * Is called at the end of the turn of the event loop. Writes the waiting bytes, and does other work that has waited for the end of the
   * turn.
   */
  endTurn(now: number): void;
}

let dirty: Flushable[] = [];
let scheduled = false;

/** The objects that the function `endTurn` below is flushing at present. `next` is the index of the next object. */
let ending: readonly Flushable[] = [];
let next = 0;

/** Makes sure that the bytes of `outbox` are written at the end of this turn of the event loop, or earlier. */
export function flushAtEndOfTurn(outbox: Flushable): void {
  if (outbox.isListed) return;
  outbox.isListed = true;
  dirty.push(outbox);
  if (scheduled) return;
  scheduled = true;
  clock.atEndOfTurn(endTurn);
}

/** Writes the waiting bytes of all objects now, before the end of the turn. */
export function flushAll(): void {
  // A callback may call this function while the function `endTurn` runs. So we also flush the objects whose method `endTurn` was not called
  // yet.
  for (let at = next; at < ending.length; at++) ending[at]!.flush();
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
  ending = dirty;
  dirty = [];
  const now = clock.now();
  for (next = 0; next < ending.length; ) {
    const outbox = ending[next++]!;
    outbox.isListed = false;
    outbox.endTurn(now);
  }
  ending = [];
}
