/**
 * Compresses a message in zlib's threads (RFC 7692 §7.2.1), one slice at a time. A zlib stream is expensive to create. So it is kept after
 * the message, for a later message of any connection. But a stream with a dictionary is closed after the message: Node cannot give a stream
 * another dictionary.
 */

import { constants, createDeflateRaw, type DeflateRaw } from 'node:zlib';
import { MAX_BUFFER } from './output.ts';
import type { PoolJob } from './pool.ts';
import { type DeflateSettings, TAIL_SIZE, toZlib } from './zlib.ts';

/** A zlib stream that can be used again with the same settings. */
interface IdleStream {
  readonly stream: DeflateRaw;
  readonly settings: DeflateSettings;
}

/**
 * At most this number of idle streams is kept. It equals the number of jobs that can run at the same time (pool.ts). Each stream holds
 * about 0.3 MB.
 */
const MAX_IDLE = 3;
const STREAM_SIZE = 300_000;

const idle: IdleStream[] = [];

// The number of bytes of input per slice. Compressing a slice takes at most a few milliseconds. A flush ends each slice, and adds five
// bytes to the output.
const SLICE = 131_072;

// The size of zlib's output buffer, in bytes. If the output of a slice fits into the buffer, zlib returns the output in one piece, after
// one task in its threads. The next slice uses the rest of the buffer.
const ROOM = 65_536;

// If the dictionary has at most this number of bytes, we use a stream that was kept after an earlier message. The stream first compresses
// the dictionary, and we drop the output. A new stream with a dictionary would take more time: we would have to create it, and to free its
// 0.3 MB later.
const PRIMING_THRESHOLD = 4_096;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Returns the largest possible output, in bytes, for `length` bytes of input. */
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
  // We close the stream that has been idle for the longest time, because its settings are probably used least.
  if (idle.length === MAX_IDLE) idle.shift()!.stream.destroy();
  idle.push({ stream, settings });
}

/**
 * Compresses a message.
 * @param payload the message. Do not change, transfer or resize it before the promise has settled, because zlib's threads read it
 * @param dictionary earlier plaintext that the message may refer to; empty if there is no context
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
      // The 'error' event has already reported this error, and there is no output to read.
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
      // `concat` copies the output to a buffer of the exact size. Without the copy, unused memory would stay allocated while the message
      // waits to be sent.
      resolve(Buffer.concat(pieces, length - TAIL_SIZE));
      if (isReusable) keep(stream, settings);
      else stream.destroy();
    };
    if (!isReusable || dictionary.length === 0) return compress();
    stream.write(dictionary, (error) => {
      if (error) return;
      // The stream's window now contains the dictionary. The output is not needed.
      takeOutput(stream, []);
      compress();
    });
  });
}

/** Moves the stream's output to `pieces`. @returns the number of bytes of this output */
function takeOutput(stream: DeflateRaw, pieces: Buffer[]): number {
  let length = 0;
  // Up to Node 24, `read` returns the whole output in one call. From Node 26 on, `read` returns one piece per call.
  for (let piece: Buffer | null = stream.read(); piece !== null; piece = stream.read()) {
    pieces.push(piece);
    length += piece.length;
  }
  return length;
}

function createStream(payload: Uint8Array, settings: DeflateSettings, dictionary: Uint8Array): DeflateRaw {
  return createDeflateRaw({
    ...toZlib(settings, dictionary),
    // With this option, each write ends with a flush. So a slice needs one task in zlib's threads instead of three.
    flush: constants.Z_SYNC_FLUSH,
    chunkSize: dictionary.length === 0 ? ROOM : largestOutput(Math.min(payload.length, SLICE)),
    readableHighWaterMark: MAX_BUFFER,
  } as Parameters<typeof createDeflateRaw>[0]);
}
