/**
 * Keeps the values of `sendLatest`. A slow peer receives only the newest value of each key. A value waits under its key until it is sent,
 * or until a newer value replaces it. The next batch of values is sent when the peer has received the previous batch.
 *
 * Only the peer knows whether a batch has arrived, because many sent messages can still wait in the kernels of both sides. So a ping
 * follows each batch. The pong shows that the peer has received the batch (RFC 6455 §5.5.2, §5.5.3). This file calls the pong the receipt
 * of the batch.
 */

import type { Charge } from '../frame/charge.ts';
import { ConnectionError } from '../frame/connection-error.ts';
import type { FrameOptions } from '../frame/outgoing.ts';
import type { SocketConnection } from '../transport/socket.ts';
import { processTimers, type Timer, type TimerOwner } from '../transport/timers.ts';
import { type Flushable, flushAtEndOfTurn } from '../transport/turn.ts';
import { type Message, toBytes } from './message.ts';

interface WaitingValue {
  message: string | Uint8Array | (() => Message);
  options: FrameOptions | null;
  /** The number of bytes that this value counts as (see `VALUE_COST`). */
  cost: number;
}

// A value needs about this number of bytes in addition to its own bytes and its key.
const VALUE_COST = 128;

// The maximum payload of the first batch in bytes. The maximum of later batches is between `MIN_BATCH` and `MAX_BATCH`.
const FIRST_BATCH = 16_384;
const MIN_BATCH = 4_096;
const MAX_BATCH = 262_144;

// Milliseconds from a batch to its receipt (its pong). If the receipt comes earlier than `QUICK`, the next batch can be larger. If the
// receipt comes later than `SLOW`, the values were old when they arrived. So the next batch is smaller.
const QUICK = 250;
const SLOW = 500;

// Milliseconds to wait for a receipt (the pong after a batch), after all bytes have left this process. If no receipt comes in this time,
// the next batch is sent. `heartbeat` and `pings` decide whether a peer that sends no pongs is alive.
const RECEIPT_TIMEOUT = 10_000;

// Milliseconds to wait for a receipt (the pong after a batch) while the application has paused reading. The time is short, because a
// connection that does not read receives no receipt. The timer runs at this interval, to notice that the application has paused reading.
const BLIND_INTERVAL = 1_000;

const RECEIPT = 'latest:';

export class LatestValues implements Flushable, TimerOwner {
  isListed = false;
  readonly #binding: SocketConnection;
  readonly #charge: Charge;
  readonly #timer: Timer;
  /** The values by key, in the order in which the keys began to wait. */
  readonly #values = new Map<string, WaitingValue>();
  /** The sum of the `cost` of all values. */
  #bytes = 0;
  #batchSize = FIRST_BATCH;
  /** True if the last batch was full, so that some values had to wait. */
  #wasFull = false;
  /** True while a batch is about to be sent, is being sent, or has no receipt (pong) yet. During this time, no other batch is sent. */
  #isBusy = false;
  /** The number of the ping that followed the last batch. 0 if no receipt (pong) is expected. */
  #receipt = 0;
  #sentAt = 0;
  #batches = 0;
  #unsentKeys: readonly string[] = [];

  constructor(binding: SocketConnection) {
    this.#binding = binding;
    this.#charge = binding.charge(false);
    this.#timer = processTimers.timer(this);
  }

  /**
   * Adds a value. Replaces the older value of the same key, if it still waits.
   * @returns false if too many other keys wait, or if the connection was dropped because of the send cap; otherwise true
   */
  set(key: string, message: WaitingValue['message'], options: FrameOptions | null = null): boolean {
    const { endpoint, limits } = this.#binding;
    const value = this.#values.get(key);
    if (value === undefined && this.#values.size >= limits.maxLatestKeys) return false;
    const cost = VALUE_COST + key.length + sizeOf(message);
    const bytes = this.#bytes + cost - (value?.cost ?? 0);
    const others = bytes - cost + endpoint.bufferedAmount;
    // §10.4: the send cap includes these values. If nothing else waits, a value of any size is accepted, as with a message.
    if (others > 0 && others + cost > limits.sendCap) {
      endpoint.abort(new ConnectionError('WS_SEND_CAP'));
      return false;
    }
    if (value === undefined) this.#values.set(key, { message, options, cost });
    else {
      value.message = message;
      value.options = options;
      value.cost = cost;
    }
    this.#count(bytes);
    if (!this.#isBusy) flushAtEndOfTurn(this);
    return true;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /**
   * Is called when a pong has arrived.
   * @returns true if the pong is the receipt of a batch. The application's `pong` handler is not called for a receipt
   */
  ponged(payload: Buffer): boolean {
    this.#checkReceipt();
    return payload.length > RECEIPT.length && payload.toString('latin1', 0, RECEIPT.length) === RECEIPT;
  }

  /** Drops the waiting values, because the connection is closing. @returns the keys of these values. A second call returns the same keys */
  stop(): readonly string[] {
    this.#timer.cancel();
    if (this.#values.size === 0) return this.#unsentKeys;
    this.#unsentKeys = [...this.#values.keys()];
    this.#values.clear();
    this.#count(0);
    return this.#unsentKeys;
  }

  /**
   * Sends the values at the end of the turn of the event loop. Sending may call functions of the application. `flush` does not call
   * them itself, because another connection might be sending.
   */
  flush(): void {
    flushAtEndOfTurn(this);
  }

  endTurn(): void {
    if (this.#isBusy || this.#values.size === 0 || !this.#binding.isOpen) return;
    this.#isBusy = true;
    const { endpoint, limits } = this.#binding;
    // If many bytes of other messages wait, the batch is made after these bytes have left the process. Newer values might replace the
    // waiting values in the meantime.
    if (endpoint.bufferedAmount > limits.highWaterMark) endpoint.whenSent(() => this.#next());
    else this.#sendBatch();
  }

  onTimer(): void {
    if (this.#receipt === 0) return;
    const { endpoint } = this.#binding;
    const waited = processTimers.now() - this.#sentAt;
    const isOver = waited >= (endpoint.isPaused ? BLIND_INTERVAL : RECEIPT_TIMEOUT);
    if (isOver && endpoint.bufferedAmount === 0) this.#next();
    else this.#timer.set(BLIND_INTERVAL);
  }

  #sendBatch(): void {
    const { endpoint } = this.#binding;
    let count = this.#values.size;
    let bytes = 0;
    for (const [key, { message, options, cost }] of this.#values) {
      // A function of the application can set new values during this loop. They are left for the next batch.
      if (count-- === 0 || bytes >= this.#batchSize) break;
      if (bytes > 0 && bytes + cost - VALUE_COST > this.#batchSize) break;
      this.#values.delete(key);
      this.#count(this.#bytes - cost);
      try {
        bytes += this.#send(typeof message === 'function' ? message() : message, options);
      } catch (error) {
        endpoint.fail(error);
      }
      if (!this.#binding.isOpen) return;
    }
    this.#wasFull = this.#values.size > 0;
    this.#sentAt = processTimers.now();
    // Messages that wait for compression, or for the end of a message in parts, are sent later. The ping would overtake them. So in this
    // case the ping is sent after them.
    if (endpoint.canSendSerialized) this.#askForReceipt();
    else endpoint.whenSent(() => this.#askForReceipt());
    this.#binding.flush();
  }

  /** Sends a value. @returns the approximate number of payload bytes */
  #send(message: Message, options: FrameOptions | null): number {
    const { endpoint } = this.#binding;
    const data = typeof message === 'string' ? message : toBytes(message);
    const size =
      typeof data === 'string' ? endpoint.sendText(data, options) : endpoint.sendBinary(data, options);
    return size < 0 ? data.length : size;
  }

  #askForReceipt(): void {
    if (!this.#binding.isOpen) return;
    this.#batches++;
    this.#receipt = this.#binding.ping(Buffer.from(`${RECEIPT}${this.#batches}`));
    if (!this.#timer.isSet) this.#timer.set(BLIND_INTERVAL);
    // On some transports, the pong arrives before `ping` returns.
    this.#checkReceipt();
  }

  #checkReceipt(): void {
    const { pingTimes } = this.#binding;
    if (this.#receipt !== 0 && pingTimes !== null && pingTimes.lastAnswered >= this.#receipt) this.#taken();
  }

  /** Is called when the receipt (the pong) of the batch has arrived. */
  #taken(): void {
    const took = processTimers.now() - this.#sentAt;
    if (took > SLOW) this.#batchSize = Math.max(MIN_BATCH, this.#batchSize / 2);
    else if (took < QUICK && this.#wasFull) this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2);
    this.#next();
  }

  #next(): void {
    this.#receipt = 0;
    this.#isBusy = false;
    if (this.#values.size > 0) flushAtEndOfTurn(this);
  }

  #count(bytes: number): void {
    this.#bytes = bytes;
    this.#charge.resize(bytes);
  }
}

/** Returns the number of bytes of a value. Returns 0 for a function, because it is not called until the value is sent. */
function sizeOf(message: WaitingValue['message']): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  return typeof message === 'function' ? 0 : message.length;
}
