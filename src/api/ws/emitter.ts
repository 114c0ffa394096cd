/**
 * The base class of a WebSocket with the API of `ws`. It is an EventEmitter. It has the four `on…` attributes, `addEventListener`, and the
 * constants of the states. websocket.ts implements the connection (RFC 6455).
 */

import { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RawData } from './data.ts';
import {
  addListener,
  attributeOf,
  type CloseEvent,
  type ErrorEvent,
  type Event,
  type Listener,
  type MessageEvent,
  removeListener,
  setAttribute,
} from './event-target.ts';

/** The names of the states. The position of a name in this list is the value of `readyState`. */
export const readyStates = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

/** The events, and the arguments of their listeners. */
export interface WebSocketEvents {
  open: [];
  message: [data: RawData, isBinary: boolean];
  close: [code: number, reason: Buffer];
  error: [error: Error];
  ping: [data: Buffer];
  pong: [data: Buffer];
  upgrade: [response: IncomingMessage];
  redirect: [url: string, request: ClientRequest];
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
}

/** The base class of `WebSocket`, with its events. */
export abstract class WebSocketEmitter extends EventEmitter<WebSocketEvents> {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  /** @internal True if both Close frames were exchanged. `CloseEvent` has the same property. */
  abstract get wasClean(): boolean;

  /** Adds a listener for 'open', 'message', 'close' or 'error'. Does nothing for any other type. */
  addEventListener(
    type: string,
    listener: Listener,
    options?: { readonly once?: boolean | undefined },
  ): void {
    addListener(this, type, listener, options?.once === true);
  }

  removeEventListener(type: string, listener: Listener): void {
    removeListener(this, type, listener);
  }

  get onopen(): ((event: Event<WebSocketEmitter>) => void) | null {
    return attributeOf(this, 'open') as never;
  }

  set onopen(listener: ((event: Event<WebSocketEmitter>) => void) | null) {
    setAttribute(this, 'open', listener);
  }

  get onmessage(): ((event: MessageEvent<WebSocketEmitter>) => void) | null {
    return attributeOf(this, 'message') as never;
  }

  set onmessage(listener: ((event: MessageEvent<WebSocketEmitter>) => void) | null) {
    setAttribute(this, 'message', listener);
  }

  get onclose(): ((event: CloseEvent<WebSocketEmitter>) => void) | null {
    return attributeOf(this, 'close') as never;
  }

  set onclose(listener: ((event: CloseEvent<WebSocketEmitter>) => void) | null) {
    setAttribute(this, 'close', listener);
  }

  get onerror(): ((event: ErrorEvent<WebSocketEmitter>) => void) | null {
    return attributeOf(this, 'error') as never;
  }

  set onerror(listener: ((event: ErrorEvent<WebSocketEmitter>) => void) | null) {
    setAttribute(this, 'error', listener);
  }
}

const attributes = [
  'binaryType',
  'bufferedAmount',
  'extensions',
  'isPaused',
  'protocol',
  'readyState',
  'url',
  'onopen',
  'onmessage',
  'onclose',
  'onerror',
];

/**
 * Defines the constants of the states on the class and on its prototype, as WHATWG requires. Makes the attributes of the prototype
 * enumerable.
 */
export function declareAttributes(webSocketClass: { readonly prototype: WebSocketEmitter }): void {
  readyStates.forEach((name, value) => {
    const constant = { value, enumerable: true, writable: false, configurable: false };
    Object.defineProperty(webSocketClass, name, constant);
    Object.defineProperty(webSocketClass.prototype, name, constant);
  });
  for (const name of attributes) {
    const from = Object.hasOwn(webSocketClass.prototype, name) ? webSocketClass : WebSocketEmitter;
    const attribute = Object.getOwnPropertyDescriptor(from.prototype, name);
    Object.defineProperty(webSocketClass.prototype, name, { ...attribute, enumerable: true });
  }
}
