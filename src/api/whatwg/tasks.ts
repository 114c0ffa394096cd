/**
 * Runs one task of the event loop for each event (WebSockets Standard, "Feedback from the protocol"; HTML, "Event loops"). So microtasks
 * run between two events. No event is fired while code of the application runs. If too many messages wait for their tasks, the connection
 * stops reading. Waiting messages count in the memory budget (RFC 6455 §10.4).
 */

// The connection stops reading when this many messages, or this many bytes, wait for their tasks. The connection reads again when all
// waiting messages have been delivered. A text counts with its `length` (UTF-16 code units) instead of its bytes.
const MAX_WAITING_MESSAGES = 256;
const MAX_WAITING_BYTES = 65_536;

// Each waiting message counts as its own bytes plus this number.
const ITEM_COST = 128;

// `setImmediate` is read when this file is loaded. So fake timers in an application's tests do not delay the events.
const queueTask = setImmediate;

/** The session of the `WebSocket` that has these tasks. */
export interface TasksOwner {
  /** Is called at the beginning of each task. */
  onTask(): void;
  /** Is called when messages were added or delivered. @param bytes the memory of all waiting messages */
  onWaiting(bytes: number): void;
  /** Is called in the task of a message, to deliver the message. */
  onMessage(message: string | Buffer): void;
  /** Is called when too many messages wait. */
  pauseReading(): void;
  resumeReading(): void;
}

function runNext(tasks: Tasks): void {
  tasks.run();
}

/** The waiting tasks of one connection, in their order. */
export class Tasks {
  readonly #owner: TasksOwner;
  #waiting: (string | Buffer | (() => void) | null)[] = [];
  /** The index in `#waiting` of the task that runs next. */
  #next = 0;
  #messages = 0;
  #bytes = 0;
  #isPaused = false;

  constructor(owner: TasksOwner) {
    this.#owner = owner;
  }

  /** Runs `step` in a new task, after the tasks that already wait. */
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
