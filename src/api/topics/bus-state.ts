/**
 * Stores whether a bus is connected to its engine, for example Redis or NATS. Each change is reported to the listener that was set last.
 */

/** The state of one bus. At the beginning the bus counts as connected. The first failure to reach the engine sets the state to false. */
export class BusState {
  #isUp = true;
  #listener: (up: boolean) => void = () => {};
  /** Whether the listener has been notified of the current state. */
  #isTold = true;

  get isUp(): boolean {
    return this.#isUp;
  }

  set(up: boolean): void {
    if (up === this.#isUp) return;
    this.#isUp = up;
    this.#isTold = true;
    this.#listener(up);
  }

  /**
   * Sets the listener. If the engine cannot be reached now, the listener is called with false in a microtask. If the state changes before
   * that, the listener is called only for the change.
   */
  listen(listener: (up: boolean) => void): void {
    this.#listener = listener;
    this.#isTold = this.#isUp;
    queueMicrotask(() => {
      if (this.#isTold || this.#listener !== listener) return;
      this.#isTold = true;
      listener(false);
    });
  }

  /** Removes the listener, so that no change is reported any more. */
  close(): void {
    this.#listener = () => {};
  }
}
