/**
 * One task per event: WebSockets Standard, "Feedback from the protocol"; HTML, "Event loops". Microtasks run between two tasks, and no event is fired
 * inside a call of the application. While messages wait for their tasks, the connection is not read: their number is bounded,
 * and they count in the memory budget (RFC 6455 §10.4).
 */

// Beyond either of these the connection is not read until the tasks have caught up.
const MAX_WAITING_MESSAGES = 256;
const MAX_WAITING_BYTES = 65_536;

// What an object costs beside its bytes.
const ITEM_COST = 128;

// As they are now: a test's fake timers would hold every event back.
const queueTask = setImmediate;

/** Whose tasks they are. */
export interface TasksOwner {
  /** A task begins. */
  onTask(): void;
  /** The messages that wait take so many bytes of memory. */
  onWaiting(bytes: number): void;
  /** The task of a message. */
  onMessage(message: string | Buffer): void;
  /** Too many messages wait. */
  pauseReading(): void;
  resumeReading(): void;
}

function runNext(tasks: Tasks): void {
  tasks.run();
}

/** The tasks of one connection, in order. */
export class Tasks {
  readonly #owner: TasksOwner;
  #waiting: (string | Buffer | (() => void) | null)[] = [];
  /** The place of the next one in `#waiting`. */
  #next = 0;
  #messages = 0;
  #bytes = 0;
  #isPaused = false;

  constructor(owner: TasksOwner) {
    this.#owner = owner;
  }

  /** Does something in a task of its own, after those that wait. */
  add(step: () => void): void {
    this.#waiting.push(step);
    queueTask(runNext, this);
  }

  addMessage(message: string | Buffer): void {
    this.#waiting.push(message);
    this.#messages++;
    this.#bytes += message.length;
    queueTask(runNext, this);
    this.#count();
    if (this.#isPaused || !this.#isFull) return;
    this.#isPaused = true;
    this.#owner.pauseReading();
  }

  /** The task that is due. */
  run(): void {
    this.#owner.onTask();
    const entry = this.#waiting[this.#next]!;
    this.#waiting[this.#next++] = null;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    if (typeof entry === 'function') {
      entry();
      return;
    }
    this.#messages--;
    this.#bytes -= entry.length;
    this.#count();
    this.#owner.onMessage(entry);
    if (!this.#isPaused || this.#messages > 0) return;
    this.#isPaused = false;
    this.#owner.resumeReading();
  }

  #count(): void {
    this.#owner.onWaiting(this.#bytes + this.#messages * ITEM_COST);
  }

  get #isFull(): boolean {
    return this.#messages >= MAX_WAITING_MESSAGES || this.#bytes >= MAX_WAITING_BYTES;
  }
}
