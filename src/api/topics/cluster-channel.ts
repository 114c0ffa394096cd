/** One direction of the channel between two processes of a node:cluster: what waits in it is limited, and what is left out is said. */

import type { ClusterMessage } from './cluster-messages.ts';
import { LostTopics } from './lost-topics.ts';

/** A process that messages are sent to: a worker, or from within one, its primary. */
export interface ClusterPeer {
  send(message: ClusterMessage, done: (error: Error | null) => void): boolean;
}

/** Sends to one process. */
export class ClusterChannel {
  readonly #peer: ClusterPeer;
  readonly #bus: string;
  readonly #maxWaiting: number;
  readonly #lost = new LostTopics();
  #waiting = 0;

  constructor(peer: ClusterPeer, bus: string, maxWaiting: number) {
    this.#peer = peer;
    this.#bus = bus;
    this.#maxWaiting = maxWaiting;
  }

  /** Messages that no other one depends on: few, and always sent. */
  send(message: ClusterMessage): void {
    this.#peer.send(message, () => {});
  }

  /** Settles when the message is in the channel. Rejects if too much waits there already, or the process is gone. */
  async publish(topic: string, bytes: string): Promise<void> {
    if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
      this.#lost.add(topic);
      throw new Error('the process of the cluster that relays messages has too many waiting');
    }
    // Before later messages, so that the gap is where it belongs.
    this.#tellLost();
    this.#waiting += bytes.length;
    return new Promise((resolve, reject) => {
      this.#peer.send({ bus: this.#bus, kind: 'message', topic, bytes }, (error) => {
        this.#waiting -= bytes.length;
        if (this.#waiting <= this.#maxWaiting / 2) this.#tellLost();
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  #tellLost(): void {
    if (!this.#lost.isEmpty) this.send({ bus: this.#bus, kind: 'gap', topics: this.#lost.take() });
  }
}
