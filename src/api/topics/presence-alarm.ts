/** Calls a function when the earliest of several deadlines has passed. Uses one timer, which does not keep the process alive. */

import { clock } from '../../transport/clock.ts';

export class Alarm {
  readonly #ring: (late: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #at = Number.POSITIVE_INFINITY;
  #isClosed = false;

  /** @param ring is called when a deadline has passed. `late` is the number of milliseconds since the deadline */
  constructor(ring: (late: number) => void) {
    this.#ring = ring;
  }

  /**
   * Makes sure that `ring` is called at this time or earlier. If `ring` is called earlier, it has to call `by` again for this deadline.
   * @param time the deadline in milliseconds
   */
  by(time: number): void {
    if (time >= this.#at || this.#isClosed) return;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    this.#at = time;
    this.#timer = clock.setTimeout(
      () => {
        this.#timer = null;
        this.#at = Number.POSITIVE_INFINITY;
        this.#ring(clock.now() - time);
      },
      Math.max(0, time - clock.now()),
    );
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
