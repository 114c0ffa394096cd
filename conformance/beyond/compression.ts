/**
 * Groups 25 and 26: permessage-deflate, RFC 7692. Group 25 tests how parameters are negotiated, and group 26 tests the compressed messages.
 */

import { constants, deflateRawSync } from 'node:zlib';
import type { Case, Check, DeflateSpec, Event, Step, Titles } from '../case/model.ts';
import { bytesOf, hex, type Payload, repeated } from '../case/payload.ts';
import { awaits, binary, continuation, frame, messageEvent, ping, pongEvent, text } from '../case/steps.ts';
import { Random } from '../corpus/random.ts';
import { parseExtensionField } from '../wire/deflate.ts';
import { valuesOf } from '../wire/head.ts';
import { type About, type Draft, echoed, either, fails, numbered, opens, rejected } from './build.ts';

const server = { against: 'server' } as const;
const client = { against: 'client' } as const;
const offers: About = { ...server, section: '7692 §7.1', covers: ['P3', 'P11', 'P17', 'P18', 'P21'] };
const answers: About = { ...client, section: '7692 §7.1', covers: ['P5', 'P12', 'P17', 'P18', 'P22'] };
const several: About = { ...server, section: '7692 §5.1', covers: ['P1', 'P2', 'P11'] };
const takeover: About = { section: '7692 §7.1.1', covers: ['P15', 'P26', 'P27'] };
const windows: About = { section: '7692 §7.1.2', covers: ['P19', 'P25', 'P28'] };
const rsv: About = { section: '7692 §6', covers: ['P7', 'P8', 'F6', 'F22'] };
const blocks: About = { section: '7692 §7.2.3', covers: ['P10', 'P24', 'P27'] };
const empty: About = { section: '7692 §7.2.3.6', covers: ['P29'] };
const corrupt: About = { section: '7692 §7.2.2', covers: ['P31', 'F26'] };
const texts: About = { section: '7692 §6.2', covers: ['P9', 'F21'] };

/** The default parameters: both directions keep their context. */
const plain: DeflateSpec = { offer: 'permessage-deflate', wishes: [{}] };
const hello = messageEvent('text', 'Hello');

const badOffers = [
  'unknown',
  'unknown=1',
  'server_no_context_takeover=1',
  'server_no_context_takeover=true',
  'client_no_context_takeover=1',
  'client_no_context_takeover="x"',
  'server_max_window_bits',
  'server_max_window_bits=7',
  'server_max_window_bits=16',
  'server_max_window_bits=08',
  'server_max_window_bits=010',
  'server_max_window_bits=0',
  'server_max_window_bits=ten',
  'server_max_window_bits=1e1',
  'client_max_window_bits=7',
  'client_max_window_bits=16',
  'client_max_window_bits=09',
  'client_max_window_bits=x',
  'server_no_context_takeover; server_no_context_takeover',
  'client_no_context_takeover; client_no_context_takeover',
  'server_max_window_bits=10; server_max_window_bits=10',
  'client_max_window_bits; client_max_window_bits=10',
];
const badAnswers = [
  ...badOffers.slice(0, -1),
  'client_max_window_bits',
  'client_max_window_bits=10; client_max_window_bits=10',
  'Server_No_Context_Takeover=1',
];
const wrongAnswers: readonly (readonly [string, string])[] = [
  ['names permessage-deflate twice', 'permessage-deflate, permessage-deflate'],
  ['names permessage-deflate and an extension that was not offered', 'permessage-deflate, x-unasked'],
  ['names permessage-bzip2', 'permessage-bzip2'],
  ['names x-webkit-deflate-frame', 'x-webkit-deflate-frame'],
  ['is malformed after the name of the extension', 'permessage-deflate;'],
  ['is malformed in a value', 'permessage-deflate; server_max_window_bits='],
  ['has a parameter with two values', 'permessage-deflate; server_max_window_bits=10=10'],
  [
    'ends with a quoted value whose second quote is missing',
    'permessage-deflate; server_max_window_bits="10',
  ],
];

const secondOffers: readonly (readonly [string, string])[] = [
  ['The first offer has an unknown parameter', 'permessage-deflate; unknown, permessage-deflate'],
  [
    'The first offer requests a window of 2^7 bytes',
    'permessage-deflate; server_max_window_bits=7, permessage-deflate',
  ],
  [
    'The first offer gives a value to a parameter that must not have a value',
    'permessage-deflate; server_no_context_takeover=1, permessage-deflate',
  ],
  [
    'The first offer has a parameter twice',
    'permessage-deflate; client_max_window_bits; client_max_window_bits, permessage-deflate',
  ],
  ['The first two extensions are unknown', 'x-one, x-two; a=1, permessage-deflate'],
  [
    'All offers are valid',
    'permessage-deflate; client_max_window_bits, permessage-deflate; server_no_context_takeover, permessage-deflate',
  ],
];

/** The answer must not have client_max_window_bits, because the offer does not contain this parameter. */
const noClientWindow: Check = ({ answer }) => {
  const elements = valuesOf(answer!, 'Sec-WebSocket-Extensions').flatMap(parseExtensionField);
  return elements.some(({ params }) => params.some(([name]) => name === 'client_max_window_bits'))
    ? 'The answer has client_max_window_bits, which was not offered.'
    : null;
};
const smallWindow =
  (bits: number): Check =>
  ({ peer, deflate }) =>
    peer === 'server' && deflate !== null && deflate.serverMaxWindowBits > bits
      ? `The answer has a window of 2^${deflate.serverMaxWindowBits} bytes, but the offer requested 2^${bits}.`
      : null;
const noTakeover: Check = ({ peer, deflate }) =>
  peer === 'server' && deflate !== null && !deflate.serverNoContextTakeover
    ? 'The answer lacks server_no_context_takeover, which the offer requested.'
    : null;

/** Returns bytes that cannot be compressed. The bytes are the same in every run. */
function random(length: number, seed: number): Buffer {
  const numbers = new Random(seed);
  return Buffer.from(Array.from({ length }, () => numbers.next() & 255));
}

/**
 * Returns a payload that repeats a block of noise. The block is longer than a window of 2^bits bytes, so only a larger window could
 * compress the repetition.
 */
const beyondWindow = (bits: number): Payload => {
  const unit = random((1 << bits) + 100, bits);
  return { unit, length: Math.max(3 * unit.length, 8192) };
};
const prose = 'The same sentence once more, since it is there already. '.repeat(80);

const negotiation: readonly Draft[] = [
  ...secondOffers.map(([which, offer]) =>
    echoed(
      `Sends several offers. ${which}. The server may accept a later offer.`,
      several,
      [text('Hello', { compress: true })],
      [hello],
      { deflate: { offer, wishes: [{}] } },
    ),
  ),
  echoed(
    'Sends one offer in each of two Sec-WebSocket-Extensions fields.',
    { ...several, section: '6455 §9.1', covers: ['S20', 'P2'] },
    [text('Hello', { compress: true })],
    [hello],
    {
      deflate: plain,
      request: { set: { 'Sec-WebSocket-Extensions': ['x-unknown; a=1', 'permessage-deflate'] } },
    },
  ),
  echoed(
    'Offers a quoted value: server_max_window_bits="10".',
    { ...offers, covers: ['S18', 'P18'] },
    [text('Hello', { compress: true })],
    [hello],
    {
      deflate: { offer: 'permessage-deflate; server_max_window_bits="10"', wishes: [{}] },
      checks: [smallWindow(10)],
    },
  ),
  opens(
    "Offers permessage-deflate without parameters. The answer must not restrict the client's window.",
    { ...offers, section: '7692 §7.1.2.2', covers: ['P22'] },
    {},
    { deflate: { ...plain, optional: false }, checks: [noClientWindow] },
  ),
  echoed(
    'Offers all four parameters.',
    { ...offers, covers: ['P2', 'P13', 'P21'] },
    [text('Hello', { compress: true })],
    [hello],
    {
      deflate: {
        offer:
          'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=12',
        wishes: [{}],
      },
      checks: [smallWindow(12), noTakeover],
    },
  ),
  echoed(
    'Answers with server_no_context_takeover, even if the client did not request it.',
    { ...answers, section: '7692 §7.1.1.1', covers: ['P14', 'P15'] },
    [text('Hello', { compress: true })],
    [hello],
    { deflate: { ...plain, wishes: [{ clientNoContextTakeover: true }, {}] } },
  ),
  opens('Accepts no offer, so the connection opens without compression.', { ...answers, covers: ['P3'] }, {}),
];

const identical = (count: number, compress: boolean): Step[] =>
  Array.from({ length: count }, () => text(prose, { compress }));
const again = (count: number): Event[] => Array.from({ length: count }, () => messageEvent('text', prose));

const agreements: readonly Draft[] = [
  echoed(
    'Requests no context takeover, and sends the same text of 4480 bytes four times. No echo may refer to an earlier echo.',
    { ...takeover, covers: ['P2', 'P13', 'P16', 'P26', 'S16'] },
    identical(4, true),
    again(4),
    {
      deflate: {
        offer: 'permessage-deflate; server_no_context_takeover',
        wishes: [{ clientNoContextTakeover: true }],
      },
      checks: [noTakeover],
    },
  ),
  echoed(
    'Sends the same text of 4480 bytes four times, with context takeover. Each message refers to the previous message.',
    { ...takeover, covers: ['P6', 'P23', 'P27'] },
    identical(4, true),
    again(4),
    { deflate: plain },
  ),
  echoed(
    'Offers client_no_context_takeover, and sends four messages without references to earlier messages.',
    { ...server, ...takeover, section: '7692 §7.1.1.2' },
    identical(4, true),
    again(4),
    {
      deflate: { offer: 'permessage-deflate; client_no_context_takeover', wishes: [{}] },
    },
  ),
  echoed(
    'Sends messages with and without compression.',
    { ...rsv, covers: ['P7', 'P10'] },
    [text(prose, { compress: true }), text(prose), text(prose, { compress: true }), text('')],
    [...again(3), messageEvent('text', '')],
    { deflate: plain },
  ),
  ...[8, 9, 10, 11, 12, 13, 14, 15].map((bits) =>
    echoed(
      `Requests a window of 2^${bits} bytes, and sends data that repeat after 2^${bits} + 100 bytes. No reference in the echo may be that long.`,
      windows,
      [binary(beyondWindow(bits), { compress: true })],
      [messageEvent('binary', beyondWindow(bits))],
      {
        deflate: {
          offer: `permessage-deflate; server_max_window_bits=${bits}`,
          wishes: [{ clientMaxWindowBits: bits }],
        },
        checks: [smallWindow(bits)],
      },
    ),
  ),
  ...[9, 12, 15].map((bits) =>
    echoed(
      `Sends such data twice with a window of 2^${bits} bytes. No reference in the second echo may be longer than the window.`,
      windows,
      [binary(beyondWindow(bits), { compress: true }), binary(beyondWindow(bits), { compress: true })],
      [messageEvent('binary', beyondWindow(bits)), messageEvent('binary', beyondWindow(bits))],
      {
        deflate: {
          offer: `permessage-deflate; server_max_window_bits=${bits}`,
          wishes: [{ clientMaxWindowBits: bits }],
        },
        checks: [smallWindow(bits)],
      },
    ),
  ),
  echoed(
    'Sends a message that refers almost 32 KiB back, into the previous message.',
    { ...windows, covers: ['P27', 'P28'] },
    [binary(random(32_000, 77), { compress: true }), binary(random(32_000, 77), { compress: true })],
    [messageEvent('binary', random(32_000, 77)), messageEvent('binary', random(32_000, 77))],
    { deflate: plain },
  ),
];

/** Builds a text frame with RSV1 from bytes that are already compressed, or that are deliberately invalid. */
const raw = (bytes: Buffer | string, more: { fin?: boolean } = {}): Step =>
  text(Buffer.isBuffer(bytes) ? bytes : hex(bytes), { rsv: 4, ...more });
const stored = (plainText: string, final = false): Buffer => {
  const bytes = Buffer.from(plainText);
  const head = Buffer.from([
    final ? 1 : 0,
    bytes.length & 255,
    bytes.length >> 8,
    ~bytes.length & 255,
    (~bytes.length >> 8) & 255,
  ]);
  return Buffer.concat([head, bytes]);
};
const end = Buffer.from([0]);
const fixedHello = 'f248cdc9c90700';
const finalHello = 'f348cdc9c9070000';

const blockDrafts: readonly (readonly [string, readonly Step[], readonly Event[]])[] = [
  ['"Hello" in a fixed block', [raw(fixedHello)], [hello]],
  ['"Hello" in a fixed block, twice', [raw(fixedHello), raw(fixedHello)], [hello, hello]],
  [
    '"Hello", then "Hello" as a reference to the first message',
    [raw(fixedHello), raw('f200110000')],
    [hello, hello],
  ],
  ['"Hello" in a stored block', [raw(Buffer.concat([stored('Hello'), end]))], [hello]],
  ['"Hello" in two stored blocks', [raw(Buffer.concat([stored('Hel'), stored('lo'), end]))], [hello]],
  [
    '"Hello" in a stored block between empty stored blocks',
    [raw(Buffer.concat([stored(''), stored('Hello'), stored(''), stored(''), end]))],
    [hello],
  ],
  ['"Hello" in a fixed block with BFINAL', [raw(finalHello)], [hello]],
  [
    '"Hello" in a fixed block with BFINAL, and a second message',
    [raw(finalHello), raw(fixedHello)],
    [hello, hello],
  ],
  [
    '"Hello" in a fixed block with BFINAL, three times',
    [raw(finalHello), raw(finalHello), raw(finalHello)],
    [hello, hello, hello],
  ],
  [
    '"Hello" in a stored block with BFINAL, and a second message',
    [raw(Buffer.concat([stored('Hello', true), end])), raw(fixedHello)],
    [hello, hello],
  ],
  [
    '"Hello" in a stored and a fixed block',
    [raw(Buffer.concat([stored('Hel'), deflateRawSync('lo', { strategy: constants.Z_FIXED }), end]))],
    [hello],
  ],
  [
    'a text in a dynamic block with BFINAL',
    [raw(Buffer.concat([deflateRawSync(prose), end]))],
    [messageEvent('text', prose)],
  ],
  [
    '"Hello" in a fixed block, without removing the last bytes 00 00 ff ff',
    [raw(`${fixedHello}0000ffff00`)],
    [hello],
  ],
  [
    '"Hello" in a fixed block, in fragments of one byte',
    [
      raw('f2', { fin: false }),
      ...['48', 'cd', 'c9', 'c9', '07'].map((one) => continuation(hex(one), { fin: false })),
      continuation(hex('00')),
    ],
    [hello],
  ],
  [
    '"Hello" in fragments. The first and the last fragment are empty',
    [
      raw('', { fin: false }),
      continuation(hex('f248cd'), { fin: false }),
      continuation(hex('c9c90700'), { fin: false }),
      continuation(''),
    ],
    [hello],
  ],
  [
    '"Hello" in fragments, with a ping between them',
    [raw('f248cd', { fin: false }), ping('!'), continuation(hex('c9c90700'))],
    [pongEvent('!'), hello],
  ],
  [
    '5000 empty stored blocks before "Hello"',
    [raw(Buffer.concat([bytesOf(repeated(stored(''), 25_000)), hex(fixedHello)]))],
    [hello],
  ],
];
const emptyForms: readonly (readonly [string, readonly Step[]])[] = [
  ['as the byte 00', [raw('00')]],
  ['as an empty fixed block (02 00)', [raw('0200')]],
  ['as an empty fixed block with BFINAL (03 00 00)', [raw('030000')]],
  ['as two empty stored blocks', [raw(Buffer.concat([stored(''), end]))]],
  ['without compression', [text('')]],
  ['in two fragments, of which the first has no bytes', [raw('', { fin: false }), continuation(hex('00'))]],
];
const corrupted: readonly (readonly [string, string])[] = [
  ['a block of the reserved type', 'ffffffff'],
  ['a stored block with two lengths that do not match', '0005000000'],
  ['a reference to a place before the first byte', 'f200110000'],
  ['a reference with the distance code 30, which does not exist', '4a043e0000'],
  ['a stored block without its second length', '00050000'],
  ['a dynamic block with too many codes', 'fdff1000000000'],
  ['random bytes', 'a7d3e1f5c60b9d2e4c8871b5'],
];
const badText = Buffer.from([0, 2, 0, 0xfd, 0xff, 0xc3, 0x28, 0]);

export { finalHello, fixedHello, raw, stored };

export const compressionTitles: Titles = {
  '25': 'Compression: negotiation',
  '25.1': 'Invalid offers',
  '25.2': 'Invalid answers',
  '25.3': 'Several offers, and parameters',
  '25.4': 'Context takeover and windows',
  '26': 'Compression: messages',
  '26.1': 'RSV bits',
  '26.2': 'Blocks',
  '26.3': 'Empty messages',
  '26.4': 'Corrupt data',
  '26.5': 'Texts',
};

/** The cases of groups 25 and 26, in order. */
export const compression: readonly Case[] = [
  ...numbered('25.1', [
    ...badOffers.map((params) =>
      opens(
        `Offers permessage-deflate with invalid parameters (${params}). The server has to decline this offer.`,
        offers,
        {
          add: [`Sec-WebSocket-Extensions: permessage-deflate; ${params}`],
        },
      ),
    ),
    opens(
      'Offers only x-webkit-deflate-frame.',
      { ...offers, section: '7692 §5.1' },
      { add: ['Sec-WebSocket-Extensions: x-webkit-deflate-frame'] },
    ),
  ]),
  ...numbered('25.2', [
    ...badAnswers.map((params) =>
      rejected(
        `Answers with permessage-deflate and invalid parameters (${params}).`,
        answers,
        {},
        { deflate: { ...plain, answer: `permessage-deflate; ${params}`, optional: false } },
      ),
    ),
    ...wrongAnswers.map(([how, answer]) =>
      rejected(
        `Answers with a Sec-WebSocket-Extensions field that ${how} (${answer}).`,
        { ...answers, covers: ['P5', 'P12', 'V5'] },
        {},
        { deflate: { ...plain, answer, optional: false } },
      ),
    ),
  ]),
  ...numbered('25.3', negotiation),
  ...numbered('25.4', agreements),
  ...numbered('26.1', [
    ...[8, 9, 10].map((opcode) =>
      fails(
        `Sends a control frame (opcode ${opcode}) with RSV1, after permessage-deflate was negotiated.`,
        rsv,
        [frame(opcode, opcode === 8 ? Buffer.from([3, 232]) : 'a', { rsv: 4 })],
        [1002],
        [],
        { deflate: plain },
      ),
    ),
    fails(
      'Sends a message with RSV1 only on the second fragment.',
      rsv,
      [text('Hel', { fin: false }), continuation('lo', { rsv: 4 })],
      [1002],
      [],
      { deflate: plain },
    ),
    fails(
      'Sends a message with RSV1 on both fragments.',
      rsv,
      [raw('f248cd', { fin: false }), continuation(hex('c9c90700'), { rsv: 4 })],
      [1002],
      [],
      { deflate: plain },
    ),
    fails(
      'Sends a ping with RSV1 between the fragments of a compressed message.',
      rsv,
      [raw('f248cd', { fin: false }), ping('', { rsv: 4 }), continuation(hex('c9c90700'))],
      [1002],
      [],
      { deflate: plain },
    ),
    ...[1, 2, 3, 5, 6, 7].flatMap((one) => [
      fails(
        `Sends a text frame with the RSV bits ${one.toString(2).padStart(3, '0')}, after permessage-deflate was negotiated.`,
        rsv,
        [text(hex(fixedHello), { rsv: one })],
        [1002],
        [],
        { deflate: plain },
      ),
    ]),
    fails(
      'Sends a continuation frame with RSV1, but no message has begun.',
      rsv,
      [continuation(hex(fixedHello), { rsv: 4 })],
      [1002],
      [],
      {
        deflate: plain,
      },
    ),
    fails(
      'Sends a frame with a reserved opcode and RSV1, after permessage-deflate was negotiated.',
      rsv,
      [frame(3, hex(fixedHello), { rsv: 4 })],
      [1002],
      [],
      { deflate: plain },
    ),
  ]),
  ...numbered(
    '26.2',
    blockDrafts.map(([what, steps, events]) =>
      echoed(`Sends ${what}.`, blocks, steps, events, {
        deflate: what.includes('the first message') ? { ...plain, needs: 'takeover' } : plain,
      }),
    ),
  ),
  ...numbered('26.3', [
    ...emptyForms.map(([how, steps]) =>
      echoed(
        `Sends an empty message ${how}, and then "Hello".`,
        empty,
        [...steps, raw(fixedHello)],
        [messageEvent('text', ''), hello],
        { deflate: plain },
      ),
    ),
    either(
      'Sends an empty payload with RSV1, which no sender should do, and then "Hello".',
      { ...empty, covers: ['P29', 'P31'] },
      [raw(''), raw(fixedHello)],
      [1007, 1002, 1011],
      [messageEvent('text', ''), hello],
      { deflate: plain },
    ),
  ]),
  ...numbered('26.4', [
    ...corrupted.map(([what, bytes]) =>
      fails(
        `Sends a corrupt compressed message: ${what} (0x${bytes}).`,
        corrupt,
        [raw(bytes)],
        [1007, 1002, 1011],
        [],
        { deflate: plain },
      ),
    ),
    fails(
      'Sends a valid message, waits for the echo, and then sends a corrupt message.',
      corrupt,
      [raw(fixedHello), awaits('message', 5, 'echo'), raw('ffffffff')],
      [1007, 1002, 1011],
      [hello],
      { deflate: plain },
    ),
    fails(
      'Sends a corrupt message in fragments, and then a valid message.',
      corrupt,
      [raw('ff', { fin: false }), continuation(hex('ffff')), text('Hello')],
      [1007, 1002, 1011],
      [],
      { deflate: plain },
    ),
    fails(
      'Sends a stored block that is shorter than its length says.',
      { ...corrupt, level: 'SHOULD' },
      [raw(stored('Hello, this is cut').subarray(0, 10))],
      [1007, 1002, 1011],
      [],
      { deflate: plain },
    ),
    fails(
      'Sends plain text with RSV1.',
      corrupt,
      [text('Hello, this is plain text and nothing else', { rsv: 4 })],
      [1007, 1002, 1011],
      [],
      { deflate: plain },
    ),
    fails(
      'Sends a reference to the previous message, although client_no_context_takeover was negotiated.',
      { ...corrupt, against: 'server', section: '7692 §7.1.1.2', level: 'MAY' },
      [raw(fixedHello), awaits('message', 5, 'echo'), raw('f200110000')],
      [1007, 1002, 1011],
      [hello],
      { deflate: { offer: 'permessage-deflate; client_no_context_takeover', wishes: [] } },
    ),
  ]),
  ...numbered('26.5', [
    fails('Sends a compressed text that is not UTF-8.', texts, [raw(badText)], [1007], [], {
      deflate: plain,
    }),
    fails(
      'Sends a compressed text that ends in the middle of a character.',
      texts,
      [raw(Buffer.from([0, 2, 0, 0xfd, 0xff, 0xe2, 0x82, 0]))],
      [1007],
      [],
      { deflate: plain },
    ),
    echoed(
      'Sends a compressed text. Before inflation, the bytes are not UTF-8.',
      texts,
      [text('Grüße an alle, die hier mitlesen: Grüße!', { compress: true })],
      [messageEvent('text', 'Grüße an alle, die hier mitlesen: Grüße!')],
      { deflate: plain },
    ),
    echoed(
      'Splits a character of a compressed text between two stored blocks.',
      texts,
      [raw(Buffer.from([0, 1, 0, 0xfe, 0xff, 0xc3, 0, 1, 0, 0xfe, 0xff, 0xa4, 0]))],
      [messageEvent('text', 'ä')],
      { deflate: plain },
    ),
    echoed(
      'Sends a compressed binary message with all 256 byte values.',
      texts,
      [binary(Buffer.from(Array.from({ length: 256 }, (_, i) => i)), { compress: true })],
      [messageEvent('binary', Buffer.from(Array.from({ length: 256 }, (_, i) => i)))],
      { deflate: plain },
    ),
  ]),
];
