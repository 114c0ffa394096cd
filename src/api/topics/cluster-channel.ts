/**
 * Sends messages in one direction of the channel between two processes of a node:cluster. The number of bytes that wait in the channel is
 * limited. If a message exceeds this limit, it is not sent, and the receiver is notified of a gap.
 */

import type { ClusterMessage } from './cluster-messages.ts';
import { LostTopics } from './lost-topics.ts';

/** The process that messages are sent to: for the primary, one of its workers; for a worker, the primary. */
export interface ClusterPeer {
  send(message: ClusterMessage, done: (error: Error | null) => void): boolean;
}

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

  /**
   * Sends a message that the bus itself needs, for example to subscribe. The limit does not apply to these messages, since there are few of
   * them.
   */
  send(message: ClusterMessage): void {
    this.#peer.send(message, () => {});
  }

  /**
   * Resolves when the message was written to the channel. Rejects if too many bytes wait in the channel already, or if the other process
   * has ended.
   */
  async publish(topic: string, bytes: string): Promise<void> {
    if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
      this.#lost.add(topic);
      throw new Error('too many bytes wait for the other process of the cluster');
    }
    // The gap is reported before the next message. So the receiver knows where messages are missing.
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
