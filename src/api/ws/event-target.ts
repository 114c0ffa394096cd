/**
 * Implements `addEventListener` and the `on…` attributes for a WebSocket that is an EventEmitter. WHATWG and the package `ws` define these
 * members. RFC 6455 does not define them. As in `ws`, `emit` calls the listeners, and the events are not instances of the global class
 * `Event`.
 */

import type { EventEmitter } from 'node:events';

/** `addListener` adds a wrapper function to the emitter. The application's listener is the value of this property of the wrapper. */
export const kListener: unique symbol = Symbol('rfc6455 listener');
const isAttribute: unique symbol = Symbol('rfc6455 on… attribute');

/** The event that is passed to a listener of `addEventListener`, or to the function of an `on…` attribute. */
export class Event<Target = unknown> {
  readonly type: string;
  readonly target: Target;

  constructor(type: string, target: Target) {
    this.type = type;
    this.target = target;
  }
}

export class CloseEvent<Target = unknown> extends Event<Target> {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(target: Target, code: number, reason: string, wasClean: boolean) {
    super('close', target);
    this.code = code;
    this.reason = reason;
    this.wasClean = wasClean;
  }
}

export class ErrorEvent<Target = unknown> extends Event<Target> {
  readonly error: unknown;
  readonly message: string;

  constructor(target: Target, error: unknown) {
    super('error', target);
    this.error = error;
    this.message = error instanceof Error ? error.message : '';
  }
}

export class MessageEvent<Target = unknown> extends Event<Target> {
  readonly data: unknown;

  constructor(target: Target, data: unknown) {
    super('message', target);
    this.data = data;
  }
}

/** A listener of `addEventListener`. It is a function, or an object with a method `handleEvent`. */
export type Listener = ((event: never) => void) | { handleEvent(event: never): void };

type Wrapper = ((...values: unknown[]) => void) & { [kListener]?: unknown; [isAttribute]?: boolean };

/** The emitter to which `addListener` adds listeners. */
export interface Target extends EventEmitter {
  /** True if both Close frames were exchanged. `CloseEvent` has the same property. */
  readonly wasClean: boolean;
}

/** For each type of event, a function that makes the event from the values of `emit`. */
const makers: Readonly<Record<string, (target: Target, ...values: never[]) => Event>> = {
  open: (target) => new Event('open', target),
  message: (target, data: Buffer, isBinary: boolean) =>
    new MessageEvent(target, isBinary ? data : data.toString()),
  close: (target, code: number, reason: Buffer) =>
    new CloseEvent(target, code, reason.toString(), target.wasClean),
  error: (target, error: unknown) => new ErrorEvent(target, error),
};

/**
 * Implements `addEventListener`. Accepts only the types 'open', 'message', 'close' and 'error'. Does not add a listener a second time.
 * @param once if true, the listener is removed before its first call
 * @param attribute true for the function of an `on…` attribute; false for any other listener
 */
export function addListener(
  target: Target,
  type: string,
  listener: Listener,
  once = false,
  attribute = false,
): void {
  const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
  const isThere = !attribute && find(target, type, listener, false) !== undefined;
  if (make === undefined || isThere) return;
  const wrapper: Wrapper = (...values) => {
    const event = make(target, ...(values as never[])) as never;
    if (typeof listener === 'function') listener.call(target, event);
    else listener.handleEvent(event);
  };
  wrapper[kListener] = listener;
  wrapper[isAttribute] = attribute;
  if (once) target.once(type, wrapper);
  else target.on(type, wrapper);
}

/** Removes a listener that `addEventListener` has added. Does not remove a listener that `on` has added. */
export function removeListener(target: Target, type: string, listener: Listener): void {
  const wrapper = find(target, type, listener, false);
  if (wrapper !== undefined) target.removeListener(type, wrapper);
}

/** Returns the function of an `on…` attribute. Returns null if no function is set. */
export function attributeOf(target: Target, type: string): unknown {
  return wrappersOf(target, type).find((one) => one[isAttribute] === true)?.[kListener] ?? null;
}

/** Sets the function of an `on…` attribute. Any other value removes the current function. */
export function setAttribute(target: Target, type: string, value: unknown): void {
  for (const wrapper of wrappersOf(target, type)) {
    if (wrapper[isAttribute] === true) target.removeListener(type, wrapper);
  }
  if (typeof value === 'function') addListener(target, type, value as Listener, false, true);
}

function find(target: Target, type: string, listener: Listener, attribute: boolean): Wrapper | undefined {
  return wrappersOf(target, type).find(
    (one) => one[kListener] === listener && one[isAttribute] === attribute,
  );
}

function wrappersOf(target: Target, type: string): Wrapper[] {
  return target.listeners(type) as Wrapper[];
}
