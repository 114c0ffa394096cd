/**
 * Defines the types of the listeners of a `WebSocket`, and the options of the methods that add and remove them. See DOM, "Interface
 * EventTarget".
 */

import type { CloseEvent, ErrorEvent, MessageEvent } from './events.ts';

/** The class of the event object for each type of event. */
export interface WebSocketEventMap {
  open: Event;
  message: MessageEvent;
  error: ErrorEvent;
  close: CloseEvent;
}

/** The names of the events of a `WebSocket`. */
export type EventType = keyof WebSocketEventMap;

/** A listener for one type of event. */
export type WebSocketListener<Type extends EventType, Target = EventTarget> =
  | ((this: Target, event: WebSocketEventMap[Type]) => unknown)
  | { handleEvent(event: WebSocketEventMap[Type]): unknown };

/** A listener, or null. Passing null adds no listener. */
export type ListenerOf<Type extends EventType, Target> = WebSocketListener<Type, Target> | null;

/** The value to which an attribute such as `onmessage` can be set. */
export type HandlerOf<Type extends EventType, Target> =
  | ((this: Target, event: WebSocketEventMap[Type]) => unknown)
  | null;

/**
 * The value that an attribute such as `onmessage` returns. This type is compatible with any handler. So libraries that expect the browser's
 * class accept this class too.
 */
// biome-ignore lint/suspicious/noExplicitAny: the browser's handlers have another type of `this`, and an `error` event without a reason.
export type AnyHandler = ((this: any, event: any) => any) | null;

/** A listener for any other type of event. */
export type AnyListener = ((event: Event) => void) | { handleEvent(event: Event): void } | null;

/** The options of `addEventListener` and `removeEventListener`. */
export interface ListenerOptions {
  readonly once?: boolean | undefined;
  readonly passive?: boolean | undefined;
  readonly capture?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The options of a listener. A boolean stands for the option `capture`. */
export type Options = boolean | ListenerOptions;
