/**
 * `node bench/deflate-engine.js` (build first): compares our DEFLATE implementation, src/deflate/engine, with the synchronous functions of
 * node:zlib. The messages look like JSON. They are compressed with and without context (references to earlier messages). Prints the time
 * per message (the median of all rounds) and the bytes per message. src/deflate/codec.ts should use zlib for the message sizes at which
 * zlib is faster.
 *
 *   --rounds N         number of rounds (default 15)
 *   --sizes 256,1024   sizes of the messages in bytes (default: several sizes from 64 to 16,384)
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { deflate } from '../dist/deflate/engine/deflate.js';
import { inflate } from '../dist/deflate/engine/inflate.js';
import { Window } from '../dist/deflate/engine/window.js';
import { readArguments, readNumber } from '../scripts/command-line.js';

const { values } = readArguments({
  options: {
    rounds: { type: 'string', default: '15' },
    sizes: { type: 'string', default: '64,256,512,1024,2048,4096,16384' },
  },
});
const rounds = readNumber(values, 'rounds');
const sizes = values.sizes.split(',').map((sizes) => readNumber({ sizes }, 'sizes'));

/** The total size of the messages in each measurement. With this size, a measurement takes a few milliseconds. */
const BYTES_PER_RUN = 128 * 1024;
const MAX_MESSAGES = 400;
const LIMIT = 1 << 20;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

let state = 1;
/** Returns a pseudo-random number (xorshift). The sequence of numbers is the same in every run. */
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

const words =
  'the quick brown fox jumps over lazy dog while other words follow and nothing says why this text is here'.split(
    ' ',
  );
const word = () => words[Math.floor(random() * words.length)];

/** @param {number} size */
function jsonText(size) {
  let text = '[';
  while (text.length < size) {
    text += JSON.stringify({
      id: Math.floor(random() * 1e7),
      type: word(),
      user: `${word()}${Math.floor(random() * 1000)}`,
      at: 1.7e12 + Math.floor(random() * 1e9),
      value: Number((random() * 1000).toFixed(3)),
      ok: random() < 0.7,
      tags: [word(), word()],
      text: Array.from({ length: 3 + Math.floor(random() * 8) }, word).join(' '),
    });
    text += ',';
  }
  return Buffer.from(text.slice(0, size));
}

/** @param {Uint8Array} input @param {Window | null} window */
function zlibDeflate(input, window) {
  const dictionary = window !== null && window.length > 0 ? { dictionary: window.history } : {};
  return deflateRawSync(input, { finishFlush: constants.Z_SYNC_FLUSH, ...dictionary }).subarray(0, -4);
}

/** @param {Uint8Array} input @param {Window | null} window */
function zlibInflate(input, window) {
  const dictionary = window !== null && window.length > 0 ? { dictionary: window.history } : {};
  return inflateRawSync(Buffer.concat([input, TAIL]), {
    finishFlush: constants.Z_SYNC_FLUSH,
    maxOutputLength: LIMIT,
    ...dictionary,
  });
}

/** @param {number[]} samples */
const median = (samples) => samples.sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;

/** @param {number} size */
function measure(size) {
  const count = Math.max(8, Math.min(MAX_MESSAGES, Math.floor(BYTES_PER_RUN / size)));
  const before = jsonText(32_768);
  const messages = Array.from({ length: count }, () => jsonText(size));
  const fullWindow = () => {
    const window = new Window(15);
    window.append(before);
    return window;
  };

  /** @type {Record<string, { prepare: () => void, run: () => void, samples: number[], bytes: number }>} */
  const rows = {};
  for (const context of [true, false]) {
    const suffix = context ? 'context' : 'alone';
    for (const [engine, compress, decompress] of /** @type {const} */ ([
      [
        'ours',
        deflate,
        (/** @type {Uint8Array} */ data, /** @type {Window | null} */ w) => inflate(data, w, LIMIT),
      ],
      ['zlib', zlibDeflate, zlibInflate],
    ])) {
      // The sender keeps one window for all rounds. So the index of the window is full, as in a long connection.
      const sending = context ? fullWindow() : null;
      const window = context ? fullWindow() : null;
      const data = messages.map((message) => {
        const compressed = compress(message, window);
        window?.append(message);
        return Buffer.from(compressed);
      });
      const bytes = data.reduce((sum, { length }) => sum + length, 0) / count;
      rows[`deflate ${suffix} ${engine}`] = {
        prepare: () => {},
        run: () => {
          for (const message of messages) {
            compress(message, sending);
            sending?.append(message);
          }
        },
        samples: [],
        bytes,
      };
      /** @type {Window | null} */
      let receiving = null;
      rows[`inflate ${suffix} ${engine}`] = {
        prepare: () => {
          receiving = context ? fullWindow() : null;
        },
        run: () => {
          for (const compressed of data) {
            const message = decompress(compressed, receiving);
            receiving?.append(message);
          }
        },
        samples: [],
        bytes,
      };
    }
  }

  for (let round = -3; round < rounds; round++) {
    for (const row of Object.values(rows)) {
      row.prepare();
      const start = process.hrtime.bigint();
      row.run();
      const elapsed = Number(process.hrtime.bigint() - start) / count;
      if (round >= 0) row.samples.push(elapsed);
    }
  }

  for (const what of ['deflate context', 'deflate alone', 'inflate context', 'inflate alone']) {
    const ours = rows[`${what} ours`];
    const zlib = rows[`${what} zlib`];
    if (ours === undefined || zlib === undefined) continue;
    const [a, b] = [median(ours.samples), median(zlib.samples)];
    console.log(
      [
        String(size).padStart(6),
        what.padEnd(16),
        `${a.toFixed(0)} ns`.padStart(11),
        `${b.toFixed(0)} ns`.padStart(11),
        `${(b / a).toFixed(2)} x`.padStart(8),
        ours.bytes.toFixed(1).padStart(9),
        zlib.bytes.toFixed(1).padStart(9),
        `${((ours.bytes / zlib.bytes - 1) * 100).toFixed(1)} %`.padStart(8),
      ].join(' '),
    );
  }
}

console.log(`Node ${process.version}, ${rounds} rounds; zlib at level 6`);
console.log('  size what                    ours        zlib    ratio ours bytes zlib bytes    more');
for (const size of sizes) measure(size);
