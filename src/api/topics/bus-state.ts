/** Stores whether a bus is connected to its engine. Each change is reported to the listener that was set last. */

/** The state of one bus. At the beginning the bus counts as connected: if its engine cannot be reached, the first failure reports the loss. */
export class BusState {
  #isUp = true;
  #listener: (up: boolean) => void = () => {};
  /** Whether the listener knows the current state. */
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

  /** Sets the listener. If the engine is away at the moment, the listener is notified. */
  listen(listener: (up: boolean) => void): void {
    this.#listener = listener;
    this.#isTold = this.#isUp;
    queueMicrotask(() => {
      if (this.#isTold || this.#listener !== listener) return;
      this.#isTold = true;
      listener(false);
    });
  }

  /** Stops all reports. */
  close(): void {
    this.#listener = () => {};
  }
}
