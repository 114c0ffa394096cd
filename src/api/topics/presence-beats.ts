/**
 * Sends the beats and the farewell of this process. A beat says that the process is alive, and carries requests for snapshots of the
 * members.
 */

import { clock } from '../../transport/clock.ts';
import type { BusLink } from './bus-link.ts';
import { type Beat, CONTROL, serializeBeats, serializeFarewell } from './presence-messages.ts';

// The maximum number of milliseconds to wait until the bus has accepted the farewell.
const FAREWELL_TIME = 1_000;

export class PresenceBeats {
  readonly #head: Pick<Beat, 'process' | 'lease'>;
  readonly #publish: (beat: Buffer) => void;
  /** The requests for snapshots by topic. Each request is an entry of beats. */
  readonly #needs = new Map<string, Set<string>>();
  #isDue = false;
  #isHello = false;

  constructor(head: Pick<Beat, 'process' | 'lease'>, publish: (beat: Buffer) => void) {
    this.#head = head;
    this.#publish = publish;
  }

  /** Makes the next `flush` send a beat. @param hello whether this beat asks each other process to send a beat as well */
  due(hello: boolean): void {
    this.#isDue = true;
    if (hello) this.#isHello = true;
  }

  /** Requests a snapshot of the members of a topic. @param process the process that shall send the snapshot; '' means all processes */
  need(topic: string, process: string): void {
    const needed = this.#needs.get(topic) ?? new Set();
    this.#needs.set(topic, needed.add(JSON.stringify([topic, process])));
  }

  /** Drops the requests for the members of a topic, because this process no longer needs them. */
  forget(topic: string): void {
    this.#needs.delete(topic);
  }

  /** Sends the beat that is due. Otherwise, if snapshots have been requested, sends a beat with only these requests and their topics. */
  flush(watched: Iterable<string>, versions: Iterable<string>): void {
    if (this.#isDue) this.send(watched, versions);
    else if (this.#needs.size > 0) this.send(this.#needs.keys(), []);
  }

  /**
   * Sends a beat.
   * @param watched the topics that this process watches
   * @param versions the versions of this process's lists of members, as entries of beats
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

/** Sends the farewell. Resolves when the bus has accepted or refused the farewell, or after `FAREWELL_TIME`. */
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
