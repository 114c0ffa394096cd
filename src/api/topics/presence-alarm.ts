/** One timer for many deadlines. It does not keep the process alive. */

import { clock } from '../../transport/clock.ts';

export class Alarm {
  readonly #ring: (late: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #at = Number.POSITIVE_INFINITY;
  #isClosed = false;

  /** @param ring is called at a deadline; `late` is the number of milliseconds since the deadline */
  constructor(ring: (late: number) => void) {
    this.#ring = ring;
  }

  /** Calls `ring` at this time, or earlier. If the call is earlier, `ring` has to call `by` again. @param time milliseconds */
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
