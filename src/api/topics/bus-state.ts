/** Stores whether a bus is connected to its engine, for example Redis or NATS. Reports each change to one listener. */

/** The state of one bus. At first the bus counts as connected. The state changes to disconnected when the engine cannot be reached. */
export class BusState {
  #isUp = true;
  #listener: (up: boolean) => void = () => {};
  /** False until the listener was called with the current state. */
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
   * Sets the listener. If the bus is disconnected now, the listener is called with false in a microtask. If the bus connects before the
   * microtask runs, the listener is called only with true.
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

  /** Removes the listener. Later changes are not reported. */
  close(): void {
    this.#listener = () => {};
  }
}
