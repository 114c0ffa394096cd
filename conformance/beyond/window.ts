/**
 * Group 26.6: which bytes are in the window of permessage-deflate, RFC 7692 §7.1.1 and §7.2. Each case has a message that refers to an
 * earlier message. If the peer's window is empty, or has other bytes, the message inflates to another text.
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
 * Compressed bytes: an "H", and a reference that copies four bytes from a distance of five bytes. If the window ends with "Hello", the
 * result is "Hello".
 */
const reference = 'f200110000';
const hello = messageEvent('text', 'Hello');
const prose = 'The same sentence once more, since it is there already. ';

const finals: readonly (readonly [what: string, steps: readonly Step[], events: readonly Event[]])[] = [
  ['a message in a fixed block with BFINAL', [raw(finalHello)], [hello]],
  [
    'a message in a stored block with BFINAL',
    [raw(Buffer.concat([stored('Hello', true), hex('00')]))],
    [hello],
  ],
  [
    'a message in a dynamic block with BFINAL',
    [raw(Buffer.concat([deflateRawSync(`${prose.repeat(40)}Hello`), hex('00')]))],
    [messageEvent('text', `${prose.repeat(40)}Hello`)],
  ],
  [
    '"Hello", then an empty message in a fixed block with BFINAL',
    [raw(fixedHello), raw('030000')],
    [hello, messageEvent('text', '')],
  ],
];

const drafts: readonly Draft[] = [
  echoed(
    'Sends "Hello" with compression, a ping, and "Hello" as a reference to the first message. The ping must not change the window.',
    kept,
    [raw(fixedHello), awaits('message', 5, 'echo'), ping('!'), awaits('pong', 5, 'pong'), raw(reference)],
    [hello, pongEvent('!'), hello],
    { deflate },
  ),
  echoed(
    'Sends "Hello" with compression, and then "Hello" as a reference in two fragments, with a ping between them.',
    kept,
    [
      ...[raw(fixedHello), awaits('message', 5, 'echo')],
      ...[raw('f200', { fin: false }), ping('!'), continuation(hex('110000'))],
    ],
    [hello, pongEvent('!'), hello],
    { deflate },
  ),
  echoed(
    'Sends "Hello" with compression, an unsolicited pong, and "Hello" as a reference to the first message.',
    kept,
    [raw(fixedHello), pong('!'), raw(reference)],
    [hello, hello],
    { deflate },
  ),
  echoed(
    'Sends "Hello" with compression, "World" without compression, and "Hello" as a reference. The window must not contain "World".',
    mixed,
    [raw(fixedHello), text('World'), raw(reference)],
    [hello, messageEvent('text', 'World'), hello],
    { deflate },
  ),
  echoed(
    'Sends a text of 40 bytes, and a text of 4096 bytes with the same beginning, four times. An echo without compression must not be in the window.',
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
      `Sends ${what}, and then "Hello" as a reference to earlier bytes. BFINAL must not empty the window.`,
      final,
      [...steps, raw(reference)],
      [...events, hello],
      { deflate },
    ),
  ),
  echoed(
    'Sends one message in two blocks. The first block has BFINAL, and the second block refers to the first.',
    final,
    [raw(Buffer.concat([stored('Hello, ', true), hex('f200510000')]))],
    [messageEvent('text', 'Hello, Hello')],
    { deflate: noTakeoverNeeded },
  ),
  echoed(
    'Ends a message with an empty stored block that has BFINAL. The sender has removed the last bytes 00 00 ff ff of this block.',
    { ...final, section: '7692 §7.2.1', covers: ['P23', 'P24'] },
    [raw(Buffer.concat([stored('Hello'), hex('01')]))],
    [hello],
    { deflate: noTakeoverNeeded },
  ),
  echoed(
    'Sends "Hello" twice: first with an empty stored block with BFINAL at the end, and then as a reference to the first message.',
    { ...final, section: '7692 §7.2.1', covers: ['P23', 'P24', 'P27'] },
    [raw(Buffer.concat([stored('Hello'), hex('01')])), raw(reference)],
    [hello, hello],
    { deflate },
  ),
  echoed(
    'Sends an empty message as an empty stored block with BFINAL (the byte 01), and then "Hello".',
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

export const windowTitles: Titles = { '26.6': 'Content of the window' };

/** The cases of group 26.6, in order. */
export const windowCases: readonly Case[] = numbered('26.6', drafts);
