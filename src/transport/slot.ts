/**
 * Limits how many sockets a server holds at a time (RFC 6455 §10.4: an endpoint protects itself). A socket has one slot, from accept to its
 * 'close': during the opening handshake, as a connection, while a refused peer reads its answer, and while its upgrade is left to another
 * listener. Before 'close', a slot is given back only if another listener has taken the socket over. So peers never hold more of the server's
 * sockets than there are slots.
 */

import type { Duplex } from 'node:stream';

/** The slots of one server, or of one of its listeners. */
export class Slots {
  readonly limit: number;
  readonly #sockets = new Set<Duplex>();
  readonly #release: (this: Duplex) => void;
  /** The number of the server's slots that are taken, by any listener. */
  readonly #count: { taken: number };

  /** @param limit the maximum number of sockets with a slot */
  constructor(limit: number, count: { taken: number } = { taken: 0 }) {
    this.limit = limit;
    this.#count = count;
    const sockets = this.#sockets;
    // All sockets have the same listener: a slot costs no closure.
    this.#release = function release(this: Duplex): void {
      if (sockets.delete(this)) count.taken--;
    };
  }

  /** The number of slots that are taken. */
  get size(): number {
    return this.#count.taken;
  }

  /** The sockets that took their slots from this object. */
  get sockets(): ReadonlySet<Duplex> {
    return this.#sockets;
  }

  /** Returns an object with the same slots, for a listener that has to know which sockets are its own. */
  part(): Slots {
    return new Slots(this.limit, this.#count);
  }

  /**
   * Takes a slot for a socket, until its 'close'. A socket that already has a slot keeps it.
   * @returns false if every slot is taken
   */
  take(socket: Duplex): boolean {
    if (this.#sockets.has(socket)) return true;
    if (this.#count.taken >= this.limit) return false;
    // The socket has already emitted 'close': it holds nothing, and would never give its slot back.
    if (socket.closed) return true;
    this.#sockets.add(socket);
    this.#count.taken++;
    socket.on('close', this.#release);
    return true;
  }

  /** Gives a slot back before the socket's 'close', if another listener has taken the socket over. */
  give(socket: Duplex): void {
    if (!this.#sockets.delete(socket)) return;
    this.#count.taken--;
    socket.off('close', this.#release);
  }
}
