/**
 * Ends a server. Each connection gets a Close frame (RFC 6455 §7.1.2), by default with code 1001. New and unfinished handshakes are
 * answered with 503. After `grace` milliseconds, the remaining connections are dropped.
 */

import { refuse } from '../handshake/error.ts';
import { clock } from '../transport/clock.ts';
import type { Listener } from '../transport/listen.ts';
import type { ServerHost } from './server-host.ts';

// Milliseconds. If a delay is longer, `setTimeout` fires immediately.
const MAX_TIMER = 2_147_483_647;

/** A shutdown that has begun. */
export class Shutdown {
  /** Resolves when every connection and listener is closed. */
  readonly finished: Promise<void>;
  readonly #connections: ServerHost<unknown>['connections'];
  readonly #listeners: readonly Listener[];
  #timer: NodeJS.Timeout | null = null;
  /** The time at which the remaining connections are dropped. It is a value of `performance.now()`. */
  #ends = Number.POSITIVE_INFINITY;

  /** @param detach detaches the server from the HTTP servers of the application */
  constructor(host: ServerHost<unknown>, listeners: readonly Listener[], detach: () => void) {
    this.#connections = host.connections;
    this.#listeners = listeners;
    this.finished = this.#end(host, detach);
  }

  /** Drops the remaining connections `grace` milliseconds after this call. Another call can only shorten the time. */
  dropWithin(grace: number): void {
    const ends = performance.now() + grace;
    if (ends >= this.#ends || grace > MAX_TIMER) return;
    this.#ends = ends;
    if (this.#timer !== null) clearTimeout(this.#timer);
    // If the process was blocked, Close frames of the peers might wait in the kernel. So all sockets are read once more before the
    // connections are dropped.
    this.#timer = setTimeout(() => clock.afterPoll(() => this.#drop()), grace);
  }

  #drop(): void {
    for (const connection of [...this.#connections]) connection.terminate();
    for (const listener of this.#listeners) listener.terminate();
  }

  async #end(host: ServerHost<unknown>, detach: () => void): Promise<void> {
    const { code, reason } = host.closing!;
    const listeners = this.#listeners.map((listener) => listener.close());
    const empty = host.whenEmpty();
    for (const handshake of [...host.handshakes]) handshake.refuse(refuse('WS_HANDSHAKE_UNAVAILABLE'));
    // The connections have no close timeout. `grace` is the only time limit, so no connection reports an error.
    for (const connection of [...host.connections]) connection.close(code, reason, Number.POSITIVE_INFINITY);
    await empty;
    // The HTTP servers are detached last. Until then, their upgrade requests are answered with 503.
    detach();
    await Promise.all(listeners);
    this.#ends = Number.NEGATIVE_INFINITY;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
