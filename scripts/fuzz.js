/**
 * `npm run fuzz -- [--inputs N] [--seed S]`: gives random inputs to `Endpoint`. Each input goes to a new endpoint (client or server), in
 * random chunks. Four of five inputs are a valid stream (fragments, control frames, text) with one to three mutations. The fifth input is
 * random bytes. Every second endpoint has permessage-deflate, and also receives compressed messages. Some of these are damaged. Prints how
 * many inputs broke each rule of `violations`. The same seed gives the same inputs. The script fails in these cases:
 * - a rule was never broken
 * - an endpoint threw
 * - the output or the events of an endpoint break a rule
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { readArguments, readNumber } from './command-line.js';

/**
 * @typedef {'client' | 'server'} Role
 * @typedef {{ fin: boolean, rsv: number, opcode: number, payload: Buffer, form?: 7 | 16 | 64, length?: bigint,
 *   flipMask?: boolean }} Frame a frame to build. An absent property has its valid value
 * @typedef {{ masked: boolean, fin: boolean, rsv: number, opcode: number, payload: Buffer }} SentFrame
 */

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), 'dist');

/** @param {string} path @returns {Promise<any>} */
function built(path) {
  const file = join(dist, path);
  if (!existsSync(file)) throw new Error(`${file} is missing: run "npm run build" first`);
  return import(pathToFileURL(file).href);
}

const { CompressionBudget } = await built('deflate/budget.js');
const { DeflateCodec } = await built('deflate/codec.js');
const { Endpoint, EndpointState } = await built('frame/endpoint.js');
const { MemoryBudget } = await built('frame/memory-budget.js');
const { ProtocolError, violations } = await built('frame/violation.js');

const MAX_MESSAGE_SIZE = 3000;

/**
 * A few inputs are a message of empty DEFLATE blocks. They have more than 1 MiB of compressed bytes, to exceed the limit for input without
 * output.
 */
const LARGE_MESSAGE_SIZE = 1_100_000;

/**
 * Returns a generator of random integers from 0 to `limit` - 1.
 * @param {number} seed
 * @returns {(limit: number) => number}
 */
function generator(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** @typedef {(limit: number) => number} Pick */

/** @template T @param {Pick} pick @param {readonly T[]} list @returns {T} */
function oneOf(pick, list) {
  return /** @type {T} */ (list[pick(list.length)]);
}

// ---- valid streams ----

const texts = ['', 'Hello', 'Grüße', 'κόσμε', '€uro', '😀😀', '\ufeffmark', '\ufffd', 'a'.repeat(130)];

/** @param {Pick} pick */
function textOf(pick) {
  let text = '';
  for (let n = pick(4); n >= 0; n--) text += oneOf(pick, texts);
  return Buffer.from(text);
}

/** @param {Pick} pick */
function bytesOf(pick) {
  const size = oneOf(pick, [0, 1, 5, 125, 126, 127, 300, pick(1200)]);
  return Buffer.alloc(size, pick(256));
}

/** @param {Pick} pick @returns {Frame} */
function controlFrame(pick) {
  return { fin: true, rsv: 0, opcode: 9 + pick(2), payload: Buffer.alloc(pick(126), pick(256)) };
}

/** @param {Pick} pick @returns {Frame} */
function closeFrame(pick) {
  const code = oneOf(pick, [1000, 1001, 1003, 1011, 1014, 3000, 4999]);
  const reason = oneOf(pick, ['', 'bye', 'grüß']);
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
  return { fin: true, rsv: 0, opcode: 8, payload: pick(5) === 0 ? Buffer.alloc(0) : payload };
}

/**
 * Returns the frames of one message, with control frames between them.
 * @param {Pick} pick
 * @param {Compress | null} compress
 * @returns {Frame[]}
 */
function message(pick, compress) {
  const opcode = 1 + pick(2);
  const content = opcode === 1 ? textOf(pick) : bytesOf(pick);
  const compressed = compress !== null && pick(3) > 0;
  const payload = compressed ? compress(content) : content;
  /** @type {Frame[]} */
  const frames = [];
  let start = 0;
  for (let left = pick(3) === 0 ? pick(5) : 0; left >= 0; left--) {
    const end = left === 0 ? payload.length : start + pick(payload.length - start + 1);
    frames.push({
      ...{ fin: left === 0, rsv: compressed && frames.length === 0 ? 4 : 0 },
      opcode: frames.length === 0 ? opcode : 0,
      payload: payload.subarray(start, end),
    });
    start = end;
  }
  return frames.flatMap((frame, i) => (i > 0 && pick(4) === 0 ? [controlFrame(pick), frame] : [frame]));
}

/** @param {Pick} pick @param {Compress | null} compress @returns {Frame[]} */
function validStream(pick, compress) {
  /** @type {Frame[]} */
  const frames = [];
  for (let n = 1 + pick(5); n > 0; n--)
    frames.push(...(pick(4) === 0 ? [controlFrame(pick)] : message(pick, compress)));
  if (pick(3) === 0) frames.push(closeFrame(pick));
  return frames;
}

// ---- permessage-deflate ----

/** @typedef {(content: Buffer) => Buffer} Compress compresses the next message, which may refer to earlier messages */

/**
 * Returns the compressor of the peer. It produces all types of blocks, and final blocks. Sometimes it damages the compressed bytes.
 * @param {Pick} pick
 * @param {boolean} takeover
 * @returns {Compress}
 */
function compressor(pick, takeover) {
  let history = Buffer.alloc(0);
  /** @param {Buffer} content @param {object} options */
  const stream = (content, options) =>
    deflateRawSync(content, {
      ...options,
      ...(history.length > 0 && pick(3) > 0 ? { dictionary: history } : null),
    });
  return (content) => {
    const half = content.subarray(0, pick(content.length + 1));
    const options = { level: pick(10), strategy: oneOf(pick, [0, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY]) };
    const flushed = stream(content, { ...options, finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
    const final = stream(half, options);
    if (takeover) history = Buffer.concat([history, content]).subarray(-32_768);
    switch (pick(12)) {
      case 0:
        return Buffer.concat([final, oneOf(pick, [flushed, Buffer.of(0), Buffer.alloc(40, '0300', 'hex')])]);
      case 1:
        return mutateBytes(Buffer.from(flushed), pick);
      case 2:
        return flushed.subarray(0, pick(flushed.length));
      case 3:
        return Buffer.concat([Buffer.alloc(5 * pick(20), '000000ffff', 'hex'), flushed]);
      case 4:
        // A compression bomb: a few bytes that decompress to 200,000 bytes.
        return pick(4) === 0
          ? deflateRawSync(Buffer.alloc(200_000), { finishFlush: zlib.Z_SYNC_FLUSH })
          : flushed;
      default:
        return flushed;
    }
  };
}

/**
 * Returns our codec. Sometimes it returns a Promise, as for large messages, although the messages are small.
 * @param {Pick} pick
 * @param {boolean} takeover
 * @param {any} budget
 */
function codecOf(pick, takeover, budget) {
  const direction = { windowBits: 15, takeover };
  const settings = {
    threshold: 50,
    level: 1,
    engine: oneOf(pick, ['auto', 'zlib']),
    synchronous: true,
    budget,
  };
  const codec = new DeflateCodec(direction, direction, settings, 0);
  const later = oneOf(pick, [0, 0, 3]);
  /** @template T @param {() => T} work @returns {T | Promise<T>} */
  const answer = (work) => (pick(4) < later ? Promise.resolve().then(work) : work());
  return {
    threshold: codec.threshold,
    /** @param {Uint8Array} payload */
    compress: (payload) => answer(() => codec.compress(payload)),
    /** @param {Uint8Array} payload @param {number} most */
    decompress: (payload, most) => answer(() => codec.decompress(payload, most)),
    close: () => codec.close(),
  };
}

// ---- mutations ----

/**
 * Each mutation changes the frames in place. A mutation may break a rule, but need not.
 * @type {((frames: Frame[], at: number, pick: Pick) => void)[]}
 */
const frameMutations = [
  (frames, at, pick) => {
    frameAt(frames, at).rsv = 1 + pick(7);
  },
  (frames, at, pick) => {
    frameAt(frames, at).opcode = pick(16);
  },
  (frames, at) => {
    frameAt(frames, at).fin = !frameAt(frames, at).fin;
  },
  (frames, at) => {
    frameAt(frames, at).flipMask = true;
  },
  (frames, at, pick) => {
    frameAt(frames, at).form = oneOf(pick, [16, 64]);
  },
  (frames, at, pick) => {
    const lengths = [
      126n,
      65536n,
      2n ** 31n,
      2n ** 32n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
      BigInt(pick(4000)),
    ];
    frameAt(frames, at).length = oneOf(pick, lengths);
  },
  (frames, at) => void frames.splice(at, 1),
  (frames, at) => void frames.splice(at, 0, { ...frameAt(frames, at) }),
  (frames, at, pick) => {
    const other = pick(frames.length);
    [frames[at], frames[other]] = [frameAt(frames, other), frameAt(frames, at)];
  },
  (frames, at, pick) => {
    const { payload } = frameAt(frames, at);
    const changed = Buffer.from(payload);
    if (changed.length > 0) changed[pick(changed.length)] = oneOf(pick, [0xff, 0xc0, 0xed, 0x80, pick(256)]);
    frameAt(frames, at).payload = changed;
  },
  (frames, at, pick) => {
    const { payload } = frameAt(frames, at);
    frameAt(frames, at).payload = payload.subarray(0, pick(payload.length + 1));
  },
  (frames, at, pick) => {
    frameAt(frames, at).payload = Buffer.alloc(pick(MAX_MESSAGE_SIZE * 2), 0x61);
  },
  (frames, at, pick) => {
    const payload = oneOf(pick, [
      '\x03',
      '\x03\xed',
      '\x03\xe8\xff',
      '\x03\xe8ok',
      '\0\0',
      '\x13\x88',
      '\x0f\xa0\xc3',
    ]);
    frames.splice(at, 0, { fin: true, rsv: 0, opcode: 8, payload: Buffer.from(payload, 'latin1') });
  },
  // The last mutation is slow, so `mutate` uses it rarely.
  (frames) => {
    const empty = { fin: false, rsv: 0, opcode: 0, payload: Buffer.alloc(0) };
    frames.unshift({ ...empty, opcode: 2 }, ...Array.from({ length: 1000 }, () => empty));
  },
];

/** @param {Frame[]} frames @param {number} at @returns {Frame} */
function frameAt(frames, at) {
  return /** @type {Frame} */ (frames[at]);
}

/** @param {Frame[]} frames @param {Pick} pick */
function mutate(frames, pick) {
  if (frames.length === 0) return;
  const costly = pick(40) === 0;
  const kind = costly ? frameMutations.length - 1 : pick(frameMutations.length - 1);
  /** @type {(frames: Frame[], at: number, pick: Pick) => void} */ (frameMutations[kind])(
    frames,
    pick(frames.length),
    pick,
  );
}

/** Changes some bytes at any position. @param {Buffer} bytes @param {Pick} pick @returns {Buffer} */
function mutateBytes(bytes, pick) {
  if (bytes.length === 0) return bytes;
  const at = pick(bytes.length);
  switch (pick(4)) {
    case 0:
      bytes[at] = pick(256);
      return bytes;
    case 1:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
      return bytes;
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + pick(8))]);
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + pick(8), pick(256)), bytes.subarray(at)]);
  }
}

/** @param {Frame} frame @param {Role} receiver @param {Pick} pick */
function build(frame, receiver, pick) {
  const { fin, rsv, opcode, payload, flipMask = false } = frame;
  const length = frame.length ?? BigInt(payload.length);
  const shortest = length < 126n ? 7 : length < 65536n ? 16 : 64;
  const form = Math.max(frame.form ?? 7, shortest);
  const masked = (receiver === 'server') !== flipMask;
  const header = Buffer.alloc(2 + (form === 7 ? 0 : form / 8) + (masked ? 4 : 0));
  header[0] = (fin ? 128 : 0) | (rsv << 4) | opcode;
  header[1] = (masked ? 128 : 0) | (form === 7 ? Number(length) : form === 16 ? 126 : 127);
  if (form === 16) header.writeUInt16BE(Number(length), 2);
  if (form === 64) header.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([header, payload]);
  const key = Array.from({ length: 4 }, () => pick(256));
  header.set(key, header.length - 4);
  return Buffer.concat([header, Buffer.from(payload.map((byte, i) => byte ^ (key[i & 3] ?? 0)))]);
}

// ---- the sink, the events, and the checks of the output ----

/** The sink of an endpoint. Its buffer is filled with a pattern. So the checks can detect bytes that the endpoint did not write. */
class Sink {
  /** @type {Buffer[]} */
  parts = [];
  blocked = false;
  bufferedAmount = 0;
  closings = 0;
  ends = 0;
  destroyed = false;
  /** @type {Buffer} */
  buffer = Buffer.alloc(0);
  offset = 0;

  /** @param {number} size */
  reserve(size) {
    this.buffer = Buffer.alloc(size, 0xa5);
    return this;
  }
  /** @param {number} size */
  commit(size) {
    if (!this.destroyed) this.parts.push(this.buffer.subarray(0, size));
  }
  /** @param {Uint8Array} payload @param {number} size */
  append(payload, size) {
    if (!this.destroyed) this.parts.push(this.buffer.subarray(0, size), Buffer.from(payload));
  }
  closing() {
    this.closings++;
  }
  end() {
    this.ends++;
  }
  destroy() {
    this.destroyed = true;
  }
  resumes = 0;
  resumeReading() {
    this.resumes++;
  }
  /** @type {((error: Error | null) => void)[]} */
  marks = [];
  /** @param {(error: Error | null) => void} done */
  whenSent(done) {
    this.marks.push(done);
  }
}

/** Records the events that the checks need. */
class Events {
  /** @type {string[]} */
  names = [];
  /** @type {unknown[]} */
  errors = [];
  /** @type {(name: string) => void} */
  act = () => {};

  /** @param {string | Buffer} text */
  onText(text) {
    this.#note('text');
    if (typeof text === 'string' && Buffer.from(text).toString() !== text) throw new Error('ill-formed text');
  }
  onBinary() {
    this.#note('binary');
  }
  onFragment() {
    this.#note('fragment');
  }
  onPing() {
    this.#note('ping');
  }
  onPong() {
    this.#note('pong');
  }
  onClosing() {
    this.#note('closing');
  }
  /** @param {{ code: number }} record */
  onClose({ code }) {
    this.#note('close');
    this.code = code;
  }
  /** @param {unknown} error */
  onError(error) {
    this.errors.push(error);
    this.#note('error');
  }

  /** @param {string} name */
  #note(name) {
    this.names.push(name);
    this.act(name);
  }
}

/** Reads the frames of the output. This function uses no code of src/. @param {Buffer} bytes @returns {SentFrame[]} */
function readFrames(bytes) {
  /** @type {SentFrame[]} */
  const frames = [];
  for (let at = 0; at < bytes.length; ) {
    const [first, second] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
    const masked = second > 127;
    let length = second & 127;
    at += 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
      if (length < 126) throw new Error('a length that is not in its shortest form');
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
      if (length < 65536) throw new Error('a length that is not in its shortest form');
    }
    const key = masked ? bytes.subarray(at, at + 4) : Buffer.alloc(4);
    at += masked ? 4 : 0;
    if (at + length > bytes.length) throw new Error('a frame that is cut off');
    const payload = Buffer.from(bytes.subarray(at, at + length).map((byte, i) => byte ^ (key[i & 3] ?? 0)));
    frames.push({ masked, fin: first > 127, rsv: (first >> 4) & 7, opcode: first & 15, payload });
    at += length;
  }
  return frames;
}

/** @param {boolean} condition @param {string} what */
function check(condition, what) {
  if (!condition) throw new Error(what);
}

/**
 * Checks the output of the endpoint: RFC 6455 §5.1, §5.4, §5.5 and §7.4.
 * @param {SentFrame[]} frames
 * @param {Role} role
 * @param {boolean} failed true if the endpoint failed the connection. In this case, its Close frame must be the last frame
 * @param {boolean} hasCodec
 */
function checkSent(frames, role, failed, hasCodec) {
  let inside = false;
  let closed = false;
  for (const { masked, fin, rsv, opcode, payload } of frames) {
    check(masked === (role === 'client'), 'wrong masking');
    check(rsv === 0 || (rsv === 4 && hasCodec && opcode > 0 && opcode < 8), 'a reserved bit was sent');
    check([0, 1, 2, 8, 9, 10].includes(opcode), 'an unknown opcode was sent');
    if (opcode > 7) check(fin && payload.length <= 125, 'an illegal control frame was sent');
    if (closed) check(opcode === 10 && !failed, `opcode ${opcode} was sent after a Close`);
    if (opcode === 8) {
      closed = true;
      if (payload.length > 0) checkCloseCode(payload.readUInt16BE(0));
    }
    if (opcode < 8) {
      check((opcode === 0) === inside, 'messages were interleaved');
      inside = !fin;
    }
  }
  check(!inside, 'a message was not finished');
}

/** @param {number} code */
function checkCloseCode(code) {
  const registered = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
  check(registered || (code >= 3000 && code <= 4999), `close code ${code} was sent`);
}

// ---- one input ----

/** @param {Pick} pick @param {Role} role @param {Compress | null} compress @returns {Buffer} */
function inputFor(pick, role, compress) {
  if (pick(5) === 0) {
    const noise = Buffer.alloc(1 + pick(300));
    for (let i = 0; i < noise.length; i++) noise[i] = pick(256);
    // Half of the random inputs get a valid mask bit and opcode, so that the endpoint reads more of the input.
    if (pick(2) === 0) noise[0] = oneOf(pick, [0x81, 0x82, 0x01, 0x88, 0x89]);
    if (pick(2) === 0) noise[1] = role === 'server' ? 0x80 | pick(128) : pick(128);
    return noise;
  }
  const frames = validStream(pick, compress);
  let byteMutations = 0;
  for (let n = 1 + pick(3); n > 0; n--) {
    if (pick(4) === 0) byteMutations++;
    else mutate(frames, pick);
  }
  /** @type {Buffer} */
  let bytes = Buffer.concat(frames.map((frame) => build(frame, role, pick)));
  for (; byteMutations > 0; byteMutations--) bytes = mutateBytes(bytes, pick);
  return bytes;
}

/** Returns a compressed message with very many empty blocks. @param {Role} role @param {Pick} pick @returns {Buffer} */
function emptyBlocks(role, pick) {
  const payload = Buffer.alloc(LARGE_MESSAGE_SIZE + 1, '000000ffff', 'hex');
  return build({ fin: true, rsv: 4, opcode: 1 + pick(2), payload }, role, pick);
}

/** Waits for `count` microtasks. @param {number} count */
async function turns(count) {
  for (let n = 0; n < count; n++) await null;
}

/** Waits until the codec has no more work. @param {any} endpoint */
async function settled(endpoint) {
  for (
    let n = 0;
    n < 1000 && (endpoint.bufferedAmount > 0 || (endpoint.isPaused && !endpoint.isPausedByUser));
    n++
  )
    await null;
}

/** Calls that an application may make at any time. @type {((endpoint: any, pick: Pick) => void)[]} */
const actions = [
  (endpoint) => endpoint.sendText('a reply, grüß'),
  (endpoint) => endpoint.sendBinary(Buffer.alloc(200, 1)),
  (endpoint) => endpoint.sendBinary(Buffer.alloc(5000, 2)),
  (endpoint) => endpoint.sendText('a reply in parts', { fragmentSize: 5 }),
  (endpoint) => endpoint.sendBinary(Buffer.alloc(500, 3), null, () => endpoint.ping()),
  (endpoint) => endpoint.ping(),
  (endpoint, pick) => endpoint.close(3000 + pick(1000), 'from inside'),
  (endpoint) => endpoint.terminate(),
  (endpoint) => endpoint.pause(),
  (endpoint) => {
    endpoint.pause();
    endpoint.resume();
  },
];

/**
 * Returns another endpoint with the same memory budget. It has received 2,000 bytes of a message that never ends.
 * @param {InstanceType<typeof MemoryBudget>} memoryBudget
 */
function rivalOf(memoryBudget) {
  const options = { role: /** @type {const} */ ('client'), maxMessageSize: MAX_MESSAGE_SIZE, memoryBudget };
  const rival = new Endpoint(new Sink(), new Events(), options);
  rival.receive(Buffer.concat([Buffer.from([0x02, 126, 2000 >> 8, 2000 & 255]), Buffer.alloc(2000)]));
  return rival;
}

/**
 * Runs one input. Throws if the endpoint breaks a rule.
 * @param {number} seed
 * @returns {Promise<string[]>} the rules that the input broke
 */
async function run(seed) {
  const pick = generator(seed);
  /** @type {Role} */
  const role = pick(2) === 0 ? 'client' : 'server';
  const sink = new Sink();
  const events = new Events();
  // Some endpoints share a small memory budget with other endpoints. So their messages must wait for memory.
  const isScarce = pick(5) === 0;
  let now = 0;
  const memoryBudget = new MemoryBudget(isScarce ? 200 + pick(2500) : 4_000_000, () => now);
  const rivals = isScarce ? [rivalOf(memoryBudget), rivalOf(memoryBudget)] : [];
  const text = pick(4) === 0 ? 'bytes' : 'string';
  const takeover = pick(2) === 0;
  const budget = new CompressionBudget(oneOf(pick, [Infinity, 10_000]));
  const codec = pick(2) === 0 ? codecOf(pick, takeover, budget) : null;
  const isLarge = codec !== null && pick(100) === 0;
  const maxMessageSize = isLarge ? LARGE_MESSAGE_SIZE : MAX_MESSAGE_SIZE;
  const endpoint = new Endpoint(sink, events, { role, maxMessageSize, memoryBudget, text, codec });
  if (pick(4) === 0) {
    const throws = pick(4) === 0;
    events.act = () => {
      if (pick(12) !== 0) return;
      if (throws) throw new Error('a callback threw');
      oneOf(pick, actions)(endpoint, pick);
    };
  }

  const input = isLarge ? emptyBlocks(role, pick) : inputFor(pick, role, codec && compressor(pick, takeover));
  const step = isLarge ? 65_536 : oneOf(pick, [1, 3, 20, 200, 5000]);
  let deadlineAt = pick(15) === 0 ? pick(input.length) : Infinity;
  for (let at = 0; at < input.length; ) {
    const end = Math.min(input.length, at + 1 + pick(step));
    endpoint.receive(Buffer.from(input.subarray(at, end)));
    at = end;
    if (at >= deadlineAt) {
      endpoint.messageTimedOut();
      deadlineAt = Infinity;
    }
    if (pick(50) === 0) {
      sink.blocked = !sink.blocked;
      if (sink.blocked) endpoint.transportBlocked();
      else endpoint.transportDrained();
      for (const done of sink.marks.splice(0)) done(pick(4) === 0 ? new Error('lost') : null);
    }
    if (isScarce && pick(3) === 0) {
      now += 1000;
      memoryBudget.review();
    }
    if (pick(10) === 0 || at === input.length) endpoint.resume();
    if (codec !== null && pick(5) === 0) await turns(1 + pick(4));
  }
  if (codec !== null && pick(4) > 0) await settled(endpoint);
  if (pick(2) === 0) endpoint.receiveEnd();
  endpoint.resume();
  if (codec !== null && pick(4) > 0) await settled(endpoint);
  for (const rival of rivals) rival.transportClosed();
  endpoint.transportClosed();
  endpoint.receive(Buffer.from([0x81, 0]));
  if (codec !== null) await turns(20);

  const { names } = events;
  check(endpoint.state === EndpointState.Closed, 'not closed');
  check(names.filter((name) => name === 'close').length === 1, 'not exactly one onClose');
  const last = names.filter((name) => name !== 'error').at(-1);
  check(last === 'close', `${last} behind onClose`);
  check(names.filter((name) => name === 'closing').length <= 1, 'more than one onClosing');
  check(memoryBudget.used === 0, `${memoryBudget.used} bytes are still counted`);
  // The endpoint sent a Close frame, but there was no closing handshake. So it has failed the connection.
  checkSent(readFrames(Buffer.concat(sink.parts)), role, !names.includes('closing'), codec !== null);
  check(budget.used === 0, `${budget.used} bytes of contexts are still counted`);
  check(endpoint.bufferedAmount === 0, `${endpoint.bufferedAmount} bytes still wait`);
  return events.errors.flatMap((error) =>
    error instanceof ProtocolError ? [/** @type {any} */ (error).code] : [],
  );
}

// ---- all inputs ----

const { values } = readArguments({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
    only: { type: 'string' },
  },
});
const inputs = readNumber(values, 'inputs');
const seed = readNumber(values, 'seed', { min: 0 });

/** @type {Map<string, number>} */
const hits = new Map(Object.keys(violations).map((code) => [code, 0]));
/** @type {string[]} */
const faults = [];
process.on('uncaughtException', (error) => void faults.push(`uncaught: ${error.stack}`));
process.on('unhandledRejection', (error) => void faults.push(`unhandled rejection: ${error}`));

console.log(`fuzz: ${inputs} inputs, seed ${seed}`);
const start = performance.now();
const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
const seeds = generator(seed);
for (let n = 1; n <= inputs; n++) {
  const inputSeed = seeds(2 ** 32);
  if (values.only !== undefined && inputSeed !== Number(values.only)) continue;
  try {
    for (const code of await run(inputSeed)) hits.set(code, (hits.get(code) ?? 0) + 1);
  } catch (error) {
    faults.push(
      `input ${n} (--seed ${seed} --only ${inputSeed}): ${error instanceof Error ? error.stack : error}`,
    );
    if (faults.length >= 10) break;
  }
  if (process.stdout.isTTY && n % 5000 === 0) process.stdout.write(`\r${n} of ${inputs}, ${seconds()} s `);
}
if (process.stdout.isTTY) process.stdout.write('\r');

const width = Math.max(...[...hits.keys()].map((code) => code.length));
for (const [code, count] of hits) console.log(`${code.padEnd(width)} ${String(count).padStart(8)}`);
for (const fault of faults) console.error(fault);
const missed = [...hits].filter(([, count]) => count === 0).map(([code]) => code);
if (missed.length > 0 && values.only === undefined) console.error(`never hit: ${missed.join(', ')}`);
const failed = faults.length > 0 || (missed.length > 0 && values.only === undefined);
console.log(`${inputs} inputs in ${seconds()} s, ${faults.length} faults, ${missed.length} rules never hit`);
process.exitCode = failed ? 1 : 0;
