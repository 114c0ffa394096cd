/**
 * One timer for all sockets: a hashed wheel of deadlines. RFC 6455 names few deadlines (§7.1.1: a client MAY time out on the server's
 * close). The other deadlines prevent a peer from holding a connection open, see docs/architecture.md.
 *
 * A deadline is never early, and at most one tick late while the process runs. It is checked after the sockets were read, so that data
 * which arrived in time counts, even if the process was blocked. While nothing is scheduled, no timer runs. No timer keeps the process
 * alive.
 */

import { type Clock, clock as processClock } from './clock.ts';

/** Called when a timer is due. */
export interface TimerOwner {
  onTimer(): void;
}

// Milliseconds. Deadlines are tens of seconds long; a finer tick would only wake the process more often.
const TICK = 20;

const SLOTS = 1024;

// Milliseconds. If the wheel is late by more than this, the process was blocked: each deadline that passed is moved, once.
const STANDSTILL = 1_000;

/** A deadline that can be set again and again without allocation. Made by `TimerWheel.timer`. */
export class Timer {
  readonly #wheel: TimerWheel;
  readonly owner: TimerOwner;
  /** The tick at which the timer is due; 0 while it is not set. */
  tick = 0;
  /** The requested delay; negative once it was prolonged because the process was blocked. */
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

  /** Sets the deadline to `delay` milliseconds from now, instead of an earlier one. `Infinity` means never. */
  set(delay: number): void {
    this.cancel();
    if (delay < Number.MAX_SAFE_INTEGER) this.#wheel.add(this, delay);
  }

  /** The same as `set`, but only if the new deadline is earlier than the current one. */
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
  /** Everything up to this tick has been called. */
  #done = 0;
  #handle: NodeJS.Timeout | null = null;
  /** The tick that `#handle` waits for. */
  #armedFor = 0;
  /** Whether a tick is due, and waits until the sockets were read. */
  #waitsForPoll = false;
  #running = false;

  constructor(clock: Clock = processClock) {
    this.#clock = clock;
  }

  /** Returns milliseconds on a clock that never jumps. */
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

  /** Called by `Timer.set`. */
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
    // If an owner is being called and sets a timer, that timer does not decide when to wake up next, because other timers may be due before
    // it.
    if (this.#running || this.#waitsForPoll) return;
    if (this.#handle === null || timer.tick < this.#armedFor) this.#arm(timer.tick);
  }

  /** Called by `Timer.cancel`. */
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
    // The delay is at most one turn of the wheel, since a delay over 2^31 ms would fire at once.
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
    // The process may have been stopped, or busy, for a long time. In a turn, Node runs timers before sockets. A peer must not be dropped
    // while its answer waits in the kernel.
    this.#clock.afterPoll(() => this.#run(late > STANDSTILL ? late : 0));
  }

  /** @param lost milliseconds for which the process was blocked */
  #run(lost: number): void {
    this.#waitsForPoll = false;
    const reached = Math.floor(this.now() / TICK);
    // After a pause of the whole process, every slot is checked once, not once for each missed tick.
    let tick = Math.max(this.#done + 1, reached - SLOTS + 1);
    this.#done = Math.max(this.#done, reached);
    this.#running = true;
    try {
      for (; tick <= reached; tick++) this.#runSlot(tick % SLOTS, reached, lost);
    } finally {
      // If an owner threw, the other owners of its tick are called at the next wake-up.
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
      // An owner that was called before this one may have cancelled it, or set it again.
      if (timer.tick === 0 || timer.tick > reached) continue;
      const { delay } = timer;
      this.remove(timer);
      // Neither side could do anything while the process was blocked, so the deadline moves. It moves only once: otherwise a process that is
      // always late would have no deadlines.
      if (lost > 0 && delay > 0) {
        this.add(timer, Math.min(lost, delay));
        timer.delay = -delay;
      } else {
        timer.owner.onTimer();
      }
    }
  }

  /** Returns the next tick to wake up for: the tick of the next slot that holds a timer, at most one turn of the wheel away. */
  #nextTick(): number {
    const last = this.#done + SLOTS;
    for (let tick = this.#done + 1; tick < last; tick++) {
      if ((this.#slots[tick % SLOTS] ?? null) !== null) return tick;
    }
    return last;
  }
}

/** The wheel that every connection of the process shares. */
export const processTimers: TimerWheel = new TimerWheel();
