/**
 * Compresses and decompresses with node:zlib (RFC 7692 §7.2): one message in one synchronous call. zlib gets the context (the plaintext of
 * earlier messages, engine/window.ts) as a dictionary. So no zlib stream is kept between messages. deflate-in-pool.ts and
 * inflate-in-pool.ts use zlib's threads. message-end.ts checks whether a message is complete.
 */

import { constants, deflateRawSync, type InflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';
import { RECEIVING } from './engines.ts';
import { endingOf, MAX_FINAL_BLOCKS, type Probe, probes } from './message-end.ts';
import { MAX_BUFFER, Output } from './output.ts';
import { TurnShare } from './turn.ts';

const { Z_SYNC_FLUSH, Z_FINISH } = constants;

/** The number of bytes at the end of zlib's output that are not sent: 00 00 ff ff (7692 §7.2.1). */
export const TAIL_SIZE: number = 4;

/** The settings for compression: zlib's level, and the size of the window. */
export interface DeflateSettings {
  /** 1 to 9 */
  readonly level: number;
  /** 8 to 15 */
  readonly windowBits: number;
}

/**
 * Converts the settings to options of zlib.
 * @param dictionary earlier plaintext that the message may refer to; empty if there is no context
 */
export function toZlib({ level, windowBits }: DeflateSettings, dictionary: Uint8Array): ZlibOptions {
  return {
    level,
    // zlib has no window of 256 bytes, so it gets a window of 512 bytes. In this window, zlib refers back at most 512 - 262 = 250 bytes.
    // That is also allowed in a window of 256 bytes.
    windowBits: Math.max(windowBits, 9),
    finishFlush: Z_SYNC_FLUSH,
    ...(dictionary.length === 0 ? null : { dictionary }),
  };
}

/** Compresses a message synchronously. @param dictionary earlier plaintext that the message may refer to; empty if there is no context */
export function deflateNow(payload: Uint8Array, settings: DeflateSettings, dictionary: Uint8Array): Buffer {
  const output = deflateRawSync(payload, toZlib(settings, dictionary));
  return output.subarray(0, output.length - TAIL_SIZE);
}

/**
 * zlib's window for received messages. We always use the largest window, not the negotiated window. With a smaller window, zlib refuses
 * some distances that are too large, but accepts others, depending on where its pieces of output end. With the largest window, zlib follows
 * the same rule as our own engine: a distance is at most 32 KiB (1951 §3.2.5). It must refer to bytes of this message, or to bytes of the
 * context, which has at most the negotiated size (7692 §7.1.2).
 */
export const INFLATE_WINDOW_BITS = 15;
export const INFLATE_WINDOW_SIZE: number = 2 ** INFLATE_WINDOW_BITS;

/**
 * The sizes of zlib's pieces of output: `CHUNK` for large input, `SMALL_CHUNK` for small input. A message of 64 KiB or 16 KiB fits into one
 * piece, together with the probe (message-end.ts).
 */
export const CHUNK = 65_600;
const SMALL_CHUNK = 16_448;
const LARGE_INPUT = 4_096;

/**
 * Decompresses a message synchronously.
 * @param history the plaintext before this message
 * @param maxLength the maximum number of bytes of output
 * @param share counts the work of the connection (turn.ts)
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

/**
 * Decompresses a message like `inflateNow`, but only with one zlib stream.
 * @returns the message. Null if other blocks follow a final block: zlib would need a new stream for these blocks
 */
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

/**
 * @returns the message. 'ambiguous' if the message ends with bytes that look like the probe (message-end.ts). Null if `isOne` is true and
 *   other blocks follow a final block
 */
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

/** Throws if there are too many final blocks. The number is limited because each final block requires a new zlib stream. */
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
      // With a large chunk, the output of a large message is one piece. For a small message, to allocate a large chunk would take longer
      // than to decompress the message.
      chunkSize: input.length > LARGE_INPUT ? CHUNK : SMALL_CHUNK,
      info: true,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    share.spend((result as { buffer: Buffer }).buffer.length);
    return result as { buffer: Buffer; engine: InflateRaw };
  } catch (error) {
    const reported = toProtocolError(error);
    // If the message is too big, zlib has produced `maxLength` bytes of output before it stopped.
    if (reported instanceof ProtocolError && reported.code === 'WS_MESSAGE_TOO_BIG') share.spend(maxLength);
    throw reported;
  }
}

const PEERS_FAULTS: ReadonlySet<unknown> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/**
 * If the peer's bytes caused this error of zlib, returns a ProtocolError. Any other error, such as "out of memory", is returned unchanged.
 */
export function toProtocolError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new ProtocolError('WS_MESSAGE_TOO_BIG');
  return PEERS_FAULTS.has(code) ? new ProtocolError('WS_INVALID_DEFLATE', { cause: error }) : error;
}

/**
 * Returns the output without the probe's bytes (message-end.ts).
 * @param over the number of bytes of the probe that zlib read
 * @returns the message. Null if the message ends with bytes that look like the probe
 */
export function wholeMessage(over: number, output: Output, probe: Probe, maxLength: number): Buffer | null {
  const ending = endingOf(over, output.end(probe.bytes.length), probe);
  if (ending === 'cut off') throw new ProtocolError('WS_INVALID_DEFLATE');
  if (ending === 'ambiguous') return null;
  const length = over === 0 ? output.length : output.length - probe.size;
  if (length > maxLength) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
  return output.take(length);
}

/**
 * The maximum number of input bytes that may produce no output. Normal input without output is only the headers of blocks, which are small
 * and rare.
 */
const MAX_IDLE_INPUT = 1_048_576;

/**
 * Returns true if `input` bytes have produced far too few bytes of output. This detects an attack with many empty blocks. Empty blocks cost
 * much CPU time, but no memory, so no size limit stops them.
 */
export function inputWithoutOutput(input: number, output: number): boolean {
  return input - output * (17 / 16) > MAX_IDLE_INPUT;
}
