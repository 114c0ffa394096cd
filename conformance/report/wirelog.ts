/**
 * Converts a timeline to the rows of Autobahn's wirelog.
 */

import type { TimelineEntry } from '../run/timeline.ts';

const shown = (hex: string, length: number): string => (length > hex.length / 2 ? `${hex} ...` : hex);

/** Returns rows for the bytes and frames of both directions. Pauses and timers become notes. */
export function wirelog(timeline: readonly TimelineEntry[]): unknown[] {
  const rows: unknown[] = [];
  for (const { kind, by, text, length = 0, hex = '', frame } of timeline) {
    if (kind === 'bytes') {
      const bytes = [length, shown(hex, length)];
      rows.push(by === 'peer' ? ['RO', bytes] : ['TO', bytes, false]);
    } else if (kind === 'frame' && frame !== undefined) {
      const { opcode, fin, rsv, key } = frame;
      const payload = [length, shown(hex, length)];
      if (by === 'peer') rows.push(['RF', payload, opcode, fin, rsv, key !== null, key]);
      else rows.push(['TF', payload, opcode, fin, rsv, key, null, null, false]);
    } else if (kind === 'timer') {
      rows.push(['CT', 0, text]);
    }
  }
  return rows;
}
