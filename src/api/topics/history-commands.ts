/**
 * Runs the commands that read a history. Reading changes nothing. So a command can be sent again if the connection was lost before the
 * answer.
 */

import { clock } from '../../transport/clock.ts';

/** The maximum number of commands that run at the same time. It is small, since each reply holds many messages in memory. */
const MAX_RUNNING = 16;
// Milliseconds until a failed command is sent again. If the connection is established earlier, the command is sent then.
const RETRY_DELAY = 200;

export class HistoryCommands {
  readonly #isFinal: (error: unknown) => boolean;
  #isUp = false;
  #ended: Error | null = null;
  /** Functions that continue the commands that wait for the connection, or for a retry. */
  readonly #paused = new Set<() => void>();
  #running = 0;
  /** Functions that start the commands that wait because `MAX_RUNNING` other commands run. */
  readonly #waiting: (() => void)[] = [];

  /** @param isFinal says whether a command that failed with this error would fail every time */
  constructor(isFinal: (error: unknown) => boolean) {
    this.#isFinal = isFinal;
  }

  /** Is called when the connection is established (`up` is true), or lost (`up` is false). */
  connected(up: boolean): void {
    this.#isUp = up;
    if (up) this.#continue();
  }

  /** Ends the commands that wait: their Promises reject with this error. */
  end(error: Error): void {
    this.#ended = error;
    this.#continue();
  }

  /**
   * Runs a command, and runs it again until it succeeds.
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

  /** Resolves when the connection is established or `end` is called, and at the latest after `RETRY_DELAY`. */
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
