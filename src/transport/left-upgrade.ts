/**
 * Upgrades for paths that no endpoint serves: refused with 404 (RFC 6455 §4.2.2), or left to the HTTP server's other listeners.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { refuse } from '../handshake/error.ts';
import { acceptUpgrade } from './accept-upgrade.ts';
import { processTimers, type Timer, type TimerOwner } from './timers.ts';
import { isTaken, type PendingHandshake, type UpgradeHost } from './upgrade.ts';

/**
 * An upgrade that was left to the HTTP server's other listeners. Node has taken its own listeners and deadlines off the socket:
 * where none of them wants it either, nobody would ever end it, and a peer that resets it would end the process.
 */
export class LeftUpgrade implements TimerOwner {
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Buffer;
  readonly #host: UpgradeHost;
  readonly #written: number;
  readonly #onClose: () => void;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer, host: UpgradeHost) {
    this.#request = request;
    this.#socket = socket;
    this.#head = head;
    this.#host = host;
    this.#written = bytesWrittenTo(socket);
    socket.on('error', ignore);
    const timer: Timer = processTimers.timer(this);
    timer.set(host.handshakeTimeout);
    this.#onClose = () => timer.cancel();
    socket.on('close', this.#onClose);
  }

  onTimer(): void {
    // Nothing of ours stays with a connection of somebody else's.
    this.#socket.off('close', this.#onClose);
    if (!this.#isClaimed) acceptUpgrade(this.#request, this.#socket, this.#head, this.#host);
  }

  /** Whether anybody did anything with it. Who only waits for something before the answer listens for errors at least. */
  get #isClaimed(): boolean {
    const socket = this.#socket;
    if (isTaken(socket) || socket.writableEnded || socket.readableFlowing !== null) return true;
    if (socket.listenerCount('data') + socket.listenerCount('readable') > 0) return true;
    // Ours, and with TLS the socket's own.
    const unclaimed = 'encrypted' in socket ? 2 : 1;
    return socket.listenerCount('error') > unclaimed || bytesWrittenTo(socket) > this.#written;
  }
}

function bytesWrittenTo(socket: Duplex): number {
  return (socket as Partial<Socket>).bytesWritten ?? 0;
}

function ignore(): void {}

/** Refuses everything, within the limits of an endpoint that is there. */
export class NotFound implements UpgradeHost {
  readonly #host: UpgradeHost;
  // The path is wrong for every origin: who asks is not the question.
  readonly origins = 'any';
  readonly compression = null;
  readonly subprotocols: readonly string[] = [];
  readonly handshakeTimeout: number;

  constructor(host: UpgradeHost) {
    this.#host = host;
    this.handshakeTimeout = host.handshakeTimeout;
  }

  admit(): boolean {
    return this.#host.admit();
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
