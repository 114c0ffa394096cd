/**
 * How many sockets a server holds at a time (RFC 6455 §10.4: an endpoint protects itself). A socket has one slot, from accept to its
 * 'close': during the opening handshake, as a connection, while a refused peer reads its answer, and while its upgrade is left to
 * another listener. No earlier event can give it back, so no peer can hold more sockets than there are slots.
 */

import type { Duplex } from 'node:stream';

/** The slots of one server. */
export class Slots {
  readonly limit: number;
  readonly #sockets = new Set<Duplex>();
  readonly #release: (this: Duplex) => void;

  /** @param limit how many sockets have a slot at most */
  constructor(limit: number) {
    this.limit = limit;
    const sockets = this.#sockets;
    // One listener for all sockets: a slot costs no closure.
    this.#release = function release(this: Duplex): void {
      sockets.delete(this);
    };
  }

  /** How many are taken. */
  get size(): number {
    return this.#sockets.size;
  }

  /**
   * Takes a slot for a socket, until its 'close'; a socket that has one keeps it.
   * @returns false if every slot is taken
   */
  take(socket: Duplex): boolean {
    if (this.#sockets.has(socket)) return true;
    if (this.#sockets.size >= this.limit) return false;
    // Its 'close' has been emitted: it holds nothing, and would never give its slot back.
    if (socket.closed) return true;
    this.#sockets.add(socket);
    socket.on('close', this.#release);
    return true;
  }

  /** Gives a slot back before the socket's 'close', if another listener has taken the socket over. */
  give(socket: Duplex): void {
    if (this.#sockets.delete(socket)) socket.off('close', this.#release);
  }
}
