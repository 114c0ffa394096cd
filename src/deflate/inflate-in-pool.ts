/**
 * Decompresses a message in zlib's threads (RFC 7692 §7.2.2). The work is divided into slices of input and of output, so that the jobs of
 * other connections can run between two slices. After each slice of input, this file checks whether the output is far too small for the
 * input. Each piece of output is checked against the size limit.
 */

import { constants, createInflateRaw, type InflateRaw } from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';
import { type Probe, probes } from './message-end.ts';
import { Output } from './output.ts';
import type { PoolJob } from './pool.ts';
import {
  CHUNK,
  checkFinalBlocks,
  INFLATE_WINDOW_BITS,
  INFLATE_WINDOW_SIZE,
  inputWithoutOutput,
  toProtocolError,
  wholeMessage,
} from './zlib.ts';

// The number of bytes per slice. Decompressing a slice takes at most a few milliseconds.
const INPUT_SLICE = 65_536;
const OUTPUT_SLICE = 262_144;

/** The approximate memory of a zlib stream without its output, in bytes. */
const STREAM_SIZE = 65_536;

/**
 * Decompresses a message.
 * @param history the plaintext before this message
 * @param maxLength the maximum number of bytes of output
 * @returns a Promise of the message. It rejects with WS_NO_DEFLATE_OUTPUT, with the errors of `inflateNow` (zlib.ts), or if the job is
 *   abandoned
 */
export async function inflateInThreadPool(
  payload: Uint8Array,
  history: Uint8Array,
  maxLength: number,
  job: PoolJob,
): Promise<Buffer> {
  for (const probe of probes) {
    const message = await inflateWith(probe, payload, history, maxLength, job);
    if (message !== null) return message;
  }
  throw new ProtocolError('WS_INVALID_DEFLATE');
}

/** @returns the message. Null if the message ends with bytes that look like the probe (message-end.ts) */
async function inflateWith(
  probe: Probe,
  payload: Uint8Array,
  history: Uint8Array,
  maxLength: number,
  job: PoolJob,
): Promise<Buffer | null> {
  const output = new Output(maxLength + probe.size);
  let position = 0;
  for (let finalBlocks = 0; position < payload.length; finalBlocks++) {
    checkFinalBlocks(finalBlocks);
    const before = finalBlocks === 0 ? history : output.lastBytes(history, INFLATE_WINDOW_SIZE);
    position += await new StreamRun(payload.subarray(position), before, output, probe, job).taken;
  }
  return wholeMessage(position - payload.length, output, probe, maxLength);
}

/** Runs one zlib stream up to the next final block, or up to the end of the input. */
class StreamRun {
  /**
   * Resolves to the number of bytes that the stream read. If the stream also read bytes of the probe (message-end.ts), this number is
   * larger than `payload.length`.
   */
  readonly taken: Promise<number>;
  readonly #payload: Uint8Array;
  readonly #output: Output;
  readonly #probe: Probe;
  readonly #job: PoolJob;
  readonly #stream: InflateRaw;
  #resolve!: (taken: number) => void;
  #reject!: (error: unknown) => void;
  #offset = 0;
  /** The number of bytes of output in the current slice. */
  #produced = 0;
  /** While this job waits for other jobs: a Promise that resolves when this job may continue. Otherwise null. */
  #resting: Promise<void> | null = null;

  constructor(payload: Uint8Array, history: Uint8Array, output: Output, probe: Probe, job: PoolJob) {
    this.#payload = payload;
    this.#output = output;
    this.#probe = probe;
    this.#job = job;
    this.#stream = createInflateRaw({
      windowBits: INFLATE_WINDOW_BITS,
      chunkSize: CHUNK,
      finishFlush: constants.Z_FINISH,
      ...(history.length === 0 ? null : { dictionary: history }),
    });
    this.taken = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#stream.on('error', (error) => this.#fail(toProtocolError(error)));
    this.#stream.on('end', () => {
      const taken = this.#stream.bytesWritten;
      this.#stream.destroy();
      this.#resolve(taken);
    });
    this.#step();
  }

  #onData(chunk: Buffer): void {
    if (this.#stream.destroyed) return;
    if (!this.#output.append(chunk)) {
      this.#fail(new ProtocolError('WS_MESSAGE_TOO_BIG'));
      return;
    }
    this.#job.hold(STREAM_SIZE + this.#output.length);
    this.#produced += chunk.length;
    if (this.#produced >= OUTPUT_SLICE) this.#rest();
  }

  /** Writes the next slice of input. Is called when zlib has processed the previous slice. */
  readonly #step = (): void => {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    if (inputWithoutOutput(this.#offset, this.#output.length)) {
      this.#fail(new ProtocolError('WS_NO_DEFLATE_OUTPUT'));
    } else if (this.#offset < this.#payload.length) {
      const from = this.#offset;
      this.#offset = Math.min(from + INPUT_SLICE, this.#payload.length);
      this.#stream.write(this.#payload.subarray(from, this.#offset), this.#onSlice);
    } else {
      this.#stream.end(this.#probe.bytes);
    }
  };

  readonly #onSlice = (): void => {
    if (this.#stream.destroyed) return;
    // After the last slice, only the probe remains. The probe is small, so the job writes it without a pause for other jobs.
    const turn = this.#offset < this.#payload.length ? this.#rest() : this.#resting;
    if (turn === null) this.#step();
    else turn.then(this.#step, () => {});
  };

  /** Lets other jobs run, if some wait. @returns a Promise that resolves when this job may continue. Null if no other job waits */
  #rest(): Promise<void> | null {
    this.#produced = 0;
    // After `pause`, the stream may still deliver one piece of output. So this method can be called again while the job waits.
    if (this.#resting !== null) return this.#resting;
    const turn = this.#job.rest();
    if (turn === null) return null;
    this.#stream.pause();
    this.#resting = turn.then(
      () => {
        this.#resting = null;
        this.#stream.resume();
      },
      (error: unknown) => {
        this.#fail(error);
        throw error;
      },
    );
    // `#fail` has already reported the error. This empty handler prevents an "unhandled rejection".
    this.#resting.catch(() => {});
    return this.#resting;
  }

  #fail(error: unknown): void {
    this.#stream.destroy();
    this.#reject(error);
  }
}
