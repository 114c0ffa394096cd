/**
 * The options `host` and `port`. An error is thrown for a value that Node would read as another host or port. The functions that take
 * these options are tested in other files.
 */
import { expect, test } from 'vitest';
import { hostOption, portOption } from '../../src/api/address-options.ts';

const host = hostOption({ default: '127.0.0.1', text: 'A host.' });
const port = portOption({ default: 80, text: 'A port.' });

test('valid hosts and ports are accepted, and undefined is replaced by the default', () => {
  for (const value of ['::', '0.0.0.0', 'localhost']) expect(host.read(value, 'host', 'server')).toBe(value);
  for (const value of [0, 8080, 65_535]) expect(port.read(value, 'port', 'server')).toBe(value);
  expect(host.read(undefined, 'host', 'server')).toBe('127.0.0.1');
  expect(port.read(undefined, 'port', 'server')).toBe(80);
});

test.each(['', '  ', 5, false, {}, null])('FAULT-10: the host %j is refused with a TypeError', (value) => {
  expect(() => host.read(value as string, 'host', 'server')).toThrow(TypeError);
});

test.each(['x', '80', -1, 65_536, 1.5, null, false])(
  'FAULT-10: the port %j is refused with a RangeError',
  (value) => {
    expect(() => port.read(value as number, 'port', 'server')).toThrow(RangeError);
  },
);
