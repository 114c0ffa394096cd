/** JSON-like text as people send it, the same in every run. */

/** A small generator with a fixed seed (mulberry32). @param {number} seed */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'];
const words = 'the quick brown fox jumps over a lazy dog while price order update status from room at'.split(
  ' ',
);

/** @param {number} size @param {number} count */
export function jsonMessages(size, count) {
  const next = random(size);
  /** @template T @param {readonly T[]} list */
  const pick = (list) => /** @type {T} */ (list[Math.floor(next() * list.length)]);
  return Array.from({ length: count }, () => {
    let text = '';
    while (text.length < size) {
      text += JSON.stringify({
        id: Math.floor(next() * 1e9),
        type: pick(['message', 'update', 'presence']),
        user: pick(names),
        timestamp: 1_700_000_000_000 + Math.floor(next() * 1e9),
        text: Array.from({ length: 6 }, () => pick(words)).join(' '),
        price: Math.floor(next() * 1e6) / 100,
        tags: [pick(words), pick(words)],
      });
    }
    return Buffer.from(text.slice(0, size));
  });
}
