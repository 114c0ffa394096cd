/**
 * Decides whether the payload of a compressed message is complete or cut off: RFC 7692 §7.2.1, §7.2.2. A complete payload has one of two
 * ends. The first is the header of an empty stored block: the sender omits the block's bytes 00 00 ff ff. The second is a final block
 * (7692 §7.2.3.4).
 * Our own decompressor (engine/inflate.ts) detects these ends. zlib does not tell us where in a block the input ended. So zlib.ts and
 * inflate-in-pool.ts append a probe to the payload: a few bytes with known content. From the output of the probe, this file concludes
 * whether the payload was complete.
 */

// The content of the probe: random bytes, which are never sent. The peer does not know these bytes. So the peer cannot send a cut-off
// payload from which zlib outputs these bytes.
const MARK_SIZE = 9;
const mark: Uint8Array = crypto.getRandomValues(new Uint8Array(MARK_SIZE));

/** An empty final block with fixed codes (1951 §3.2.6). zlib stops directly after this block. */
const END_OF_STREAM: readonly number[] = [0x03, 0x00];

/** The bytes that we append to a payload instead of 00 00 ff ff, which the sender omits. */
export interface Probe {
  readonly bytes: Buffer;
  /** The number of bytes that the probe adds to the output. */
  readonly size: number;
}

/**
 * Builds a probe: the length field and the content of a stored block, and then the end of the stream. If the payload is complete, zlib
 * reads the length field and outputs exactly the content. If the payload was cut off inside a stored block, zlib outputs the length field
 * too, as content. If the payload was cut off elsewhere, zlib outputs something else.
 */
function probeOf(size: number): Probe {
  return {
    bytes: Buffer.from([size, 0, 255 - size, 255, ...mark.subarray(0, size), ...END_OF_STREAM]),
    size,
  };
}

/**
 * There are two probes, with different length fields. The second probe is used only if the message ends with the same bytes as the length
 * field of the first probe.
 */
export const probes: readonly Probe[] = [probeOf(MARK_SIZE - 1), probeOf(MARK_SIZE)];

/** The number of bytes of a probe's length field. */
const LENGTH_SIZE = 4;

export type Ending = 'whole' | 'cut off' | 'ambiguous';

/**
 * Returns 'whole' if the payload was complete, and 'cut off' if its end is missing. 'ambiguous' means that the caller has to try the second
 * of `probes`.
 * @param over how many bytes of the probe zlib read before its stream ended
 * @param output the last bytes of the output: at least `size` + 4 bytes, or the whole output if the output is shorter
 */
export function endingOf(over: number, output: Uint8Array, { bytes, size }: Probe): Ending {
  // zlib stopped before the probe, so the payload ends with a final block (7692 §7.2.3.4).
  if (over === 0) return 'whole';
  // The empty stored block at the end of the payload may itself be a final block (7692 §7.2.1, §7.2.3.4). Then zlib's stream ends with this
  // block, and zlib does not read END_OF_STREAM.
  if (over !== bytes.length && over !== bytes.length - END_OF_STREAM.length) return 'cut off';
  if (!endsWith(output, output.length, bytes, LENGTH_SIZE, size)) return 'cut off';
  return endsWith(output, output.length - size, bytes, 0, LENGTH_SIZE) ? 'ambiguous' : 'whole';
}

/** Returns true if the last `size` bytes of `output[0, end)` equal `wanted[from, from + size)`. */
function endsWith(output: Uint8Array, end: number, wanted: Uint8Array, from: number, size: number): boolean {
  if (end < size) return false;
  for (let index = 0; index < size; index++) {
    if (output[end - size + index] !== wanted[from + index]) return false;
  }
  return true;
}

/**
 * The maximum number of final blocks in a payload (7692 §7.2.3.4). Most peers send at most one, at the end. A few compressors can flush
 * only with a final block, and then each fragment has one. The number is limited because zlib must be set up again after each final block,
 * which takes about 20 µs.
 */
export const MAX_FINAL_BLOCKS = 16;
