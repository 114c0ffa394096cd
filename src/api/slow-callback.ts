/**
 * Notices a callback whose Promise does not settle while others wait for it. One timer, however many callbacks there are.
 */

// Taken once: the fake timers of an application's tests do not stop it.
const { setTimeout } = globalThis;

// The longest time that Node's timers know.
const MAX_DELAY = 2_147_483_647;

/** The callback that is waited for, one at a time. */
export class SlowCallback {
  readonly #delay: () => number;
  #report: (() => void) | null = null;
  #since = 0;
  #isWatched = false;

  /** @param delay milliseconds after which a callback is reported; `Infinity`: never */
  constructor(delay: () => number) {
    this.#delay = delay;
  }

  /** A callback has returned a Promise that is waited for. @param report called once, if `end` was not called in time */
  begin(report: () => void): void {
    this.#report = report;
    this.#since = performance.now();
    this.#watch(this.#delay());
  }

  /** It has settled, or is waited for no longer. */
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
      // A millisecond more than is left: timers may fire a fraction too early.
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
