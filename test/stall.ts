/**
 * `npm run test:stalls` loads this file. It simulates a busy machine: it blocks the process again and again, for up to a tenth of a second.
 * It blocks between I/O and timers. At this point, a deadline is most likely to pass before the process handles the event that would stop
 * the deadline.
 */
const STALLS = 0.2;
const LONGEST = 100;

const cell = new Int32Array(new SharedArrayBuffer(4));

function turn(): void {
  // Atomics.wait uses no CPU time, so other processes are not slowed down.
  if (Math.random() < STALLS) Atomics.wait(cell, 0, 0, Math.random() * LONGEST);
  next();
}

/** Schedules `turn` for the end of the next turn of the event loop. Because of unref(), this does not keep the process alive. */
function next(): void {
  setImmediate(turn).unref();
}

next();
