/**
 * Exports the classes of a `WebSocket`'s events, for programs that create such events or use `instanceof`. The classes have their own file,
 * because the first access to the runtime's classes loads a large part of Node.js. Programs that do not use these classes need not load
 * this file.
 */

import {
  type CloseEvent as AnyCloseEvent,
  type ErrorEvent as AnyErrorEvent,
  type CloseEventConstructor,
  type ErrorEventConstructor,
  getCloseEvent,
  getErrorEvent,
} from './events.ts';

/** The class of `close` events: the runtime's class if there is one, otherwise an equivalent class of this library. */
export const CloseEvent: CloseEventConstructor = getCloseEvent();
export type CloseEvent = AnyCloseEvent;

/** The class of `error` events: the runtime's class if there is one, otherwise an equivalent class of this library. */
export const ErrorEvent: ErrorEventConstructor = getErrorEvent();
export type ErrorEvent = AnyErrorEvent;
