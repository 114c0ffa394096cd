/**
 * Implements `onopen`, `onmessage`, `onerror` and `onclose`: HTML, "event handler IDL attributes". Such a handler is one listener. Its place
 * in the list of listeners is the place where it was first set. Null removes the listener.
 */

/** The value of an event handler attribute. */
// biome-ignore lint/complexity/noBannedTypes: HTML's EventHandler takes any object; one that is not callable does nothing.
export type HandlerValue = Function | object | null;

interface Handler {
  value: HandlerValue;
  readonly listener: (event: Event) => void;
}

/** The event handler attributes of one object. */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, Handler>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get(type: string): HandlerValue {
    return this.#handlers.get(type)?.value ?? null;
  }

  /** Sets a handler. Web IDL [LegacyTreatNonObjectAsNull]: a value that is not an object counts as null. */
  set(type: string, given: unknown): void {
    const isObject = (typeof given === 'object' && given !== null) || typeof given === 'function';
    const handler = this.#handlers.get(type);
    if (!isObject) {
      if (handler === undefined) return;
      this.#handlers.delete(type);
      this.#target.removeEventListener(type, handler.listener);
      return;
    }
    if (handler !== undefined) {
      handler.value = given;
      return;
    }
    const added: Handler = {
      value: given,
      // If the handler throws, the EventTarget reports the error, as for any listener.
      listener: (event) => {
        if (typeof added.value === 'function') added.value.call(this.#target, event);
      },
    };
    this.#handlers.set(type, added);
    this.#target.addEventListener(type, added.listener);
  }
}
