/**
 * Sends messages from one process of a node:cluster to another. The number of bytes that wait in the channel is limited. A message that
 * exceeds the limit is not sent, and the receiver is notified of lost messages.
 */

import type { ClusterMessage } from './cluster-messages.ts';
import { LostTopics } from './lost-topics.ts';

/** The process that receives the messages. The primary sends to its workers. A worker sends to the primary. */
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
   * Sends a message that the bus needs for itself, for example to subscribe. There are few of these messages, so the limit does not apply
   * to them.
   */
  send(message: ClusterMessage): void {
    this.#peer.send(message, () => {});
  }

  /**
   * Resolves when the message was written to the channel. Rejects if too many bytes already wait in the channel, or if the other process
   * has ended.
   */
  async publish(topic: string, bytes: string): Promise<void> {
    if (this.#waiting > 0 && this.#waiting + bytes.length > this.#maxWaiting) {
      this.#lost.add(topic);
      throw new Error('too many bytes wait for the other process of the cluster');
    }
    // First sends the list of topics whose messages were lost. So the other process learns of the gap before it receives this message.
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
