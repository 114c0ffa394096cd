/**
 * Messages that wait for a connection: bounded by their bytes, and by what each costs beside them. Not the RFC's: it is above a connection.
 */

import type { SendOptions } from './message.ts';

// What a waiting message costs beside its bytes, so that empty ones are bounded as well.
const MESSAGE_COST = 128;

interface WaitingMessage {
  readonly message: string | Uint8Array;
  readonly options: SendOptions | undefined;
  readonly size: number;
}

/** What takes the messages: a `Connection`. */
export interface MessageSink {
  readonly state: string;
  send(message: string | Uint8Array, options?: SendOptions): unknown;
}

export class WaitingMessages {
  readonly #max: number;
  readonly #messages = new Set<WaitingMessage>();
  #size = 0;

  /** @param max bytes, with 128 for each message */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes that wait, with 128 for each message. */
  get size(): number {
    return this.#size;
  }

  /** @param message copied, as are the options: the caller may change them. @returns false if there is no room */
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

  /** Sends the messages, in order, as long as the connection is open; the others go on waiting. */
  flush(connection: MessageSink): void {
    for (const waiting of this.#messages) {
      if (connection.state !== 'open') break;
      // Removed before it is sent: `send` may fail the connection, and its handlers may stop everything.
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
