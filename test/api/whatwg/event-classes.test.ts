/**
 * Tests the classes CloseEvent and ErrorEvent. They come from the runtime or, if the runtime has no such class, from this library.
 * WebSockets Standard, "The CloseEvent interface"; HTML §8.1.4.6.
 */
import { describe, expect, test } from 'vitest';
import { CloseEvent, ErrorEvent } from '../../../src/websocket.ts';
import { thrownBy } from './harness.ts';

describe('CloseEvent', () => {
  test('a CloseEvent without a dictionary has the defaults of the standard', () => {
    const event = new CloseEvent('close');
    expect(event).toBeInstanceOf(Event);
    expect([event.type, event.code, event.reason, event.wasClean]).toEqual(['close', 0, '', false]);
    expect([event.bubbles, event.cancelable]).toEqual([false, false]);
  });

  test('a CloseEvent has the values of its dictionary, and converts them to the types of the standard', () => {
    const event = new CloseEvent('x', { code: 4000, reason: 'a\ud800', wasClean: true, cancelable: true });
    expect([event.code, event.reason, event.wasClean, event.cancelable]).toEqual([
      4000,
      'a\ufffd',
      true,
      true,
    ]);
    expect(new CloseEvent('x', { code: 65_537 }).code).toBe(1);
    expect(new CloseEvent('x', { code: '7' as unknown as number }).code).toBe(7);
    expect(new CloseEvent('x', null as never).code).toBe(0);
    expect(thrownBy(() => new CloseEvent('x', 1 as never))).toBe('TypeError');
    expect(thrownBy(() => new (CloseEvent as unknown as new () => Event)())).toBe('TypeError');
  });

  test('the class CloseEvent has the members and properties that Web IDL requires', () => {
    expect(Object.keys(CloseEvent.prototype).sort()).toEqual(['code', 'reason', 'wasClean']);
    expect(Object.prototype.toString.call(new CloseEvent('x'))).toBe('[object CloseEvent]');
    expect((CloseEvent as unknown as { name: string }).name).toBe('CloseEvent');
    expect(thrownBy(() => (CloseEvent.prototype as { code: number }).code)).toBe('TypeError');
  });
});

describe('ErrorEvent', () => {
  test('an ErrorEvent without a dictionary has the defaults of the standard', () => {
    const event = new ErrorEvent('error');
    expect(event).toBeInstanceOf(Event);
    expect([event.message, event.filename, event.lineno, event.colno, event.error]).toEqual([
      '',
      '',
      0,
      0,
      undefined,
    ]);
  });

  test('an ErrorEvent has the values of its dictionary, and the constructor throws a TypeError if the dictionary is not an object', () => {
    const error = new Error('own');
    const event = new ErrorEvent('error', { message: 'm', filename: 'f', lineno: 1, colno: 2, error });
    expect([event.message, event.filename, event.lineno, event.colno, event.error]).toEqual([
      'm',
      'f',
      1,
      2,
      error,
    ]);
    expect(thrownBy(() => new ErrorEvent('x', 1 as never))).toBe('TypeError');
  });

  test('the class ErrorEvent has the members and properties that Web IDL requires', () => {
    expect(Object.keys(ErrorEvent.prototype).sort()).toEqual([
      'colno',
      'error',
      'filename',
      'lineno',
      'message',
    ]);
    expect(Object.prototype.toString.call(new ErrorEvent('x'))).toBe('[object ErrorEvent]');
  });
});
