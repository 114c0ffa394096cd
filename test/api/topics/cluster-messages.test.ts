/** Tests the messages between the processes of node:cluster. The program may send other messages on the same channel. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readClusterMessage } from '../../../src/api/topics/cluster-messages.ts';

const valid = [
  { bus: 'p', kind: 'subscribe', pattern: 'a' },
  { bus: 'p', kind: 'unsubscribe', pattern: 'a/*' },
  { bus: 'p', kind: 'message', topic: 'a', bytes: 'AA==' },
  { bus: 'p', kind: 'gap', topics: ['a'] },
  { bus: 'p', kind: 'gap', topics: null },
  { bus: 'p', kind: 'hello' },
];

test.each(valid)(
  '`readClusterMessage` accepts %j for the bus that the message names, and for no other bus',
  (message) => {
    expect(readClusterMessage(message, 'p')).toBe(message);
    expect(readClusterMessage(message, 'q')).toBeNull();
  },
);

test.each([
  null,
  'hello',
  {},
  { bus: 'p' },
  { bus: 'p', kind: 'other' },
  { bus: 'p', kind: 'subscribe' },
  { bus: 'p', kind: 'unsubscribe', pattern: 1 },
  { bus: 'p', kind: 'message', topic: 'a' },
  { bus: 'p', kind: 'message', bytes: '' },
  { bus: 'p', kind: 'gap' },
  { bus: 'p', kind: 'gap', topics: 'a' },
])('`readClusterMessage` refuses %j', (value) => {
  expect(readClusterMessage(value, 'p')).toBeNull();
});

test('`readClusterMessage` ignores all other values, because the program may send values on the same channel', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(readClusterMessage(value, 'p')).toBeNull();
    }),
  );
});
