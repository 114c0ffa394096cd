/**
 * Decides whether a compressed message is complete: RFC 7692 §7.2.1, §7.2.2. A payload is whole if it ends in the header of a stored block,
 * whose 00 00 ff ff was not sent, or after a final block (7692 §7.2.3.4). Our own engine detects that by itself (engine/inflate.ts). zlib
 * does not report where it stopped, so both callers of zlib append a probe to the payload, and this file judges the result.
 */

// These random bytes are never sent. The peer cannot know them, so it cannot cut a block off in a way that produces them.
const MARK_SIZE = 9;
const mark: Uint8Array = crypto.getRandomValues(new Uint8Array(MARK_SIZE));

/** An empty final block with fixed codes (1951 §3.2.6): zlib's stream ends exactly after it. */
const END_OF_STREAM: readonly number[] = [0x03, 0x00];

/** Bytes that we append to a payload instead of the 00 00 ff ff that was not sent. */
export interface Probe {
  readonly bytes: Buffer;
  /** Bytes that the probe adds to the message. */
  readonly size: number;
}

/**
 * Builds a probe: the length and the content of a stored block, then the end of the stream. If the payload is whole, zlib outputs exactly
 * the content. If the payload was cut off inside symbols, zlib outputs something else. If the payload was cut off inside a stored block, zlib
 * outputs the length as well.
 */
function probeOf(size: number): Probe {
  return {
    bytes: Buffer.from([size, 0, 255 - size, 255, ...mark.subarray(0, size), ...END_OF_STREAM]),
    size,
  };
}

/** The second probe is used if the message ends in bytes that look like the length field of the first probe. */
export const probes: readonly Probe[] = [probeOf(MARK_SIZE - 1), probeOf(MARK_SIZE)];

/** Bytes of a probe's length field. */
const LENGTH_SIZE = 4;

export type Ending = 'whole' | 'cut off' | 'ambiguous';

/**
 * Says whether a payload ended at a point where a message may end.
 * @param over the number of bytes after the payload that zlib took before its stream ended
 * @param output the last bytes of the output: at least `size` + 4 bytes, or all if there are fewer
 */
export function endingOf(over: number, output: Uint8Array, { bytes, size }: Probe): Ending {
  // 7692 §7.2.3.4: a final block ended with the payload.
  if (over === 0) return 'whole';
  // 7692 §7.2.1, 7692 §7.2.3.4: the empty stored block at the end may be a final block. If so, the stream ends with this block.
  if (over !== bytes.length && over !== bytes.length - END_OF_STREAM.length) return 'cut off';
  if (!endsWith(output, output.length, bytes, LENGTH_SIZE, size)) return 'cut off';
  return endsWith(output, output.length - size, bytes, 0, LENGTH_SIZE) ? 'ambiguous' : 'whole';
}

/** Says whether the last `size` bytes of `output[0, end)` equal the `size` bytes of `wanted` that begin at `from`. */
function endsWith(output: Uint8Array, end: number, wanted: Uint8Array, from: number, size: number): boolean {
  if (end < size) return false;
  for (let index = 0; index < size; index++) {
    if (output[end - size + index] !== wanted[from + index]) return false;
  }
  return true;
}

/**
 * The most final blocks in a payload (7692 §7.2.3.4). An honest peer sends one, at the end. A peer that can flush a fragment only with
 * a final block sends one per fragment. zlib has to be set up anew after each of them, which takes some 20 µs.
 */
export const MAX_FINAL_BLOCKS = 16;
