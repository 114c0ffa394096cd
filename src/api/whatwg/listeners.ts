/**
 * Defines the types of a `WebSocket`'s listeners: the event that each listener receives, and the options of EventTarget's methods. See DOM,
 * "Interface EventTarget".
 */

import type { CloseEvent, ErrorEvent, MessageEvent } from './events.ts';

/** The class of the event for each event type. */
export interface WebSocketEventMap {
  open: Event;
  message: MessageEvent;
  error: ErrorEvent;
  close: CloseEvent;
}

/** The types of a `WebSocket`'s events. */
export type EventType = keyof WebSocketEventMap;

/** A listener for events of one type. */
export type WebSocketListener<Type extends EventType, Target = EventTarget> =
  | ((this: Target, event: WebSocketEventMap[Type]) => unknown)
  | { handleEvent(event: WebSocketEventMap[Type]): unknown };

/** A listener, or null. Null adds no listener. */
export type ListenerOf<Type extends EventType, Target> = WebSocketListener<Type, Target> | null;

/** The value that an attribute such as `onmessage` accepts. */
export type HandlerOf<Type extends EventType, Target> =
  | ((this: Target, event: WebSocketEventMap[Type]) => unknown)
  | null;

/**
 * The value that an attribute such as `onmessage` returns. This type accepts any handler. So this class is compatible with libraries that
 * expect the browser's class.
 */
// biome-ignore lint/suspicious/noExplicitAny: the browser's handlers have another type of `this`, and an `error` event without a reason.
export type AnyHandler = ((this: any, event: any) => any) | null;

/** A listener for events of other types. */
export type AnyListener = ((event: Event) => void) | { handleEvent(event: Event): void } | null;

/** The options of `addEventListener` and `removeEventListener`. */
export interface ListenerOptions {
  readonly once?: boolean | undefined;
  readonly passive?: boolean | undefined;
  readonly capture?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The options of a listener, or a boolean, which stands for `capture`. */
export type Options = boolean | ListenerOptions;
