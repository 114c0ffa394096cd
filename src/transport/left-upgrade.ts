/**
 * Handles upgrade requests for paths that no endpoint serves. If the HTTP server has other 'upgrade' listeners, one of them may answer the
 * request. Otherwise we refuse the request with 404 (RFC 6455 §4.2.2).
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { acceptUpgrade } from './accept-upgrade.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';
import { isAnswered } from './upgrade.ts';
import type { PendingHandshake, UpgradeHost } from './upgrade-host.ts';

/**
 * Returns true if another listener of the 'upgrade' event has written to the socket, read from it or ended it. An 'error' listener on the
 * socket does not count. Vite adds such a listener for every upgrade, even if Vite does not answer the request.
 * @param written the number of bytes that had been written to the socket before the event
 */
export function isClaimed(socket: Duplex, written: number): boolean {
  if (isAnswered(socket) || socket.destroyed || socket.readableFlowing !== null) return true;
  return socket.writableLength > 0 || bytesWrittenTo(socket) > written;
}

/**
 * Returns the number of bytes that were written to a socket so far. The number can be above 0 before the upgrade, because the connection
 * may have carried earlier responses.
 */
export function bytesWrittenTo(socket: Duplex): number {
  return (socket as Partial<Socket>).bytesWritten ?? 0;
}

/**
 * Watches the socket of an upgrade request that another listener may answer. If no listener uses the socket, this class answers 404 after
 * `handshakeTimeout`. Node has removed its own listeners and deadlines from the socket. Without this class, the socket could stay open
 * forever, and a reset by the peer would crash the process.
 */
export class LeftUpgrade implements TimerOwner {
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  readonly #host: UpgradeHost;
  readonly #written: number;
  readonly #onClose: () => void;

  /** @param written the number of bytes that had been written to the socket before the event */
  constructor(request: IncomingMessage, socket: Duplex, head: Buffer, written: number, host: UpgradeHost) {
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
    this.#host = host;
    this.#written = written;
    socket.on('error', ignore);
    const timer: Timer = processTimers.timer(this);
    timer.set(host.handshakeTimeout);
    this.#onClose = () => timer.cancel();
    socket.on('close', this.#onClose);
  }

  onTimer(): void {
    const socket = this.#socket;
    // We remove our 'close' listener, because the timer has fired and another listener may use the socket now.
    socket.off('close', this.#onClose);
    if (isClaimed(socket, this.#written)) this.#host.slots.give(socket);
    else acceptUpgrade(this.#request, socket, this.#head, this.#host);
  }
}

function ignore(): void {}

/** Refuses every request with 404. The limits come from `host`, which is one of the endpoints of the server. */
export class NotFound implements UpgradeHost {
  readonly #host: UpgradeHost;
  // No endpoint serves the path, so a request from any origin gets 404.
  readonly origins = 'any';
  readonly compression = null;
  readonly subprotocols: readonly string[] = [];
  readonly handshakeTimeout: UpgradeHost['handshakeTimeout'];
  readonly memoryBudget: UpgradeHost['memoryBudget'];
  readonly slots: UpgradeHost['slots'];

  constructor(host: UpgradeHost) {
    this.#host = host;
    this.handshakeTimeout = host.handshakeTimeout;
    this.memoryBudget = host.memoryBudget;
    this.slots = host.slots;
  }

  get isClosing(): boolean {
    return this.#host.isClosing;
  }

  started(handshake: PendingHandshake): void {
    this.#host.started(handshake);
  }

  settled(handshake: PendingHandshake): void {
    this.#host.settled(handshake);
  }

  decide(): never {
    throw refuse('WS_HANDSHAKE_NOT_FOUND');
  }

  opened(): void {}

  refused(...arguments_: Parameters<UpgradeHost['refused']>): void {
    this.#host.refused(...arguments_);
  }
}
