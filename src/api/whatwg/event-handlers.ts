/**
 * Implements `onopen`, `onmessage`, `onerror` and `onclose` (HTML, "event handler IDL attributes"). When an attribute is set for the first
 * time, a listener is added. This listener calls the handler. If the attribute is set again, the listener keeps its place in the order of
 * the listeners. If the attribute is set to null, the listener is removed.
 */

/** The value of an attribute such as `onmessage`. */
// biome-ignore lint/complexity/noBannedTypes: HTML's EventHandler takes any object; one that is not callable does nothing.
export type HandlerValue = Function | object | null;

interface Handler {
  value: HandlerValue;
  readonly listener: (event: Event) => void;
}

/** The attributes `onopen`, `onmessage`, `onerror` and `onclose` of one object. */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, Handler>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get(type: string): HandlerValue {
    return this.#handlers.get(type)?.value ?? null;
  }

  /** Sets a handler. Any value except an object or a function counts as null (Web IDL, [LegacyTreatNonObjectAsNull]). */
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
      // If the handler throws, EventTarget reports the error, as for any other listener.
      listener: (event) => {
        if (typeof added.value === 'function') added.value.call(this.#target, event);
      },
    };
    this.#handlers.set(type, added);
    this.#target.addEventListener(type, added.listener);
  }
}
