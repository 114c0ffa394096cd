/**
 * Makes the events of a `WebSocket` (WebSockets Standard, "The CloseEvent interface"; HTML, MessageEvent and ErrorEvent). The events are
 * objects of the runtime's classes. Some classes are missing in Node.js: CloseEvent and ErrorEvent in versions 20 and 22, and ErrorEvent in
 * version 24. So this file defines these classes.
 */

import { toUSVString } from 'node:util';
import { describe } from '../option-names.ts';
import { requireArguments } from './arguments.ts';

/**
 * The event `message`. For a text message, `data` is a string. For a binary message, `data` is a Blob or an ArrayBuffer, depending on
 * `binaryType`.
 */
export interface MessageEvent<Data = string | Blob | ArrayBuffer> extends Event {
  readonly data: Data;
  /** The origin of the URL of the server, such as `wss://example.com`. */
  readonly origin: string;
  readonly lastEventId: string;
  /** Always null. */
  readonly source: unknown;
  readonly ports: readonly unknown[];
}

/** The event `close`, which says how a connection ended. */
export interface CloseEvent extends Event {
  /** True if both Close frames were exchanged. */
  readonly wasClean: boolean;
  /**
   * The close code of the peer's Close frame. 1005 if the frame had no code. 1006 if the connection failed, or if the peer sent no Close
   * frame.
   */
  readonly code: number;
  /** The reason in the peer's Close frame. The peer can choose any text, so escape the reason before you show it. */
  readonly reason: string;
}

/** The event `error`. Its property `error` says why the connection failed. */
export interface ErrorEvent extends Event {
  readonly message: string;
  /**
   * The error is one of these:
   * - a `ProtocolError` or a `ConnectionError`
   * - a `HandshakeError`: its `stage`, `status` and `body` describe the response of the server
   * - the reason of the application's signal, if the signal aborted the attempt to connect
   * - an AbortError, if `close()` was called while the WebSocket was connecting
   */
  readonly error: unknown;
  readonly filename: string;
  readonly lineno: number;
  readonly colno: number;
}

/** The options that the constructor of every event accepts. */
export interface AnyEventInit {
  readonly bubbles?: boolean;
  readonly cancelable?: boolean;
  readonly composed?: boolean;
}

/** The options of `new CloseEvent`. */
export interface CloseEventInit extends AnyEventInit {
  readonly wasClean?: boolean | undefined;
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/** The options of `new ErrorEvent`. */
export interface ErrorEventInit extends AnyEventInit {
  readonly message?: string | undefined;
  readonly filename?: string | undefined;
  readonly lineno?: number | undefined;
  readonly colno?: number | undefined;
  readonly error?: unknown;
}

/** The class CloseEvent. */
export interface CloseEventConstructor {
  new (type: string, init?: CloseEventInit): CloseEvent;
  readonly prototype: CloseEvent;
}

/** The class ErrorEvent. */
export interface ErrorEventConstructor {
  new (type: string, init?: ErrorEventInit): ErrorEvent;
  readonly prototype: ErrorEvent;
}

// Web IDL: undefined and null count as an empty dictionary. Any other dictionary has to be an object.
function toDictionary<Init extends object>(init: Init | null | undefined): Partial<Init> {
  if (init === undefined || init === null) return {};
  if (typeof init === 'object' || typeof init === 'function') return init;
  throw new TypeError(`the second argument of an event is ${describe(init)}, not an object`);
}

const MadeCloseEvent: CloseEventConstructor = class CloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, init?: CloseEventInit);
  constructor(...args: unknown[]) {
    requireArguments('a CloseEvent', 1, args.length);
    const given = toDictionary(args[1] as CloseEventInit);
    super(`${args[0]}`, given);
    const { code, reason = '', wasClean } = given;
    // Web IDL: an unsigned short is converted modulo 65,536.
    this.#code = new Uint16Array([Number(code ?? 0)])[0]!;
    this.#reason = toUSVString(`${reason}`);
    this.#wasClean = Boolean(wasClean);
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }
};

const MadeErrorEvent: ErrorEventConstructor = class ErrorEvent extends Event {
  readonly #message: string;
  readonly #filename: string;
  readonly #lineno: number;
  readonly #colno: number;
  readonly #error: unknown;

  constructor(type: string, init?: ErrorEventInit);
  constructor(...args: unknown[]) {
    requireArguments('an ErrorEvent', 1, args.length);
    const given = toDictionary(args[1] as ErrorEventInit);
    super(`${args[0]}`, given);
    const { message = '', filename = '', lineno, colno, error } = given;
    this.#message = `${message}`;
    this.#filename = toUSVString(`${filename}`);
    this.#lineno = Number(lineno ?? 0) >>> 0;
    this.#colno = Number(colno ?? 0) >>> 0;
    this.#error = error;
  }

  get message(): string {
    return this.#message;
  }

  get filename(): string {
    return this.#filename;
  }

  get lineno(): number {
    return this.#lineno;
  }

  get colno(): number {
    return this.#colno;
  }

  get error(): unknown {
    return this.#error;
  }
};

/** Makes the members of a class enumerable, and lets `Object.prototype.toString` return the name of the class. Web IDL requires both. */
export function showMembers(prototype: object, name: string): void {
  for (const [key, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (key !== 'constructor') Object.defineProperty(prototype, key, { ...descriptor, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

showMembers(MadeCloseEvent.prototype, 'CloseEvent');
showMembers(MadeErrorEvent.prototype, 'ErrorEvent');
// Web IDL: the `length` of a constructor is the number of its required arguments.
for (const Class of [MadeCloseEvent, MadeErrorEvent]) {
  Object.defineProperty(Class, 'length', { value: 1, configurable: true });
}

interface Runtime {
  readonly CloseEvent?: CloseEventConstructor;
  readonly ErrorEvent?: ErrorEventConstructor;
  readonly MessageEvent: MessageEventConstructor;
}

type MessageEventConstructor = new (
  type: string,
  init: { readonly data: unknown; readonly origin: string },
) => MessageEvent;

const runtime = globalThis as unknown as Runtime;

// The classes of the runtime are read when the first event is made. From Node.js 22 on, reading such a class loads all of `fetch`, which
// takes a tenth of a second.
let closeEventClass: CloseEventConstructor | null = null;
let errorEventClass: ErrorEventConstructor | null = null;
let messageEventClass: MessageEventConstructor | null = null;

/** Returns the class CloseEvent of the runtime. If the runtime has none, returns the class of this file. */
export function getCloseEvent(): CloseEventConstructor {
  closeEventClass ??= runtime.CloseEvent ?? MadeCloseEvent;
  return closeEventClass;
}

/** Returns the class ErrorEvent of the runtime. If the runtime has none, returns the class of this file. */
export function getErrorEvent(): ErrorEventConstructor {
  errorEventClass ??= runtime.ErrorEvent ?? MadeErrorEvent;
  return errorEventClass;
}

// In Node.js 20, `Object.prototype.toString` does not return the name of this class. A subclass adds the name.
function getMessageEvent(): MessageEventConstructor {
  const { MessageEvent } = runtime;
  if (Object.hasOwn(MessageEvent.prototype, Symbol.toStringTag)) return MessageEvent;
  const Named = { MessageEvent: class extends MessageEvent {} }.MessageEvent;
  showMembers(Named.prototype, 'MessageEvent');
  return Named;
}

export function messageEvent(data: string | Blob | ArrayBuffer, origin: string): MessageEvent {
  messageEventClass ??= getMessageEvent();
  return new messageEventClass('message', { data, origin });
}

export function closeEvent(code: number, reason: string, wasClean: boolean): CloseEvent {
  const Class = getCloseEvent();
  return new Class('close', { code, reason, wasClean });
}

/** Makes an `error` event. @param error why the connection failed */
export function errorEvent(error: unknown): ErrorEvent {
  const Class = getErrorEvent();
  return new Class('error', { message: error instanceof Error ? error.message : '', error });
}
