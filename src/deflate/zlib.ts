/**
 * RFC 7692 §7.2 on node:zlib, one message at a time: the context is a dictionary of plaintext (see engine/window.ts), and no
 * stream keeps it from message to message. For messages too large for our own engine, and for all of them with `engine: 'zlib'`.
 * Compressing in zlib's threads is deflate-stream.ts.
 */

import {
  constants,
  createInflateRaw,
  deflateRawSync,
  type InflateRaw,
  inflateRawSync,
  type ZlibOptions,
} from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';

const { Z_SYNC_FLUSH, Z_FINISH } = constants;

/** The empty stored block's end, which does not travel (7692 §7.2.1). */
export const TAIL_SIZE: number = 4;

// 7692 §7.2.2: 00 00 ff ff goes back behind the payload. We add one empty final block: zlib then ends its stream exactly there,
// and everything that stops short of it was cut off.
const TAIL: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff, 0x03, 0x00]);

/** How to compress: zlib's level, and the window that the peer has. */
export interface DeflateSettings {
  /** 1 to 9 */
  readonly level: number;
  /** 8 to 15 */
  readonly windowBits: number;
}

/** The same for zlib. @param dictionary plaintext before the message to refer to; empty for none */
export function toZlib({ level, windowBits }: DeflateSettings, dictionary: Uint8Array): ZlibOptions {
  return {
    level,
    // zlib can't have a window of 256 bytes; of 512, it uses distances up to 262 less: 250.
    windowBits: Math.max(windowBits, 9),
    finishFlush: Z_SYNC_FLUSH,
    ...(dictionary.length === 0 ? null : { dictionary }),
  };
}

/** Compresses a message in this turn. @param dictionary plaintext before it to refer to; empty for none */
export function deflateNow(payload: Uint8Array, settings: DeflateSettings, dictionary: Uint8Array): Buffer {
  const output = deflateRawSync(payload, toZlib(settings, dictionary));
  return output.subarray(0, output.length - TAIL_SIZE);
}

// 7692 §7.2.3.4 allows final blocks inside a message. zlib stops at each and has to be set up anew, which costs as much as a
// message of its own: so they are bounded, by what as many frames could cost. An honest peer has one, at the end.
const MAX_FINAL_BLOCKS = 64;
const INPUT_PER_FINAL_BLOCK = 256;

function checkFinalBlocks(count: number, size: number): void {
  if (count > MAX_FINAL_BLOCKS + size / INPUT_PER_FINAL_BLOCK) throw new ProtocolError('WS_INVALID_DEFLATE');
}

/**
 * Decompresses a message in this turn.
 * @param window the plaintext before it
 * @param maxLength bytes of output
 * @throws {ProtocolError} WS_MESSAGE_TOO_BIG, WS_INVALID_DEFLATE
 */
export function inflateNow(
  payload: Uint8Array,
  windowBits: number,
  window: Uint8Array,
  maxLength: number,
): Buffer {
  const input = Buffer.concat([payload, TAIL]);
  const output = new Output(maxLength);
  let position = 0;
  for (let blocks = 0; position < payload.length; blocks++) {
    checkFinalBlocks(blocks, payload.length);
    const history = blocks === 0 ? window : output.lastBytes(window, 2 ** windowBits);
    const left = maxLength - output.length;
    const { buffer, engine } = inflateOnce(input.subarray(position), windowBits, history, left);
    if (!output.append(buffer)) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
    position += engine.bytesWritten;
  }
  return wholeMessage(payload, position, output);
}

function inflateOnce(
  input: Buffer,
  windowBits: number,
  dictionary: Uint8Array,
  maxLength: number,
): { buffer: Buffer; engine: InflateRaw } {
  try {
    const result: unknown = inflateRawSync(input, {
      windowBits,
      finishFlush: Z_FINISH,
      // At least 1, or zlib refuses the option.
      maxOutputLength: Math.max(1, Math.min(maxLength, MAX_BUFFER)),
      // A message of some size comes out in one piece then; for a small one the memory would cost more than it.
      chunkSize: input.length > LARGE_INPUT ? CHUNK : SMALL_CHUNK,
      info: true,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    return result as { buffer: Buffer; engine: InflateRaw };
  } catch (error) {
    throw toProtocolError(error);
  }
}

/** What one Buffer can hold, near enough, on any Node we support. Bytes. */
export const MAX_BUFFER: number = 2 ** 31 - 1;

const PEERS_FAULTS: ReadonlySet<unknown> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/** What zlib says of the peer's bytes. Anything else, such as being out of memory, is not the peer's fault and stays as it is. */
function toProtocolError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new ProtocolError('WS_MESSAGE_TOO_BIG');
  return PEERS_FAULTS.has(code) ? new ProtocolError('WS_INVALID_DEFLATE', { cause: error }) : error;
}

/**
 * The message, if `payload` ends where a message may end.
 * @param taken what zlib took of the payload, and of the tail behind it
 */
function wholeMessage(payload: Uint8Array, taken: number, output: Output): Buffer {
  // Some of the tail was taken for a part of a block that was cut off.
  const behind = taken - payload.length;
  if (behind > 0 && behind < TAIL.length) throw new ProtocolError('WS_INVALID_DEFLATE');
  const message = output.take();
  // With four bytes the stream goes on to our final block; with all six, the block that took them was a final one itself.
  const isCutOff =
    isCutOffStored(payload, message, TAIL_SIZE) || isCutOffStored(payload, message, TAIL.length);
  if (isCutOff) throw new ProtocolError('WS_INVALID_DEFLATE');
  return message;
}

/**
 * Whether `payload` ends in a stored block (RFC 1951 §3.2.4) that lacks its last bytes: it took the tail's for them, and all seems
 * well. Then the message ends in those, and the block's length stands in the payload, as far from its end as it says.
 */
function isCutOffStored(payload: Uint8Array, message: Buffer, missing: number): boolean {
  if (!message.subarray(-missing).equals(TAIL.subarray(0, missing))) return false;
  const most = Math.min(payload.length + missing - 5, message.length, 0xffff);
  for (let size = missing; size <= most; size++) {
    const at = payload.length + missing - 4 - size;
    const low = size & 0xff;
    const high = size >>> 8;
    if (payload[at] !== low || payload[at + 1] !== high) continue;
    if (payload[at + 2] !== 255 - low || payload[at + 3] !== 255 - high) continue;
    const content = payload.subarray(at + 4);
    if (message.subarray(message.length - size, message.length - missing).equals(content)) return true;
  }
  return false;
}

// Input that goes into zlib between two looks at what came out.
const SLICE = 1_048_576;

// Output that zlib makes between two looks.
const CHUNK = 65_536;
const SMALL_CHUNK = 16_384;
const LARGE_INPUT = 4_096;

/**
 * Decompresses a message in zlib's threads, its input slice by slice: the limit and the guard against input without output hold
 * while it runs. Rejects as `inflateNow` throws, and with WS_NO_DEFLATE_OUTPUT.
 */
export async function inflateElsewhere(
  payload: Uint8Array,
  windowBits: number,
  window: Uint8Array,
  maxLength: number,
): Promise<Buffer> {
  const output = new Output(maxLength);
  let position = 0;
  for (let blocks = 0; position < payload.length; blocks++) {
    checkFinalBlocks(blocks, payload.length);
    const history = blocks === 0 ? window : output.lastBytes(window, 2 ** windowBits);
    position += await inflateStream(payload.subarray(position), windowBits, history, output);
  }
  return wholeMessage(payload, position, output);
}

/** One zlib stream, to its final block. @returns the bytes of `payload` that it took, or more where it took the tail as well */
function inflateStream(
  payload: Uint8Array,
  windowBits: number,
  dictionary: Uint8Array,
  output: Output,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = createInflateRaw({
      windowBits,
      chunkSize: CHUNK,
      finishFlush: Z_FINISH,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    let offset = 0;
    const fail = (error: unknown): void => {
      stream.destroy();
      reject(error);
    };
    const step = (): void => {
      if (stream.destroyed || stream.writableEnded) return;
      if (inputWithoutOutput(offset, output.length)) {
        fail(new ProtocolError('WS_NO_DEFLATE_OUTPUT'));
      } else if (offset < payload.length) {
        const end = Math.min(offset + SLICE, payload.length);
        stream.write(payload.subarray(offset, end), step);
        offset = end;
      } else {
        stream.end(TAIL);
      }
    };
    stream.on('data', (chunk: Buffer) => {
      if (!output.append(chunk)) fail(new ProtocolError('WS_MESSAGE_TOO_BIG'));
    });
    stream.on('error', (error) => fail(toProtocolError(error)));
    stream.on('end', () => {
      const taken = stream.bytesWritten;
      stream.destroy();
      resolve(taken);
    });
    step();
  });
}

/** The bytes of input that may bring nothing: a block boundary costs a few, an honest compressor makes few of them. */
const MAX_IDLE_INPUT = 1_048_576;

/** Whether `input` bytes were spent on far too little output: empty blocks, over and over (attack on the CPU, not on memory). */
export function inputWithoutOutput(input: number, output: number): boolean {
  return input - output * (17 / 16) > MAX_IDLE_INPUT;
}

/** Output of unknown length, in the pieces it came in: what is refused for its size was never held twice. */
class Output {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False, and nothing taken, where the limit would be passed. */
  append(piece: Buffer): boolean {
    if (this.length + piece.length > this.#limit) return false;
    this.length += piece.length;
    // zlib makes room for 16 or 64 KiB at a time: a message of a few bytes must not keep that.
    if (piece.length > 0)
      this.#pieces.push(piece.length * 2 < piece.buffer.byteLength ? Buffer.from(piece) : piece);
    return true;
  }

  /** The last `size` bytes of what came before and what came out so far. */
  lastBytes(before: Uint8Array, size: number): Buffer {
    const last: Uint8Array[] = [];
    let missing = size;
    for (let index = this.#pieces.length - 1; index >= 0 && missing > 0; index--) {
      const piece = this.#pieces[index]!.subarray(-missing);
      last.push(piece);
      missing -= piece.length;
    }
    if (missing > 0) last.push(before.subarray(-missing));
    return Buffer.concat(last.reverse());
  }

  /** All of it, in memory of its own. */
  take(): Buffer {
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.length);
  }
}
