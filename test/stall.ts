/**
 * `npm run test:stalls`: the process is blocked again and again, for up to a tenth of a second, as on a machine
 * that is busy with other work. It is blocked between I/O and timers, where a deadline is most likely to pass
 * before the event that it waits for is handled.
 */
const STALLS = 0.2;
const LONGEST = 100;

const cell = new Int32Array(new SharedArrayBuffer(4));

function turn(): void {
  // Waiting takes no CPU time, so other processes are not slowed down.
  if (Math.random() < STALLS) Atomics.wait(cell, 0, 0, Math.random() * LONGEST);
  next();
}

/** Waits at the end of each turn of the event loop that takes place anyway. */
function next(): void {
  setImmediate(turn).unref();
}

next();
