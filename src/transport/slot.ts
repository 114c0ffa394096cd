/**
 * Limits the number of open sockets of a server (RFC 6455 §10.4). A socket takes a slot when the server accepts it, and gives the slot back
 * at its 'close' event. In between, the socket keeps its slot in every state: during the opening handshake, as an open connection, and
 * after a refusal. There is one exception. If another listener of the HTTP server takes the socket over, the slot is given back
 * immediately.
 */

import type { Duplex } from 'node:stream';

/** Counts the sockets of one server, or of one of its listeners. Each socket takes a slot. */
export class Slots {
  readonly limit: number;
  readonly #sockets = new Set<Duplex>();
  readonly #release: (this: Duplex) => void;
  /** The number of taken slots of the server. All listeners of the server share this object. */
  readonly #count: { taken: number };

  /** @param limit the maximum number of sockets with a slot */
  constructor(limit: number, count: { taken: number } = { taken: 0 }) {
    this.limit = limit;
    this.#count = count;
    const sockets = this.#sockets;
    // All sockets use this one listener function, so a slot needs no closure.
    this.#release = function release(this: Duplex): void {
      if (sockets.delete(this)) count.taken--;
    };
  }

  /** The number of slots that are taken. */
  get size(): number {
    return this.#count.taken;
  }

  /** The sockets that have taken a slot with `take` of this object. */
  get sockets(): ReadonlySet<Duplex> {
    return this.#sockets;
  }

  /**
   * Returns an object that shares the slots with this object, but has a separate set of sockets. So a listener knows which sockets it has
   * accepted.
   */
  part(): Slots {
    return new Slots(this.limit, this.#count);
  }

  /**
   * Takes a slot for a socket, until the 'close' event of the socket. A socket that already has a slot keeps it.
   * @returns false if every slot is taken
   */
  take(socket: Duplex): boolean {
    if (this.#sockets.has(socket)) return true;
    if (this.#count.taken >= this.limit) return false;
    // The socket has already emitted 'close', so it needs no slot. If it took a slot, it would never give the slot back.
    if (socket.closed) return true;
    this.#sockets.add(socket);
    this.#count.taken++;
    socket.on('close', this.#release);
    return true;
  }

  /** Gives back the slot of a socket before the socket emits 'close'. Call this if another listener has taken the socket over. */
  give(socket: Duplex): void {
    if (!this.#sockets.delete(socket)) return;
    this.#count.taken--;
    socket.off('close', this.#release);
  }
}
