/**
 * The event queue of a surface: one after the other, in order, never on the stack of a command or of a socket. The next event
 * comes when the callback is done with this one, its Promise included. Bounded: beyond its limits the oldest event is dropped,
 * and that is reported.
 */

import { isThenable, warn } from '../callback.ts';

/** Who an event is about: its number stays taken as long as events with it wait. */
export interface EventSource {
  /** Events of this source in the queue, the one that is being delivered included. */
  queued: number;
  /** `queued` became 0. */
  onSettled(): void;
}

export interface QueuedEvent {
  readonly source: EventSource;
  /** What it weighs against `maxBytes`. */
  readonly size: number;
}

// Callbacks that return at once run in batches; between two of them the event loop has its turn.
const BATCH = 64;

// What an event weighs beside its payload.
const EVENT_SIZE = 256;

/** What a program may set, and ask, of the queue. */
export interface PluginEvents {
  /** Events that may wait; the oldest one is dropped beyond. @default 10000 */
  limit: number;
  /** Bytes of payload that may wait, likewise; one event always may. @default 67108864 */
  maxBytes: number;
  /** Whether the Promise that a callback returns is waited for before the next event. @default true */
  awaits: boolean;
  /** Events that were dropped so far. */
  readonly dropped: number;
  /** How many wait. */
  readonly waiting: number;
  /** Hears what a callback throws, or its Promise rejects with. @default a process warning */
  onError: (error: unknown) => void;
  /** Hears of each dropped event, with `dropped` as it is then. @default a process warning for the first one in a row */
  onDrop: (dropped: number) => void;
  /** Resolves when no event waits and no callback is running. Not from within a callback: that one waits for itself. */
  idle(): Promise<void>;
}

/** Events that wait for the callback. */
export class EventQueue<Event extends QueuedEvent> implements PluginEvents {
  limit = 10_000;
  maxBytes = 67_108_864;
  awaits = true;
  dropped = 0;
  onError: (error: unknown) => void = warn;
  onDrop: (dropped: number) => void = () => {
    if (this.#isDropping) return;
    warn(new Error(`the event queue is full: the oldest of ${this.limit} events are being dropped`));
  };

  readonly #deliver: (event: Event) => unknown;
  #events: Event[] = [];
  #bytes = 0;
  #isRunning = false;
  #isHeld: boolean;
  #isDropping = false;
  #idle: (() => void)[] = [];

  /** @param held events wait until `release` */
  constructor(deliver: (event: Event) => unknown, held: boolean) {
    this.#deliver = deliver;
    this.#isHeld = held;
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
    let isFull = false;
    while (this.#events.length > 1 && (this.#events.length > this.limit || this.#bytes > this.maxBytes)) {
      isFull = true;
      this.#settle(this.#take());
      this.dropped++;
      this.#report(() => this.onDrop(this.dropped));
      this.#isDropping = true;
    }
    if (!isFull) this.#isDropping = false;
    this.#start();
  }

  /** What waits, of one source. */
  of(source: EventSource): Event[] {
    return this.#events.filter((event) => event.source === source);
  }

  /** From now on events are delivered. */
  release(): void {
    this.#isHeld = false;
    this.#start();
  }

  /** From now on events wait; those that did are dropped, unreported. */
  reset(): void {
    this.#isHeld = true;
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
          if (this.awaits) await result;
          else result.then(undefined, (error: unknown) => this.#report(() => this.onError(error)));
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

  #take(): Event {
    const event = this.#events.shift()!;
    this.#bytes -= event.size + EVENT_SIZE;
    return event;
  }

  #settle({ source }: Event): void {
    if (--source.queued === 0) source.onSettled();
  }

  /** A hook that throws must not stop the queue either. */
  #report(hook: () => unknown): void {
    try {
      const result = hook();
      if (isThenable(result)) result.then(undefined, warn);
    } catch (error) {
      warn(error);
    }
  }
}
