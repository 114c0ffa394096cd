/** Whether a bus has its engine: reported when it changes, to the listener that was given last. */

/** The state of one bus. It begins as up: what was never reached is reported as lost at the first failure. */
export class BusState {
  #isUp = true;
  #listener: (up: boolean) => void = () => {};
  /** Whether the listener knows that the engine is away. */
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

  /** A listener that comes while the engine is away is notified of that. */
  listen(listener: (up: boolean) => void): void {
    this.#listener = listener;
    this.#isTold = this.#isUp;
    queueMicrotask(() => {
      if (this.#isTold || this.#listener !== listener) return;
      this.#isTold = true;
      listener(false);
    });
  }

  /** Nothing is reported any more. */
  close(): void {
    this.#listener = () => {};
  }
}
