import { expect, test } from 'vitest';
import {
  flattenHeaders,
  forbidFields,
  HeaderFields,
  type HeaderFieldsInit,
} from '../../src/handshake/header-fields.ts';
import { prototypeKeys } from './samples.ts';

test('S8: HeaderFields ignores the case of names, keeps the order of lines, and removes white space around values', () => {
  const fields = new HeaderFields(['A', ' 1\t', 'b', '2', 'a', '3 4']);
  expect(fields.values('a')).toEqual(['1', '3 4']);
  expect(fields.values('A')).toEqual(['1', '3 4']);
  expect(fields.joined('a')).toBe('1, 3 4');
  expect(fields.joined('B')).toBe('2');
  expect(fields.has('B')).toBe(true);
});

test('S5, S6: `single` returns the value of a field only if the field occurs exactly once', () => {
  const fields = new HeaderFields(['once', '1', 'twice', '1', 'TWICE', '1', 'empty', '']);
  expect(fields.single('Once')).toBe('1');
  expect(fields.single('empty')).toBe('');
  expect(fields.single('twice')).toBeNull();
  expect(fields.single('never')).toBeNull();
});

test('A11: a field with a name of Object.prototype exists only if it was sent', () => {
  const none = new HeaderFields([]);
  for (const key of prototypeKeys) {
    expect(none.has(key)).toBe(false);
    expect(none.values(key)).toEqual([]);
    expect(none.single(key)).toBeNull();
    expect(none.joined(key)).toBeNull();
    const fields = new HeaderFields([key, 'a', key.toUpperCase(), 'b']);
    expect(fields.values(key)).toEqual(['a', 'b']);
  }
});

test('if a caller changes the values that HeaderFields returns, the values in HeaderFields do not change', () => {
  const fields = new HeaderFields(['a', '1']);
  fields.values('a').push('2');
  expect(fields.values('a')).toEqual(['1']);
});

test('S17: forbidFields refuses the fields of the handshake by name and by prefix, in upper or lower case', () => {
  expect(() => forbidFields(['X', '1', 'HoSt', '2'], ['host'])).toThrow(TypeError);
  expect(() => forbidFields(['SEC-WebSocket-Anything', '1'], [], 'sec-websocket-')).toThrow(TypeError);
  expect(() => forbidFields(['X', 'host', 'Sec-Fetch-Mode', '1'], ['host'], 'sec-websocket-')).not.toThrow();
});

test('flattenHeaders returns a flat list, whether it gets an object, a list of names and values, or a list of pairs', () => {
  const flat = ['A', '1', 'b', '2', 'b', '3'];
  expect(flattenHeaders(flat)).toEqual(flat);
  expect(flattenHeaders(flat)).not.toBe(flat);
  expect(flattenHeaders({ A: '1', b: ['2', '3'] })).toEqual(flat);
  expect(
    flattenHeaders([
      ['A', '1'],
      ['b', '2'],
      ['b', '3'],
    ]),
  ).toEqual(flat);
  expect(flattenHeaders(new Map([['A', '1']]))).toEqual(['A', '1']);
  expect(
    flattenHeaders(
      new Headers([
        ['a', '1'],
        ['set-cookie', '2'],
        ['set-cookie', '3'],
      ]),
    ),
  ).toEqual(['a', '1', 'set-cookie', '2', 'set-cookie', '3']);
  expect(flattenHeaders([])).toEqual([]);
  expect(flattenHeaders({})).toEqual([]);
});

test.each<[unknown, string]>([
  [null, 'not null'],
  ['A: b', 'not a string'],
  [{ A: 5 }, 'the header field A is of type number'],
  [{ A: undefined }, 'the header field A is of type undefined'],
  [{ A: ['x', null] }, 'the header field A is null'],
  [[['A']], 'names and values in turn, or pairs'],
  [['A', 5], 'names and values in turn, or pairs'],
])('flattenHeaders refuses the fields %j', (headers, message) => {
  expect(() => flattenHeaders(headers as HeaderFieldsInit)).toThrow(TypeError);
  expect(() => flattenHeaders(headers as HeaderFieldsInit)).toThrow(message);
});
