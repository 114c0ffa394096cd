/** Tests what Web IDL requires of the class `WebSocket`: constants, attributes, methods, conversions, and errors for a wrong `this`. */
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket as FromRoot } from '../../../src/index.ts';
import { WebSocket } from '../../../src/websocket.ts';
import { closeAll, open, thrownBy } from './harness.ts';

afterEach(closeAll);

/** Creates a `WebSocket` that never connects. */
function idle(): WebSocket {
  return open('ws://127.0.0.1/', [], { signal: AbortSignal.abort() });
}

const constants = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const readonlyAttributes = ['url', 'readyState', 'bufferedAmount', 'extensions', 'protocol'];
const attributes = ['binaryType', 'onopen', 'onmessage', 'onerror', 'onclose'];

test('the class WebSocket and its prototype have the constants of the standard, which cannot be changed', () => {
  for (const target of [WebSocket, WebSocket.prototype]) {
    for (const [name, value] of Object.entries(constants)) {
      expect(Object.getOwnPropertyDescriptor(target, name)).toEqual({
        value,
        writable: false,
        enumerable: true,
        configurable: false,
      });
    }
  }
  expect(idle().CLOSED).toBe(3);
});

test('the attributes of a WebSocket are enumerable accessors of the prototype', () => {
  for (const name of [...readonlyAttributes, ...attributes]) {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(
      WebSocket.prototype,
      name,
    )!;
    expect({ enumerable, configurable, get: typeof get, set: typeof set }).toEqual({
      enumerable: true,
      configurable: true,
      get: 'function',
      set: attributes.includes(name) ? 'function' : 'undefined',
    });
    expect(get!.name).toBe(`get ${name}`);
    expect(get!.length).toBe(0);
  }
});

test('the methods of a WebSocket are enumerable and writable, and their `length` is the number of required arguments', () => {
  for (const [name, length] of [
    ['close', 0],
    ['send', 1],
  ] as const) {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(WebSocket.prototype, name)!;
    expect(flags).toEqual({ writable: true, enumerable: true, configurable: true });
    expect([value.name, value.length]).toEqual([name, length]);
  }
});

test('the class WebSocket has the name, length, prototype and parent class that the standard requires', () => {
  expect([WebSocket.name, WebSocket.length]).toEqual(['WebSocket', 1]);
  expect(Object.getPrototypeOf(WebSocket)).toBe(EventTarget);
  expect(Object.getPrototypeOf(WebSocket.prototype)).toBe(EventTarget.prototype);
  expect(Object.getOwnPropertyDescriptor(WebSocket, 'prototype')).toMatchObject({
    writable: false,
    enumerable: false,
  });
  expect(WebSocket.prototype.constructor).toBe(WebSocket);
  expect(Object.getOwnPropertyDescriptor(WebSocket.prototype, Symbol.toStringTag)).toEqual({
    value: 'WebSocket',
    writable: false,
    enumerable: false,
    configurable: true,
  });
  expect(String(idle())).toBe('[object WebSocket]');
});

test('the enumerable members of WebSocket are exactly the members that the standard defines', () => {
  expect(Object.keys(WebSocket.prototype).sort()).toEqual(
    [...readonlyAttributes, ...attributes, ...Object.keys(constants), 'close', 'send'].sort(),
  );
  expect(Object.keys(WebSocket)).toEqual(Object.keys(constants));
  expect(Object.keys(idle())).toEqual([]);
});

test('rfc6455 and rfc6455/websocket export the same class', () => {
  expect(FromRoot).toBe(WebSocket);
});

test('an attribute or a method of WebSocket throws a TypeError if `this` is not a WebSocket', () => {
  for (const name of [...readonlyAttributes, ...attributes]) {
    expect(thrownBy(() => Reflect.get(WebSocket.prototype, name))).toBe('TypeError');
    expect(thrownBy(() => Reflect.get(WebSocket.prototype, name, {}))).toBe('TypeError');
  }
  for (const method of [WebSocket.prototype.close, WebSocket.prototype.send] as ((
    ...given: unknown[]
  ) => void)[]) {
    expect(thrownBy(() => method.call({}, 1000))).toBe('TypeError');
  }
});

test('a read-only attribute cannot be changed or deleted', () => {
  const socket = idle();
  for (const name of readonlyAttributes) {
    const before = Reflect.get(socket, name);
    expect(Reflect.set(socket, name, 5)).toBe(false);
    expect(Reflect.get(socket, name)).toBe(before);
    expect(Reflect.deleteProperty(socket, name)).toBe(true);
    expect(Reflect.get(socket, name)).toBe(before);
  }
});

test('binaryType accepts blob and arraybuffer, and ignores any other value', () => {
  const socket = idle() as { binaryType: unknown };
  expect(socket.binaryType).toBe('blob');
  socket.binaryType = 'arraybuffer';
  for (const value of ['nodebuffer', 'ArrayBuffer', '', 'blob ', null, undefined, 1, {}]) {
    socket.binaryType = value;
    expect(socket.binaryType).toBe('arraybuffer');
  }
  socket.binaryType = { toString: () => 'blob' };
  expect(socket.binaryType).toBe('blob');
  expect(thrownBy(() => (socket.binaryType = Symbol('blob')))).toBe('TypeError');
});

test('an instance of a subclass of WebSocket is also an instance of WebSocket', () => {
  class Named extends WebSocket {
    readonly label = 'named';
  }
  const socket = new Named('ws://127.0.0.1/', [], { signal: AbortSignal.abort() });
  expect([socket.label, socket.readyState, socket instanceof WebSocket]).toEqual(['named', 0, true]);
});

test('console.log shows the URL of a WebSocket', () => {
  expect(inspect(idle())).toContain("url: 'ws://127.0.0.1/'");
});

describe('event handler attributes', () => {
  for (const name of ['onopen', 'onmessage', 'onerror', 'onclose'] as const) {
    test(`${name} is null at first, accepts any object or function, and treats all other values as null`, () => {
      const socket = idle() as unknown as Record<string, unknown>;
      expect(socket[name]).toBeNull();
      const handler = () => {};
      const object = {};
      for (const value of [handler, object, []]) {
        socket[name] = value;
        expect(socket[name]).toBe(value);
      }
      for (const value of [1, 'x', undefined, true, Symbol('x'), null]) {
        socket[name] = handler;
        socket[name] = value;
        expect(socket[name]).toBeNull();
      }
    });
  }

  test('if a program sets an event handler attribute again, the new handler keeps the position of the old handler in the order of listeners', () => {
    const socket = idle();
    const calls: string[] = [];
    socket.addEventListener('open', () => calls.push('before'));
    socket.onopen = () => calls.push('first');
    socket.addEventListener('open', () => calls.push('after'));
    socket.onopen = function (this: WebSocket, event) {
      calls.push(`second ${this === socket} ${event.target === socket}`);
    };
    socket.dispatchEvent(new Event('open'));
    expect(calls).toEqual(['before', 'second true true', 'after']);
  });

  test('null removes an event handler, and a handler that is set later becomes the last listener', () => {
    const socket = idle();
    const calls: string[] = [];
    socket.onopen = () => calls.push('handler');
    socket.addEventListener('open', () => calls.push('listener'));
    socket.onopen = null;
    socket.dispatchEvent(new Event('open'));
    expect(calls).toEqual(['listener']);
    socket.onopen = () => calls.push('handler');
    socket.dispatchEvent(new Event('open'));
    expect(calls).toEqual(['listener', 'listener', 'handler']);
  });

  test('an object as an event handler attribute is never called, even if it has a method handleEvent', () => {
    const socket = idle();
    let called = 0;
    (socket as { onopen: unknown }).onopen = { handleEvent: () => called++ };
    socket.dispatchEvent(new Event('open'));
    expect(called).toBe(0);
  });
});
