/** The two kinds of messages for the benches of compression. Both are typical JSON. They are the same in every run. */

/** Returns a function that returns pseudo-random numbers (mulberry32). @param {number} seed */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

const names =
  'alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil trent victor wendy'.split(
    ' ',
  );

/** @typedef {(below: (limit: number) => number) => unknown} Make */

/** A record with repeated words and dates. It is compressed to about a third of its size. @type {Make} */
const user = (below) => {
  const pick = (/** @type {readonly string[]} */ list) => list[below(list.length)];
  return {
    id: below(1e9),
    name: `${pick(names)}${below(1000)}`,
    email: `${pick(names)}${below(1000)}@example.com`,
    balance: below(1e7) / 100,
    created: new Date(1_700_000_000_000 + below(1e10)).toISOString(),
    active: below(2) === 0,
    role: pick(['user', 'admin', 'guest']),
  };
};

/** A trade from a market feed: mostly random digits, which cannot be compressed well. @type {Make} */
const trade = (below) => ({
  e: 'trade',
  s: ['BTCUSD', 'ETHUSD', 'SOLUSD', 'XRPUSD'][below(4)],
  t: below(1e9),
  p: (below(1e8) / 100).toFixed(2),
  q: (below(1e7) / 1e4).toFixed(4),
  b: below(1e10),
  a: below(1e10),
  T: 1_700_000_000_000 + below(1e9),
  m: below(2) === 0,
});

/** The kinds of messages by name. */
const corpora = { users: user, trades: trade };

/** Returns `count` messages of `size` bytes. @param {number} size @param {number} count @param {keyof typeof corpora} corpus */
export function jsonMessages(size, count, corpus = 'users') {
  const next = random(size);
  /** @param {number} limit */
  const below = (limit) => Math.floor(next() * limit);
  return Array.from({ length: count }, () => {
    let text = '[';
    while (text.length < size) text += `${JSON.stringify(corpora[corpus](below))},`;
    return Buffer.from(text.slice(0, size));
  });
}
