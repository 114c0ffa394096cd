/** Tests the check of a Host field. `isHost` accepts some values without calling URL. For these values, URL must also accept the host. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isHost } from '../../src/handshake/host.ts';

/** A slow and simple reference. It refuses characters that end the host or change its meaning. For other texts, the class URL decides. */
function isHostByUrl(text: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(text) || /["#/<>?@\\^`{|}]/.test(text)) return false;
  try {
    new URL(`http://${text}`);
    return true;
  } catch {
    return false;
  }
}

const number = fc.oneof(
  fc.nat(300).map(String),
  fc.constantFrom('0', '00', '01', '255', '256', '0x7f', '1e1', '4294967295', ''),
);
const label = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'aZx09-'), maxLength: 6 }),
  fc.constantFrom('xn--a', 'xn--bcher-kva', 'a--b', '-', '', 'localhost', '0x1', 'com', '1a'),
  number,
);
const port = fc.oneof(
  fc.constant(''),
  fc.nat(70_000).map((value) => `:${value}`),
  fc.constantFrom(':', ':0', ':080', ':65535', ':65536', ':000001', ':a', ':1:2', ':-1'),
);
const host = fc
  .tuple(
    fc.oneof(
      fc.array(label, { maxLength: 5 }).map((labels) => labels.join('.')),
      fc.array(number, { minLength: 1, maxLength: 5 }).map((numbers) => numbers.join('.')),
      fc.constantFrom('[::1]', '[::', '%41', 'a%00', 'a b', 'a_b', '*', 'a:b@c'),
    ),
    port,
  )
  .map((parts) => parts.join(''));

test('S3, H3: isHost and URL agree on hosts of every form, with every kind of port', () => {
  fc.assert(
    fc.property(host, (text) => {
      expect(isHost(text)).toBe(isHostByUrl(text));
    }),
    { numRuns: 20_000 },
  );
});
