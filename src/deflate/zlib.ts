/**
 * Compresses and decompresses with node:zlib (RFC 7692 §7.2): one message in one synchronous call. The context is the plaintext of earlier
 * messages (engine/window.ts), which zlib gets as a dictionary. So no zlib stream is kept between messages. deflate-in-pool.ts and
 * inflate-in-pool.ts use zlib's threads; message-end.ts decides where a message ends.
 */

import { constants, deflateRawSync, type InflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';
import { RECEIVING } from './engines.ts';
import { endingOf, MAX_FINAL_BLOCKS, type Probe, probes } from './message-end.ts';
import { MAX_BUFFER, Output } from './output.ts';
import { TurnShare } from './turn.ts';

const { Z_SYNC_FLUSH, Z_FINISH } = constants;

/** The number of bytes at the end of the output that are not sent: 00 00 ff ff (7692 §7.2.1). */
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
    // zlib has no window of 256 bytes, so a window of 512 bytes is used. In that window, zlib uses distances up to 512 - 262 = 250 bytes,
    // which are allowed for 256 bytes as well.
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
 * zlib's window for received messages. This is the largest possible window, not the negotiated one. With the negotiated window, zlib would
 * refuse some distances that are too large, but accept others. This would depend on where its pieces of output end. In both engines, a
 * valid distance is at most 32 KiB (1951 §3.2.5) and refers to bytes that exist. These bytes are in this message or in the context, which
 * has at most the negotiated size (7692 §7.1.2).
 */
export const INFLATE_WINDOW_BITS = 15;
export const INFLATE_WINDOW_SIZE: number = 2 ** INFLATE_WINDOW_BITS;

/**
 * The sizes of zlib's pieces of output, for large and small input. A message of 64 KiB or 16 KiB fits into one piece, together with the
 * bytes that the probe adds.
 */
export const CHUNK = 65_600;
const SMALL_CHUNK = 16_448;
const LARGE_INPUT = 4_096;

/**
 * Decompresses a message synchronously.
 * @param history the plaintext before this message
 * @param maxLength the maximum number of bytes of output
 * @param share the TurnShare of the connection, which counts the work
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
 * Decompresses a message like `inflateNow`, but with one zlib stream.
 * @returns null if other blocks follow a final block, because zlib would need a new stream for these blocks
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
 * @returns the message. 'ambiguous' if the message ends with bytes that look like the probe. Null if `isOne` is true and other blocks
 *   follow a final block
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

/** Throws if there are too many final blocks. After each final block, a new zlib stream has to be set up. */
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
      // With a large chunk size, the output of a large message is one piece. For a small message, allocating a large chunk would cost more
      // than decompressing the message.
      chunkSize: input.length > LARGE_INPUT ? CHUNK : SMALL_CHUNK,
      info: true,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    share.spend((result as { buffer: Buffer }).buffer.length);
    return result as { buffer: Buffer; engine: InflateRaw };
  } catch (error) {
    const reported = toProtocolError(error);
    // If the message is too big, zlib has produced as much output as was allowed.
    if (reported instanceof ProtocolError && reported.code === 'WS_MESSAGE_TOO_BIG') share.spend(maxLength);
    throw reported;
  }
}

const PEERS_FAULTS: ReadonlySet<unknown> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/**
 * Converts an error of zlib that the peer's bytes caused to a ProtocolError. Any other error, such as "out of memory", is not the peer's
 * fault, and is returned unchanged.
 */
export function toProtocolError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new ProtocolError('WS_MESSAGE_TOO_BIG');
  return PEERS_FAULTS.has(code) ? new ProtocolError('WS_INVALID_DEFLATE', { cause: error }) : error;
}

/**
 * Returns the message, without the probe's bytes.
 * @param over the number of bytes of the probe that zlib read
 * @returns null if the message ends with bytes that look like the probe
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
 * The maximum number of bytes of input that may produce no output. Only the boundaries between blocks are such input. A boundary takes a
 * few bytes, and a normal compressor makes few of them.
 */
const MAX_IDLE_INPUT = 1_048_576;

/**
 * Returns whether `input` bytes produced far too little output. Many empty blocks would be an attack: they cost much CPU time, but no limit
 * on memory stops them.
 */
export function inputWithoutOutput(input: number, output: number): boolean {
  return input - output * (17 / 16) > MAX_IDLE_INPUT;
}
