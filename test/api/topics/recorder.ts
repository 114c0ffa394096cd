/** A receiver for tests. It records the messages and gaps that it gets. */
import type { BusReceiver } from '../../../src/api/topics/bus.ts';

export class Recorder implements BusReceiver {
  /** One line for each call: `topic text` for a message, and `gap` for a gap. */
  readonly lines: string[];
  readonly #label: string;

  /** @param lines several recorders may share one list; `label` is the beginning of each line of this recorder */
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

/** Waits for some turns of the event loop, so that waiting callbacks can run. */
export async function turns(count = 5): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}
