/**
 * Tells the other processes that this process is alive, or that it ends. A beat is a regular message that says that the process is alive.
 * A beat can also ask other processes for snapshots (lists of their members). The farewell says that the process ends.
 */

import { clock } from '../../transport/clock.ts';
import type { BusLink } from './bus-link.ts';
import { type Beat, CONTROL, serializeBeats, serializeFarewell } from './presence-messages.ts';

// The maximum number of milliseconds to wait until the bus accepts the farewell (the last message of this process).
const FAREWELL_TIME = 1_000;

export class PresenceBeats {
  readonly #head: Pick<Beat, 'process' | 'lease'>;
  readonly #publish: (beat: Buffer) => void;
  /** For each topic, the requests for snapshots (lists of all members). Each request is JSON, as a beat contains it. */
  readonly #needs = new Map<string, Set<string>>();
  #isDue = false;
  #isHello = false;

  constructor(head: Pick<Beat, 'process' | 'lease'>, publish: (beat: Buffer) => void) {
    this.#head = head;
    this.#publish = publish;
  }

  /**
   * Makes the next `flush` send a beat, which says that this process is alive. @param hello if true, the beat asks every other process to
   * send a beat too
   */
  due(hello: boolean): void {
    this.#isDue = true;
    if (hello) this.#isHello = true;
  }

  /**
   * Requests a snapshot (a list of all members) of a topic. @param process the process that has to send the snapshot; '' stands for all
   * processes
   */
  need(topic: string, process: string): void {
    const needed = this.#needs.get(topic) ?? new Set();
    this.#needs.set(topic, needed.add(JSON.stringify([topic, process])));
  }

  /** Drops the requests for the members of a topic, because this process no longer needs them. */
  forget(topic: string): void {
    this.#needs.delete(topic);
  }

  /**
   * Sends a beat (a periodic message to all processes) if `due` was called. Otherwise, if this process needs snapshots (lists of members),
   * sends a beat that only requests these snapshots.
   */
  flush(watched: Iterable<string>, versions: Iterable<string>): void {
    if (this.#isDue) this.send(watched, versions);
    else if (this.#needs.size > 0) this.send(this.#needs.keys(), []);
  }

  /**
   * Sends a beat, which says that this process is alive.
   * @param watched the topics that this process watches
   * @param versions the versions of this process's lists of members; each version is JSON
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

/**
 * Tells the other processes that this process ends. Resolves when the bus has accepted or refused the message, or after `FAREWELL_TIME`.
 */
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
