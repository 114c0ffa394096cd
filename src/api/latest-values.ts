/**
 * Values of which only the newest is of interest, for a peer that may be slow: each waits under its key, a newer one takes its place, and
 * a batch of them leaves once the peer has taken the one before.
 *
 * That it has, only the peer knows: what the process has handed over may wait in the kernels of both sides, many thousands of messages.
 * So a ping follows each batch, and its pong is the receipt (RFC 6455 §5.5.2, §5.5.3: pongs come in the order of their pings).
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
  /** Bytes that it counts for. */
  cost: number;
}

// What a value costs beside its bytes and its key.
const VALUE_COST = 128;

// Payload bytes of a batch: at first, at least, at most.
const FIRST_BATCH = 16_384;
const MIN_BATCH = 4_096;
const MAX_BATCH = 262_144;

// Milliseconds in which a batch is taken. If it takes less, the next one may be larger; if it takes more, its values are old when they
// arrive, and the next one is smaller.
const QUICK = 250;
const SLOW = 500;

// How long a receipt is waited for, in milliseconds, once nothing waits in this process. Then the next batch leaves all the same: whether a
// peer that does not answer pings is alive, `heartbeat` and `pings` decide.
const RECEIPT_TIMEOUT = 10_000;

// The same while the application has paused reading, so that no receipt can be seen; and how often that is looked at.
const BLIND_INTERVAL = 1_000;

const RECEIPT = 'latest:';

export class LatestValues implements Flushable, TimerOwner {
  isListed = false;
  readonly #binding: SocketConnection;
  readonly #charge: Charge;
  readonly #timer: Timer;
  /** In the order in which their keys began to wait. */
  readonly #values = new Map<string, WaitingValue>();
  /** What they cost. */
  #bytes = 0;
  #batchSize = FIRST_BATCH;
  /** Whether the last batch left values behind. */
  #wasFull = false;
  /** A batch is being sent, or was not taken yet: nothing more is sent until it is. */
  #isBusy = false;
  /** The number of the ping that followed the batch, or 0. */
  #receipt = 0;
  #sentAt = 0;
  #batches = 0;
  #unsentKeys: readonly string[] = [];

  constructor(binding: SocketConnection) {
    this.#binding = binding;
    this.#charge = binding.charge(false);
    this.#timer = processTimers.timer(this);
  }

  /** @returns whether it waits now, or is about to leave: false if too many other keys wait, or the connection is dropped for the send cap */
  set(key: string, message: WaitingValue['message'], options: FrameOptions | null = null): boolean {
    const { endpoint, limits } = this.#binding;
    const value = this.#values.get(key);
    if (value === undefined && this.#values.size >= limits.maxLatestKeys) return false;
    const cost = VALUE_COST + key.length + sizeOf(message);
    const bytes = this.#bytes + cost - (value?.cost ?? 0);
    const others = bytes - cost + endpoint.bufferedAmount;
    // §10.4. As for messages: one is always admitted where nothing waits.
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

  /** Whether a value waits under this key. */
  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** A pong came. @returns whether it is a receipt, which is no news to the application */
  ponged(payload: Buffer): boolean {
    this.#checkReceipt();
    return payload.length > RECEIPT.length && payload.toString('latin1', 0, RECEIPT.length) === RECEIPT;
  }

  /** The connection closes: what waits is dropped. @returns its keys, also when it is called again */
  stop(): readonly string[] {
    this.#timer.cancel();
    if (this.#values.size === 0) return this.#unsentKeys;
    this.#unsentKeys = [...this.#values.keys()];
    this.#values.clear();
    this.#count(0);
    return this.#unsentKeys;
  }

  /** Not yet: the functions of the application must not be called while another connection sends. */
  flush(): void {
    flushAtEndOfTurn(this);
  }

  endTurn(): void {
    if (this.#isBusy || this.#values.size === 0 || !this.#binding.isOpen) return;
    this.#isBusy = true;
    const { endpoint, limits } = this.#binding;
    // Other messages wait to leave: once they have, the values are newer.
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
      // A function may have set values again: these are for the next batch.
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
    // A ping overtakes messages that wait for the codec, or for the end of one that is sent in parts.
    if (endpoint.canSendSerialized) this.#askForReceipt();
    else endpoint.whenSent(() => this.#askForReceipt());
    this.#binding.flush();
  }

  /** @returns payload bytes, roughly */
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
    // Some transports bring the answer back at once.
    this.#checkReceipt();
  }

  #checkReceipt(): void {
    const { pingTimes } = this.#binding;
    if (this.#receipt !== 0 && pingTimes !== null && pingTimes.lastAnswered >= this.#receipt) this.#taken();
  }

  /** The peer has read the batch. */
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

/** Bytes of a value as far as they are known: a function's not before it is called. */
function sizeOf(message: WaitingValue['message']): number {
  if (typeof message === 'string') return Buffer.byteLength(message);
  return typeof message === 'function' ? 0 : message.length;
}
