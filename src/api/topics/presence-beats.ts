/** Sends the beats of this process, with its requests for snapshots, and its farewell. */

import { clock } from '../../transport/clock.ts';
import type { BusLink } from './bus-link.ts';
import { type Beat, CONTROL, serializeBeats, serializeFarewell } from './presence-messages.ts';

// Milliseconds to wait until the bus has taken the farewell.
const FAREWELL_TIME = 1_000;

export class PresenceBeats {
  readonly #head: Pick<Beat, 'process' | 'lease'>;
  readonly #publish: (beat: Buffer) => void;
  /** Requests for snapshots, as entries of beats, by topic. */
  readonly #needs = new Map<string, Set<string>>();
  #isDue = false;
  #isHello = false;

  constructor(head: Pick<Beat, 'process' | 'lease'>, publish: (beat: Buffer) => void) {
    this.#head = head;
    this.#publish = publish;
  }

  /** Sends a beat with the next announcement. @param hello whether this beat asks the other processes for a beat */
  due(hello: boolean): void {
    this.#isDue = true;
    if (hello) this.#isHello = true;
  }

  /** Asks a process for its members of a topic. @param process its name; '' asks all processes */
  need(topic: string, process: string): void {
    const needed = this.#needs.get(topic) ?? new Set();
    this.#needs.set(topic, needed.add(JSON.stringify([topic, process])));
  }

  /** Drops the requests for the members of a topic, which are no longer needed. */
  forget(topic: string): void {
    this.#needs.delete(topic);
  }

  /** Sends the beat that is due. If none is due, sends only the requests for snapshots. */
  flush(watched: Iterable<string>, versions: Iterable<string>): void {
    if (this.#isDue) this.send(watched, versions);
    else if (this.#needs.size > 0) this.send(this.#needs.keys(), []);
  }

  /**
   * Sends a beat.
   * @param watched the topics that this process watches
   * @param versions the versions of its lists, as entries of beats
   */
  send(watched: Iterable<string>, versions: Iterable<string>): void {
    const needs = [...this.#needs.values()].flatMap((entries) => [...entries]);
    const lists = { watched: Array.from(watched, (topic) => JSON.stringify(topic)), versions, needs };
    const hello = this.#isHello;
    this.#isDue = false;
    this.#isHello = false;
    this.#needs.clear();
    for (const beat of serializeBeats({ ...this.#head, hello }, lists)) this.#publish(beat);
  }
}

/** Resolves when the bus has taken the farewell, or after `FAREWELL_TIME`. */
export function farewell(link: BusLink, process: string): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(resolve, FAREWELL_TIME);
    const settle = (): void => {
      clock.clearTimeout(timer);
      resolve();
    };
    link.publish(CONTROL, serializeFarewell(process), settle);
  });
}
