/**
 * Exports the classes of a `WebSocket`'s events, for programs that create such events or use `instanceof`. The classes have their own file
 * because reading them loads a large part of Node.js, see events.ts.
 */

import {
  type CloseEvent as AnyCloseEvent,
  type ErrorEvent as AnyErrorEvent,
  type CloseEventConstructor,
  type ErrorEventConstructor,
  getCloseEvent,
  getErrorEvent,
} from './events.ts';

/** The class of `close` events: the runtime's class, or a class of the same shape. */
export const CloseEvent: CloseEventConstructor = getCloseEvent();
export type CloseEvent = AnyCloseEvent;

/** The class of `error` events: the runtime's class, or a class of the same shape. */
export const ErrorEvent: ErrorEventConstructor = getErrorEvent();
export type ErrorEvent = AnyErrorEvent;
