/** A receiver that writes down what it gets. */
import type { BusReceiver } from '../../../src/api/topics/bus.ts';

export class Recorder implements BusReceiver {
  /** `topic text` for a message, `gap` for a gap. */
  readonly lines: string[];
  readonly #label: string;

  /** @param lines shared by several, which `label` tells apart */
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

/** Turns of the event loop, for what happens in microtasks and immediates. */
export async function turns(count = 5): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}
