/**
 * Keeps the messages that a program sends while a client is "Connecting", in order and up to a limit in bytes. In 4D, `new` returns only
 * when the connection is open, so programs that were written for 4D send right after `new`.
 */

import { isBytes, type Message, toBytes } from '../message.ts';

// The fixed cost of a waiting message in addition to its bytes, so that the number of empty messages is limited as well.
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

  /** Adds a message. Bytes are copied, since the caller may change them. @returns false if there is no room */
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
