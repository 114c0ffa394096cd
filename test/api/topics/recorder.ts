/** A receiver for tests that records what it gets. */
import type { BusReceiver } from '../../../src/api/topics/bus.ts';

export class Recorder implements BusReceiver {
  /** Each line is `topic text` for a message, and `gap` for a gap. */
  readonly lines: string[];
  readonly #label: string;

  /** @param lines several recorders may share one list; `label` is the beginning of the lines of this recorder */
  constructor(lines: string[] = [], label = '') {
    this.lines = lines;
    this.#label = label;
  }

  message(topic: string, bytes: Uint8Array): void {
    this.lines.push(`${this.#label}${topic} ${Buffer.from(bytes)}`);
  }

  gap(): void {
    this.lines.push(`${this.#label}gap`);
  }
}

/** Waits for some turns of the event loop, so that microtasks and immediates can run. */
export async function turns(count = 5): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}
