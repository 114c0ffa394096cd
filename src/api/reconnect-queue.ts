/**
 * Holds messages that wait for a connection. The queue has a limit in bytes; each message counts with its size and a fixed cost. RFC 6455
 * describes single connections, and so has no such queue.
 */

import type { SendOptions } from './message.ts';

// The bytes that each waiting message counts in addition to its own bytes. So the number of empty messages is limited as well.
const MESSAGE_COST = 128;

interface WaitingMessage {
  readonly message: string | Uint8Array;
  readonly options: SendOptions | undefined;
  readonly size: number;
}

/** The receiver of the messages: a `Connection`. */
export interface MessageSink {
  readonly state: string;
  send(message: string | Uint8Array, options?: SendOptions): unknown;
}

export class WaitingMessages {
  readonly #max: number;
  readonly #messages = new Set<WaitingMessage>();
  #size = 0;

  /** @param max the maximum number of bytes. Each message counts as its size plus 128 bytes */
  constructor(max: number) {
    this.#max = max;
  }

  /** The number of bytes of the waiting messages, plus 128 for each message. */
  get size(): number {
    return this.#size;
  }

  /** Adds a message. The message and its options are copied, since the caller may change them. @returns false if there is no room */
  push(message: string | Uint8Array, options: SendOptions | undefined): boolean {
    const isText = typeof message === 'string';
    const size = MESSAGE_COST + (isText ? Buffer.byteLength(message) : message.length);
    if (this.#size + size > this.#max) return false;
    this.#messages.add({
      message: isText ? message : new Uint8Array(message),
      options: options === undefined ? undefined : { ...options },
      size,
    });
    this.#size += size;
    return true;
  }

  /** Sends the messages in order, as long as the connection is open. The remaining messages stay in the queue. */
  flush(connection: MessageSink): void {
    for (const waiting of this.#messages) {
      if (connection.state !== 'open') break;
      // The message is removed before it is sent: `send` may call a handler, and the handler may empty the queue.
      this.#messages.delete(waiting);
      this.#size -= waiting.size;
      connection.send(waiting.message, waiting.options);
    }
  }

  drop(): void {
    this.#messages.clear();
    this.#size = 0;
  }
}
