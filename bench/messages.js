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

const names =
  'alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy rupert sybil trent victor wendy'.split(
    ' ',
  );

/** Records of an application, cut to size. @param {number} size @param {number} count */
export function jsonMessages(size, count) {
  const next = random(size);
  /** @param {number} limit */
  const below = (limit) => Math.floor(next() * limit);
  /** @param {readonly string[]} list */
  const pick = (list) => list[below(list.length)];
  return Array.from({ length: count }, () => {
    let text = '[';
    while (text.length < size) {
      text += JSON.stringify({
        id: below(1e9),
        name: `${pick(names)}${below(1000)}`,
        email: `${pick(names)}${below(1000)}@example.com`,
        balance: below(1e7) / 100,
        created: new Date(1_700_000_000_000 + below(1e10)).toISOString(),
        active: next() < 0.5,
        role: pick(['user', 'admin', 'guest']),
      });
      text += ',';
    }
    return Buffer.from(text.slice(0, size));
  });
}
