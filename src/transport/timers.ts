/**
 * Handles the deadlines of all sockets with one timer of Node (a hashed timer wheel). RFC 6455 has few deadlines. One of them is in §7.1.1:
 * a client MAY stop waiting for the server to close TCP. The other deadlines prevent a peer from holding a connection open (see
 * docs/architecture.md).
 *
 * A deadline is never early. It is at most one tick (20 ms) late while the process is not blocked. Deadlines are checked after Node has
 * read the sockets. So data that arrived in time counts, even if the process was blocked. Node's timer runs only while a deadline is set.
 * The timer does not keep the process alive.
 */

import { type Clock, clock as processClock } from './clock.ts';

/** The owner of a timer. `onTimer` is called when the timer is due. */
export interface TimerOwner {
  onTimer(): void;
}

// The length of a tick in milliseconds. Most deadlines are seconds long, so a shorter tick would only wake the process more often.
const TICK = 20;

const SLOTS = 1024;

// In milliseconds. If Node's timer is late by more than this time, we assume that the process was blocked. Then each deadline that has
// passed is extended once.
const STANDSTILL = 1_000;

/** A deadline that can be set any number of times without allocation. `TimerWheel.timer` makes it. */
export class Timer {
  readonly #wheel: TimerWheel;
  readonly owner: TimerOwner;
  /** The tick at which the timer is due. 0 while the timer is not set. */
  tick = 0;
  /** The requested delay in milliseconds. It is negative if the deadline was extended because the process was blocked. */
  delay = 0;
  previous: Timer | null = null;
  next: Timer | null = null;

  constructor(wheel: TimerWheel, owner: TimerOwner) {
    this.#wheel = wheel;
    this.owner = owner;
  }

  get isSet(): boolean {
    return this.tick !== 0;
  }

  /**
   * Sets the deadline to `delay` milliseconds from now. It replaces the deadline that was set before. `Infinity` means that the timer is
   * never due.
   */
  set(delay: number): void {
    this.cancel();
    if (delay < Number.MAX_SAFE_INTEGER) this.#wheel.add(this, delay);
  }

  /** Sets the deadline to `delay` milliseconds from now, unless the timer already has an earlier deadline. */
  setSooner(delay: number): void {
    if (this.tick === 0 || this.#wheel.tickAfter(delay) < this.tick) this.set(delay);
  }

  cancel(): void {
    if (this.tick !== 0) this.#wheel.remove(this);
  }
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: (Timer | null)[] = new Array<Timer | null>(SLOTS).fill(null);
  #count = 0;
  /** The last tick that was handled. The owners of all timers up to this tick have been called. */
  #done = 0;
  #handle: NodeJS.Timeout | null = null;
  /** The tick for which Node's timer (`#handle`) is set. */
  #armedFor = 0;
  /** True after Node's timer has fired, until Node has read the sockets and `#run` is called. */
  #waitsForPoll = false;
  #running = false;

  constructor(clock: Clock = processClock) {
    this.#clock = clock;
  }

  /** Returns the time in milliseconds. A change of the system time does not affect this clock. */
  now(): number {
    return this.#clock.now();
  }

  timer(owner: TimerOwner): Timer {
    return new Timer(this, owner);
  }

  /** Returns the tick at which `delay` milliseconds will have passed. */
  tickAfter(delay: number): number {
    return Math.ceil((this.now() + delay) / TICK);
  }

  /** Is called by `Timer.set`. */
  add(timer: Timer, delay: number): void {
    if (this.#count === 0) this.#done = Math.floor(this.now() / TICK);
    timer.delay = delay;
    timer.tick = Math.max(this.tickAfter(delay), this.#done + 1);
    const slot = timer.tick % SLOTS;
    const head = this.#slots[slot] ?? null;
    timer.next = head;
    timer.previous = null;
    if (head !== null) head.previous = timer;
    this.#slots[slot] = timer;
    this.#count++;
    // If `#run` is running or will run soon, we do not set Node's timer here. `#run` sets Node's timer before it returns.
    if (this.#running || this.#waitsForPoll) return;
    if (this.#handle === null || timer.tick < this.#armedFor) this.#arm(timer.tick);
  }

  /** Is called by `Timer.cancel`. */
  remove(timer: Timer): void {
    if (timer.previous === null) this.#slots[timer.tick % SLOTS] = timer.next;
    else timer.previous.next = timer.next;
    if (timer.next !== null) timer.next.previous = timer.previous;
    timer.previous = null;
    timer.next = null;
    timer.tick = 0;
    if (--this.#count === 0) this.#disarm();
  }

  #arm(tick: number): void {
    this.#disarm();
    // The delay is at most one revolution of the wheel. Without a limit, a delay over 2^31 ms would make Node's timer fire immediately.
    this.#armedFor = Math.min(tick, this.#done + SLOTS);
    const delay = Math.ceil(this.#armedFor * TICK - this.now());
    this.#handle = this.#clock.setTimeout(() => this.#wake(), Math.max(1, delay));
  }

  #disarm(): void {
    if (this.#handle !== null) this.#clock.clearTimeout(this.#handle);
    this.#handle = null;
  }

  #wake(): void {
    this.#handle = null;
    this.#waitsForPoll = true;
    const late = this.now() - this.#armedFor * TICK;
    // Node runs timers before it reads sockets. If the process was blocked for a long time, the answer of a peer may still wait in the
    // kernel. So we check the deadlines after Node has read the sockets.
    this.#clock.afterPoll(() => this.#run(late > STANDSTILL ? late : 0));
  }

  /** @param lost how long the process was blocked, in milliseconds. 0 if it was not blocked */
  #run(lost: number): void {
    this.#waitsForPoll = false;
    const reached = Math.floor(this.now() / TICK);
    // If the process was blocked for more than one revolution of the wheel, it is enough to check every slot once.
    let tick = Math.max(this.#done + 1, reached - SLOTS + 1);
    this.#done = Math.max(this.#done, reached);
    this.#running = true;
    try {
      for (; tick <= reached; tick++) this.#runSlot(tick % SLOTS, reached, lost);
    } finally {
      // If an owner threw, the other timers of this slot are handled when Node's timer fires next.
      if (tick <= reached) this.#done = tick - 1;
      this.#running = false;
      if (this.#count > 0) this.#arm(this.#nextTick());
    }
  }

  #runSlot(slot: number, reached: number, lost: number): void {
    const due: Timer[] = [];
    for (let timer = this.#slots[slot] ?? null; timer !== null; timer = timer.next) {
      if (timer.tick <= reached) due.push(timer);
    }
    for (const timer of due) {
      // An owner that was called earlier in this loop may have cancelled this timer, or set it again.
      if (timer.tick === 0 || timer.tick > reached) continue;
      const { delay } = timer;
      this.remove(timer);
      // While the process was blocked, we could not read the data of the peer. So we extend the deadline, but only once. Otherwise a
      // process that is always late would have no deadlines.
      if (lost > 0 && delay > 0) {
        this.add(timer, Math.min(lost, delay));
        timer.delay = -delay;
      } else {
        timer.owner.onTimer();
      }
    }
  }

  /**
   * Returns the tick of the next slot that has a timer. If this tick is more than one revolution of the wheel away, returns the end of the
   * revolution.
   */
  #nextTick(): number {
    const last = this.#done + SLOTS;
    for (let tick = this.#done + 1; tick < last; tick++) {
      if ((this.#slots[tick % SLOTS] ?? null) !== null) return tick;
    }
    return last;
  }
}

/** The timer wheel that all connections of the process share. */
export const processTimers: TimerWheel = new TimerWheel();
