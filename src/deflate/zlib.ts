/**
 * Compresses and decompresses with node:zlib (RFC 7692 §7.2): one message in one call, in this turn of the event loop. The context is a
 * dictionary of plaintext (see engine/window.ts). No zlib stream keeps the context between messages. deflate-in-pool.ts and
 * inflate-in-pool.ts use zlib's threads; message-end.ts decides where a message ends.
 */

import { constants, deflateRawSync, type InflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import { ProtocolError } from '../frame/violation.ts';
import { RECEIVING } from './engines.ts';
import { endingOf, MAX_FINAL_BLOCKS, type Probe, probes } from './message-end.ts';
import { MAX_BUFFER, Output } from './output.ts';
import { TurnShare } from './turn.ts';

const { Z_SYNC_FLUSH, Z_FINISH } = constants;

/** The size of the end of the empty stored block, 00 00 ff ff, which is not sent (7692 §7.2.1). */
export const TAIL_SIZE: number = 4;

/** The settings for compression: zlib's level, and the size of the window. */
export interface DeflateSettings {
  /** 1 to 9 */
  readonly level: number;
  /** 8 to 15 */
  readonly windowBits: number;
}

/** Converts the settings for zlib. @param dictionary earlier plaintext that the message may refer to; empty for none */
export function toZlib({ level, windowBits }: DeflateSettings, dictionary: Uint8Array): ZlibOptions {
  return {
    level,
    // zlib has no window of 256 bytes. In a window of 512 it uses only distances up to 512 - 262 = 250, which fit.
    windowBits: Math.max(windowBits, 9),
    finishFlush: Z_SYNC_FLUSH,
    ...(dictionary.length === 0 ? null : { dictionary }),
  };
}

/** Compresses a message in this turn. @param dictionary earlier plaintext that the message may refer to; empty for none */
export function deflateNow(payload: Uint8Array, settings: DeflateSettings, dictionary: Uint8Array): Buffer {
  const output = deflateRawSync(payload, toZlib(settings, dictionary));
  return output.subarray(0, output.length - TAIL_SIZE);
}

/**
 * zlib's window in the receiving direction. We do not use the negotiated window here: zlib would check some distances against it and others
 * not, depending on where its pieces of output end. In both engines a distance is valid if it is at most 32 KiB (1951 §3.2.5) and refers to
 * bytes that exist. These bytes may be in this message, or in the context, which has the negotiated size (7692 §7.1.2).
 */
export const INFLATE_WINDOW_BITS = 15;
export const INFLATE_WINDOW_SIZE: number = 2 ** INFLATE_WINDOW_BITS;

/** The sizes of zlib's pieces of output. A message of 64 KiB, or of 16 KiB, fits into one piece together with the probe's bytes. */
export const CHUNK = 65_600;
const SMALL_CHUNK = 16_448;
const LARGE_INPUT = 4_096;

/**
 * Decompresses a message in this turn.
 * @param history the plaintext before this message
 * @param maxLength the most bytes of output
 * @param share the connection's share, in which the work counts
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

/** Works like `inflateNow`. @returns null if other blocks follow a final block: zlib would need a new stream after each final block */
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

/** @returns 'ambiguous' if the message ends in bytes that look like the probe; null if `isOne` and other blocks follow a final block */
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

/** Limits the number of final blocks, since each of them ends a zlib stream. */
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
      // With a large chunk, a large message comes in one piece. For a small message, a large chunk would cost more than the message.
      chunkSize: input.length > LARGE_INPUT ? CHUNK : SMALL_CHUNK,
      info: true,
      ...(dictionary.length === 0 ? null : { dictionary }),
    });
    share.spend((result as { buffer: Buffer }).buffer.length);
    return result as { buffer: Buffer; engine: InflateRaw };
  } catch (error) {
    const reported = toProtocolError(error);
    // zlib produced as much output as was allowed.
    if (reported instanceof ProtocolError && reported.code === 'WS_MESSAGE_TOO_BIG') share.spend(maxLength);
    throw reported;
  }
}

const PEERS_FAULTS: ReadonlySet<unknown> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT']);

/**
 * Converts zlib's errors about the peer's bytes. Any other error, such as "out of memory", is not the peer's fault, and is returned
 * unchanged.
 */
export function toProtocolError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_BUFFER_TOO_LARGE') return new ProtocolError('WS_MESSAGE_TOO_BIG');
  return PEERS_FAULTS.has(code) ? new ProtocolError('WS_INVALID_DEFLATE', { cause: error }) : error;
}

/**
 * Returns the message, without the probe's bytes.
 * @param over the number of bytes of the probe that zlib took
 * @returns null if the message ends in bytes that look like the probe
 */
export function wholeMessage(over: number, output: Output, probe: Probe, maxLength: number): Buffer | null {
  const ending = endingOf(over, output.end(probe.bytes.length), probe);
  if (ending === 'cut off') throw new ProtocolError('WS_INVALID_DEFLATE');
  if (ending === 'ambiguous') return null;
  const length = over === 0 ? output.length : output.length - probe.size;
  if (length > maxLength) throw new ProtocolError('WS_MESSAGE_TOO_BIG');
  return output.take(length);
}

/** The most bytes of input that may give no output. A block boundary takes a few bytes, and an honest compressor makes few boundaries. */
const MAX_IDLE_INPUT = 1_048_576;

/** Says whether `input` bytes gave far too little output: many empty blocks are an attack on the CPU, not on memory. */
export function inputWithoutOutput(input: number, output: number): boolean {
  return input - output * (17 / 16) > MAX_IDLE_INPUT;
}
