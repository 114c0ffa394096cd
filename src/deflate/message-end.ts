/**
 * Where a compressed message ends: RFC 7692 §7.2.1, §7.2.2. A payload is whole if it ends in the header of a stored block, whose
 * 00 00 ff ff did not travel, or after a final block (7692 §7.2.3.4). Our own engine sees that itself (engine/inflate.ts). zlib does
 * not report where it stopped, so both ways through zlib give it a probe after the payload and ask this one arbiter.
 */

// What the peer cannot know, and therefore cannot make come out of a block that was cut off. Not a secret: it is never sent.
const MARK_SIZE = 9;
const mark: Uint8Array = crypto.getRandomValues(new Uint8Array(MARK_SIZE));

/** An empty final block with fixed codes (1951 §3.2.6): zlib's stream ends exactly there. */
const END_OF_STREAM: readonly number[] = [0x03, 0x00];

/** Bytes that stand after a payload in place of the 00 00 ff ff that did not travel. */
export interface Probe {
  readonly bytes: Buffer;
  /** Bytes that it adds to the message. */
  readonly size: number;
}

/**
 * The length of a stored block and its content, and the end of the stream. If the payload is whole, the content comes out as it is.
 * Inside symbols something else would; inside a stored block that was cut off, the length would come out with it.
 */
function probeOf(size: number): Probe {
  return {
    bytes: Buffer.from([size, 0, 255 - size, 255, ...mark.subarray(0, size), ...END_OF_STREAM]),
    size,
  };
}

/** The second one is for a message that ends in what the first one's length looks like. */
export const probes: readonly Probe[] = [probeOf(MARK_SIZE - 1), probeOf(MARK_SIZE)];

/** Bytes of a probe's length field. */
const LENGTH_SIZE = 4;

export type Ending = 'whole' | 'cut off' | 'ambiguous';

/**
 * Whether a payload ended where a message may.
 * @param over the bytes after the payload that zlib took before its stream ended, 0 for none
 * @param output the last bytes that came out, at least `size` + 4 of them if there were so many
 */
export function endingOf(over: number, output: Uint8Array, { bytes, size }: Probe): Ending {
  // 7692 §7.2.3.4: a final block ended with the payload.
  if (over === 0) return 'whole';
  // 7692 §7.2.1, 7692 §7.2.3.4: the empty stored block at the end may be a final one, and then the stream ends with it.
  if (over !== bytes.length && over !== bytes.length - END_OF_STREAM.length) return 'cut off';
  if (!endsWith(output, output.length, bytes, LENGTH_SIZE, size)) return 'cut off';
  return endsWith(output, output.length - size, bytes, 0, LENGTH_SIZE) ? 'ambiguous' : 'whole';
}

/** Whether `output[…, end)` ends in `size` bytes of `wanted` from `from` on. */
function endsWith(output: Uint8Array, end: number, wanted: Uint8Array, from: number, size: number): boolean {
  if (end < size) return false;
  for (let index = 0; index < size; index++) {
    if (output[end - size + index] !== wanted[from + index]) return false;
  }
  return true;
}

/**
 * Final blocks in a payload (7692 §7.2.3.4). An honest peer has one, at the end. A peer that flushes each fragment with a final
 * block, for want of another kind of flush, has one per fragment. zlib has to be set up anew after each, some 20 µs.
 */
export const MAX_FINAL_BLOCKS = 16;
