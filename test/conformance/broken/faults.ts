/**
 * One peer per kind of fault: which rule it breaks, and exactly which cases have to say so. Ids are patterns, as
 * --cases takes them.
 */

import { acceptOf, type Head } from '../../../conformance/wire/head.ts';
import { isCloseCode, type Outgoing, type Part, type Rules, refusalOf } from './rules.ts';
import { type Sequence, sequenceOf } from './utf8.ts';

export interface Fault {
  readonly name: string;
  /** @default 'server' */
  readonly role?: 'server' | 'client';
  readonly breaks: Partial<Rules>;
  /** Cases that are not passed. */
  readonly fails: readonly string[];
  /** Cases that are passed as NON-STRICT. */
  readonly tolerated?: readonly string[];
}

/** A message in fragments of so many octets. */
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

/** Half of it, and the other half. */
const halves = (message: Outgoing, rsvBehind = 0): Part[] =>
  split(message, Math.max(1, Math.ceil(message.payload.length / 2)), rsvBehind);

const codeOf = (code: number): Buffer => Buffer.from([code >> 8, code & 255]);
/** Refusals that a server forgets. */
const lenient =
  (forgets: (status: string, request: Head) => boolean) =>
  (request: Head, text: string): string | null => {
    const refusal = refusalOf(request, text);
    return refusal !== null && forgets(refusal, request) ? null : refusal;
  };
const versionOf = (request: Head): string =>
  request.fields.find(([name]) => name.toLowerCase() === 'sec-websocket-version')?.[1] ?? '';

/** Ranges of second octets that a peer with such a check has. */
const withRange =
  (first: number, range: Partial<Sequence>) =>
  (octet: number): Sequence | null => {
    const right = sequenceOf(octet);
    return octet === first ? { further: 1, low: 0x80, high: 0xbf, ...right, ...range } : right;
  };

export const faults: readonly Fault[] = [
  // Frames that come.
  { name: 'accepts frames that are not masked', breaks: { refusesWrongMask: false }, fails: [] },
  { name: 'ignores RSV1, RSV2 and RSV3', breaks: { refusesRsv: false }, fails: [] },
  { name: 'ignores frames with reserved opcodes', breaks: { refusesReservedOpcodes: false }, fails: [] },
  { name: 'accepts control frames in fragments', breaks: { refusesFragmentedControl: false }, fails: [] },
  {
    name: 'accepts control frames of more than 125 octets',
    breaks: { refusesLongControl: false },
    fails: [],
  },
  { name: 'accepts lengths in longer forms than needed', breaks: { refusesLongForms: false }, fails: [] },
  {
    name: 'takes a continuation of nothing for text',
    breaks: { refusesStrayContinuation: false },
    fails: [],
  },
  {
    name: 'takes a new message within another for its continuation',
    breaks: { refusesNestedMessage: false },
    fails: [],
  },
  { name: 'accepts RSV1 on continuation frames', breaks: { refusesRsv1OnContinuation: false }, fails: [] },
  {
    name: 'takes a wrong octet for the last one of the masking key',
    breaks: { unmaskingKey: (key) => Buffer.from([key[0]!, key[1]!, key[2]!, key[3]! ^ 0x80]) },
    fails: [],
  },
  { name: 'takes messages of 64 KiB at most', breaks: { maxMessageSize: 65_536 }, fails: [] },
  { name: 'loses octets that come with the request', breaks: { keepsEarlyOctets: false }, fails: [] },

  // Messages.
  { name: 'echoes each fragment as a message', breaks: { echoesFragments: true }, fails: [] },
  {
    name: 'sends fragments in the wrong order',
    breaks: { frames: (message) => reversed(halves(message)) },
    fails: [],
  },
  {
    name: 'ends no fragmented message',
    breaks: { frames: (message) => halves(message).map((part) => ({ ...part, fin: false })) },
    fails: [],
  },
  {
    name: 'begins each fragment as a message',
    breaks: { frames: (message) => halves(message).map((part) => ({ ...part, opcode: message.opcode })) },
    fails: [],
  },
  { name: 'sends text as binary', breaks: { echoKind: () => 2 }, fails: [] },
  { name: 'sends binary as text', breaks: { echoKind: () => 1 }, fails: [] },
  {
    name: 'echoes everything twice',
    breaks: {
      frames: (message) => [
        { ...message, fin: true },
        { ...message, fin: true },
      ],
    },
    fails: [],
  },
  {
    name: 'drops empty messages',
    breaks: { frames: (message) => (message.payload.length === 0 ? [] : [{ ...message, fin: true }]) },
    fails: [],
  },
  {
    name: 'cuts messages at 65 535 octets',
    breaks: { echo: (payload) => payload.subarray(0, 65_535) },
    fails: [],
  },
  {
    name: 'sends a message that nobody asked for',
    breaks: { greeting: { opcode: 1, payload: Buffer.from('hi'), fin: true, rsv: 0 } },
    fails: [],
  },

  // Frames that leave.
  { name: 'masks its frames', breaks: { masks: 'always' }, fails: [] },
  {
    name: 'writes lengths in 16 bits always',
    breaks: { frame: (part) => ({ ...part, lengthForm: part.payload.length < 65_536 ? 16 : 64 }) },
    fails: [],
  },
  {
    name: 'writes lengths above 125 in 64 bits',
    breaks: { frame: (part) => (part.payload.length > 125 ? { ...part, lengthForm: 64 } : part) },
    fails: [],
  },
  {
    name: 'sets RSV2 on what it sends',
    breaks: { frame: (part) => ({ ...part, rsv: part.rsv | 2 }) },
    fails: [],
  },
  {
    name: 'sets RSV1 on pongs',
    breaks: { frame: (part) => (part.opcode === 10 ? { ...part, rsv: 4 } : part) },
    fails: [],
  },
  {
    name: 'sends pongs in fragments',
    breaks: { frame: (part) => (part.opcode === 10 ? { ...part, fin: false } : part) },
    fails: [],
  },
  {
    name: 'sends reserved opcodes',
    breaks: { frame: (part) => (part.opcode === 10 ? { ...part, opcode: 11 } : part) },
    fails: [],
  },

  // Pings.
  { name: 'answers no ping', breaks: { pong: () => null }, fails: [] },
  {
    name: 'answers pings with another payload',
    breaks: { pong: (payload) => Buffer.concat([payload, Buffer.from('!')]).subarray(0, 125) },
    fails: [],
  },
  { name: 'answers pings without a payload', breaks: { pong: () => Buffer.alloc(0) }, fails: [] },
  { name: 'drops pings within a message', breaks: { pongsWithin: 'never' }, fails: [] },
  {
    name: 'answers pings within a message behind it',
    breaks: { pongsWithin: 'behind the message' },
    fails: [],
  },
  { name: 'answers pongs', breaks: { pongsOnPong: true }, fails: [] },

  // UTF-8.
  { name: 'checks no UTF-8', breaks: { utf8: 'never' }, fails: [] },
  { name: 'checks UTF-8 behind each frame', breaks: { utf8: 'behind each frame' }, fails: [] },
  { name: 'checks UTF-8 behind the message', breaks: { utf8: 'behind the message' }, fails: [] },
  { name: 'checks UTF-8 of each frame alone', breaks: { utf8: 'each frame alone' }, fails: [] },
  { name: 'accepts surrogates', breaks: { sequence: withRange(0xed, { high: 0xbf }) }, fails: [] },
  {
    name: 'accepts overlong forms of three octets',
    breaks: { sequence: withRange(0xe0, { low: 0x80 }) },
    fails: [],
  },
  { name: 'accepts overlong forms of two octets', breaks: { sequence: withRange(0xc0, {}) }, fails: [] },
  {
    name: 'accepts code points beyond U+10FFFF',
    breaks: { sequence: withRange(0xf4, { high: 0xbf }) },
    fails: [],
  },
  {
    name: 'refuses characters of four octets',
    breaks: { sequence: (octet) => (octet >= 0xf0 ? null : sequenceOf(octet)) },
    fails: [],
  },
  { name: 'checks no UTF-8 of compressed text', breaks: { checksCompressedText: false }, fails: [] },
  { name: 'checks no UTF-8 of close reasons', breaks: { checksCloseReason: false }, fails: [] },

  // Closing.
  { name: 'ends TCP in place of an answer to a Close frame', breaks: { closeAnswer: () => null }, fails: [] },
  { name: 'answers Close frames with 1005', breaks: { closeAnswer: () => codeOf(1005) }, fails: [] },
  { name: 'answers Close frames with 1001', breaks: { closeAnswer: () => codeOf(1001) }, fails: [] },
  { name: 'answers Close frames with one octet', breaks: { closeAnswer: () => Buffer.from([3]) }, fails: [] },
  {
    name: 'accepts the close code 1005',
    breaks: { checksCloseCode: (code) => code === 1005 || isCloseCode(code) },
    fails: [],
  },
  {
    name: 'accepts close codes below 1000',
    breaks: { checksCloseCode: (code) => code < 1000 || isCloseCode(code) },
    fails: [],
  },
  {
    name: 'accepts close codes above 4999',
    breaks: { checksCloseCode: (code) => code > 4999 || isCloseCode(code) },
    fails: [],
  },
  {
    name: 'refuses close codes above 2999',
    breaks: { checksCloseCode: (code) => code < 3000 && isCloseCode(code) },
    fails: [],
  },
  { name: 'accepts a Close frame of one octet', breaks: { checksCloseLength: false }, fails: [] },
  {
    name: 'sends a message behind its Close frame',
    breaks: { behindClose: [{ opcode: 1, payload: Buffer.from('bye'), fin: true, rsv: 0 }] },
    fails: [],
  },
  { name: 'answers what comes behind a Close frame', breaks: { listensBehindClose: true }, fails: [] },
  { name: 'never ends TCP', breaks: { ending: 'never' }, fails: [] },
  {
    name: 'resets TCP in place of an answer to a Close frame',
    breaks: { closeAnswer: () => null, ending: 'reset' },
    fails: [],
  },
  { name: 'fails connections with 1000', breaks: { failCode: () => 1000 }, fails: [] },
  { name: 'fails connections with 1006', breaks: { failCode: () => 1006 }, fails: [] },
  { name: 'refuses text that is not UTF-8 with 1002', breaks: { failCode: () => 1002 }, fails: [] },

  // Compression.
  {
    name: 'keeps its context in spite of server_no_context_takeover',
    breaks: { params: (agreed) => ({ ...agreed, serverNoContextTakeover: false }) },
    fails: [],
  },
  {
    name: 'forgets the context of the client',
    breaks: { params: (agreed) => ({ ...agreed, clientNoContextTakeover: true }) },
    fails: [],
  },
  {
    name: 'ignores server_max_window_bits',
    breaks: { params: (agreed) => ({ ...agreed, serverMaxWindowBits: 15 }) },
    fails: [],
  },
  {
    name: 'sets RSV1 on every fragment',
    breaks: { frames: (message) => halves(message, message.rsv) },
    fails: [],
  },
  {
    name: 'compresses without RSV1',
    breaks: { frames: (message) => [{ ...message, rsv: 0, fin: true }] },
    fails: [],
  },
  {
    name: 'leaves the four octets behind what it compresses',
    breaks: { deflated: (octets) => Buffer.concat([octets, Buffer.from('0000ffff', 'hex')]) },
    fails: [],
  },
  { name: 'reads no block behind one with BFINAL', breaks: { inflatable: (octets) => octets }, fails: [] },

  // The opening handshake.
  {
    name: 'answers with the Accept of another key',
    breaks: { accept: (key) => acceptOf(key.toLowerCase()) },
    fails: [],
  },
  {
    name: 'answers version 8 with 101',
    breaks: { refusal: lenient((_, request) => versionOf(request) === '8') },
    fails: [],
  },
  { name: 'answers every request with 101', breaks: { refusal: () => null }, fails: [] },
  { name: 'answers 200 in place of 101', breaks: { statusLine: 'HTTP/1.1 200 OK' }, fails: [] },
  { name: 'leaves out Upgrade', breaks: { fields: ['Upgrade:'] }, fails: [] },
  {
    name: 'names a subprotocol that was not offered',
    breaks: { fields: ['Sec-WebSocket-Protocol: chat'] },
    fails: [],
  },
  {
    name: 'names an extension that was not offered',
    breaks: { fields: ['Sec-WebSocket-Extensions: x-webkit-deflate-frame'] },
    fails: [],
  },

  // Clients.
  {
    name: 'has one key for every opening handshake',
    role: 'client',
    breaks: { handshakeKey: () => 'dGhlIHNhbXBsZSBub25jZQ==' },
    fails: [],
  },
  {
    name: 'has a key of 15 octets',
    role: 'client',
    breaks: { handshakeKey: (fresh) => Buffer.from(fresh, 'base64').toString('base64', 0, 15) },
    fails: [],
  },
  { name: 'asks for version 8', role: 'client', breaks: { fields: ['Sec-WebSocket-Version: 8'] }, fails: [] },
  { name: 'asks without Host', role: 'client', breaks: { fields: ['Host:'] }, fails: [] },
  { name: 'masks nothing', role: 'client', breaks: { masks: 'never' }, fails: [] },
  { name: 'masks with zeros', role: 'client', breaks: { masks: 'with zeros' }, fails: [] },
  { name: 'masks with one key', role: 'client', breaks: { masks: 'with one key' }, fails: [] },
  { name: 'accepts masked frames', role: 'client', breaks: { refusesWrongMask: false }, fails: [] },
  { name: 'accepts any Accept', role: 'client', breaks: { checksAccept: false }, fails: [] },
  { name: 'accepts any extension', role: 'client', breaks: { checksExtensions: false }, fails: [] },
  { name: 'accepts any status', role: 'client', breaks: { checksStatus: false }, fails: [] },
  {
    name: 'loses octets that come with the answer',
    role: 'client',
    breaks: { keepsEarlyOctets: false },
    fails: [],
  },
];

function reversed(parts: Part[]): Part[] {
  return parts.length < 2 ? parts : [parts[1]!, parts[0]!, ...parts.slice(2)];
}
