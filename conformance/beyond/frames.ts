/**
 * Groups 22 to 24: masking, lengths, RSV bits and opcodes, in situations that Autobahn's cases do not test. RFC 6455 §5.
 */

import type { Case, Check, Event, FrameStep, Kind, Step, Titles } from '../case/model.ts';
import { bytesOf, repeated } from '../case/payload.ts';
import {
  awaits,
  binary,
  close,
  continuation,
  frame,
  messageEvent,
  ping,
  pong,
  pongEvent,
  text,
} from '../case/steps.ts';
import { opcodeName } from '../run/timeline.ts';
import { type About, type Draft, echoed, ends, fails, numbered } from './build.ts';

const masking: About = { section: '6455 §5.1', covers: ['F2', 'F4', 'F26', 'C16', 'C17'] };
const keys: About = { section: '6455 §5.3', covers: ['F13', 'F14'], against: 'server' };
const sent: About = { section: '6455 §5.3', covers: ['F1', 'F12'], against: 'client' };
const lengths: About = { section: '6455 §5.2', covers: ['F10'] };
const minimal: About = { section: '6455 §5.2', covers: ['F9'], level: 'SHOULD' };
const huge: About = { section: '6455 §10.4', covers: ['F25'], level: 'SHOULD' };
const bits: About = { section: '6455 §5.2', covers: ['F6', 'F22', 'F26'] };
const opcodes: About = { section: '6455 §5.2', covers: ['F7', 'F26'] };
const order: About = { section: '6455 §5.4', covers: ['F15', 'F17', 'F19', 'F24'] };
const control: About = { section: '6455 §5.5', covers: ['F16'] };
const utf8: About = { section: '6455 §8.1', covers: ['F21'] };

const wrong = { mask: 'wrong way' } as const;
const hello = messageEvent('text', 'Hello');
const a = (opcode: number): string =>
  `${/^[aeiou]/i.test(opcodeName(opcode)) ? 'an' : 'a'} ${opcodeName(opcode)}`;

const wrongWay: readonly (readonly [string, readonly Step[], (readonly Event[])?])[] = [
  ['a text frame', [text('Hello', wrong)]],
  ['a binary frame', [binary('Hello', wrong)]],
  ['an empty text frame', [text('', wrong)]],
  ['a ping', [ping('Hello', wrong)]],
  ['an empty ping', [ping('', wrong)]],
  ['a pong', [pong('Hello', wrong)]],
  ['the second fragment of a message', [text('Hel', { fin: false }), continuation('lo', wrong)]],
  ['the first fragment of a message', [text('Hel', { fin: false, ...wrong }), continuation('lo')]],
  ['a ping within a message', [text('Hel', { fin: false }), ping('', wrong), continuation('lo')]],
  ['a frame of 126 bytes', [text(repeated('a', 126), wrong)]],
  ['a frame of 65536 bytes', [binary(repeated('a', 65_536), wrong)]],
  [
    'a second message, after the echo of a valid message',
    [text('Hello'), awaits('message', 5, 'echo'), text('world', wrong)],
    [hello],
  ],
  ['a message and then a valid message in the same segment', [text('Hello', wrong), text('world')]],
  ['a Close frame', [frame(8, Buffer.from([3, 232]), wrong)]],
];

const distinctKeys: Check = ({ frames }) => {
  const seen = new Set(frames.map(({ key }) => key?.toString('hex') ?? 'none'));
  if (seen.has('00000000')) return 'A frame is masked with zeros.';
  return seen.size === frames.length ? null : `${frames.length} frames have ${seen.size} masking keys.`;
};
/** Keys can be predicted if they always grow by the same amount, or if one byte hardly changes. */
const unforeseeable: Check = (seen) => {
  const numbers = seen.frames.map(({ key }) => key?.readUInt32BE(0) ?? 0);
  const steps = new Set(numbers.slice(1).map((key, i) => (key - numbers[i]!) >>> 0));
  if (steps.size < numbers.length - 2) return 'The masking keys grow by the same amount.';
  for (let byte = 0; byte < 4; byte++) {
    const values = new Set(numbers.map((key) => (key >>> (8 * byte)) & 255));
    if (values.size < numbers.length / 4) return `Byte ${3 - byte} of the masking keys hardly changes.`;
  }
  return null;
};
const numbersTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

const maskingDrafts: readonly Draft[] = [
  echoed(
    'Sends 32 messages, and checks the masking keys of the echoes. No key may occur twice.',
    sent,
    numbersTo(32).map((one) => text(one)),
    numbersTo(32).map((one) => messageEvent('text', one)),
    { checks: [distinctKeys] },
  ),
  echoed(
    'Sends 32 messages, and checks the masking keys of the echoes. The keys must not follow a simple rule.',
    { ...sent, section: '6455 §10.3' },
    numbersTo(32).map((one) => text(one)),
    numbersTo(32).map((one) => messageEvent('text', one)),
    { checks: [unforeseeable] },
  ),
  echoed(
    'Sends 16 pings in separate writes, and checks the masking keys of the pongs.',
    sent,
    numbersTo(16).map((one) => ping(one, { ownWrite: true })),
    numbersTo(16).map((one) => pongEvent(one)),
    { checks: [distinctKeys], level: 'SHOULD' },
  ),
  echoed(
    'Sends the same message eight times. Each echo needs a different masking key.',
    sent,
    numbersTo(8).map(() => text('Hello')),
    numbersTo(8).map(() => hello),
    { checks: [distinctKeys] },
  ),
];

const keyDrafts: readonly Draft[] = [
  ...['00000000', 'ffffffff', '01000000', '00000001', 'a1b2c3d4', '80808080'].map((key) =>
    echoed(
      `Masks a message of 9 bytes with 0x${key}.`,
      keys,
      [text('Hällo, wo', { mask: { key } })],
      [messageEvent('text', 'Hällo, wo')],
    ),
  ),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 127].map((length) =>
    echoed(
      `Masks a message of ${length} bytes, and sends it byte by byte.`,
      keys,
      [binary(bytesOf(repeated('abcdefghijklm', length)), { mask: { key: 'a1b2c3d4' }, chop: 1 })],
      [messageEvent('binary', repeated('abcdefghijklm', length))],
    ),
  ),
  echoed(
    'Masks the fragments of a message, and a ping between them, with different keys.',
    keys,
    [
      text('Hel', { fin: false, mask: { key: '01020304' } }),
      ping('!', { mask: { key: 'f0e0d0c0' } }),
      continuation('lo', { mask: { key: '00000000' } }),
    ],
    [pongEvent('!'), hello],
  ),
];

const forms: readonly (readonly [number, 16 | 64])[] = [
  [0, 16],
  [1, 16],
  [125, 16],
  [0, 64],
  [125, 64],
  [126, 64],
  [65_535, 64],
];

const kinds: readonly (readonly [Kind, number])[] = [
  ['text', 1],
  ['binary', 2],
];

const boundaries: readonly Draft[] = kinds.flatMap(([kind, opcode]) =>
  [124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537].map((length) =>
    echoed(
      `Sends a ${kind} frame of ${length} bytes. The echo needs the shortest form of the length.`,
      { ...lengths, covers: ['F3', 'F9', 'F10'] },
      [frame(opcode, repeated('*', length))],
      [messageEvent(kind, repeated('*', length))],
    ),
  ),
);

const overlong: readonly Draft[] = [
  ...forms.map(([length, lengthForm]) =>
    fails(
      `Sends a binary frame of ${length} byte${length === 1 ? '' : 's'}, with the length in ${lengthForm} bits.`,
      minimal,
      [binary(repeated('*', length), { lengthForm })],
      [1002],
    ),
  ),
  fails(
    'Sends a second fragment of 2 bytes, with the length in 16 bits.',
    minimal,
    [text('Hel', { fin: false }), continuation('lo', { lengthForm: 16 })],
    [1002],
  ),
  ...([16, 64] as const).flatMap((lengthForm) => [
    fails(
      `Sends a ping of 5 bytes, with the length in ${lengthForm} bits.`,
      { ...control, level: 'SHOULD', covers: ['F9', 'F16'] },
      [ping('Hello', { lengthForm })],
      [1002],
    ),
    fails(
      `Sends a pong of 5 bytes, with the length in ${lengthForm} bits.`,
      { ...control, level: 'SHOULD', covers: ['F9', 'F16'] },
      [pong('Hello', { lengthForm })],
      [1002],
    ),
    fails(
      `Sends a Close frame of 2 bytes, with the length in ${lengthForm} bits.`,
      { ...control, level: 'SHOULD', covers: ['F9', 'F16'] },
      [frame(8, Buffer.from([3, 232]), { lengthForm })],
      [1002],
    ),
  ]),
];

const header = (opcode: number, declaredLength: bigint): FrameStep =>
  frame(opcode, '', { lengthForm: 64, declaredLength, headerOnly: true });

const declared: readonly Draft[] = [
  ...[1n << 63n, (1n << 63n) + 5n, (1n << 64n) - 1n].flatMap((length) => [
    fails(
      `Sends the header of a binary frame with a length of ${length} bytes. The first bit of the length is not zero.`,
      { ...lengths, covers: ['F8'] },
      [header(2, length)],
      [1002, 1009],
    ),
    fails(
      `Sends the header of a fragment with a length of ${length} bytes. The first bit of the length is not zero.`,
      { ...lengths, covers: ['F8'] },
      [text('', { fin: false }), header(0, length)],
      [1002, 1009],
    ),
  ]),
  ...(
    [
      ['2^31', 1n << 31n],
      ['2^32', 1n << 32n],
      ['2^53 - 1', (1n << 53n) - 1n],
      ['2^53', 1n << 53n],
      ['2^53 + 1', (1n << 53n) + 1n],
      ['2^63 - 1', (1n << 63n) - 1n],
    ] as const
  ).map(([name, length]) =>
    fails(
      `Sends the header of a binary frame with a length of ${name} bytes.`,
      huge,
      [header(2, length)],
      [1009, 1002, 1008],
    ),
  ),
  ...(['2^32', '2^33', '2^53'] as const).map((name) =>
    ends(
      `Sends a header with a length of ${name} + 5 bytes, sends 5 bytes, and ends TCP. These bytes are not a message.`,
      { ...huge, level: 'MUST', covers: ['F10', 'F25'] },
      [
        binary('Hello', { lengthForm: 64, declaredLength: 2n ** BigInt(name.slice(2)) + 5n }),
        { do: 'pause', seconds: 0.3 },
        { do: 'half-close' },
      ],
      'any',
      [],
    ),
  ),
  ...[126, 127, 65_535].map((length) =>
    fails(`Sends a ping of ${length} bytes.`, control, [ping(repeated('a', length))], [1002]),
  ),
  ...[126, 65_536].map((length) =>
    fails(`Sends a pong of ${length} bytes.`, control, [pong(repeated('a', length))], [1002]),
  ),
  fails(
    'Sends the header of a ping with a length of 2^31 bytes. The peer must not wait for the payload.',
    control,
    [header(9, 1n << 31n)],
    [1002],
  ),
];

const bitNames = (rsv: number): string =>
  [4, 2, 1].flatMap((bit, i) => ((rsv & bit) === 0 ? [] : [`RSV${i + 1}`])).join(' and ');
const ofOpcode = (opcode: number, rsv: number): readonly Step[] => {
  if (opcode === 0) return [text('Hel', { fin: false }), continuation('lo', { rsv })];
  if (opcode === 8) return [frame(8, Buffer.from([3, 232]), { rsv })];
  return [frame(opcode, 'Hello', { rsv })];
};
const rsvTable: readonly Draft[] = [0, 2, 8, 9, 10].flatMap((opcode) =>
  [1, 2, 3, 4, 5, 6, 7].map((rsv) =>
    fails(
      `Sends ${a(opcode)} frame with ${bitNames(rsv)}, but no extension was negotiated.`,
      bits,
      ofOpcode(opcode, rsv),
      [1002],
    ),
  ),
);
const rsvWithin: readonly Draft[] = [
  fails(
    'Sends a text frame that is not final, with RSV1, but no extension was negotiated.',
    bits,
    [text('Hel', { fin: false, rsv: 4 }), continuation('lo')],
    [1002],
  ),
  fails(
    'Sends an empty text frame with RSV1, but no extension was negotiated.',
    bits,
    [text('', { rsv: 4 })],
    [1002],
  ),
  fails(
    'Sends a ping with RSV1 between two fragments, but no extension was negotiated.',
    bits,
    [text('Hel', { fin: false }), ping('', { rsv: 4 }), continuation('lo')],
    [1002],
  ),
];
const reserved = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
const opcodeTable: readonly Draft[] = [
  ...reserved.map((opcode) =>
    fails(
      `Sends a frame with the reserved opcode ${opcode} between two fragments.`,
      opcodes,
      [text('Hel', { fin: false }), frame(opcode), continuation('lo')],
      [1002],
    ),
  ),
  ...reserved.map((opcode) =>
    fails(
      `Sends a frame with the reserved opcode ${opcode} that is not final.`,
      opcodes,
      [frame(opcode, 'Hello', { fin: false })],
      [1002],
    ),
  ),
];
const orderDrafts: readonly Draft[] = [
  fails(
    'Begins a binary message before a text message has ended.',
    order,
    [text('Hel', { fin: false }), binary('lo')],
    [1002],
  ),
  fails(
    'Begins a second fragmented message before the first message has ended.',
    order,
    [text('Hel', { fin: false }), text('lo', { fin: false })],
    [1002],
  ),
  fails(
    'Sends a continuation frame after a complete message and its echo.',
    order,
    [text('Hello'), awaits('message', 5, 'echo'), continuation('!')],
    [1002],
    [hello],
  ),
  fails(
    'Sends a continuation frame that is not final, but no message has begun.',
    order,
    [continuation('a', { fin: false })],
    [1002],
  ),
  fails(
    'Sends a ping, and then a continuation frame, but no message has begun.',
    order,
    [ping(), awaits('pong', 5, 'pong'), continuation('a')],
    [1002],
    [pongEvent()],
  ),
  ...[8, 9, 10].map((opcode) =>
    fails(
      `Sends ${a(opcode)} frame that is not final.`,
      control,
      [frame(opcode, opcode === 8 ? Buffer.from([3, 232]) : 'a', { fin: false })],
      [1002],
    ),
  ),
  ...[8, 9, 10].map((opcode) =>
    fails(
      `Sends an empty ${opcodeName(opcode)} frame that is not final, between two fragments.`,
      control,
      [text('Hel', { fin: false }), frame(opcode, '', { fin: false }), continuation('lo')],
      [1002],
    ),
  ),
  echoed(
    'Sends a text message in three fragments. Only the last fragment is not empty.',
    { ...order, covers: ['F18'] },
    [text('', { fin: false }), continuation('', { fin: false }), continuation('Hello')],
    [hello],
  ),
  echoed(
    'Sends a message with only empty fragments.',
    { ...order, covers: ['F18'] },
    [binary('', { fin: false }), continuation('', { fin: false }), continuation('')],
    [messageEvent('binary', '')],
  ),
  echoed(
    'Splits a character into three fragments, and sends two pings and a pong between them.',
    { ...order, covers: ['F15', 'F21'] },
    [
      text(Buffer.from([0xe2]), { fin: false }),
      ping('1'),
      continuation(Buffer.from([0x82]), { fin: false }),
      pong('unasked'),
      ping('2'),
      continuation(Buffer.from([0xac])),
    ],
    [pongEvent('1'), pongEvent('2'), messageEvent('text', '€')],
  ),
  ...(['c080', 'eda080', 'f4908080', 'f8888080', 'ff', 'e282', 'ef'] as const).map((digits) =>
    fails(
      `Sends the bytes 0x${digits}, which are not UTF-8, in the second fragment of a text.`,
      utf8,
      [text('ok', { fin: false }), continuation(Buffer.from(digits, 'hex'))],
      [1007],
    ),
  ),
  echoed(
    'Sends a text with a byte order mark and U+FFFD. Both are normal characters.',
    utf8,
    [text('\ufeffa\ufffd')],
    [messageEvent('text', '\ufeffa\ufffd')],
  ),
  echoed('Sends U+0000 in a text.', utf8, [text('a\0b')], [messageEvent('text', 'a\0b')]),
  echoed(
    'Sends a binary message with bytes that are not UTF-8.',
    utf8,
    [binary(Buffer.from('ff00c0', 'hex'))],
    [messageEvent('binary', Buffer.from('ff00c0', 'hex'))],
  ),
  fails(
    'Sends valid frames after an invalid frame. The peer must not answer the valid frames.',
    { section: '6455 §7.1.7', covers: ['C17', 'C14', 'C15'] },
    [frame(3), ping('!'), text('Hello'), close(1000)],
    [1002],
  ),
];

export const frameTitles: Titles = {
  '22': 'Masking',
  '22.1': 'Masked the wrong way',
  '22.2': 'Masking keys of clients',
  '22.3': 'Masking keys of the judge',
  '23': 'Lengths',
  '23.1': 'Lengths near the limits of each form',
  '23.2': 'Lengths in a longer form than necessary',
  '23.3': 'Declared lengths',
  '24': 'RSV bits, opcodes and order',
  '24.1': 'RSV bits by opcode',
  '24.2': 'RSV bits in other frames',
  '24.3': 'Reserved opcodes',
  '24.4': 'Order of frames, control frames, texts',
};

// The steps of the last case contain a Close frame of the judge. So either end may be the first to close.
const lastOrder = orderDrafts.at(-1)!;

/** The cases of groups 22 to 24, in order. */
export const frames: readonly Case[] = [
  ...numbered(
    '22.1',
    wrongWay.map(([what, steps, events]) =>
      fails(`Sends ${what}, masked by a server or unmasked by a client.`, masking, steps, [1002], events),
    ),
  ),
  ...numbered('22.2', maskingDrafts),
  ...numbered('22.3', keyDrafts),
  ...numbered('23.1', boundaries),
  ...numbered('23.2', overlong),
  ...numbered('23.3', declared),
  ...numbered('24.1', rsvTable),
  ...numbered('24.2', rsvWithin),
  ...numbered('24.3', opcodeTable),
  ...numbered('24.4', [
    ...orderDrafts.slice(0, -1),
    { ...lastOrder, expect: { ...lastOrder.expect, close: { by: 'any', codes: [1002], clean: false } } },
  ]),
];
