/**
 * Autobahn's group 6: text messages with valid or invalid UTF-8 (RFC 6455 §8.1, RFC 3629). The code computes most byte sequences. The check
 * in wire/utf8.ts decides whether a sequence is valid.
 */

import type { Case, Step } from '../case/model.ts';
import { hex } from '../case/payload.ts';
import {
  closeAfter,
  continuation,
  due,
  failAfter,
  message,
  messageEvent,
  pause,
  text,
  timeoutEvent,
} from '../case/steps.ts';
import { isUtf8 } from '../wire/utf8.ts';
import { type Common, expects, refuses } from './build.ts';

const common: Common = { section: '6455 §8.1', covers: ['F21', 'F26', 'C16'] };
const kosme = hex('cebae1bdb9cf83cebcceb5');
const mixed = Buffer.from('Hello-µ@ßöäüàá-UTF-8!!');
const surrogate = Buffer.concat([kosme, hex('eda080'), Buffer.from('edited')]);

/** Encodes a number as UTF-8 in exactly `size` bytes. The maximum is 6, because older versions of UTF-8 had sequences of 5 and 6 bytes. */
function form(size: number, codePoint: number): Buffer {
  if (size === 1) return Buffer.from([codePoint]);
  const bytes: number[] = [];
  let rest = codePoint;
  for (let i = 1; i < size; i++) {
    bytes.unshift(0x80 | (rest & 0x3f));
    rest = Math.floor(rest / 64);
  }
  const lead = (0xff00 >> size) & 0xff;
  return Buffer.from([lead | rest, ...bytes]);
}

/**
 * Builds a case with one text frame. If the payload is valid UTF-8, the peer has to echo the message. Otherwise the peer has to fail the
 * connection with 1007.
 */
function judged(id: string, payload: Buffer): Case {
  if (isUtf8(payload))
    return expects(id, common, [text(payload), failAfter(0.5)], messageEvent('text', payload));
  return refuses(id, common, [text(payload), failAfter(0.5)], 1007, { wrongSideFails: true });
}

function subgroup(group: string, payloads: readonly Buffer[]): Case[] {
  return payloads.map((payload, i) => judged(`${group}.${i + 1}`, payload));
}

function emptyFragments(): Case[] {
  const middle = 'middle frame payload';
  const split = (payload: string): Step[] => [
    text('', { fin: false }),
    continuation(payload, { fin: false }),
    continuation(),
    closeAfter(1),
  ];
  return [
    expects('6.1.1', common, [text(), closeAfter(1)], messageEvent('text')),
    expects('6.1.2', common, split(''), messageEvent('text')),
    expects('6.1.3', common, split(middle), messageEvent('text', middle)),
  ];
}

function splitText(): Case[] {
  const [head, tail] = [mixed.subarray(0, 15), mixed.subarray(15)];
  const echo = messageEvent('text', mixed);
  return [
    expects('6.2.1', common, [text(mixed), closeAfter(1)], echo),
    expects('6.2.2', common, [text(head, { fin: false }), continuation(tail), closeAfter(1)], echo),
    expects('6.2.3', common, [message('text', mixed, 1), closeAfter(1)], echo),
    expects('6.2.4', common, [message('text', kosme, 1), closeAfter(1)], messageEvent('text', kosme)),
    refuses('6.3.1', common, [text(surrogate), failAfter(1)], 1007, { wrongSideFails: true }),
    refuses('6.3.2', common, [message('text', surrogate, 1), failAfter(1)], 1007, { wrongSideFails: true }),
  ];
}

/**
 * Group 6.4: the message arrives in three parts, and the second part makes the UTF-8 invalid. A peer that checks each part on arrival fails
 * the connection before the third part.
 */
function failFast(): Case[] {
  const f4908080 = hex('f4908080');
  const cuts = [0, 1].map((early): [Buffer, Buffer, Buffer] => [
    Buffer.concat([kosme, f4908080.subarray(0, early)]),
    early === 0 ? f4908080 : f4908080.subarray(1, 2),
    Buffer.concat([f4908080.subarray(early === 0 ? 4 : 2), Buffer.from('edited')]),
  ]);
  const outcome = {
    events: [timeoutEvent('A')],
    tolerated: [timeoutEvent('A'), timeoutEvent('B')],
    wrongSideFails: true,
  };
  const fragments = cuts.map(([a, b, c], i) => {
    const steps = [
      text(a, { fin: false }),
      pause(1, 'A'),
      continuation(b, { fin: false }),
      due(1, 'B'),
      continuation(c),
      failAfter(1),
    ];
    return refuses(`6.4.${i + 1}`, common, steps, 1007, outcome);
  });
  const bytes = cuts.map((parts, i) => {
    const [a, b, c] = parts.map((part): Step => ({ do: 'bytes', bytes: part, ofFrame: true })) as [
      Step,
      Step,
      Step,
    ];
    const declaredLength = BigInt(parts[0].length + parts[1].length + parts[2].length);
    const header = text('', { fin: false, headerOnly: true, declaredLength });
    const steps = [header, a, pause(1, 'A'), b, due(1, 'B'), c, continuation(), failAfter(1)];
    return refuses(`6.4.${i + 3}`, common, steps, 1007, outcome);
  });
  return [...fragments, ...bytes];
}

/** Returns every byte from `from` to `to`, each followed by a space. */
function lonely(from: number, to: number): Buffer {
  return Buffer.from(Array.from({ length: to - from + 1 }, (_, i) => [from + i, 0x20]).flat());
}

const alternating = (size: number): Buffer =>
  Buffer.from(Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 0x80 : 0xbf)));
/** `leastForms` has overlong forms of 0 with 2 to 6 bytes. `greatestForms` has the largest number for each of these lengths. */
const leastForms = [2, 3, 4, 5, 6].map((size) => form(size, 0));
const greatestForms = [0x7ff, 0xffff, 0x1f_ffff, 0x3ff_ffff, 0x7fff_ffff].map((value, i) =>
  form(i + 2, value),
);
const truncated = [...leastForms, ...greatestForms].map((bytes) => bytes.subarray(0, -1));
const surrogates = [0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff].map((value) => form(3, value));
const pairs = [0xd800, 0xdb7f, 0xdb80, 0xdbff].flatMap((high) =>
  [0xdc00, 0xdfff].map((low) => Buffer.concat([form(3, high), form(3, low)])),
);
/** Encodes the last two code points of each of the 17 planes. */
const noncharacters = Array.from({ length: 17 }, (_, plane) =>
  [0xfffe, 0xffff].map((low) => plane * 0x1_0000 + low),
)
  .flat()
  .map((codePoint) => Buffer.from(String.fromCodePoint(codePoint)));

/** The cases of group 6, in order. */
export const utf8Cases: readonly Case[] = [
  ...emptyFragments(),
  ...splitText(),
  ...failFast(),
  ...subgroup('6.5', [
    ...['$', '¢', '€', '\u{24b62}'].map((sign) => Buffer.from(`hello${sign}world`)),
    kosme,
  ]),
  ...subgroup(
    '6.6',
    Array.from({ length: kosme.length }, (_, i) => kosme.subarray(0, i + 1)),
  ),
  ...subgroup('6.7', [form(1, 0), form(2, 0x80), form(3, 0x800), form(4, 0x1_0000)]),
  ...subgroup('6.8', [form(5, 0x20_0000), form(6, 0x400_0000)]),
  ...subgroup('6.9', [form(1, 0x7f), form(2, 0x7ff), form(3, 0xffff), form(4, 0x10_ffff)]),
  ...subgroup('6.10', greatestForms.slice(2)),
  ...subgroup(
    '6.11',
    [0xd7ff, 0xe000, 0xfffd, 0x10_ffff, 0x11_0000].map((value) => form(value > 0xffff ? 4 : 3, value)),
  ),
  ...subgroup('6.12', [
    hex('80'),
    hex('bf'),
    ...[2, 3, 4, 5, 6].map(alternating),
    // Autobahn leaves out 0xbf by mistake. Our case keeps the mistake, so that it is the same as Autobahn's case.
    Buffer.from(Array.from({ length: 63 }, (_, i) => 0x80 + i)),
  ]),
  // Autobahn also leaves out the last byte of each range of first bytes, and our cases do the same.
  ...subgroup('6.13', [
    lonely(0xc0, 0xde),
    lonely(0xe0, 0xee),
    lonely(0xf0, 0xf6),
    lonely(0xf8, 0xfa),
    lonely(0xfc, 0xfc),
  ]),
  ...subgroup('6.14', truncated),
  ...subgroup('6.15', [Buffer.concat(truncated)]),
  ...subgroup('6.16', [hex('fe'), hex('ff'), hex('fefeffff')]),
  ...subgroup(
    '6.17',
    [2, 3, 4, 5, 6].map((size) => form(size, 0x2f)),
  ),
  ...subgroup(
    '6.18',
    [0x7f, 0x7ff, 0xffff, 0x1f_ffff, 0x3ff_ffff].map((value, i) => form(i + 2, value)),
  ),
  ...subgroup('6.19', leastForms),
  ...subgroup('6.20', surrogates),
  ...subgroup('6.21', pairs),
  ...subgroup('6.22', noncharacters),
  ...subgroup(
    '6.23',
    Array.from({ length: 7 }, (_, i) => form(3, 0xfff9 + i)),
  ),
];
