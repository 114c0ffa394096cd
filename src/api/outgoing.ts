/**
 * Sending in the order of calls: a Blob has to be read before it can be sent, and what is sent after it waits for it.
 */

import { isBytes, type Message, toBytes } from './message.ts';

/** The messages of one connection that are on their way to it. */
export class Outgoing {
  readonly #send: (message: Message) => void;
  readonly #onUnreadable: (error: unknown) => void;
  /** The last step that waits for a Blob before it. */
  #last: Promise<void> | null = null;

  constructor(send: (message: Message) => void, onUnreadable: (error: unknown) => void) {
    this.#send = send;
    this.#onUnreadable = onUnreadable;
  }

  /** Sends a message, now or when the Blobs before it have been. */
  send(message: Message | Blob): void {
    if (message instanceof Blob) {
      this.#behind(async () => this.#send(await message.arrayBuffer()));
    } else if (this.#last === null) {
      this.#send(message);
    } else {
      // The caller is free to change its bytes meanwhile.
      const kept = isBytes(message) ? Uint8Array.from(toBytes(message)) : message;
      this.#behind(() => this.#send(kept));
    }
  }

  /** Does something after all messages: at once if no message waits. */
  finally(action: () => void): void {
    if (this.#last === null) action();
    else this.#behind(action);
  }

  #behind(step: () => void | Promise<void>): void {
    const last = (this.#last ?? Promise.resolve()).then(step).catch(this.#onUnreadable);
    this.#last = last;
    last.then(() => {
      if (this.#last === last) this.#last = null;
    });
  }
}
