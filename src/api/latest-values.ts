/**
 * Keeps the values of `sendLatest` for a slow peer, which needs only the newest value of each key. Each value waits under its key until a
 * newer value replaces it. A batch of values is sent once the peer has received the previous batch.
 *
 * Only the peer knows whether a batch has arrived: many thousands of sent messages may still wait in the kernels of both sides. So a ping
 * follows each batch. Its pong shows that the peer has received the batch (RFC 6455 §5.5.2, §5.5.3). This file calls the pong the receipt
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
  /** The number of bytes that are counted for the value. */
  cost: number;
}

// The memory that a value takes in addition to its bytes and its key.
const VALUE_COST = 128;

// The payload bytes of the first batch; below, the minimum and the maximum for the next batches.
const FIRST_BATCH = 16_384;
const MIN_BATCH = 4_096;
const MAX_BATCH = 262_144;

// Milliseconds from a batch to its receipt. If the receipt comes sooner than `QUICK`, the next batch may be larger. If the receipt comes
// later than `SLOW`, the values are old when they arrive, so the next batch is smaller.
const QUICK = 250;
const SLOW = 500;

// Milliseconds to wait for a receipt once all bytes have left this process. After this time the next batch is sent without the receipt:
// `heartbeat` and `pings` decide whether a peer that does not answer pings is alive.
const RECEIPT_TIMEOUT = 10_000;

// Milliseconds to wait for a receipt while the application has paused reading: no receipt can arrive then. The timer also checks the wait
// at this interval.
const BLIND_INTERVAL = 1_000;

const RECEIPT = 'latest:';

export class LatestValues implements Flushable, TimerOwner {
  isListed = false;
  readonly #binding: SocketConnection;
  readonly #charge: Charge;
  readonly #timer: Timer;
  /** The values, in the order in which their keys began to wait. */
  readonly #values = new Map<string, WaitingValue>();
  /** The number of bytes that are counted for all values. */
  #bytes = 0;
  #batchSize = FIRST_BATCH;
  /** Whether values remained after the last batch, because it was full. */
  #wasFull = false;
  /** Whether a batch waits to be sent, is being sent, or has no receipt yet. Meanwhile no other batch is sent. */
  #isBusy = false;
  /** The number of the ping that followed the batch; 0 if no receipt is due. */
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
   * Adds a value. The value replaces an older value of the same key that still waits.
   * @returns whether the value was accepted: false if too many other keys wait, or if the send cap dropped the connection
   */
  set(key: string, message: WaitingValue['message'], options: FrameOptions | null = null): boolean {
    const { endpoint, limits } = this.#binding;
    const value = this.#values.get(key);
    if (value === undefined && this.#values.size >= limits.maxLatestKeys) return false;
    const cost = VALUE_COST + key.length + sizeOf(message);
    const bytes = this.#bytes + cost - (value?.cost ?? 0);
    const others = bytes - cost + endpoint.bufferedAmount;
    // §10.4: the send cap also applies to values. If nothing waits, a value is always accepted, like a message.
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
   * Is called when a pong has arrived. @returns whether the pong is a receipt; the application's `pong` handler does not receive receipts
   */
  ponged(payload: Buffer): boolean {
    this.#checkReceipt();
    return payload.length > RECEIPT.length && payload.toString('latin1', 0, RECEIPT.length) === RECEIPT;
  }

  /** Drops the waiting values, since the connection closes. @returns their keys; a second call returns the same keys */
  stop(): readonly string[] {
    this.#timer.cancel();
    if (this.#values.size === 0) return this.#unsentKeys;
    this.#unsentKeys = [...this.#values.keys()];
    this.#values.clear();
    this.#count(0);
    return this.#unsentKeys;
  }

  /**
   * Sends the values at the end of the turn of the event loop. Another connection may be sending now, so the application's functions must
   * not be called yet.
   */
  flush(): void {
    flushAtEndOfTurn(this);
  }

  endTurn(): void {
    if (this.#isBusy || this.#values.size === 0 || !this.#binding.isOpen) return;
    this.#isBusy = true;
    const { endpoint, limits } = this.#binding;
    // If many bytes of other messages wait, the batch is made once these bytes have left the process. By then, newer values may have
    // replaced the waiting values.
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
      // The application's function may have set new values: these belong to the next batch.
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
    // A ping would overtake messages that wait for compression, or for the end of a message in parts. So the ping is sent after these
    // messages.
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
    // On some transports the pong arrives before `ping` returns.
    this.#checkReceipt();
  }

  #checkReceipt(): void {
    const { pingTimes } = this.#binding;
    if (this.#receipt !== 0 && pingTimes !== null && pingTimes.lastAnswered >= this.#receipt) this.#taken();
  }

  /** Is called when the receipt of the batch has arrived. */
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

/** Returns the number of bytes of a value. Returns 0 for a function, because its value is not known yet. */
function sizeOf(message: WaitingValue['message']): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  return typeof message === 'function' ? 0 : message.length;
}
