/**
 * Autobahn's group 9: large messages, many fragments, small writes and many round trips. The judge (this test program) compares only the
 * type and the length of each echo.
 */

import type { Case, Kind, LoopStep } from '../case/model.ts';
import { hex, type Payload, repeated } from '../case/payload.ts';
import { closeAfter, frame, message } from '../case/steps.ts';
import { type Common, echoes } from './build.ts';
import { roundTrips } from './round-trips.ts';

const common: Common = { section: '6455 §5.2', covers: ['F10', 'F25'] };
const fragments: Common = { section: '6455 §5.4', covers: ['F18', 'F25'] };
const kib = 1024;
const mib = 1024 * kib;
const units: Readonly<Record<Kind, Buffer>> = { text: Buffer.from('BAsd7&jh23'), binary: hex('00fe23faf0') };

const opcodeOf = (kind: Kind): number => (kind === 'text' ? 1 : 2);

/**
 * Groups 9.1 and 9.2: each case sends one frame, which is larger than in the previous case. The time limits in seconds come from Autobahn.
 */
function sizes(group: string, kind: Kind, seconds: readonly number[]): Case[] {
  return [64 * kib, 256 * kib, mib, 4 * mib, 8 * mib, 16 * mib].map((length, i) =>
    echoes(
      `${group}.${i + 1}`,
      common,
      [frame(opcodeOf(kind), repeated(units[kind], length)), closeAfter(seconds[i]!)],
      { kind, length },
    ),
  );
}

/** Groups 9.3 and 9.4: each case sends 4 MiB in fragments, which are larger than in the previous case. The last case sends one frame. */
function fragmented(group: string, kind: Kind): Case[] {
  const length = 4 * mib;
  return [64, 256, kib, 4 * kib, 16 * kib, 64 * kib, 256 * kib, mib, length].map((size, i) => {
    // As in Autobahn, only 9.4.1 sends the byte 0xfe. All other cases of 9.3 and 9.4 send stars.
    const unit = kind === 'binary' && i === 0 ? hex('fe') : Buffer.from('*');
    const payload: Payload = repeated(unit, length);
    const step = size === length ? frame(opcodeOf(kind), payload) : message(kind, payload, size);
    return echoes(`${group}.${i + 1}`, fragments, [step, closeAfter(100)], { kind, length });
  });
}

/** Groups 9.5 and 9.6: each case sends 1 MiB in small writes, which are larger than in the previous case. */
function chopped(group: string, kind: Kind): Case[] {
  return [64, 128, 256, 512, 1024, 2048].map((chop, i) =>
    echoes(
      `${group}.${i + 1}`,
      common,
      [frame(opcodeOf(kind), repeated(units[kind], mib), { chop }), closeAfter(1000)],
      { kind, length: mib },
    ),
  );
}

/** Groups 9.7 and 9.8: each case sends a thousand messages. Each message is sent after the echo of the previous message. */
function trips(group: string, kind: Kind, unit: Buffer): Case[] {
  const table = [
    [0, 60],
    [16, 60],
    [64, 60],
    [256, 120],
    [1024, 240],
    [4096, 480],
  ] as const;
  return table.map(([length, seconds], i) => {
    const payload: Payload = length === 0 ? Buffer.alloc(0) : repeated(unit, length);
    const loop: LoopStep = {
      do: 'loop',
      messages: { full: 1000, quick: 50 },
      kind,
      source: () => payload,
      compare: 'length',
      fragmentSize: null,
      compress: false,
      seconds,
    };
    return roundTrips(`${group}.${i + 1}`, common, loop, `${length} bytes each`);
  });
}

/** The cases of group 9, in order. */
export const limitCases: readonly Case[] = [
  ...sizes('9.1', 'text', [10, 10, 100, 100, 100, 100]),
  ...sizes('9.2', 'binary', [10, 10, 10, 10, 100, 100]),
  ...fragmented('9.3', 'text'),
  ...fragmented('9.4', 'binary'),
  ...chopped('9.5', 'text'),
  ...chopped('9.6', 'binary'),
  ...trips('9.7', 'text', Buffer.from('*')),
  ...trips('9.8', 'binary', hex('fe')),
];
