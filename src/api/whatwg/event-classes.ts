/**
 * The classes of a `WebSocket`'s events, for programs that make such events or ask `instanceof`. They are in a file of their own because
 * looking at them loads a good part of Node.js, see events.ts.
 */

import {
  type CloseEvent as AnyCloseEvent,
  type ErrorEvent as AnyErrorEvent,
  type CloseEventConstructor,
  type ErrorEventConstructor,
  getCloseEvent,
  getErrorEvent,
} from './events.ts';

/** The class of `close` events: the runtime's, or one of the same shape. */
export const CloseEvent: CloseEventConstructor = getCloseEvent();
export type CloseEvent = AnyCloseEvent;

/** The class of `error` events: the runtime's, or one of the same shape. */
export const ErrorEvent: ErrorEventConstructor = getErrorEvent();
export type ErrorEvent = AnyErrorEvent;
