/**
 * Groups 27 to 29: limits, the closing handshake, and timeouts. RFC 6455 §5.5, §7, §10.4.
 */

import { constants, deflateRawSync } from 'node:zlib';
import type { Case, Check, Step, Titles } from '../case/model.ts';
import { hex, type Payload, repeated } from '../case/payload.ts';
import {
  awaits,
  binary,
  close,
  continuation,
  frame,
  message,
  messageEvent,
  pause,
  ping,
  pong,
  pongEvent,
  text,
} from '../case/steps.ts';
import { type About, closes, type Draft, echoed, either, ends, fails, numbered } from './build.ts';

const limits: About = { section: '6455 §10.4', covers: ['F25', 'F18'] };
const bomb: About = { section: '6455 §10.4', covers: ['F25'], level: 'SHOULD' };
const control: About = { section: '6455 §5.5.2', covers: ['C7', 'C8'] };
const codes: About = { section: '6455 §7.4', covers: ['C4', 'C10', 'C11', 'C22', 'C24'] };
const badCodes: About = { section: '6455 §7.4', covers: ['C23', 'C24', 'F26'] };
const payloads: About = { section: '6455 §5.5.1', covers: ['C1', 'F21'] };
const order: About = { section: '6455 §5.5.1', covers: ['C3', 'C4', 'C5', 'C9'] };
const lost: About = { section: '6455 §7.2', covers: ['C19', 'C20'] };
const time: About = { section: '6455 §7.2.1', covers: ['C18'] };
const plain = { offer: 'permessage-deflate', wishes: [{}] };

const hello = messageEvent('text', 'Hello');
const tooMuch = [1009, 1008, 1013, 1002, 1007, 1011];
const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * A compression bomb, for example 128 MiB of zeros in 128 KiB. It repeats the same compressed MiB. Each copy ends with an empty stored
 * block.
 */
const oneMib = deflateRawSync(Buffer.alloc(1_048_576), { finishFlush: constants.Z_FULL_FLUSH });
const bombOf = (mebibytes: number): Payload => ({ unit: oneMib, length: oneMib.length * mebibytes });

/**
 * Returns one step that sends n empty fragments, masked or not. One step with repeated bytes needs less memory than 100,000 frame
 * objects.
 */
const emptyFragments = (n: number, masked: boolean): Step => ({
  do: 'bytes',
  bytes: masked ? repeated(hex('008001020304'), 6 * n) : repeated(hex('0000'), 2 * n),
});

const lastPong: Check = ({ events, firstClose, endedBy }) => {
  // A peer may have a limit for floods of pings. So the peer may fail the connection, even without a Close frame.
  if (firstClose === 'peer' || (firstClose === null && endedBy === 'peer')) return null;
  const pongs = events.filter(({ type }) => type === 'pong');
  const last = pongs.at(-1);
  if (last === undefined || last.type !== 'pong') return 'No pong came.';
  const wanted = '4999';
  if (`${last.payload}` !== wanted)
    return `The last pong has the payload "${last.payload}", but the last ping had "${wanted}".`;
  return events.some(({ type }) => type === 'message')
    ? null
    : 'The peer did not echo the message after the pings.';
};
const flood: Draft = {
  ...ends(
    'Sends 5000 pings and a message in one write. The peer has to echo the message, and to answer at least the last ping.',
    { ...control, covers: ['C7', 'C8', 'F25'] },
    [],
    'any',
    [],
  ),
  expectation:
    'Expects an echo of the message, and pongs in order. The last pong has to answer the last ping. Instead, the peer may fail the connection with 1008 or 1013, or end TCP.',
};
const floodSteps: Step[] = [
  ...count(5000).map((i) => ping(`${i}`)),
  text('Hello'),
  awaits('message', 20, 'echo'),
  close(1000),
];

const limitDrafts: readonly Draft[] = [
  ...(['server', 'client'] as const).map((against) =>
    either(
      'Sends a message with 100000 empty fragments.',
      { ...limits, against },
      [text('Hel', { fin: false }), emptyFragments(100_000, against === 'server'), continuation('lo')],
      tooMuch,
    ),
  ),
  either(
    'Sends a message of 20000 bytes in 20000 fragments.',
    limits,
    [message('binary', repeated('a', 20_000), 1)],
    tooMuch,
    [messageEvent('binary', repeated('a', 20_000))],
  ),
  echoed(
    'Sends a message of 200 fragments.',
    limits,
    [message('text', repeated('ab', 400), 2)],
    [messageEvent('text', repeated('ab', 400))],
  ),
  either(
    'Sends 2000 empty messages in one write.',
    limits,
    count(2000).map(() => text('')),
    tooMuch,
    count(2000).map(() => messageEvent('text', '')),
  ),
  fails(
    'Sends a message that inflates from 128 KiB to 128 MiB.',
    bomb,
    [binary(bombOf(128), { rsv: 4 })],
    [1009, 1008, 1007],
    [],
    { deflate: plain },
  ),
  fails(
    'Sends two fragments that together inflate to 128 MiB.',
    bomb,
    [binary(bombOf(64), { rsv: 4, fin: false }), continuation(bombOf(64))],
    [1009, 1008, 1007],
    [],
    { deflate: plain },
  ),
  either(
    'Sends a message that inflates from 1 KiB to 1 MiB.',
    limits,
    [binary(bombOf(1), { rsv: 4 })],
    tooMuch,
    [messageEvent('binary', repeated('\0', 1_048_576))],
    { deflate: plain },
  ),
  {
    ...flood,
    steps: floodSteps,
    expect: { close: { by: 'any', codes: [1000, 1008, 1013], clean: false }, checks: [lastPong] },
  },
  either(
    'Sends 5000 unsolicited pongs, and then a message.',
    { ...control, section: '6455 §5.5.3', covers: ['C8', 'F25'] },
    [...count(5000).map(() => pong('a')), text('Hello')],
    [1008, 1013],
  ),
  either(
    'Stops reading, sends 64 messages of 64 KiB, and resumes reading after half a second.',
    { ...limits, level: 'SHOULD' },
    [
      { do: 'stop reading' },
      ...count(64).map(() => binary(repeated('slow', 65_536))),
      pause(0.5),
      { do: 'resume reading' },
    ],
    tooMuch,
    count(64).map(() => messageEvent('binary', repeated('slow', 65_536))),
  ),
  either(
    'Sends a message of 1 MiB in writes of 1000 bytes.',
    limits,
    [binary(repeated('0123456789', 1_048_576), { chop: 1000 })],
    tooMuch,
    [messageEvent('binary', repeated('0123456789', 1_048_576))],
  ),
  echoed(
    'Sends 30 fragments, with a ping after each fragment.',
    { ...control, section: '6455 §5.4', covers: ['F15', 'C7'] },
    [
      text('', { fin: false }),
      ...count(30).flatMap((i) => [continuation('a', { fin: false }), ping(`${i}`, { ownWrite: true })]),
      continuation(''),
    ],
    [...count(30).map((i) => pongEvent(`${i}`)), messageEvent('text', repeated('a', 30))],
    { level: 'SHOULD' },
  ),
];

const legal = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
];
const illegal = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999];
const unspecified = [5000, 65_535];
/** Codes that RFC 6455 reserved. They were registered later. */
const registered = [1012, 1013, 1014];

const reasons: readonly (readonly [string, string])[] = [
  ['only the byte 0xff', 'ff'],
  ['a character without its last byte', '616263e282'],
  ['the first three bytes of a character with four bytes', 'f09f98'],
  ['an overlong form', 'c0af'],
  ['a surrogate', 'eda080'],
  ['a character beyond U+10FFFF', 'f4908080'],
  ['only a continuation byte', '80'],
];

const closing: readonly Draft[] = [
  ...legal.map((code) =>
    closes(
      `Closes with ${code} and the reason "Grüße".`,
      { ...codes, level: registered.includes(code) ? 'SHOULD' : 'MUST' },
      [close(code, 'Grüße')],
      [...new Set([1000, code])],
    ),
  ),
  ...illegal.map((code) =>
    ends(
      `Closes with ${code} and the reason "Grüße". An endpoint must not send this code.`,
      badCodes,
      [close(code, 'Grüße')],
      [1002],
      [],
    ),
  ),
  ...unspecified.map((code) =>
    ends(
      `Closes with ${code} and the reason "Grüße". RFC 6455 does not define such a code.`,
      { ...badCodes, level: 'MAY' },
      [close(code, 'Grüße')],
      [1002],
      [],
    ),
  ),
];
const wrongPayloads: readonly Draft[] = [
  ...['00', '03', 'ff', 'e8'].map((byte) =>
    ends(`Sends a Close frame with only the byte 0x${byte}.`, payloads, [close(hex(byte))], [1002], []),
  ),
  ...reasons.map(([what, bytes]) =>
    ends(
      `Closes with 1000 and a reason that is not UTF-8: ${what}.`,
      payloads,
      [close(1000, hex(bytes))],
      [1007, 1002],
      [],
    ),
  ),
  closes(
    'Closes with a reason of 41 characters, each of three bytes.',
    payloads,
    [close(1000, '€'.repeat(41))],
    [1000],
  ),
  closes(
    'Closes with a reason that contains U+0000 and other control characters.',
    payloads,
    [close(1000, '\0\x07\x1b[31m\r\n')],
    [1000],
  ),
  closes('Sends a Close frame byte by byte.', payloads, [{ ...close(1000, 'bye'), chop: 1 }], [1000]),
  ends(
    'Sends a Close frame with an invalid code after the first fragment of a message.',
    badCodes,
    [text('Hel', { fin: false }), close(1005)],
    [1002],
    [],
  ),
];
/** §7.1.7: a peer that fails the connection SHOULD send a code, because a Close frame without a code looks like a normal close. */
const saysWhy: Check = ({ receivedClose }) =>
  receivedClose !== null && receivedClose.code === null
    ? "The peer's Close frame has no code, so it does not say that the connection failed."
    : null;
const wrongFrames: readonly (readonly [string, Step, readonly number[]])[] = [
  ['with only the byte 0x03', close(hex('03')), [1002]],
  ['with 999', close(999), [1002]],
  ['with 1005', close(1005), [1002]],
  ['with 1006', close(1006), [1002]],
  ['with 1015', close(1015), [1002]],
  ['with a reason that is not UTF-8', close(1000, hex('ff')), [1007, 1002]],
  ['with RSV1', frame(8, hex('03e8'), { rsv: 4 }), [1002]],
  ['with RSV3', frame(8, hex('03e8'), { rsv: 1 }), [1002]],
  ['that is not final', frame(8, hex('03e8'), { fin: false }), [1002]],
  ['of 126 bytes', frame(8, Buffer.concat([hex('03e8'), Buffer.alloc(124, 'a')])), [1002]],
  ['masked by a server or unmasked by a client', frame(8, hex('03e8'), { mask: 'wrong way' }), [1002]],
];
const explanations: readonly Draft[] = wrongFrames.map(([what, step, allowed]) => ({
  ...ends(
    `Sends a Close frame ${what}. If the peer sends a Close frame, the code has to report this violation.`,
    { section: '6455 §7.1.7', covers: ['C1', 'C16'], level: 'SHOULD' },
    [step],
    allowed,
    [],
    { checks: [saysWhy] },
  ),
  expectation: `The peer has to fail the connection with ${allowed.join(' or ')}, or end TCP without a Close frame.`,
}));
const orders: readonly Draft[] = [
  closes(
    'Sends a Close frame after the first fragment of a message.',
    order,
    [text('Hel', { fin: false }), close(1000)],
    [1000],
  ),
  closes(
    'Sends a Close frame between two fragments of a message.',
    order,
    [text('Hel', { fin: false }), close(1000), continuation('lo')],
    [1000],
  ),
  closes('Closes, and sends a message after the Close frame.', order, [close(1000), text('Hello')], [1000]),
  closes('Closes, and sends a ping after the Close frame.', order, [close(1000), ping('Hello')], [1000]),
  closes(
    'Closes, and sends a second Close frame with another code.',
    order,
    [close(1000), frame(8, hex('0bb8'))],
    [1000],
  ),
  closes(
    'Closes, and sends bytes that are not a frame after the Close frame.',
    order,
    [close(1000), { do: 'bytes', bytes: repeated(hex('ff'), 64) }],
    [1000],
  ),
  ends(
    'Closes, and sends 1 MiB after the Close frame.',
    order,
    [close(1000), { do: 'bytes', bytes: repeated('junk', 1_048_576) }],
    [1000],
    [],
  ),
  closes('Closes without a code.', order, [close()], [1000]),
  closes(
    'Sends a message, waits for the echo, and closes.',
    order,
    [text('Hello'), awaits('message', 5, 'echo'), close(1000)],
    [1000],
    [hello],
  ),
  closes(
    'Sends a message and a Close frame in the same segment. The peer may echo the message before it closes.',
    { ...order, level: 'MAY' },
    [text('Hello'), close(1000)],
    [1000],
    [hello],
  ),
  ends(
    'Breaks a rule, and closes in the same segment. The peer has to close with the code for this violation.',
    { ...order, section: '6455 §7.1.7', covers: ['C6', 'C16', 'C17'] },
    [frame(3), close(1000)],
    [1002],
    [],
  ),
  ends(
    'Breaks two rules with different codes in the same segment. The peer has to send one Close frame, for the first violation.',
    { ...order, section: '6455 §7.1.7', covers: ['C16', 'C17'] },
    [text(hex('ff')), frame(3), frame(3)],
    [1007],
    [],
  ),
  {
    ...ends(
      "Breaks a rule, and does not answer the peer's Close frame. The peer has to end TCP in time.",
      { ...order, section: '6455 §7.1.7', covers: ['C5', 'C14', 'C15'], level: 'MAY' },
      [frame(3)],
      [1002],
      [],
    ),
    quirks: { ignoresClose: true },
  },
  {
    ...ends(
      'Completes the closing handshake, but does not end TCP. The client should end TCP in time.',
      { ...order, section: '6455 §7.1.1', covers: ['C5', 'C9'], level: 'MAY', against: 'client' },
      [close(1000)],
      [1000],
      [],
    ),
    informational: true,
    quirks: { keepsTcp: true },
  },
];
const tcp: readonly Draft[] = [
  ends(
    "Ends the judge's side of TCP without a Close frame. The peer has to end TCP too.",
    lost,
    [text('Hello'), awaits('message', 5, 'echo'), { do: 'half-close' }],
    'any',
    [hello],
  ),
  ends(
    "Ends the judge's side of TCP directly after a message.",
    { ...lost, level: 'MAY' },
    [text('Hello'), { do: 'half-close' }],
    'any',
    [hello],
  ),
  ends(
    "Ends the judge's side of TCP in the middle of a frame. The peer must not read this frame as a message.",
    lost,
    [
      text('Hello, world', { headerOnly: true }),
      { do: 'bytes', bytes: Buffer.from('Hello'), ofFrame: true },
      pause(0.1),
      { do: 'half-close' },
    ],
    'any',
    [],
  ),
  ends(
    "Ends the judge's side of TCP after the first fragment of a message.",
    lost,
    [text('Hel', { fin: false }), pause(0.1), { do: 'half-close' }],
    'any',
    [],
  ),
  ends(
    "Ends the judge's side of TCP directly after the Close frame. The peer has to answer, and to end TCP.",
    { ...order, section: '6455 §7.1.1' },
    [close(1000), { do: 'half-close' }],
    [1000],
    [],
  ),
  ends(
    'Resets TCP after a message. The peer has to survive, which the later cases show.',
    lost,
    [text('Hello'), awaits('message', 5, 'echo'), { do: 'reset' }],
    'any',
    [hello],
  ),
  ends(
    'Resets TCP in the middle of a frame.',
    lost,
    [
      text('Hello, world', { headerOnly: true }),
      { do: 'bytes', bytes: Buffer.from('Hello'), ofFrame: true },
      pause(0.1),
      { do: 'reset' },
    ],
    'any',
    [],
  ),
  ends('Resets TCP after the Close frame.', lost, [close(1000), { do: 'reset' }], 'any', []),
];

const slowFrame: Step[] = [
  text('Hello', { headerOnly: true }),
  pause(0.5),
  ...[...'Hello'].flatMap((one): Step[] => [
    { do: 'bytes', bytes: Buffer.from(one), ofFrame: true },
    pause(0.3),
  ]),
];
const idle: readonly Draft[] = [
  echoed(
    'Sends nothing for two seconds, and then a message. The connection must still be open.',
    time,
    [pause(2), text('Hello')],
    [hello],
  ),
  echoed(
    'Sends a message, sends nothing for two seconds, and then sends a second message.',
    time,
    [text('Hello'), pause(2), text('Hello')],
    [hello, hello],
  ),
  echoed('Sends a frame in pieces, with pauses of up to half a second between them.', time, slowFrame, [
    hello,
  ]),
  echoed(
    'Sends nothing for a second between two fragments.',
    time,
    [text('Hel', { fin: false }), pause(1), continuation('lo')],
    [hello],
  ),
  echoed(
    'Sends nothing for a second after the first fragment. Then sends a ping, waits for the pong, and sends the last fragment.',
    { ...control, section: '6455 §5.4', covers: ['F15', 'C7'] },
    [text('Hel', { fin: false }), pause(1), ping('!'), awaits('pong', 5, 'pong'), continuation('lo')],
    [pongEvent('!'), hello],
  ),
  echoed('Sends a frame byte by byte.', time, [text('Hello', { chop: 1 })], [hello]),
  closes(
    'Sends nothing for a second, and then closes.',
    { ...order, covers: ['C4'] },
    [pause(1), close(1000)],
    [1000],
  ),
];

export const enduranceTitles: Titles = {
  '27': 'Limits',
  '27.1': 'Fragments, floods, compression bombs, slow readers',
  '28': 'Closing',
  '28.1': 'Close codes with a reason',
  '28.2': 'Payloads of Close frames',
  '28.3': 'Order of frames, and simultaneous closing',
  '28.4': 'The end of TCP',
  '29': 'Time',
  '29.1': 'Idle and slow connections',
};

export const endurance: readonly Case[] = [
  ...numbered('27.1', limitDrafts),
  ...numbered('28.1', closing),
  ...numbered('28.2', [...wrongPayloads, ...explanations]),
  ...numbered('28.3', orders),
  ...numbered('28.4', tcp),
  ...numbered('29.1', idle),
];
