/**
 * Messages that wait for a connection: bounded by their bytes, and by what each costs beside them. Not the RFC's: it is above a connection.
 */

import type { Message, SendOptions } from './message.ts';

// What a waiting message costs beside its bytes, so that empty ones are bounded as well.
const MESSAGE_COST = 128;

interface WaitingMessage {
  readonly message: Message;
  readonly options: SendOptions | undefined;
}

export class WaitingMessages {
  readonly #max: number;
  #messages: WaitingMessage[] = [];
  #size = 0;

  /** @param max bytes, with 128 for each message */
  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes that wait, with 128 for each message. */
  get size(): number {
    return this.#size;
  }

  /** @param message bytes are copied: the caller may change them. @returns false if there is no room */
  push(message: string | Uint8Array, options: SendOptions | undefined): boolean {
    const isText = typeof message === 'string';
    const size = MESSAGE_COST + (isText ? Buffer.byteLength(message) : message.length);
    if (this.#size + size > this.#max) return false;
    this.#messages.push({ message: isText ? message : new Uint8Array(message), options });
    this.#size += size;
    return true;
  }

  /** Gives each message to `send`, in order. */
  flush(send: (message: Message, options: SendOptions | undefined) => unknown): void {
    const messages = this.#messages;
    this.drop();
    for (const { message, options } of messages) send(message, options);
  }

  drop(): void {
    this.#messages = [];
    this.#size = 0;
  }
}
