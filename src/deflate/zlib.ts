/**
 * RFC 7692 §7.2 on node:zlib, one message at a time and without a stream that outlives it: the context is a dictionary of
 * plaintext (see engine/window.ts). For messages too large for our own engine, and for all of them with `engine: 'zlib'`.
 */

import {
  constants,
  createInflateRaw,
  deflateRaw,
  deflateRawSync,
  type InflateRaw,
  inflateRawSync,
} from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';

const { Z_SYNC_FLUSH, Z_FINISH } = constants;

/** The empty stored block's end, which does not travel (7692 §7.2.1). */
const TAIL_SIZE = 4;

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

// zlib can't have a window of 256 bytes, and takes 512 instead. But its distances stay 262 below the window's size: 250 here.
function toZlib({ level, windowBits }: DeflateSettings, dictionary: Uint8Array) {
  return {
    level,
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

/** Compresses a message in zlib's threads. */
export function deflateElsewhere(
  payload: Uint8Array,
  settings: DeflateSettings,
  dictionary: Uint8Array,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    deflateRaw(payload, toZlib(settings, dictionary), (error, output) => {
      if (error === null) resolve(output.subarray(0, output.length - TAIL_SIZE));
      else reject(error);
    });
  });
}

// 7692 §7.2.3.4 allows final blocks inside a message, and zlib stops at each. An honest peer has one, at the end.
const MAX_FINAL_BLOCKS = 64;

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
  const parts: Buffer[] = [];
  let length = 0;
  let position = 0;
  for (let blocks = 0; position < payload.length || blocks === 0; blocks++) {
    if (blocks > MAX_FINAL_BLOCKS) throw new ProtocolError('WS_INVALID_DEFLATE');
    const { buffer, engine } = inflateOnce(
      input.subarray(position),
      windowBits,
      blocks === 0 ? window : lastBytes(window, parts, windowBits),
      maxLength - length,
    );
    parts.push(buffer);
    length += buffer.length;
    position += engine.bytesWritten;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, length);
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
      // At least 1, or zlib refuses the option; what is over is seen below.
      maxOutputLength: Math.max(1, Math.min(maxLength, MAX_BUFFER)),
      info: true,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    const { buffer, engine } = result as { buffer: Buffer; engine: InflateRaw };
    if (buffer.length > maxLength) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
    return { buffer, engine };
  } catch (error) {
    throw toProtocolError(error);
  }
}

// What one Buffer can hold, near enough, on any Node we support.
const MAX_BUFFER = 2 ** 31 - 1;

function toProtocolError(error: unknown): unknown {
  if (error instanceof ProtocolError) return error;
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new ProtocolError('WS_MESSAGE_TOO_BIG');
  return new ProtocolError('WS_INVALID_DEFLATE', { cause: error });
}

/** The last 2^windowBits bytes of what came before and what came out so far. */
function lastBytes(window: Uint8Array, parts: readonly Buffer[], windowBits: number): Uint8Array {
  const size = 2 ** windowBits;
  const whole = Buffer.concat([window, ...parts]);
  return whole.subarray(Math.max(0, whole.length - size));
}

// Input that goes into zlib between two looks at what came out.
const SLICE = 1_048_576;

// Output that zlib makes between two looks.
const CHUNK = 65_536;

/**
 * Decompresses a message in zlib's threads, its input slice by slice: the limit and the guard against input without output hold
 * while it runs. Rejects as `inflateNow` throws.
 */
export async function inflateElsewhere(
  payload: Uint8Array,
  windowBits: number,
  window: Uint8Array,
  maxLength: number,
): Promise<Buffer> {
  const output = new GrowingBuffer(maxLength);
  let position = 0;
  for (let blocks = 0; position < payload.length || blocks === 0; blocks++) {
    if (blocks > MAX_FINAL_BLOCKS) throw new ProtocolError('WS_INVALID_DEFLATE');
    const before = blocks === 0 ? window : lastBytes(window, [output.bytes], windowBits);
    position += await inflateStream(payload.subarray(position), windowBits, before, output);
  }
  return output.bytes;
}

/** One zlib stream, to its final block. @returns the bytes of `payload` that it took, or more where it took the tail as well */
function inflateStream(
  payload: Uint8Array,
  windowBits: number,
  dictionary: Uint8Array,
  output: GrowingBuffer,
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
      reject(toProtocolError(error));
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
    stream.on('error', fail);
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

/** Output of unknown length: grows by doubling, never past the limit. */
class GrowingBuffer {
  readonly #limit: number;
  #buffer: Buffer = Buffer.alloc(0);
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False, and nothing taken, where the limit would be passed. */
  append(chunk: Buffer): boolean {
    const needed = this.length + chunk.length;
    if (needed > this.#limit) return false;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.#buffer.length * 2, this.#limit)));
      this.#buffer.copy(grown, 0, 0, this.length);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.length);
    this.length = needed;
    return true;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}
