/**
 * Group 22.4: the masking keys of a client over several connections. RFC 6455 §5.3 and §10.3 require keys that cannot be predicted. A
 * client fails these cases if its keys follow a simple rule.
 */

import type { Case, Check, Titles } from '../case/model.ts';
import { messageEvent, text } from '../case/steps.ts';
import { type About, echoed, numbered } from './build.ts';

const sent: About = { section: '6455 §5.3', covers: ['F12'], against: 'client' };

/** The masking keys of the last connections that were checked. */
const remembered: (readonly string[])[] = [];
const KEPT_CONNECTIONS = 64;

/**
 * Two random keys of 32 bits may be equal by chance. But if one connection repeats several keys of another connection, this is not chance.
 */
const unlikeEarlier: Check = ({ frames }) => {
  const keys = [...new Set(frames.flatMap(({ key }) => (key === null ? [] : [key.toString('hex')])))];
  if (keys.length < frames.length / 2) return `${frames.length} frames have ${keys.length} masking keys.`;
  const alike = remembered.map((earlier) => keys.filter((key) => earlier.includes(key)).length);
  remembered.push(keys);
  if (remembered.length > KEPT_CONNECTIONS) remembered.shift();
  const most = Math.max(0, ...alike);
  return most < 2 ? null : `${most} of ${keys.length} masking keys were used on an earlier connection too.`;
};

/** The ways to read a key as a number: from the first byte, and from the last byte. */
const readings: readonly (readonly [string, (key: Buffer) => number])[] = [
  ['', (key) => key.readUInt32BE(0)],
  [', last byte first', (key) => key.readUInt32LE(0)],
];

/**
 * Returns true if the key after k is always a·k + c modulo 2^32. Then each difference of two keys is a times the previous difference. A
 * counter follows this rule with a = 1.
 */
function isCongruential(keys: readonly number[]): boolean {
  const steps = keys.slice(1).map((key, i) => (key - keys[i]!) | 0);
  const triples = steps.slice(2).map((step, i) => [steps[i]!, steps[i + 1]!, step] as const);
  return triples.length > 8 && triples.every(([a, b, c]) => Math.imul(a, c) === Math.imul(b, b));
}

/** Returns true if each bit of a key is an XOR of bits of the previous key. Xorshift generators and shift registers make such keys. */
function isShiftRegister(keys: readonly number[]): boolean {
  const basis = new Map<number, bigint>();
  let agreed = 0;
  for (const [i, key] of keys.slice(1).entries()) {
    // One row of linear equations: a bit that is always set, and the 32 bits of two keys in sequence.
    let row = (1n << 64n) | (BigInt(keys[i]! >>> 0) << 32n) | BigInt(key >>> 0);
    while (row >> 32n !== 0n) {
      const place = row.toString(2).length;
      const other = basis.get(place);
      if (other === undefined) {
        basis.set(place, row);
        break;
      }
      row ^= other;
    }
    // The earlier keys already determine this key. If the prediction is wrong, the keys follow no such rule.
    if (row >> 32n === 0n) {
      if (row !== 0n) return false;
      agreed += 1;
    }
  }
  return agreed > 8;
}

const noLinearSequence: Check = ({ frames }) => {
  const keys = frames.flatMap(({ key }) => (key === null ? [] : [key]));
  for (const [how, numberOf] of readings) {
    const numbers = keys.map(numberOf);
    if (isCongruential(numbers)) return `Each masking key is a·k + c of the previous key k${how}.`;
    if (isShiftRegister(numbers))
      return `The bits of each masking key are sums of bits of the previous key${how}.`;
  }
  return null;
};

const numbersTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);
const looksAt = (count: number, what: string, about: About, check: Check) =>
  echoed(
    `Sends ${count} messages, and ${what}`,
    about,
    numbersTo(count).map((one) => text(one)),
    numbersTo(count).map((one) => messageEvent('text', one)),
    { checks: [check] },
  );

export const clientKeyTitles: Titles = { '22.4': 'Masking keys of clients over several connections' };

/** The cases of group 22.4, in order. */
export const clientKeys: readonly Case[] = numbered('22.4', [
  looksAt(16, 'records the masking keys of the echoes.', sent, unlikeEarlier),
  looksAt(
    16,
    'records the masking keys again. An earlier connection must not have used them.',
    sent,
    unlikeEarlier,
  ),
  looksAt(16, 'records the masking keys a third time.', sent, unlikeEarlier),
  looksAt(
    100,
    'checks the masking keys of the echoes. No linear rule may predict the next key.',
    { ...sent, section: '6455 §10.3' },
    noLinearSequence,
  ),
]);
