/**
 * One broken peer for each kind of fault. Each entry has the rule that the peer breaks, and exactly the cases that must report the fault.
 * The ids of cases are patterns, as in the option --cases.
 */

import { createHash } from 'node:crypto';
import { acceptOf, type Head } from '../../../conformance/wire/head.ts';
import { isCloseCode, type Outgoing, type Part, type Rules, refusalOf } from './rules.ts';
import { type Sequence, sequenceOf } from './utf8.ts';

/** Expands patterns of case ids. `5.3-8` means 5.3 to 5.8. */
export function ids(list: string): string[] {
  return list.split(' ').flatMap((one) => {
    const [, prefix, from, to] = /^(.*\.)(\d+)-(\d+)$/.exec(one) ?? [];
    if (prefix === undefined) return [one];
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${prefix}${Number(from) + i}`);
  });
}

export interface Fault {
  readonly name: string;
  /** @default 'server' */
  readonly role?: 'server' | 'client';
  readonly breaks: Partial<Rules>;
  /** If set, the self-test runs only these cases, because the fault costs seconds in every case. */
  readonly cases?: readonly string[];
  /** If true, the self-test opens one connection at a time, because the fault is visible only when connections are compared. */
  readonly isOverConnections?: boolean;
  /** If true, the fault makes hundreds of cases time out. The self-test then runs each case that must fail only once. */
  readonly isSilent?: boolean;
  /** The cases that do not pass with this fault. */
  readonly fails: readonly string[];
  /** The cases that get the verdict NON-STRICT with this fault. */
  readonly tolerated?: readonly string[];
}

/** Divides a message into fragments of `size` bytes. */
function split({ opcode, payload, rsv }: Outgoing, size: number, rsvBehind = 0): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += size)
    parts.push({
      opcode: at === 0 ? opcode : 0,
      payload: payload.subarray(at, at + size),
      fin: at + size >= payload.length,
      rsv: at === 0 ? rsv : rsvBehind,
    });
  return parts;
}

/** Divides the message into two halves. */
const halves = (message: Outgoing, rsvBehind = 0): Part[] =>
  split(message, Math.max(1, Math.ceil(message.payload.length / 2)), rsvBehind);

const codeOf = (code: number): Buffer => Buffer.from([code >> 8, code & 255]);
/** Returns a server's check of requests that omits some refusals. */
const lenient =
  (forgets: (status: string, request: Head) => boolean) =>
  (request: Head, text: string): string | null => {
    const refusal = refusalOf(request, text);
    return refusal !== null && forgets(refusal, request) ? null : refusal;
  };
const versionOf = (request: Head): string =>
  request.fields.find(([name]) => name.toLowerCase() === 'sec-websocket-version')?.[1] ?? '';

/** Returns a UTF-8 check with a wrong range of second bytes for one first byte. */
const withRange =
  (first: number, range: Partial<Sequence>) =>
  (byte: number): Sequence | null => {
    const right = sequenceOf(byte);
    return byte === first ? { further: 1, low: 0x80, high: 0xbf, ...right, ...range } : right;
  };

/** The ids of the cases that need an open connection. The cases in `opened` fail if the connection is never opened. */
const opened = ids(
  '1 2 3 4 5 6 7.1.1-5 7.3 7.5.1 7.7 7.9 9 10.1.1 12 13 ' +
    '20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 20.11.8 22 23.1 23.3.1-6 23.3.13-21 ' +
    '24 25 26.1-3 26.4.1-9 26.4.11 26.5-6 28.1.1-9 28.1.13-27 28.2.1-15 28.3.1-9 28.3.11-12 28.4.1 28.4.3-6',
);
const openedTolerated = ids(
  '20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5 23.2 23.3.7-12 26.4.10 28.1.10-12 28.2.16-26',
);

export const faults: readonly Fault[] = [
  // Frames that the peer receives.
  {
    name: 'accepts frames that are not masked',
    breaks: { refusesWrongMask: false },
    fails: ids('22.1'),
    tolerated: ids('28.2.26'),
  },
  {
    name: 'ignores RSV1, RSV2 and RSV3',
    breaks: { refusesRsv: () => false },
    fails: ids('3.1-6 24.1-2 26.1.1-12'),
    tolerated: ids('28.2.22-23'),
  },
  {
    name: 'ignores the RSV bits of Close frames',
    breaks: { refusesRsv: (opcode) => opcode !== 8 },
    fails: ids('24.1.15-21 26.1.1'),
    tolerated: ids('28.2.22-23'),
  },
  {
    name: 'ignores the RSV bits of Close frames, and answers without a code',
    breaks: { refusesRsv: (opcode) => opcode !== 8, closeAnswer: () => Buffer.alloc(0) },
    fails: ids(''),
    tolerated: ids('28.2.22-23'),
  },
  {
    name: 'ignores frames with reserved opcodes',
    breaks: { refusesReservedOpcodes: false },
    fails: ids('4 24.3.1-15 24.4.25 28.3.11'),
  },
  {
    name: 'accepts control frames in fragments',
    breaks: { refusesFragmentedControl: false },
    fails: ids('5.1 24.4.6-8 24.4.10-11'),
    tolerated: ids('28.2.24'),
  },
  {
    name: 'accepts control frames of more than 125 bytes',
    breaks: { refusesLongControl: false },
    fails: ids('2.5 7.3.6 23.3.16-21'),
    tolerated: ids('28.2.25'),
  },
  {
    name: 'accepts lengths in longer forms than needed',
    breaks: { refusesLongForms: false },
    fails: ids(''),
    tolerated: ids('23.2'),
  },
  {
    name: 'treats a continuation without a message as text',
    breaks: { refusesStrayContinuation: false },
    fails: ids('5.9-11 5.17 24.4.3-5'),
  },
  {
    name: 'treats a new message inside another message as a continuation',
    breaks: { refusesNestedMessage: false },
    fails: ids('5.18 24.4.1-2'),
  },
  {
    name: 'uses a masking key with a wrong last byte',
    breaks: { unmaskingKey: (key) => Buffer.from([key[0]!, key[1]!, key[2]!, key[3]! ^ 0x80]) },
    fails: ids(
      '1.1.2-8 1.2.2-8 2.2-4 2.6 2.9-11 3.2-4 4.1.3-5 4.2.3-5 5.3-8 5.15 5.18-20 6.1.3 6.2.1-2 6.4-5 6.6.5 6.6.7 6.6.9 6.6.11 6.7.4 6.9.4 6.11.4 6.22.3-34 7.1.1 7.1.5 7.3.4-5 9.1 9.7 10 12 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 20.11.8 22.1.12 22.3.1-6 22.3.10-21 23.1 24.4.3 24.4.12 24.4.22 25 26.2.1-13 26.2.17 26.3 26.4.8 26.5.3-5 28.1.1-4 28.1.6-9 28.1.13-16 28.2.12-14 28.3.9 28.4.1 28.4.6 26.6',
    ),
    tolerated: ids('20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5 28.1.10-12'),
  },
  {
    name: 'accepts messages of at most 64 KiB',
    breaks: { maxMessageSize: 65_536 },
    fails: ids('23.1.9 23.1.18 25.4.12 25.4.15'),
  },

  // Messages.
  {
    name: 'echoes each fragment as a message',
    breaks: { echoesFragments: true },
    fails: ids(
      '5.3-8 5.15 5.18-20 6.1.2-3 6.2.2-4 6.3.2 6.4.1-2 6.6.1 6.6.3-4 6.6.6 6.6.8 6.6.10 6.14.6-7 7.1.5 10 22.1.7 22.1.9 22.3.22 23.3.2 23.3.4 23.3.6 24.1.1-7 24.2.3 24.3.1-10 24.4.1-2 24.4.9-21 26.1.4 28.2.15 28.3.1-2 28.4.4',
    ),
    tolerated: ids('23.2.8'),
  },
  {
    name: 'sends fragments in the wrong order',
    breaks: { frames: (message) => reversed(halves(message)) },
    fails: ids(
      '1.1.2-8 1.2.2-8 3.2-4 4.1.3-5 4.2.3-5 5.3-8 5.15 5.19-20 6.1.3 6.2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7.2-4 6.9.2-4 6.11.1-4 6.22-23 7.1.1 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22.1.12 22.3.1-6 22.3.8-22 23.1 24.4.3 24.4.12 24.4.14 24.4.22-24 25 26.2-3 26.4.8 26.4.12 26.5.3-5 28.3.9-10 28.4.1-2 28.4.6 26.6',
    ),
  },
  {
    name: 'never ends a fragmented message',
    isSilent: true,
    breaks: { frames: (message) => halves(message).map((part) => ({ ...part, fin: false })) },
    fails: ids(
      '1 5.3-8 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1 9 10 12 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 20.11.8 22.1.12 22.3 23.1 24.4.3 24.4.12-14 24.4.22-24 25 26.2-3 26.4.8 26.4.12 26.5.3-5 28.3.9 28.4.1 28.4.6 26.6',
    ),
    tolerated: ids('3.2-4 4.1.3-5 4.2.3-5 5.15 20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5'),
  },
  {
    name: 'begins each fragment as a message',
    breaks: { frames: (message) => halves(message).map((part) => ({ ...part, opcode: message.opcode })) },
    fails: ids(
      '1.1.2-8 1.2.2-8 3.2-4 4.1.3-5 4.2.3-5 5.3-8 5.15 5.19-20 6.1.3 6.2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7.2-4 6.9.2-4 6.11.1-4 6.22-23 7.1.1 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22.1.12 22.3.1-6 22.3.8-22 23.1 24.4.3 24.4.12 24.4.14 24.4.22-24 25 26.2-3 26.4.8 26.4.12 26.5.3-5 28.3.9-10 28.4.1-2 28.4.6 26.6',
    ),
  },
  {
    name: 'sends text as binary',
    breaks: { echoKind: () => 2 },
    fails: ids(
      '1.1 3.2-4 4.1.3-5 4.2.3-5 5.3-8 5.15 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1 9.1 9.7 10 12.1 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 22.1.12 22.3.1-6 22.3.22 23.1.1-9 24.4.3 24.4.12 24.4.14 24.4.22-23 25.1 25.3 25.4.1-4 26.2-3 26.4.8 26.5.3-4 28.3.9 28.4.1 28.4.6 26.6',
    ),
    tolerated: ids('20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5'),
  },
  {
    name: 'sends binary as text',
    breaks: { echoKind: () => 1 },
    fails: ids('1.2 9.8 12.2 20.11.8 22.3.7-21 23.1.10-18 24.4.13 24.4.24 25.4.5-16 26.5.5'),
  },
  {
    name: 'echoes everything twice',
    breaks: {
      frames: (message) => [
        { ...message, fin: true },
        { ...message, fin: true },
      ],
    },
    fails: ids(
      '1 3.2-4 4.1.3-5 4.2.3-5 5.3-8 5.15 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1 9.1 10 12 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 20.11.8 22.1.12 22.3 23.1 24.4.3 24.4.12-14 24.4.22-24 25 26.2-3 26.4.8 26.5.3-5 28.3.9 28.4.1 28.4.6 26.6',
    ),
    tolerated: ids('20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5'),
  },
  {
    name: 'drops empty messages',
    breaks: { frames: (message) => (message.payload.length === 0 ? [] : [{ ...message, fin: true }]) },
    fails: ids('1.1.1 1.2.1 6.1.1-2 24.4.13'),
  },
  {
    name: 'cuts messages at 65 535 bytes',
    breaks: { echo: (payload) => payload.subarray(0, 65_535) },
    fails: ids('1.1.7-8 1.2.7-8 9.1.1 10.1.1 23.1.8-9 23.1.17-18 25.4.12 25.4.15'),
  },
  {
    name: 'sends an unexpected message',
    breaks: { greeting: { opcode: 1, payload: Buffer.from('hi'), fin: true, rsv: 0 } },
    fails: opened,
    tolerated: openedTolerated,
  },

  // Frames that the peer sends.
  {
    name: 'masks its frames',
    breaks: { masks: 'always' },
    fails: ids(
      '1 2 3 4 5 6 7.1.1-5 7.3 7.5 7.7 7.9 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22 23 24 25 26 28.1-3 28.4.1-2 28.4.5-6',
    ),
  },
  {
    name: 'writes all lengths in 16 bits',
    breaks: { frame: (part) => ({ ...part, lengthForm: part.payload.length < 65_536 ? 16 : 64 }) },
    fails: ids(
      '1 2 3 4 5 6 7.1.1-5 7.3 7.5 7.7 7.9 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22 23 24 25 26 28.1-3 28.4.1-2 28.4.5-6',
    ),
  },
  {
    name: 'writes lengths above 125 in 64 bits',
    breaks: { frame: (part) => (part.payload.length > 125 ? { ...part, lengthForm: 64 } : part) },
    fails: ids(
      '1.1.3-6 1.2.3-6 12 13 22.3.21 23.1.3-7 23.1.12-16 25.4.5-11 25.4.13-14 25.4.16 26.5.5 26.6.5',
    ),
  },
  {
    name: 'sets RSV2 on all frames',
    breaks: { frame: (part) => ({ ...part, rsv: part.rsv | 2 }) },
    fails: ids(
      '1 2 3 4 5 6 7.1.1-5 7.3 7.5 7.7 7.9 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22 23 24 25 26 28.1-3 28.4.1-2 28.4.5-6',
    ),
  },
  {
    name: 'sets RSV1 on pongs',
    breaks: { frame: (part) => (part.opcode === 10 ? { ...part, rsv: 4 } : part) },
    fails: ids('2.1-4 2.6 2.9-11 5.6-8 5.19-20 22.3.22 24.4.5 24.4.14 26.2.16 26.6.1-2'),
  },
  {
    name: 'sends pongs in fragments',
    breaks: { frame: (part) => (part.opcode === 10 ? { ...part, fin: false } : part) },
    fails: ids('2.1-4 2.6 2.9-11 5.6-8 5.19-20 22.3.22 24.4.5 24.4.14 26.2.16 26.6.1-2'),
  },
  {
    name: 'sends reserved opcodes',
    breaks: { frame: (part) => (part.opcode === 10 ? { ...part, opcode: 11 } : part) },
    fails: ids('2.1-4 2.6 2.9-11 5.6-8 5.19-20 22.3.22 24.4.5 24.4.14 26.2.16 26.6.1-2'),
  },

  // Pings.
  {
    name: 'does not answer pings',
    breaks: { pong: () => null },
    fails: ids('2.1-4 2.6 2.9-11 5.6-8 5.19-20 22.3.22 24.4.5 24.4.14 26.2.16 26.6.1-2'),
  },
  {
    name: 'answers pings with another payload',
    breaks: { pong: (payload) => Buffer.concat([payload, Buffer.from('!')]).subarray(0, 125) },
    fails: ids('2.1-3 2.9-11 5.6-8 5.19-20 22.3.22 24.4.5 24.4.14 26.2.16 26.6.1-2'),
  },
  {
    name: 'answers pings without a payload',
    breaks: { pong: () => Buffer.alloc(0) },
    fails: ids('2.2-4 2.6 2.9-11 5.6-8 5.19-20 22.3.22 24.4.14 26.2.16 26.6.1-2'),
  },
  {
    name: 'drops pings inside a message',
    breaks: { pongsWithin: 'never' },
    fails: ids('5.6-8 5.19-20 22.3.22 24.4.14 26.2.16 26.6.2'),
  },
  {
    name: 'answers pings inside a message only after the message',
    breaks: { pongsWithin: 'after the message' },
    fails: ids('5.6-8 5.19-20 22.3.22 24.4.14 26.2.16 26.6.2'),
  },
  { name: 'answers pongs', breaks: { pongsOnPong: true }, fails: ids('2.8-9 24.4.14 26.6.3') },

  // UTF-8.
  {
    name: 'does not check UTF-8',
    breaks: { utf8: 'never' },
    fails: ids('6.3-4 6.6.1 6.6.3-4 6.6.6 6.6.8 6.6.10 6.8 6.10 6.11.5 6.12-21 24.4.15-21 26.5.1-2 28.3.12'),
  },
  {
    name: 'checks UTF-8 after each frame',
    breaks: { utf8: 'after each frame' },
    fails: ids(''),
    tolerated: ids('6.4.3-4'),
  },
  {
    name: 'checks UTF-8 after the message',
    breaks: { utf8: 'after the message' },
    fails: ids(''),
    tolerated: ids('6.4'),
  },
  {
    name: 'checks the UTF-8 of each frame separately',
    breaks: { utf8: 'each frame alone' },
    fails: ids('6.2.3-4 6.4.2 24.4.14 26.5.1-2'),
    tolerated: ids('6.4.3-4'),
  },
  {
    name: 'accepts surrogates',
    breaks: { sequence: withRange(0xed, { high: 0xbf }) },
    fails: ids('6.3 6.20-21 7.5.1 24.4.16 28.2.9'),
  },
  {
    name: 'accepts overlong forms of three bytes',
    breaks: { sequence: withRange(0xe0, { low: 0x80 }) },
    fails: ids('6.17.2 6.18.2 6.19.2'),
  },
  {
    name: 'accepts overlong forms of two bytes',
    breaks: { sequence: withRange(0xc0, {}) },
    fails: ids('6.17.1 6.19.1 24.4.15 28.2.8'),
  },
  {
    name: 'accepts code points beyond U+10FFFF',
    breaks: { sequence: withRange(0xf4, { high: 0xbf }) },
    fails: ids('6.4 6.11.5 24.4.17 28.2.10'),
  },
  {
    name: 'refuses characters of four bytes',
    breaks: { sequence: (byte) => (byte >= 0xf0 ? null : sequenceOf(byte)) },
    fails: ids('6.4.2 6.4.4 6.5.4 6.7.4 6.9.4 6.11.4 6.22.3-34'),
  },
  {
    name: 'does not check the UTF-8 of compressed text',
    breaks: { checksCompressedText: false },
    fails: ids('26.5.1-2'),
  },
  {
    name: 'does not check the UTF-8 of close reasons',
    breaks: { checksCloseReason: false },
    fails: ids('7.5 28.2.5-11'),
    tolerated: ids('28.2.21'),
  },

  // Closing.
  {
    name: 'ends TCP instead of answering a Close frame',
    breaks: { closeAnswer: () => null },
    fails: ids(
      '1 2.1-4 2.6-11 5.3-8 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1-5 7.3.1 7.3.3-5 7.7 9 10 12 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 22.3 23.1 24.4.12-14 24.4.22-24 25 26.2 26.3.1-6 26.5.3-5 28.1.1-9 28.1.13-16 28.2.12-14 28.3.1-6 28.3.8-9 26.6',
    ),
    tolerated: ids('20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5 28.1.10-12'),
  },
  {
    name: 'answers Close frames with 1005',
    breaks: { closeAnswer: () => codeOf(1005) },
    fails: ids(
      '1 2.1-4 2.6-11 5.3-8 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1-5 7.3.1 7.3.3-5 7.7 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22.3 23.1 24.4.12-14 24.4.22-24 25 26.2-3 26.4.12 26.5.3-5 28.1.1-16 28.2.12-14 28.3.1-10 28.4.5 26.6',
    ),
  },
  {
    name: 'answers Close frames with 1001',
    breaks: { closeAnswer: () => codeOf(1001) },
    fails: ids(
      '1 2.1-4 2.6-11 5.3-8 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1-5 7.3.1 7.3.3-5 7.7.1 7.7.3-13 9 10 12 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 20.11.8 22.3 23.1 24.4.12-14 24.4.22-24 25 26.2-3 26.5.3-5 28.1.1 28.1.3-9 28.1.13-16 28.2.12-14 28.3.1-9 28.4.5 26.6',
    ),
    tolerated: ids('20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5 28.1.10-12'),
  },
  {
    name: 'answers Close frames with one byte',
    breaks: { closeAnswer: () => Buffer.from([3]) },
    fails: ids(
      '1 2.1-4 2.6-11 5.3-8 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1-5 7.3.1 7.3.3-5 7.7 9 10 12 13 20.1.16-18 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.12-14 20.9.2 20.10.6-7 20.11.1-5 20.11.8 22.3 23.1 24.4.12-14 24.4.22-24 25 26.2-3 26.4.12 26.5.3-5 28.1.1-16 28.2.12-14 28.3.1-10 28.4.5 26.6',
    ),
  },
  {
    name: 'accepts the close code 1005',
    breaks: { checksCloseCode: (code) => code === 1005 || isCloseCode(code) },
    fails: ids('7.9.4 28.1.21 28.2.15 28.2.18'),
  },
  {
    name: 'accepts close codes below 1000',
    breaks: { checksCloseCode: (code) => code < 1000 || isCloseCode(code) },
    fails: ids('7.9.1-2 28.1.17-19 28.2.17'),
  },
  {
    name: 'accepts close codes above 4999',
    breaks: { checksCloseCode: (code) => code > 4999 || isCloseCode(code) },
    fails: ids('28.1.28-29'),
  },
  {
    name: 'refuses close codes above 2999',
    breaks: { checksCloseCode: (code) => code < 3000 && isCloseCode(code) },
    fails: ids('7.7.10-13 28.1.13-16'),
  },
  {
    name: 'treats a Close frame of one byte as a Close frame with 1000',
    breaks: {
      checksCloseLength: false,
      closeAnswer: (payload) => (payload.length === 1 ? codeOf(1000) : payload.subarray(0, 2)),
    },
    fails: ids('7.3.2 28.2.1-4'),
    tolerated: ids('28.2.16'),
  },
  {
    name: 'treats a Close frame of one byte as a Close frame without a code',
    breaks: {
      checksCloseLength: false,
      closeAnswer: (payload) => (payload.length < 2 ? Buffer.alloc(0) : payload.subarray(0, 2)),
    },
    fails: ids(''),
    tolerated: ids('28.2.16'),
  },
  {
    name: 'does not check close codes, and answers without a code',
    breaks: { checksCloseCode: () => true, closeAnswer: () => Buffer.alloc(0) },
    fails: ids(''),
    tolerated: ids('28.2.17-20'),
  },
  {
    name: 'fails connections with a Close frame without a code',
    breaks: { failCode: () => 0, closeAnswer: (payload) => payload.subarray(0, 2) },
    fails: ids(''),
    tolerated: ids('28.2.16-26'),
  },
  {
    name: 'sends a message after its Close frame',
    breaks: { behindClose: [{ opcode: 1, payload: Buffer.from('bye'), fin: true, rsv: 0 }] },
    fails: ids('23.3.13-15 28.1.1-9 28.1.13-27 28.2.1-15 28.3.1-9 28.3.11-12 28.4.5'),
    tolerated: ids('28.1.10-12 28.2.16-26'),
  },
  {
    name: 'answers frames that arrive after a Close frame',
    breaks: { listensBehindClose: true },
    fails: ids('28.3.2-3 28.3.5-7'),
  },
  {
    name: 'never ends TCP',
    isSilent: true,
    breaks: { ending: 'never' },
    cases: ids('1 2 5 7 28.1'),
    fails: ids('1 2 5 7.1.1-5 7.3 7.5.1 7.7 7.9 28.1.1-9 28.1.13-27'),
    tolerated: ids('28.1.10-12'),
  },
  {
    name: 'resets TCP instead of answering a Close frame',
    breaks: { closeAnswer: () => null, ending: 'reset' },
    fails: ids(
      '1 2.1-4 2.6-11 5.3-8 5.19-20 6.1-2 6.5 6.6.2 6.6.5 6.6.7 6.6.9 6.6.11 6.7 6.9 6.11.1-4 6.22-23 7.1.1-5 7.3.1 7.3.3-5 7.7 9 10 12 13 20.1.16 20.2.6 20.3.1-12 20.4.15-18 20.5.20 20.6.1-3 20.7.22-26 20.8.13-14 20.10.6 20.11.1-3 22.3 23.1 24.4.12-14 24.4.22-24 25 26.2 26.3.1-6 26.5.3-5 28.1.1-9 28.1.13-16 28.2.12-14 28.3.1-6 28.3.8-9 26.6',
    ),
    tolerated: ids('20.1.17-18 20.8.12 20.9.2 20.10.7 20.11.5 28.1.10-12'),
  },
  {
    name: 'fails connections with 1000',
    breaks: { failCode: () => 1000 },
    fails: ids(
      '2.5 3 4 5.1-2 5.9-18 6.3-4 6.6.1 6.6.3-4 6.6.6 6.6.8 6.6.10 6.8 6.10 6.11.5 6.12-21 7.3.2 7.3.6 7.5 7.9 22.1 23.3.1-6 23.3.16-21 24.1-3 24.4.1-11 24.4.15-21 24.4.25 26.1 26.4.1-9 26.4.11 26.5.1-2 28.1.17-27 28.2.1-11 28.2.15 28.3.11-12',
    ),
    tolerated: ids('23.2 23.3.7-12 26.4.10 28.2.16-26'),
  },
  {
    name: 'fails connections with 1006',
    breaks: { failCode: () => 1006 },
    fails: ids(
      '2.5 3 4 5.1-2 5.9-18 6.3-4 6.6.1 6.6.3-4 6.6.6 6.6.8 6.6.10 6.8 6.10 6.11.5 6.12-21 7.3.2 7.3.6 7.5 7.9 22.1 23.2-3 24.1-3 24.4.1-11 24.4.15-21 24.4.25 26.1 26.4.1-11 26.5.1-2 28.1.17-29 28.2.1-11 28.2.15-26 28.3.11-13',
    ),
  },
  {
    name: 'refuses text that is not UTF-8 with 1002',
    breaks: { failCode: () => 1002 },
    fails: ids(
      '6.3-4 6.6.1 6.6.3-4 6.6.6 6.6.8 6.6.10 6.8 6.10 6.11.5 6.12-14 6.15.1 6.16-21 24.4.15-21 26.5.1-2 28.3.12',
    ),
  },

  // Compression.
  {
    name: 'keeps its context although server_no_context_takeover was agreed',
    breaks: { params: (agreed) => ({ ...agreed, serverNoContextTakeover: false }) },
    fails: ids('13.2.3 13.5.3 13.7.3 25.4.1'),
  },
  {
    name: 'does not keep the context of the client',
    breaks: { params: (agreed) => ({ ...agreed, clientNoContextTakeover: true }) },
    fails: ids('12 13 25.4.1-4 25.4.13-14 25.4.16 26.2.3 26.6.1-9 26.6.12'),
  },
  {
    name: 'ignores server_max_window_bits',
    breaks: { params: (agreed) => ({ ...agreed, serverMaxWindowBits: 15 }) },
    fails: ids('13.3 25.4.5-11 25.4.13-14'),
  },
  {
    name: 'sets RSV1 on every fragment',
    breaks: { frames: (message) => halves(message, message.rsv) },
    fails: ids('12 13 25.3-4 26.2-3 26.4.8 26.4.12 26.5.3-5 26.6'),
  },
  {
    name: 'compresses without RSV1',
    breaks: { frames: (message) => [{ ...message, rsv: 0, fin: true }] },
    fails: ids('12 13 25.3-4 26.2-3 26.4.8 26.4.12 26.5.3-5 26.6'),
  },
  {
    name: 'accepts RSV1 on later fragments',
    breaks: { mayHaveRsv1: (opcode) => opcode < 3 },
    fails: ids('26.1.4-5'),
  },
  {
    name: 'accepts RSV1 on control frames',
    breaks: { mayHaveRsv1: (opcode) => opcode > 0 },
    fails: ids('26.1.1-3 26.1.6'),
  },
  {
    name: 'does not remove 00 00 ff ff after compression',
    breaks: { deflated: (bytes) => Buffer.concat([bytes, Buffer.from('0000ffff', 'hex')]) },
    fails: ids('12 13 25.3-4 26.2-3 26.4.8 26.4.12 26.5.3-5 26.6'),
  },

  {
    name: 'empties its window when a ping arrives',
    breaks: { windowEndsWith: 'a ping' },
    fails: ids('26.6.1-2'),
  },
  {
    name: 'adds uncompressed messages to its receiving window',
    breaks: { plainEntersWindow: 'of what comes' },
    fails: ids('26.6.4'),
  },
  {
    name: 'compresses only large messages, and adds other messages to its sending window',
    breaks: { compressesFrom: 1024, plainEntersWindow: 'of what leaves' },
    fails: ids('26.6.5'),
  },
  {
    name: 'empties its window after a final block',
    breaks: { windowEndsWith: 'a final block' },
    fails: ids('26.6.6-9 26.6.12'),
  },
  {
    name: 'refuses an empty stored block with BFINAL at the end',
    breaks: {
      inflatable: (data) => {
        if (data.length < 16 && data.at(-1) === 1) throw new Error('a final block');
        return data;
      },
    },
    fails: ids('26.6.11-13'),
  },
  {
    name: 'echoes a large compressed message after the small messages that follow it',
    breaks: { delay: (size, compressed) => (compressed && size > 1_000_000 ? 20 : 0) },
    cases: ids('12.1.11 27.2'),
    fails: ids('27.2.4-5'),
  },
  {
    name: 'changes one byte at the position 1.6 MB',
    breaks: { echo: (payload) => withChangedByte(payload, 1_600_000) },
    cases: ids('12.1.11 27.2'),
    fails: ids('27.2'),
  },

  // The opening handshake.
  {
    name: 'answers with the Sec-WebSocket-Accept of another key',
    breaks: { accept: (key) => acceptOf(key.toLowerCase()) },
    fails: opened,
    tolerated: openedTolerated,
  },
  {
    name: 'answers 101 to a request with version 8',
    breaks: { refusal: lenient((_, request) => versionOf(request) === '8') },
    fails: ids('20.5.19'),
  },
  {
    name: 'answers every request with 101',
    breaks: { refusal: () => null },
    fails: ids(
      '20.1.1-8 20.1.10-12 20.1.14-15 20.2.1-5 20.3.13-22 20.4.1-14 20.5.1-5 20.5.8-19 20.6.4-12 20.7.1-21 20.8.1 20.8.6-11 20.9.3-5',
    ),
    tolerated: ids('20.1.13 20.6.13-14 20.8.4-5 20.9.1 20.9.6-8'),
  },
  {
    name: 'answers 200 instead of 101',
    breaks: { statusLine: 'HTTP/1.1 200 OK' },
    fails: opened,
    tolerated: openedTolerated,
  },
  { name: 'leaves out Upgrade', breaks: { fields: ['Upgrade:'] }, fails: opened, tolerated: openedTolerated },
  {
    name: 'names a subprotocol that was not offered',
    breaks: { fields: ['Sec-WebSocket-Protocol: chat'] },
    fails: opened,
    tolerated: openedTolerated,
  },
  {
    name: 'names an extension that was not offered',
    breaks: { fields: ['Sec-WebSocket-Extensions: x-webkit-deflate-frame'] },
    fails: opened,
    tolerated: openedTolerated,
  },

  {
    name: 'loses bytes that arrive together with the request',
    breaks: { keepsEarlyBytes: false },
    fails: ids('20.11.8'),
  },

  // Clients.
  {
    name: 'uses the same Sec-WebSocket-Key in every opening handshake',
    role: 'client',
    breaks: { handshakeKey: () => 'dGhlIHNhbXBsZSBub25jZQ==' },
    fails: ids('21.1.9-10 21.3.3'),
  },
  {
    name: 'sends a Sec-WebSocket-Key of 15 bytes',
    role: 'client',
    breaks: { handshakeKey: (fresh) => Buffer.from(fresh, 'base64').toString('base64', 0, 15) },
    fails: ids('21.1.7'),
  },
  {
    name: 'requests version 8',
    role: 'client',
    breaks: { fields: ['Sec-WebSocket-Version: 8'] },
    fails: ids('21.1.6'),
  },
  { name: 'asks without Host', role: 'client', breaks: { fields: ['Host:'] }, fails: ids('21.1.3') },
  {
    name: 'does not mask its frames',
    role: 'client',
    breaks: { masks: 'never' },
    fails: ids(
      '1 2 3 4 5 6 7.1.1-5 7.3 7.5 7.7 7.9 9 10 12 13 21.1-2 21.5.1-2 22 23 24 25.3-4 26 28.1-2 28.3.1-13 28.4.1-2 28.4.5-6',
    ),
  },
  {
    name: 'masks with zeros',
    role: 'client',
    breaks: { masks: 'with zeros' },
    fails: ids('22.2.1-2 22.2.4 22.4'),
    tolerated: ids('22.2.3'),
  },
  {
    name: 'masks every frame with the same key',
    role: 'client',
    breaks: { masks: 'with one key' },
    fails: ids('22.2.1-2 22.2.4 22.4'),
    tolerated: ids('22.2.3'),
  },
  {
    name: 'uses the same masking keys on every connection',
    role: 'client',
    breaks: { maskingKey: (n) => createHash('sha1').update(`${n}`).digest().subarray(0, 4) },
    cases: ids('22.2 22.4'),
    isOverConnections: true,
    fails: ids('22.4.2-3'),
  },
  {
    name: 'uses consecutive numbers as masking keys',
    role: 'client',
    breaks: { maskingKey: (n, seed) => keyOf(seed + 0x9e3779b9 * n) },
    fails: ids('22.2.2 22.4.4'),
  },
  {
    name: 'takes its masking keys from a linear congruential generator',
    role: 'client',
    breaks: {
      maskingKey: (n, seed) => keyOf(iterate(n, seed, (key) => Math.imul(key, 1_664_525) + 1_013_904_223)),
    },
    fails: ids('22.4.4'),
  },
  {
    name: 'takes its masking keys from a shift register',
    role: 'client',
    breaks: {
      maskingKey: (n, seed) =>
        keyOf(
          iterate(n, seed | 1, (key) => {
            const first = key ^ (key << 13);
            const second = first ^ (first >>> 17);
            return second ^ (second << 5);
          }),
        ),
    },
    fails: ids('22.4.4'),
  },
  {
    name: 'accepts masked frames',
    role: 'client',
    breaks: { refusesWrongMask: false },
    fails: ids('22.1'),
    tolerated: ids('28.2.26'),
  },
  { name: 'accepts any Accept', role: 'client', breaks: { checksAccept: false }, fails: ids('21.3.1-9') },
  {
    name: 'accepts any extension in the answer',
    role: 'client',
    breaks: { checksExtensions: false },
    fails: ids('21.3.28-32 25.2'),
  },
  {
    name: 'accepts an answer with any status',
    role: 'client',
    breaks: { checksStatus: false },
    fails: ids('21.3.19-23 21.3.41 21.4.15-17'),
  },
  {
    name: 'loses bytes that arrive together with the answer',
    role: 'client',
    breaks: { keepsEarlyBytes: false },
    // In general, TCP decides which bytes arrive together with the answer. In these cases, the judge sends all of them in one write.
    cases: ids('21.2.17-20'),
    fails: ids('21.2.17-20'),
  },
];

function reversed(parts: Part[]): Part[] {
  return parts.length < 2 ? parts : [parts[1]!, parts[0]!, ...parts.slice(2)];
}

/** Returns a copy with one changed bit in the byte at `at`, if this byte exists. */
function withChangedByte(payload: Buffer, at: number): Buffer {
  if (payload.length <= at) return payload;
  const changed = Buffer.from(payload);
  changed[at]! ^= 1;
  return changed;
}

function keyOf(number: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt32BE(number | 0);
  return key;
}

function iterate(times: number, start: number, next: (value: number) => number): number {
  let value = start;
  for (let i = 0; i < times; i++) value = next(value) | 0;
  return value;
}
