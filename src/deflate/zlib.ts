/**
 * RFC 7692 §7.2 on node:zlib, one message in one call, in this turn of the event loop. The context is a dictionary of plaintext
 * (see engine/window.ts), and no stream keeps it from message to message. In zlib's threads it is deflate-in-pool.ts and
 * inflate-in-pool.ts; where a message ends is message-end.ts.
 */

import { constants, deflateRawSync, type InflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';
import { RECEIVING } from './engines.ts';
import { endingOf, MAX_FINAL_BLOCKS, type Probe, probes } from './message-end.ts';
import { MAX_BUFFER, Output } from './output.ts';
import { TurnShare } from './turn.ts';

const { Z_SYNC_FLUSH, Z_FINISH } = constants;

/** The empty stored block's end, which does not travel (7692 §7.2.1). */
export const TAIL_SIZE: number = 4;

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
    // zlib cannot have a window of 256 bytes; of 512, it uses distances up to 262 less: 250.
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

/**
 * zlib's window in the receiving direction. Not the negotiated one: zlib compares distances with that only in part, depending on
 * where its pieces of output end. A distance is legal here, in each engine, if it is at most 32 KiB (1951 §3.2.5) and what it
 * refers to is there: in this message, or in the context, which is as large as was negotiated (7692 §7.1.2).
 */
export const INFLATE_WINDOW_BITS = 15;
export const INFLATE_WINDOW_SIZE: number = 2 ** INFLATE_WINDOW_BITS;

/** Output that zlib makes between two looks: a message of 64 KiB, or 16 KiB, comes out in one piece with what the probe adds. */
export const CHUNK = 65_600;
const SMALL_CHUNK = 16_448;
const LARGE_INPUT = 4_096;

/**
 * Decompresses a message in this turn.
 * @param history the plaintext before it
 * @param maxLength bytes of output
 * @param share of the connection, in which it counts
 * @throws {ProtocolError} WS_MESSAGE_TOO_BIG, WS_INVALID_DEFLATE
 */
export function inflateNow(
  payload: Uint8Array,
  history: Uint8Array,
  maxLength: number,
  share: TurnShare = new TurnShare(),
): Buffer {
  return inflateStreams(payload, history, maxLength, share, false)!;
}

/** As `inflateNow`. @returns null if other blocks follow a final one: each stream of zlib's has to be set up */
export function inflateOneStream(
  payload: Uint8Array,
  history: Uint8Array,
  maxLength: number,
  share: TurnShare,
): Buffer | null {
  return inflateStreams(payload, history, maxLength, share, true);
}

function inflateStreams(
  payload: Uint8Array,
  history: Uint8Array,
  maxLength: number,
  share: TurnShare,
  isOne: boolean,
): Buffer | null {
  for (const probe of probes) {
    const message = inflateWith(probe, payload, history, maxLength, share, isOne);
    if (message !== 'ambiguous') return message;
  }
  throw new ProtocolError('WS_INVALID_DEFLATE');
}

/** @returns 'ambiguous' if the message ends in what looks like the probe; null as `inflateOneStream` */
function inflateWith(
  probe: Probe,
  payload: Uint8Array,
  history: Uint8Array,
  maxLength: number,
  share: TurnShare,
  isOne: boolean,
): Buffer | 'ambiguous' | null {
  const input = Buffer.concat([payload, probe.bytes]);
  const output = new Output(maxLength + probe.size);
  let position = 0;
  for (let finalBlocks = 0; position < payload.length; finalBlocks++) {
    if (isOne && finalBlocks > 0) return null;
    checkFinalBlocks(finalBlocks);
    const before = finalBlocks === 0 ? history : output.lastBytes(history, INFLATE_WINDOW_SIZE);
    const { buffer, engine } = inflateOnce(
      input.subarray(position),
      before,
      maxLength + probe.size - output.length,
      share,
    );
    if (!output.append(buffer)) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
    position += engine.bytesWritten;
  }
  return wholeMessage(position - payload.length, output, probe, maxLength) ?? 'ambiguous';
}

/** Each final block ends a stream of zlib's. */
export function checkFinalBlocks(count: number): void {
  if (count > MAX_FINAL_BLOCKS) throw new ProtocolError('WS_INVALID_DEFLATE');
}

function inflateOnce(
  input: Buffer,
  dictionary: Uint8Array,
  maxLength: number,
  share: TurnShare,
): { buffer: Buffer; engine: InflateRaw } {
  share.spend(RECEIVING.zlib.setUp);
  try {
    const result: unknown = inflateRawSync(input, {
      windowBits: INFLATE_WINDOW_BITS,
      finishFlush: Z_FINISH,
      maxOutputLength: Math.max(1, Math.min(maxLength, MAX_BUFFER)),
      // A message of some size comes out in one piece then; for a small one the memory would cost more than it.
      chunkSize: input.length > LARGE_INPUT ? CHUNK : SMALL_CHUNK,
      info: true,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    share.spend((result as { buffer: Buffer }).buffer.length);
    return result as { buffer: Buffer; engine: InflateRaw };
  } catch (error) {
    const reported = toProtocolError(error);
    // As much came out as was allowed.
    if (reported instanceof ProtocolError && reported.code === 'WS_MESSAGE_TOO_BIG') share.spend(maxLength);
    throw reported;
  }
}

const PEERS_FAULTS: ReadonlySet<unknown> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/** What zlib says of the peer's bytes. Anything else, such as being out of memory, is not the peer's fault and stays as it is. */
export function toProtocolError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new ProtocolError('WS_MESSAGE_TOO_BIG');
  return PEERS_FAULTS.has(code) ? new ProtocolError('WS_INVALID_DEFLATE', { cause: error }) : error;
}

/**
 * The message, without the probe's bytes.
 * @param over the bytes of the probe that zlib took
 * @returns null if the message ends in what looks like the probe
 */
export function wholeMessage(over: number, output: Output, probe: Probe, maxLength: number): Buffer | null {
  const ending = endingOf(over, output.end(probe.bytes.length), probe);
  if (ending === 'cut off') throw new ProtocolError('WS_INVALID_DEFLATE');
  if (ending === 'ambiguous') return null;
  const length = over === 0 ? output.length : output.length - probe.size;
  if (length > maxLength) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
  return output.take(length);
}

/** The bytes of input that may bring nothing: a block boundary costs a few, an honest compressor makes few of them. */
const MAX_IDLE_INPUT = 1_048_576;

/** Whether `input` bytes were spent on far too little output: empty blocks, over and over (attack on the CPU, not on memory). */
export function inputWithoutOutput(input: number, output: number): boolean {
  return input - output * (17 / 16) > MAX_IDLE_INPUT;
}
