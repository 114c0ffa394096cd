/**
 * Exports the classes of the events, for programs that create such events or use `instanceof`. Loading this file loads a large part of
 * Node.js, because it reads the classes of the runtime. So the classes have a separate file, which other programs do not load.
 */

import {
  type CloseEvent as AnyCloseEvent,
  type ErrorEvent as AnyErrorEvent,
  type CloseEventConstructor,
  type ErrorEventConstructor,
  getCloseEvent,
  getErrorEvent,
} from './events.ts';

/** The class of `close` events: the global class of Node.js, or an equivalent class of this library if Node.js has no such class. */
export const CloseEvent: CloseEventConstructor = getCloseEvent();
export type CloseEvent = AnyCloseEvent;

/** The class of `error` events: the global class of Node.js, or an equivalent class of this library if Node.js has no such class. */
export const ErrorEvent: ErrorEventConstructor = getErrorEvent();
export type ErrorEvent = AnyErrorEvent;
