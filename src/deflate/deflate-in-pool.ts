/**
 * Compressing in zlib's threads (RFC 7692 §7.2.1), in slices. A zlib stream is kept for the next message of whichever connection,
 * reset; but one that was given a dictionary ends with its message, since Node offers no way to give it another.
 */

import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import { MAX_BUFFER } from './output.ts';
import type { PoolJob } from './pool.ts';
import { type DeflateSettings, TAIL_SIZE, toZlib } from './zlib.ts';

/** A zlib stream, to be used again with the same settings. */
interface IdleStream {
  readonly stream: DeflateRaw;
  readonly settings: DeflateSettings;
}

/** As many as there are jobs at a time (pool.ts); each holds about 0.3 MB. */
const MAX_IDLE = 3;
const STREAM_SIZE = 300_000;

const idle: IdleStream[] = [];

// Some milliseconds at most. Each slice is flushed, which adds five bytes to it.
const SLICE = 131_072;

// One slice comes out in one piece if there is room for it, and in one trip. What is left of the room serves the next one.
const ROOM = 65_536;

// What a stream is given to refer to: up to here it is compressed in front of the message, and its output dropped, which costs less
// than a stream of its own with a dictionary, 0.3 MB that count for the garbage collector each time.
const PRIMING_THRESHOLD = 4_096;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Room for all that can come out of `length` bytes. */
const largestOutput = (length: number): number => length + (length >>> 8) + 256;

function take(settings: DeflateSettings): DeflateRaw | null {
  const at = idle.findIndex(
    (one) => one.settings.level === settings.level && one.settings.windowBits === settings.windowBits,
  );
  if (at < 0) return null;
  const [{ stream }] = idle.splice(at, 1) as [IdleStream];
  stream.reset();
  return stream;
}

function keep(stream: DeflateRaw, settings: DeflateSettings): void {
  // The one that waits longest is of settings that are asked for least.
  if (idle.length === MAX_IDLE) idle.shift()!.stream.destroy();
  idle.push({ stream, settings });
}

/**
 * Compresses a message.
 * @param payload must not change, be detached or shrink before the promise has settled: zlib's threads read it
 * @param dictionary plaintext before it to refer to; empty for none
 */
export function deflateInThreadPool(
  payload: Uint8Array,
  settings: DeflateSettings,
  dictionary: Uint8Array,
  job: PoolJob,
): Promise<Buffer> {
  const isReusable = dictionary.length <= PRIMING_THRESHOLD;
  const stream = isReusable
    ? (take(settings) ?? createStream(payload, settings, NOTHING))
    : createStream(payload, settings, dictionary);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      stream.destroy();
      reject(error);
    };
    stream.once('error', fail);
    let from = 0;
    const pieces: Buffer[] = [];
    let length = 0;
    const compress = (): void => {
      const slice = from === 0 && payload.length <= SLICE ? payload : payload.subarray(from, from + SLICE);
      from += SLICE;
      stream.write(slice, onSlice);
    };
    const onSlice = (error?: Error | null): void => {
      // Reported by the event; there is nothing to read then.
      if (error) return;
      length += takeOutput(stream, pieces);
      if (from < payload.length) {
        job.hold(STREAM_SIZE + length);
        const turn = job.rest();
        if (turn === null) compress();
        else turn.then(compress, fail);
        return;
      }
      stream.off('error', fail);
      // A copy of its own size: what zlib was given room for would be kept as long as the message waits.
      resolve(Buffer.concat(pieces, length - TAIL_SIZE));
      if (isReusable) keep(stream, settings);
      else stream.destroy();
    };
    if (!isReusable || dictionary.length === 0) return compress();
    stream.write(dictionary, (error) => {
      if (error) return;
      // Compressed for nothing but to stand in the stream's window.
      takeOutput(stream, []);
      compress();
    });
  });
}

/** Adds what came out to `pieces`. @returns its bytes */
function takeOutput(stream: DeflateRaw, pieces: Buffer[]): number {
  let length = 0;
  // All at once up to Node 24, and from 26 on piece by piece.
  for (let piece: Buffer | null = stream.read(); piece !== null; piece = stream.read()) {
    pieces.push(piece);
    length += piece.length;
  }
  return length;
}

function createStream(payload: Uint8Array, settings: DeflateSettings, dictionary: Uint8Array): DeflateRaw {
  return createDeflateRaw({
    ...toZlib(settings, dictionary),
    // One write, flushed: one trip to zlib's threads in place of three.
    flush: constants.Z_SYNC_FLUSH,
    chunkSize: dictionary.length === 0 ? ROOM : largestOutput(Math.min(payload.length, SLICE)),
    readableHighWaterMark: MAX_BUFFER,
  } as Parameters<typeof createDeflateRaw>[0]);
}
