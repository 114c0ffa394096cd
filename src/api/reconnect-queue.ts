/**
 * Stores messages that wait for a connection. The number of bytes in this queue is limited. RFC 6455 describes single connections, so it
 * does not define such a queue.
 */

import type { SendOptions } from './message.ts';

// Each waiting message counts as its own bytes plus this number. So the limit also applies to empty messages.
const MESSAGE_COST = 128;

interface WaitingMessage {
  readonly message: string | Uint8Array;
  readonly options: SendOptions | undefined;
  readonly size: number;
}

/** The receiver of the messages. It is a `Connection`. */
export interface MessageSink {
  readonly state: string;
  send(message: string | Uint8Array, options?: SendOptions): unknown;
}

export class WaitingMessages {
  readonly #max: number;
  readonly #messages = new Set<WaitingMessage>();
  #size = 0;

  /** @param max the maximum number of bytes in the queue. Each message counts as its size plus 128 bytes */
  constructor(max: number) {
    this.#max = max;
  }

  /** The number of bytes of the waiting messages, plus 128 for each message. */
  get size(): number {
    return this.#size;
  }

  /** Adds a message. Copies the message and its options, because the caller can change them. @returns false if the queue is full */
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

  /** Sends the messages in order while the connection is open. The messages that are left stay in the queue. */
  flush(connection: MessageSink): void {
    for (const waiting of this.#messages) {
      if (connection.state !== 'open') break;
      // The message is removed before it is sent, because `send` can call a handler, and this handler might empty the queue.
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
