/**
 * Reports a callback whose Promise takes too long while other callbacks wait for this Promise. One timer serves all callbacks, one after
 * the other.
 */

// `setTimeout` is read when this file loads. So fake timers in an application's tests have no effect on this file.
const { setTimeout } = globalThis;

// The longest delay of Node.js timers in milliseconds.
const MAX_DELAY = 2_147_483_647;

/** Watches one pending callback at a time. */
export class SlowCallback {
  readonly #delay: () => number;
  #report: (() => void) | null = null;
  #since = 0;
  #isWatched = false;

  /** @param delay returns the number of milliseconds after which a callback is reported. With `Infinity`, no callback is reported */
  constructor(delay: () => number) {
    this.#delay = delay;
  }

  /**
   * Is called when a callback has returned a Promise that other callbacks wait for. @param report is called once if `end` is not called in
   * time
   */
  begin(report: () => void): void {
    this.#report = report;
    this.#since = performance.now();
    this.#watch(this.#delay());
  }

  /** Is called when the Promise has settled, or when no callback waits for the Promise any more. */
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
      // Timers may fire a fraction of a millisecond too early, so one millisecond is added.
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
