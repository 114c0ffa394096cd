/** Notices a callback whose Promise does not settle while other callbacks wait for it. It uses one timer for any number of callbacks. */

// `setTimeout` is read once, when this file loads, so that the fake timers of an application's tests have no effect on it.
const { setTimeout } = globalThis;

// The longest delay of Node's timers.
const MAX_DELAY = 2_147_483_647;

/** Watches one pending callback at a time. */
export class SlowCallback {
  readonly #delay: () => number;
  #report: (() => void) | null = null;
  #since = 0;
  #isWatched = false;

  /** @param delay returns the milliseconds after which a callback is reported; with `Infinity` it is never reported */
  constructor(delay: () => number) {
    this.#delay = delay;
  }

  /** Is called when a callback has returned a Promise that other callbacks wait for. @param report called once, if `end` is not called in time */
  begin(report: () => void): void {
    this.#report = report;
    this.#since = performance.now();
    this.#watch(this.#delay());
  }

  /** Is called when the Promise has settled, or when no callback waits for it any more. */
  end(): void {
    this.#report = null;
  }

  #watch(delay: number): void {
    if (this.#isWatched || !(delay <= MAX_DELAY)) return;
    this.#isWatched = true;
    const timer = setTimeout(() => {
      this.#isWatched = false;
      const report = this.#report;
      if (report === null) return;
      const rest = this.#since + this.#delay() - performance.now();
      // The timer runs one millisecond longer than the remaining time, since timers may fire a fraction of a millisecond too early.
      if (rest > 0) {
        this.#watch(Math.ceil(rest) + 1);
        return;
      }
      this.#report = null;
      report();
    }, delay);
    timer.unref();
  }
}
