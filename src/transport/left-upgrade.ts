/**
 * Handles upgrades for paths that no endpoint serves: refuses them with 404 (RFC 6455 §4.2.2), or leaves them to the HTTP server's other
 * listeners.
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
 * Says whether another listener of the 'upgrade' event has written to the socket, read it or ended it. A listener for errors does not count:
 * Vite adds one for every upgrade, even for those that it leaves to others.
 * @param written the number of bytes that had been written to the socket before the event
 */
export function isClaimed(socket: Duplex, written: number): boolean {
  if (isAnswered(socket) || socket.destroyed || socket.readableFlowing !== null) return true;
  return socket.writableLength > 0 || bytesWrittenTo(socket) > written;
}

/** Returns how many bytes were written to a socket so far. A kept-alive connection may have carried earlier answers. */
export function bytesWrittenTo(socket: Duplex): number {
  return (socket as Partial<Socket>).bytesWritten ?? 0;
}

/**
 * Watches an upgrade that was left to the HTTP server's other listeners. Node has removed its own listeners and deadlines from the socket.
 * Without this class, a socket that no other listener takes would never end, and a peer that resets it would crash the process.
 */
export class LeftUpgrade implements TimerOwner {
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  readonly #host: UpgradeHost;
  readonly #written: number;
  readonly #onClose: () => void;

  /** @param written as for `isClaimed` */
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
    // Another listener may have taken the connection, so our 'close' listener is removed.
    socket.off('close', this.#onClose);
    if (isClaimed(socket, this.#written)) this.#host.slots.give(socket);
    else acceptUpgrade(this.#request, socket, this.#head, this.#host);
  }
}

function ignore(): void {}

/** Refuses every request, within the limits of one of the server's endpoints. */
export class NotFound implements UpgradeHost {
  readonly #host: UpgradeHost;
  // The path is wrong for every origin: the origin of the request does not matter.
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
