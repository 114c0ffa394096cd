/** Notices a callback whose Promise does not settle while other callbacks wait for it. It uses one timer for any number of callbacks. */

// `setTimeout` is read once, when this file loads, so that the fake timers of an application's tests do not stop it.
const { setTimeout } = globalThis;

// The longest delay of Node's timers.
const MAX_DELAY = 2_147_483_647;

/** Watches one pending callback at a time. */
export class SlowCallback {
  readonly #delay: () => number;
  #report: (() => void) | null = null;
  #since = 0;
  #isWatched = false;

  /** @param delay milliseconds after which a callback is reported; `Infinity`: never */
  constructor(delay: () => number) {
    this.#delay = delay;
  }

  /** A callback has returned a Promise that others wait for. @param report called once, if `end` is not called in time */
  begin(report: () => void): void {
    this.#report = report;
    this.#since = performance.now();
    this.#watch(this.#delay());
  }

  /** The Promise has settled, or nothing waits for it any more. */
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
      // One millisecond more than the remaining time, since timers may fire a fraction too early.
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
