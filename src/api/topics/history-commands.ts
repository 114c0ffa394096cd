/**
 * Runs the commands that read a history. If the connection is lost before the answer, a command is sent again. This is safe, because
 * reading changes nothing.
 */

import { clock } from '../../transport/clock.ts';

/** The maximum number of commands that run at the same time. It is small, because each reply holds many messages in memory. */
const MAX_RUNNING = 16;
// A failed command is sent again after this number of milliseconds, or as soon as the connection is established.
const RETRY_DELAY = 200;

export class HistoryCommands {
  readonly #isFinal: (error: unknown) => boolean;
  #isUp = false;
  #ended: Error | null = null;
  /** Each function continues one command that has failed, or that waits for the connection. */
  readonly #paused = new Set<() => void>();
  #running = 0;
  /** Each function starts one command that waits because `MAX_RUNNING` other commands are running. */
  readonly #waiting: (() => void)[] = [];

  /** @param isFinal returns true if the command would fail again with this error */
  constructor(isFinal: (error: unknown) => boolean) {
    this.#isFinal = isFinal;
  }

  /** Is called when the connection is established (`up` is true), or lost (`up` is false). */
  connected(up: boolean): void {
    this.#isUp = up;
    if (up) this.#continue();
  }

  /** Rejects the Promises of all waiting commands with this error. Later commands are rejected with this error too. */
  end(error: Error): void {
    this.#ended = error;
    this.#continue();
  }

  /**
   * Runs a command. Repeats the command if the connection fails.
   * @throws {Error} if the engine (Redis or NATS) refuses the command, or if `end` was called
   */
  async run<Reply>(command: () => Promise<Reply>): Promise<Reply> {
    if (this.#running >= MAX_RUNNING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#repeat(command);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #repeat<Reply>(command: () => Promise<Reply>): Promise<Reply> {
    for (;;) {
      if (this.#ended !== null) throw this.#ended;
      if (this.#isUp) {
        try {
          return await command();
        } catch (error) {
          if (this.#isFinal(error)) throw error;
        }
      }
      await this.#pause();
    }
  }

  /** Waits for the connection or for a call of `end`. Waits at most `RETRY_DELAY` milliseconds. */
  async #pause(): Promise<void> {
    if (this.#ended !== null) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(go, RETRY_DELAY);
      const paused = this.#paused;
      paused.add(go);
      function go(): void {
        clock.clearTimeout(timer);
        paused.delete(go);
        resolve();
      }
    });
  }

  #continue(): void {
    for (const go of [...this.#paused]) go();
  }
}
