/**
 * Group 26.6: which bytes are in the window of permessage-deflate, RFC 7692 §7.1.1 and §7.2. Each message refers to an earlier one. If the
 * peer's window is empty, or has other bytes, the message inflates to another text.
 */

import { deflateRawSync } from 'node:zlib';
import type { Case, DeflateSpec, Event, Step, Titles } from '../case/model.ts';
import { hex } from '../case/payload.ts';
import { awaits, continuation, messageEvent, ping, pong, pongEvent, text } from '../case/steps.ts';
import { type About, type Draft, echoed, numbered } from './build.ts';
import { finalHello, fixedHello, raw, stored } from './compression.ts';

const deflate: DeflateSpec = { offer: 'permessage-deflate', wishes: [{}], needs: 'takeover' };
const noTakeoverNeeded: DeflateSpec = { offer: 'permessage-deflate', wishes: [{}] };
const kept: About = { section: '7692 §7.1.1', covers: ['P26', 'P27'] };
const mixed: About = { section: '7692 §6.2', covers: ['P10', 'P27'] };
const final: About = { section: '7692 §7.2.3.4', covers: ['P24', 'P27'] };

/**
 * Compressed bytes: an "H", and a copy of four bytes that begin five bytes earlier. If the window ends with "Hello", the result is "Hello".
 */
const reference = 'f200110000';
const hello = messageEvent('text', 'Hello');
const prose = 'The same sentence once more, since it is there already. ';

const finals: readonly (readonly [what: string, steps: readonly Step[], events: readonly Event[]])[] = [
  ['a fixed block with BFINAL', [raw(finalHello)], [hello]],
  ['a stored block with BFINAL', [raw(Buffer.concat([stored('Hello', true), hex('00')]))], [hello]],
  [
    'a dynamic block with BFINAL',
    [raw(Buffer.concat([deflateRawSync(`${prose.repeat(40)}Hello`), hex('00')]))],
    [messageEvent('text', `${prose.repeat(40)}Hello`)],
  ],
  [
    '"Hello", an empty fixed block with BFINAL',
    [raw(fixedHello), raw('030000')],
    [hello, messageEvent('text', '')],
  ],
];

const drafts: readonly Draft[] = [
  echoed(
    'Sends "Hello" compressed, a ping, and "Hello" by a reference into the message before: a ping changes no window.',
    kept,
    [raw(fixedHello), awaits('message', 5, 'echo'), ping('!'), awaits('pong', 5, 'pong'), raw(reference)],
    [hello, pongEvent('!'), hello],
    { deflate },
  ),
  echoed(
    'Sends "Hello" compressed, then "Hello" by a reference in two fragments with a ping between them.',
    kept,
    [
      ...[raw(fixedHello), awaits('message', 5, 'echo')],
      ...[raw('f200', { fin: false }), ping('!'), continuation(hex('110000'))],
    ],
    [hello, pongEvent('!'), hello],
    { deflate },
  ),
  echoed(
    'Sends "Hello" compressed, an unsolicited pong, and "Hello" by a reference into the message before.',
    kept,
    [raw(fixedHello), pong('!'), raw(reference)],
    [hello, hello],
    { deflate },
  ),
  echoed(
    'Sends "Hello" compressed, "World" without compression, and "Hello" by a reference: what was not compressed is in no window.',
    mixed,
    [raw(fixedHello), text('World'), raw(reference)],
    [hello, messageEvent('text', 'World'), hello],
    { deflate },
  ),
  echoed(
    'Sends a text of 40 bytes and one of 4096 that begins with it, four times: an echo that is not compressed is in no window either.',
    mixed,
    [0, 1, 2, 3].flatMap((round) => [
      text(sentence(round, 40), { compress: true }),
      text(sentence(round, 4096), { compress: true }),
    ]),
    [0, 1, 2, 3].flatMap((round) => [
      messageEvent('text', sentence(round, 40)),
      messageEvent('text', sentence(round, 4096)),
    ]),
    { deflate: noTakeoverNeeded },
  ),
  ...finals.map(([what, steps, events]) =>
    echoed(
      `Sends ${what}, and "Hello" by a reference after it: BFINAL ends no window.`,
      final,
      [...steps, raw(reference)],
      [...events, hello],
      { deflate },
    ),
  ),
  echoed(
    'Sends "Hel" in a block with BFINAL and the rest after it, in one message that refers across the two.',
    final,
    [raw(Buffer.concat([stored('Hello, ', true), hex('f200510000')]))],
    [messageEvent('text', 'Hello, Hello')],
    { deflate: noTakeoverNeeded },
  ),
  echoed(
    'Ends a message with an empty stored block that has BFINAL: its 00 00 ff ff is what is left out.',
    { ...final, section: '7692 §7.2.1', covers: ['P23', 'P24'] },
    [raw(Buffer.concat([stored('Hello'), hex('01')]))],
    [hello],
    { deflate: noTakeoverNeeded },
  ),
  echoed(
    'Ends two messages with an empty stored block that has BFINAL, the second one a reference into the first.',
    { ...final, section: '7692 §7.2.1', covers: ['P23', 'P24', 'P27'] },
    [raw(Buffer.concat([stored('Hello'), hex('01')])), raw(reference)],
    [hello, hello],
    { deflate },
  ),
  echoed(
    'Sends an empty message as an empty stored block with BFINAL, the byte 01, and "Hello" after it.',
    { ...final, section: '7692 §7.2.3.6', covers: ['P24', 'P29'] },
    [raw('01'), raw(fixedHello)],
    [messageEvent('text', ''), hello],
    { deflate: noTakeoverNeeded },
  ),
];

/** Returns a text of `length` characters, which is different in each round. */
function sentence(round: number, length: number): string {
  const whole = Array.from(
    { length: Math.ceil(length / 8) },
    (_, i) => `${round}x${(i * 7919 + round) % 9973},`,
  );
  return whole.join('').padEnd(length, '.').slice(0, length);
}

export const windowTitles: Titles = { '26.6': 'What the window holds' };

/** Group 26.6, in order. */
export const windowCases: readonly Case[] = numbered('26.6', drafts);
