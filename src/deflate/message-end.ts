/**
 * Decides whether a compressed message is complete: RFC 7692 §7.2.1, §7.2.2. A payload is whole in two cases. It ends with the header of a
 * stored block, whose bytes 00 00 ff ff were not sent. Or it ends with a final block (7692 §7.2.3.4). Our own decompressor
 * (engine/inflate.ts) detects this by itself. zlib does not report in which state it reached the end of the input. So zlib.ts and
 * inflate-in-pool.ts append bytes to the payload: the probe. This file concludes from zlib's output whether the payload is whole.
 */

// These random bytes are never sent. The peer cannot know these bytes, so it cannot send a cut-off payload for which zlib outputs them.
const MARK_SIZE = 9;
const mark: Uint8Array = crypto.getRandomValues(new Uint8Array(MARK_SIZE));

/** An empty final block with fixed codes (1951 §3.2.6). zlib stops directly after this block. */
const END_OF_STREAM: readonly number[] = [0x03, 0x00];

/** The bytes that we append to a payload in place of 00 00 ff ff, which the peer did not send. */
export interface Probe {
  readonly bytes: Buffer;
  /** The number of bytes that the probe adds to the output. */
  readonly size: number;
}

/**
 * Builds a probe: the length field and the content of a stored block, then the end of the stream. If the payload is whole, zlib reads the
 * length field and outputs exactly the content. If the payload was cut off between or inside symbols, zlib outputs something else. If the
 * payload was cut off inside a stored block, zlib outputs the length field as if it were content.
 */
function probeOf(size: number): Probe {
  return {
    bytes: Buffer.from([size, 0, 255 - size, 255, ...mark.subarray(0, size), ...END_OF_STREAM]),
    size,
  };
}

/**
 * The second probe has a different length field. It is used if the message itself ends with bytes that look like the length field of the
 * first probe.
 */
export const probes: readonly Probe[] = [probeOf(MARK_SIZE - 1), probeOf(MARK_SIZE)];

/** The number of bytes of a probe's length field. */
const LENGTH_SIZE = 4;

export type Ending = 'whole' | 'cut off' | 'ambiguous';

/**
 * Returns whether a payload ended at a point where a message may end.
 * @param over the number of bytes of the probe that zlib read before its stream ended
 * @param output the last bytes of the output: at least `size` + 4 bytes, or all of it if it is shorter
 */
export function endingOf(over: number, output: Uint8Array, { bytes, size }: Probe): Ending {
  // zlib has read no byte of the probe, so the payload ends with a final block (7692 §7.2.3.4).
  if (over === 0) return 'whole';
  // The empty stored block at the end of the payload may be a final block (7692 §7.2.1, §7.2.3.4). In that case zlib's stream ends with
  // this block, before END_OF_STREAM.
  if (over !== bytes.length && over !== bytes.length - END_OF_STREAM.length) return 'cut off';
  if (!endsWith(output, output.length, bytes, LENGTH_SIZE, size)) return 'cut off';
  return endsWith(output, output.length - size, bytes, 0, LENGTH_SIZE) ? 'ambiguous' : 'whole';
}

/** Returns whether the last `size` bytes of `output[0, end)` equal the `size` bytes of `wanted` that begin at `from`. */
function endsWith(output: Uint8Array, end: number, wanted: Uint8Array, from: number, size: number): boolean {
  if (end < size) return false;
  for (let index = 0; index < size; index++) {
    if (output[end - size + index] !== wanted[from + index]) return false;
  }
  return true;
}

/**
 * The maximum number of final blocks in a payload (7692 §7.2.3.4). A peer normally sends at most one, at the end. But a compressor may have
 * no other way to flush a fragment. Then the peer sends one in each fragment. zlib has to be set up again after each final block, which
 * takes about 20 µs.
 */
export const MAX_FINAL_BLOCKS = 16;
