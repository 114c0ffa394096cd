/**
 * Group 27.2: large messages without repetitions, which the judge compares byte by byte. Also tests the order of the echoes if a message
 * takes long to inflate.
 */

import type { Case, DeflateSpec, Event, Step, Titles } from '../case/model.ts';
import { noise, type Payload, repeated } from '../case/payload.ts';
import { binary, message, messageEvent, text } from '../case/steps.ts';
import { type About, echoed, numbered } from './build.ts';

const deflate: DeflateSpec = { offer: 'permessage-deflate', wishes: [{}] };
const contents: About = { section: '6455 §6.2', covers: ['F13', 'F14', 'F24'] };
const inflated: About = { section: '7692 §7.2.2', covers: ['P10', 'P27'] };
const order: About = { section: '7692 §6.2', covers: ['P10', 'F24'] };

/** 2 MiB without repetitions, so the comparison finds a byte that was changed, lost or moved. */
const large: Payload = noise(2_097_152, 6455);
/** 2 MiB that compress to a few KiB. A small message that follows is ready long before this message is inflated. */
const long: Payload = repeated('All of this is the same. ', 2_097_152);

const small = (count: number, compress: boolean): Step[] =>
  Array.from({ length: count }, (_, i) => text(`small ${i}`, { compress }));
const smallEvents = (count: number): Event[] =>
  Array.from({ length: count }, (_, i) => messageEvent('text', `small ${i}`));

export const largeTitles: Titles = { '27.2': 'Contents and order of large messages' };

/** The cases of group 27.2, in order. */
export const largeCases: readonly Case[] = numbered('27.2', [
  echoed(
    'Sends 2 MiB of bytes that never repeat in one frame, and compares the echo byte for byte.',
    contents,
    [binary(large)],
    [messageEvent('binary', large)],
  ),
  echoed(
    'Sends 2 MiB of bytes that never repeat in fragments of 65500 bytes, and compares the echo byte for byte.',
    { ...contents, section: '6455 §5.4', covers: ['F18', 'F24'] },
    [message('binary', large, 65_500)],
    [messageEvent('binary', large)],
  ),
  echoed(
    'Sends 2 MiB of bytes that never repeat, with compression, and compares the echo byte for byte.',
    inflated,
    [binary(large, { compress: true })],
    [messageEvent('binary', large)],
    { deflate },
  ),
  echoed(
    'Sends a compressed message of 2 MiB, and then ten small messages without compression. The echoes have to keep the order.',
    order,
    [binary(long, { compress: true }), ...small(10, false)],
    [messageEvent('binary', long), ...smallEvents(10)],
    { deflate },
  ),
  echoed(
    'Sends a compressed message of 2 MiB, and then ten small compressed messages. The echoes have to keep the order.',
    order,
    [binary(long, { compress: true }), ...small(10, true)],
    [messageEvent('binary', long), ...smallEvents(10)],
    { deflate },
  ),
]);
