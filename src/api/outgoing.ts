/**
 * Sends messages in the order of the calls of `send`. A Blob has to be read before it can be sent. All later messages wait until the Blob
 * has been sent.
 */

import { isBytes, type Message, toBytes } from './message.ts';

/** Sends the messages of one connection in order. */
export class Outgoing {
  readonly #send: (message: Message) => void;
  readonly #onUnreadable: (error: unknown) => void;
  /** Settles after the last waiting step, such as reading a Blob. Null if no step waits. */
  #last: Promise<void> | null = null;
  #pending = 0;

  constructor(send: (message: Message) => void, onUnreadable: (error: unknown) => void) {
    this.#send = send;
    this.#onUnreadable = onUnreadable;
  }

  /** The number of waiting messages, including a Blob that is being read. */
  get pending(): number {
    return this.#pending;
  }

  /** Sends a message. If earlier Blobs wait, sends the message after these Blobs. */
  send(message: Message | Blob): void {
    if (message instanceof Blob) {
      this.#after(async () => this.#send(await message.arrayBuffer()), 1);
    } else if (this.#last === null) {
      this.#send(message);
    } else {
      // The bytes are copied, because the caller can change them while the message waits.
      const kept = isBytes(message) ? Uint8Array.from(toBytes(message)) : message;
      this.#after(() => this.#send(kept), 1);
    }
  }

  /** Runs an action after all messages have been sent. If no message waits, runs it immediately. */
  finally(action: () => void): void {
    if (this.#last === null) action();
    else this.#after(action, 0);
  }

  /** Runs a step after all earlier steps have ended. @param messages the number of messages that this step sends */
  #after(step: () => void | Promise<void>, messages: 0 | 1): void {
    this.#pending += messages;
    const last = (this.#last ?? Promise.resolve()).then(step).catch(this.#onUnreadable);
    this.#last = last;
    last.then(() => {
      this.#pending -= messages;
      if (this.#last === last) this.#last = null;
    });
  }
}
