/**
 * Runs the commands that read a history. Reading changes nothing, so a command that was not answered when the connection was lost is sent again.
 */

import { clock } from '../../transport/clock.ts';

/** The number of commands that run at once. It is small, since each reply holds many messages in memory. */
const MAX_RUNNING = 16;
// Milliseconds until a failed command is sent again. The command is sent earlier if the connection is established before that.
const RETRY_DELAY = 200;

/** The commands of one bus. */
export class HistoryCommands {
  readonly #isFinal: (error: unknown) => boolean;
  #isUp = false;
  #ended: Error | null = null;
  /** Functions that continue a command that waits for the connection. */
  readonly #paused = new Set<() => void>();
  #running = 0;
  /** Functions that start the commands that wait because `MAX_RUNNING` others run. */
  readonly #waiting: (() => void)[] = [];

  /** @param isFinal whether a command that failed with this error would fail again */
  constructor(isFinal: (error: unknown) => boolean) {
    this.#isFinal = isFinal;
  }

  /** The connection is established, or lost. */
  connected(up: boolean): void {
    this.#isUp = up;
    if (up) this.#continue();
  }

  /** Ends all commands. */
  end(error: Error): void {
    this.#ended = error;
    this.#continue();
  }

  /** @throws {Error} if the engine refuses the command, or the commands were ended */
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

  /** Resolves when the connection is established, when the commands are ended, and at the latest after a delay. */
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
