/** The messages on the channel of a node:cluster, which the program uses as well. */
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

test.each(valid)('%j is a message of this bus', (message) => {
  expect(readClusterMessage(message, 'p')).toBe(message);
  expect(readClusterMessage(message, 'q')).toBeNull();
});

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
])('%j is not a message of a bus', (value) => {
  expect(readClusterMessage(value, 'p')).toBeNull();
});

test('any other value is ignored, since the program may send its own values', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(readClusterMessage(value, 'p')).toBeNull();
    }),
  );
});
