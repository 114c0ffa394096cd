/**
 * Passes the data, the end and the errors of a socket to an endpoint (RFC 6455 §7.1.1: closing TCP, §7.2.1: losing TCP). frame/endpoint.ts
 * implements the protocol. outbox.ts sends the bytes. deadlines.ts prevents a peer from holding the connection open.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../deflate/codec.ts';
import { Charge } from '../frame/charge.ts';
import { ConnectionError } from '../frame/connection-error.ts';
import { Endpoint, EndpointState } from '../frame/endpoint.ts';
import type { EndpointEvents } from '../frame/endpoint-events.ts';
import { FREE_FROM, freeMemory, keepFreedMemory } from '../frame/free-memory.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';
import { type BindOptions, endpointOptionsOf } from './bind-options.ts';
import { watchBudget } from './budget-reviews.ts';
import { Deadlines, type DeadlinesOwner } from './deadlines.ts';
import { bytesToHoldBack, HeldBack } from './held-back.ts';
import type { ConnectionLimits } from './limits.ts';
import { Outbox, type OutboxOwner } from './outbox.ts';
import { ownershipOf } from './ownership.ts';
import type { PingTimes } from './ping-times.ts';
import { readShared } from './shared-reading.ts';
import { isWhole, ownSocket, readSocket, type SocketOwner } from './socket-owner.ts';

/** The events of an endpoint, and further events of the transport. */
export interface ConnectionEvents extends EndpointEvents {
  /** Is called when all bytes were sent, if the socket was blocked before, or if `waitsForDrain` returned true. */
  onDrain(): void;
  /**
   * Is called when the connection begins to end. The address of the socket can still be read. There may be several calls.
   * @param isDropped true if the socket is destroyed without a closing handshake
   */
  onEnding?(isDropped: boolean): void;
}

/** A connection consists of an endpoint and its socket. `bindSocket` makes it. */
export class SocketConnection implements OutboxOwner, DeadlinesOwner, SocketOwner {
  readonly socket: Duplex;
  readonly endpoint: Endpoint;
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  readonly limits: ConnectionLimits;
  readonly #outbox: Outbox;
  readonly #events: ConnectionEvents;
  readonly #deadlines: Deadlines;
  /** Puts received bytes back into the socket while memory is scarce. Null until it is needed. */
  #heldBack: HeldBack | null = null;

  constructor(socket: Duplex, events: ConnectionEvents, options: BindOptions, codec: DeflateCodec | null) {
    const { limits } = options;
    this.socket = socket;
    this.codec = codec;
    this.#events = events;
    this.limits = limits;
    this.#outbox = new Outbox(socket, this, limits, ownershipOf(socket));
    this.endpoint = new Endpoint(this.#outbox, events, endpointOptionsOf(options), codec);
    this.#deadlines = new Deadlines(this, this.#outbox, limits);
    watchBudget(limits.memoryBudget);
    ownSocket(socket, this);
  }

  /** Begins to read from the socket. `head` has the bytes after the opening handshake that were already read. */
  start(head: Buffer): void {
    const { socket } = this;
    if (socket instanceof Socket) socket.setNoDelay(true);
    if (socket.destroyed) {
      this.onClose();
      return;
    }
    readSocket(socket);
    readShared(socket, this);
    this.#deadlines.start();
    if (head.length > 0) this.onData(head);
    if (this.endpoint.isPaused) socket.pause();
    else socket.resume();
  }

  /** True if messages may be sent (§6.1). */
  get isOpen(): boolean {
    return this.endpoint.state === EndpointState.Open;
  }

  get highWaterMark(): number {
    return this.limits.highWaterMark;
  }

  get memoryBudget(): MemoryBudget {
    return this.limits.memoryBudget;
  }

  /**
   * Returns a new `Charge` (frame/charge.ts), which counts memory in the memory budget. It starts with 0 bytes.
   * @param isUnread true if the memory holds received data that the application has not read
   */
  charge(isUnread: boolean): Charge {
    return new Charge(this.limits.memoryBudget, 0, isUnread);
  }

  get isDestroyed(): boolean {
    return this.socket.destroyed;
  }

  /** True if the WebSocket connection and its TCP connection are closed. */
  get isClosed(): boolean {
    return this.endpoint.state === EndpointState.Closed;
  }

  // ---- methods for the application ----

  /** Returns true if more bytes than the high-water mark wait to be sent. Then `onDrain` is called when nothing waits any more. */
  waitsForDrain(): boolean {
    const { highWaterMark } = this.limits;
    if (!this.endpoint.sender.buffersMoreThan(highWaterMark)) return false;
    // The bytes may wait only for the end of the turn. So we flush them now: the socket may take all of them.
    this.#outbox.flush();
    if (this.endpoint.bufferedAmount <= highWaterMark) return false;
    this.#outbox.notifyWhenEmpty();
    return true;
  }

  pause(): void {
    this.endpoint.pause();
    if (this.endpoint.isPaused) this.socket.pause();
  }

  resume(): void {
    if (this.endpoint.isPausedByUser) this.#deadlines.restart();
    this.endpoint.resume();
    this.#deadlines.parsed();
    this.#resumeSocket();
  }

  /** Sets the maximum time for the closing handshake (see `Deadlines.closeWithin`). */
  closeWithin(timeout: number): void {
    this.#deadlines.closeWithin(timeout);
  }

  /** Drops the connection. If the socket can send a TCP reset, it sends a reset instead of FIN. */
  reset(): void {
    const { socket } = this;
    // TLS sockets and pipes cannot send a reset. After our FIN, the system refuses a reset (EINVAL), and Node would never emit 'close'.
    const isTcp = socket instanceof Socket && !('encrypted' in socket) && socket.remotePort !== undefined;
    this.#events.onEnding?.(true);
    if (isTcp && !socket.writableEnded) socket.resetAndDestroy();
    this.endpoint.terminate();
  }

  /** Sends a ping, and measures the answer time. @returns the number of the ping (the first ping is 1), or 0 if the ping was not sent */
  ping(payload?: Uint8Array): number {
    return this.#deadlines.ping(payload);
  }

  ponged(payload: Uint8Array): void {
    this.#deadlines.ponged(payload);
  }

  /** The answer times of our pings. Null until the first ping is sent. */
  get pingTimes(): PingTimes | null {
    return this.#deadlines.pingTimes;
  }

  /** If `keeps` is true, the open socket keeps the process alive. If it is false, the process may end. */
  keepAlive(keeps: boolean): void {
    const { socket } = this;
    if (!(socket instanceof Socket)) return;
    if (keeps) socket.ref();
    else socket.unref();
  }

  /** Sends all waiting bytes immediately, instead of at the end of the turn. */
  flush(): void {
    this.endpoint.sender.writer.encodeCollected();
    this.#outbox.flush();
  }

  // ---- the socket's events ----

  /** @param isBorrowed true if the memory of the chunk is used for other data after this call */
  onData(chunk: Buffer, isBorrowed = false): void {
    // We read the length now, because the chunk may be freed below. A freed chunk has no length.
    const size = chunk.length;
    const now = this.#deadlines.received(size);
    if (isBorrowed) this.#receive(chunk, true);
    else this.#receiveOwn(chunk, size);
    if (size >= FREE_FROM) keepFreedMemory(this.limits.memoryBudget.limit);
    if (this.limits.flush === 'read') this.#outbox.flushHere(now);
    this.#deadlines.parsed(now);
  }

  /** Passes a chunk to the endpoint. @returns true if the endpoint keeps a part of the chunk */
  #receive(chunk: Buffer, isBorrowed: boolean): boolean {
    const { endpoint } = this;
    if (!endpoint.receive(chunk, isBorrowed)) this.socket.pause();
    return endpoint.keepsChunk;
  }

  #receiveOwn(chunk: Buffer, size: number): void {
    this.#heldBack?.clear();
    const { isScarce } = this.limits.memoryBudget;
    const keepsChunk = isScarce ? this.#receiveScarcely(chunk) : this.#receive(chunk, false);
    if (!keepsChunk && size >= FREE_FROM && isWhole(this.socket, chunk)) freeMemory(chunk);
  }

  /** Passes a chunk to the endpoint while memory is scarce. If the endpoint pauses, the rest of the chunk goes back into the socket. */
  #receiveScarcely(chunk: Buffer): boolean {
    const { endpoint, socket } = this;
    const end = chunk.length - bytesToHoldBack(socket, chunk);
    if (end === chunk.length) return this.#receive(chunk, false);
    const goesOn = endpoint.receive(chunk.subarray(0, end));
    const { keepsChunk } = endpoint;
    if (goesOn) return this.#receive(chunk.subarray(end), false) || keepsChunk;
    this.#heldBack ??= new HeldBack(this.limits.memoryBudget);
    if (!socket.destroyed) this.#heldBack.stop(socket, chunk.subarray(end));
    return keepsChunk;
  }

  onEnd(): void {
    this.#events.onEnding?.(false);
    this.endpoint.receiveEnd();
  }

  onError(error: Error): void {
    // After a complete closing handshake, nothing is lost. So we do not report a reset (§7.1.1 allows the peer to reset). After a failure,
    // we do not report a reset either, because our own system resets the connection if the peer still sends.
    if (this.endpoint.state < EndpointState.CloseReceived && !this.#outbox.isEnding) {
      this.endpoint.abort(new ConnectionError('WS_SOCKET', { cause: error }));
    }
  }

  onClose(): void {
    this.#deadlines.closed();
    this.#heldBack?.clear();
    this.#outbox.release();
    this.endpoint.transportClosed();
  }

  // ---- the outbox's events ----

  onBlocked(): void {
    this.#deadlines.blocked();
    this.endpoint.transportBlocked();
    if (this.endpoint.isPaused) this.socket.pause();
  }

  onDrained(): void {
    if (this.endpoint.isPaused) this.#deadlines.restart();
    this.endpoint.transportDrained();
    this.#deadlines.parsed();
    // We return if messages still wait for compression, if new replies have blocked the socket again, or if 'close' was already reported.
    if (this.#outbox.blocked || this.endpoint.bufferedAmount > 0 || this.isClosed) return;
    this.#outbox.stopNotifying();
    this.#events.onDrain();
  }

  onResumable(): void {
    this.#deadlines.parsed();
    this.#resumeSocket();
  }

  onClosing(): void {
    this.#events.onEnding?.(false);
    this.#deadlines.closing();
    // §7.1.1: we read until the peer's FIN arrives, and we ignore the bytes after the peer's Close frame.
    this.#resumeSocket();
  }

  onPayloadChanged(error: Error): void {
    this.endpoint.abort(error);
  }

  onDestroying(): void {
    this.#events.onEnding?.(true);
    this.#deadlines.destroying();
  }

  // ---- the deadlines' events ----

  onGone(): void {
    this.onClose();
  }

  #resumeSocket(): void {
    if (!this.endpoint.isPaused) this.socket.resume();
  }
}

/**
 * Makes the connection for a socket after its opening handshake. Call `start` of the connection to begin to read.
 * @param socket a net or TLS socket, or any Duplex of bytes. From now on, the socket belongs to the connection
 * @param codec the codec of the negotiated compression
 */
export function bindSocket(
  socket: Duplex,
  events: ConnectionEvents,
  options: BindOptions,
  codec: DeflateCodec | null = null,
): SocketConnection {
  return new SocketConnection(socket, events, options, codec);
}
