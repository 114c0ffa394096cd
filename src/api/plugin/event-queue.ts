/**
 * Implements the queue that calls the callbacks of the plugins. The queue delivers events one after the other, in order. The queue never
 * delivers an event during a call of a command, or inside a handler of a socket. The next event is delivered after the callback has
 * returned and its Promise has settled. The size of the queue is limited. A connection with many events in the queue stops reading
 * (event-flow.ts). If the queue nevertheless becomes full, it drops the oldest event and reports the loss. This can happen before the
 * program sets a method.
 */

import { isThenable, warn } from '../callback.ts';
import { SlowCallback } from '../slow-callback.ts';
import type { EventFlow } from './event-flow.ts';

/**
 * The client or server that an event belongs to. While such an event waits, no new client or server gets the number of this client or
 * server.
 */
export interface EventSource {
  /** The number of events of this source in the queue, including the event that is being delivered. */
  queued: number;
  /** Is called when `queued` has become 0. */
  onSettled(): void;
}

export interface QueuedEvent {
  readonly source: EventSource;
  /** The size of the event in bytes, which counts towards `maxBytes`. */
  readonly size: number;
  /** Limits the events of the connection that the event belongs to. Null or absent if the event belongs to no connection. */
  readonly flow?: EventFlow | null;
}

// `setImmediate` is read when this module loads. So fake timers that a test installs later do not stop the delivery of events.
const { setImmediate } = globalThis;

// The maximum number of events that are delivered before the event loop runs again.
const BATCH = 64;

// Each event counts as the size of its payload plus this number of bytes.
const EVENT_SIZE = 256;

// The minimum number of milliseconds between two warnings, so that a peer cannot fill a log.
const QUIET_TIME = 60_000;

/** The properties of the queue that a program may set and read. */
export interface PluginEvents {
  /**
   * The number of events that may wait. If more events wait, the queue drops the oldest event. If more than half of this number wait, each
   * connection may have only one event in the queue, and stops reading until that event was delivered. @default 10000
   */
  limit: number;
  /**
   * The number of payload bytes that may wait. If more bytes wait, the queue drops the oldest event. If more than half of this number wait,
   * each connection may have only one event in the queue. A single event may always wait, even if it is larger. @default 67108864
   */
  maxBytes: number;
  /** If true, and a callback returns a Promise, the next event waits until this Promise has settled. @default true */
  awaits: boolean;
  /**
   * If the Promise of a callback takes more than this number of milliseconds, the process gets a warning that names the callback.
   * @default 10000
   */
  warnAfter: number;
  /** The number of events that were dropped so far. */
  readonly dropped: number;
  /** The number of events that wait. */
  readonly waiting: number;
  /** Is called with the error of a callback or of its Promise. @default emits a process warning */
  onError: (error: unknown) => void;
  /** Is called for each dropped event, with the value of `dropped`. @default emits a process warning, at most one per minute */
  onDrop: (dropped: number) => void;
  /**
   * Resolves when no callback is running and no event waits. If no method is set, the Promise does not wait for the events in the queue. Do
   * not await this Promise in a callback, because the callback would then never end.
   */
  idle(): Promise<void>;
}

export class EventQueue<Event extends QueuedEvent> implements PluginEvents {
  limit = 10_000;
  maxBytes = 67_108_864;
  awaits = true;
  warnAfter = 10_000;
  dropped = 0;
  onError: (error: unknown) => void = warn;
  onDrop: (dropped: number) => void = () => {
    const now = performance.now();
    if (now - this.#warnedAt < QUIET_TIME) return;
    this.#warnedAt = now;
    warn(new Error(`the event queue is full: the oldest of ${this.limit} events are being dropped`));
  };

  readonly #deliver: (event: Event) => unknown;
  readonly #describe: (event: Event) => string;
  #events: Event[] = [];
  #bytes = 0;
  #isRunning = false;
  #isHeld: boolean;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #idle: (() => void)[] = [];
  readonly #slow = new SlowCallback(() => this.warnAfter);
  /** Stops waiting for the callback that is running. */
  #giveUp: (() => void) | null = null;

  /**
   * @param held if true, all events wait until `release` is called
   * @param describe returns a text for a warning, which names the callback and the connection of an event
   */
  constructor(
    deliver: (event: Event) => unknown,
    held: boolean,
    describe: (event: Event) => string = () => 'a callback',
  ) {
    this.#deliver = deliver;
    this.#isHeld = held;
    this.#describe = describe;
  }

  get waiting(): number {
    return this.#events.length;
  }

  idle(): Promise<void> {
    if (!this.#isRunning && (this.#isHeld || this.#events.length === 0)) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  push(event: Event): void {
    event.source.queued++;
    this.#events.push(event);
    this.#bytes += event.size + EVENT_SIZE;
    if (this.#isHeld) event.flow?.addedWhileHeld(event.size);
    else event.flow?.added(event.size, this.#isCrowded);
    while (this.#events.length > 1 && (this.#events.length > this.limit || this.#bytes > this.maxBytes)) {
      this.#settle(this.#take());
      this.dropped++;
      this.#report(() => this.onDrop(this.dropped));
    }
    this.#start();
  }

  /** True if the queue is above 3/4 of a limit. Servers then refuse new connections. */
  get isFull(): boolean {
    return !this.#isHeld && this.#isOver(3 / 4);
  }

  /** True if the queue is above half of a limit. Each connection may then have only one event in the queue. */
  get #isCrowded(): boolean {
    return this.#isOver(1 / 2);
  }

  #isOver(part: number): boolean {
    return this.#events.length > this.limit * part || this.#bytes > this.maxBytes * part;
  }

  /** Returns the waiting events of one client or server. */
  of(source: EventSource): Event[] {
    return this.#events.filter((event) => event.source === source);
  }

  /** Begins to deliver events. */
  release(): void {
    this.#isHeld = false;
    this.#start();
  }

  /**
   * Stops delivering events until `release` is called. The events in the queue are dropped, and `onDrop` is not called for them. The queue
   * no longer waits for a running callback.
   */
  reset(): void {
    this.#isHeld = true;
    this.#giveUp?.();
    while (this.#events.length > 0) this.#settle(this.#take());
  }

  #start(): void {
    if (this.#isRunning || this.#isHeld || this.#events.length === 0) return;
    this.#isRunning = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    for (let count = 1; this.#events.length > 0 && !this.#isHeld; count++) {
      const event = this.#take();
      try {
        const result = this.#deliver(event);
        if (isThenable(result)) {
          const onRejected = (error: unknown) => this.#report(() => this.onError(error));
          const ended = Promise.resolve(result).then(() => {}, onRejected);
          if (this.awaits) await this.#wait(event, ended);
        }
      } catch (error) {
        this.#report(() => this.onError(error));
      }
      this.#settle(event);
      if (count % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#isRunning = false;
    for (const resolve of this.#idle.splice(0)) resolve();
    this.#start();
  }

  /** Waits until the Promise of a callback has settled or `reset` is called. @param ended a Promise that never rejects */
  async #wait(event: Event, ended: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#giveUp = resolve;
      this.#slow.begin(() =>
        warn(new Error(`${this.#describe(event)} has not ended: ${this.waiting} events wait for it`)),
      );
      void ended.then(resolve);
    });
    this.#slow.end();
    this.#giveUp = null;
  }

  #take(): Event {
    const event = this.#events.shift()!;
    this.#bytes -= event.size + EVENT_SIZE;
    return event;
  }

  #settle({ source, flow, size }: Event): void {
    flow?.settled(size, this.#isCrowded);
    if (--source.queued === 0) source.onSettled();
  }

  /** Calls `onError` or `onDrop`. If that function throws, the process gets a warning, and the queue continues. */
  #report(hook: () => unknown): void {
    try {
      const result = hook();
      if (isThenable(result)) result.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  }
}
