/** Handles SIGINT and SIGTERM. The first signal asks a command to end cleanly. A second signal ends it at once. */

type Signal = 'SIGINT' | 'SIGTERM';

// Milliseconds. The terminal sends a Ctrl-C to the whole process group, and `npm start` passes the signal on once more. A second signal
// within this time comes from the same key press.
const SAME_KEY = 500;

/** The exit codes with which shells report signals 2 and 15: 128 plus the number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Listens to the signals until it is released. */
export class Interrupt {
  readonly #onFirst: (signal: Signal) => void;
  readonly #exit: (code: number) => void;
  readonly #now: () => number;
  #firstAt: number | null = null;

  /** @param now returns the current time in milliseconds */
  constructor(
    onFirst: (signal: Signal) => void,
    exit: (code: number) => void = process.exit,
    now: () => number = () => performance.now(),
  ) {
    this.#onFirst = onFirst;
    this.#exit = exit;
    this.#now = now;
    process.on('SIGINT', this.raise).on('SIGTERM', this.raise);
  }

  /** Does the same as a signal. It is needed because a terminal in raw mode reports Ctrl-C as a key. */
  readonly raise = (signal: Signal): void => {
    const now = this.#now();
    if (this.#firstAt === null) {
      this.#firstAt = now;
      this.#onFirst(signal);
    } else if (now - this.#firstAt >= SAME_KEY) {
      this.#exit(exitCodes[signal]);
    }
  };

  release(): void {
    process.off('SIGINT', this.raise).off('SIGTERM', this.raise);
  }
}
