/**
 * Handles the signals SIGINT and SIGTERM for the commands of the command line. The first signal asks a command to end cleanly. A second
 * signal ends the process immediately.
 */

type Signal = 'SIGINT' | 'SIGTERM';

// After Ctrl-C, the terminal sends SIGINT to all processes of the group. `npm start` then sends SIGINT to this process again. So a second
// signal within this number of milliseconds comes from the same key press.
const SAME_KEY = 500;

/** The exit codes with which shells report that a signal ended a process: 128 plus the number of the signal, 2 or 15. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** Listens for the signals until `release` is called. */
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

  /**
   * Does the same as a signal of the system. prompt.ts calls this function, because a terminal in raw mode reports Ctrl-C as a key and
   * sends no signal.
   */
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
