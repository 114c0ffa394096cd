/**
 * Reports a callback if its Promise takes too long. Other callbacks wait for this Promise. All callbacks share one timer, because only one
 * callback runs at a time.
 */

// `setTimeout` is read when this file is loaded. So fake timers in an application's tests do not affect this file.
const { setTimeout } = globalThis;

// The longest delay in milliseconds that a timer of Node.js accepts.
const MAX_DELAY = 2_147_483_647;

/** Watches one callback at a time, until its Promise settles. */
export class SlowCallback {
  readonly #delay: () => number;
  #report: (() => void) | null = null;
  #since = 0;
  #isWatched = false;

  /** @param delay returns the number of milliseconds after which a callback is reported. `Infinity` means that no callback is reported */
  constructor(delay: () => number) {
    this.#delay = delay;
  }

  /**
   * Is called when a callback has returned a Promise, and other callbacks wait for this Promise.
   * @param report is called once if `end` is not called in time
   */
  begin(report: () => void): void {
    this.#report = report;
    this.#since = performance.now();
    this.#watch(this.#delay());
  }

  /** Is called when the Promise has settled, or when no other callback waits for the Promise. */
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
      // A timer can fire a fraction of a millisecond too early. So one millisecond is added.
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
