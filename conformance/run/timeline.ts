/**
 * Records everything that happens on one connection, with the time. Reports show the timeline, and verdicts do not depend on it.
 */

import type { Frame, FrameHead } from '../wire/frame.ts';

/** The kinds of timeline entries. */
export type TimelineKind = 'tcp' | 'http' | 'bytes' | 'frame' | 'event' | 'timer' | 'note';

export interface TimelineEntry {
  /** Milliseconds since the TCP connection was opened, with two decimals. */
  readonly at: number;
  readonly by: 'judge' | 'peer';
  readonly kind: TimelineKind;
  /** A description in words; for 'http' the head as it was sent. */
  readonly text: string;
  /** For 'bytes' the number of bytes, and for 'frame' the number of payload bytes. `hex` has the first 64 of these bytes. */
  readonly length?: number;
  readonly hex?: string;
  /** For 'frame': the header of the frame, with the masking key in hex. */
  readonly frame?: {
    readonly opcode: number;
    readonly fin: boolean;
    readonly rsv: number;
    readonly key: string | null;
  };
}

/** The maximum number of bytes that a timeline entry shows. */
const SHOWN = 64;
/** After this number of entries, bytes and data frames are only counted. */
const KEPT = 400;

/** The numbers of chunks by size, and of frames by opcode. */
export interface Counts {
  /** Maps the size of a chunk to the number of such chunks. */
  readonly bytes: Record<string, number>;
  /** Maps an opcode to the number of its frames. */
  readonly frames: Record<string, number>;
}

/** Returns the name of an opcode. */
export function opcodeName(opcode: number): string {
  const names: Readonly<Record<number, string>> = {
    0: 'continuation',
    1: 'text',
    2: 'binary',
    8: 'close',
    9: 'ping',
    10: 'pong',
  };
  return names[opcode] ?? `opcode ${opcode}`;
}

/** Describes a frame in a few words: `text, not FIN, RSV1, 5 bytes`. */
export function describeFrame(head: Pick<FrameHead, 'opcode' | 'fin' | 'rsv' | 'length'>): string {
  const bits = [4, 2, 1]
    .filter((bit) => (head.rsv & bit) !== 0)
    .map((bit) => `RSV${bit === 4 ? 1 : bit === 2 ? 2 : 3}`);
  const parts = [opcodeName(head.opcode), ...(head.fin ? [] : ['not FIN']), ...bits];
  return `${parts.join(', ')}, ${head.length} byte${head.length === 1 ? '' : 's'}`;
}

/** The timeline of one connection. */
export class Timeline {
  readonly entries: TimelineEntry[] = [];
  /** The number of entries that were not kept. */
  omitted = 0;
  readonly received: Counts = { bytes: {}, frames: {} };
  readonly sent: Counts = { bytes: {}, frames: {} };
  private readonly start = performance.now();

  /** Returns the milliseconds since the connection was opened. */
  now(): number {
    return Math.round((performance.now() - this.start) * 100) / 100;
  }

  add(by: 'judge' | 'peer', kind: TimelineKind, text: string): void {
    if (kind === 'event' && this.isFull()) return;
    this.entries.push({ at: this.now(), by, kind, text });
  }

  bytes(by: 'judge' | 'peer', bytes: Buffer): void {
    const { bytes: sizes } = by === 'peer' ? this.received : this.sent;
    sizes[bytes.length] = (sizes[bytes.length] ?? 0) + 1;
    if (this.isFull()) return;
    const text = by === 'peer' ? 'received' : 'sent';
    this.entries.push({
      at: this.now(),
      by,
      kind: 'bytes',
      text,
      length: bytes.length,
      hex: shown(bytes),
    });
  }

  /** @param frame a frame with the unmasked payload */
  frame(by: 'judge' | 'peer', frame: Frame): void {
    const { frames } = by === 'peer' ? this.received : this.sent;
    frames[frame.opcode] = (frames[frame.opcode] ?? 0) + 1;
    if (frame.opcode < 8 && this.isFull()) return;
    const { opcode, fin, rsv, key, payload, length } = frame;
    this.entries.push({
      at: this.now(),
      by,
      kind: 'frame',
      text: describeFrame(frame),
      length,
      hex: shown(payload),
      frame: { opcode, fin, rsv, key: key?.toString('hex') ?? null },
    });
  }

  private isFull(): boolean {
    if (this.entries.length < KEPT) return false;
    this.omitted += 1;
    return true;
  }
}

function shown(bytes: Buffer): string {
  return bytes.toString('hex', 0, SHOWN);
}
