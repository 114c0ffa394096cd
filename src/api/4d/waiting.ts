/**
 * Keeps the messages that a program sends while the status of a 4D client is "Connecting". The total size is limited. In 4D, `new` waits
 * until the connection is open. So programs for 4D call `send` directly after `new`.
 */

import { isBytes, type Message, toBytes } from '../message.ts';

// Each message counts as its size plus this number of bytes. So the limit also applies to many empty messages.
const MESSAGE_COST = 128;

export class WaitingMessages {
  readonly #max: number;
  #messages: (Message | Blob)[] = [];
  #size = 0;

  /** @param max the maximum number of bytes. Each message counts as its size plus 128 bytes */
  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#messages.length;
  }

  /** Adds a message. Bytes are copied, because the caller might change them later. @returns false if the message would exceed the limit */
  push(message: Message | Blob): boolean {
    const size = MESSAGE_COST + sizeOf(message);
    if (this.#size + size > this.#max) return false;
    this.#size += size;
    this.#messages.push(isBytes(message) ? Uint8Array.from(toBytes(message)) : message);
    return true;
  }

  /** Returns all messages, and removes them. */
  take(): (Message | Blob)[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#size = 0;
    return messages;
  }
}

function sizeOf(message: Message | Blob): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  return message instanceof Blob ? message.size : message.byteLength;
}
