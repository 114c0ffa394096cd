/**
 * Everything that the echo endpoint of peer.ts does right, as something that can be done wrong. A fault is this object
 * with one thing changed. Nothing here knows of the judge's cases.
 */

import type { DeflateParams } from '../../../conformance/wire/deflate.ts';
import type { FrameSpec } from '../../../conformance/wire/frame.ts';
import { acceptOf, type Head, listOf, valuesOf } from '../../../conformance/wire/head.ts';
import { type Sequence, sequenceOf } from './utf8.ts';

/** When text is checked: as it comes, when a frame or the message is complete, frame by frame on its own, or never. */
export type Utf8Time = 'at once' | 'after each frame' | 'after the message' | 'each frame alone' | 'never';

/** A message to be echoed; the payload is compressed already where RSV1 (4) is set. */
export interface Outgoing {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly rsv: number;
}

/** A frame to be sent, still without the masking key. */
export type Part = Omit<FrameSpec, 'key'>;

export interface Rules {
  // Opening handshake.
  /** Why a request is refused: a status with its phrase; null for 101. */
  readonly refusal: (request: Head, text: string) => string | null;
  /** Sec-WebSocket-Accept for such a key. */
  readonly accept: (key: string) => string;
  /** Lines that are appended to the request or the answer, in place of others of the same name. */
  readonly fields: readonly string[];
  readonly statusLine: string;
  /** A client's key, its check of Accept and of the extensions. */
  readonly handshakeKey: ((fresh: string) => string) | null;
  readonly checksAccept: boolean;
  readonly checksExtensions: boolean;
  readonly checksStatus: boolean;
  /** Bytes in the same chunk as the head are read as frames. */
  readonly keepsEarlyBytes: boolean;
  /** Whether compression is agreed to, and what is made of the parameters. */
  readonly compresses: boolean;
  readonly params: (agreed: DeflateParams) => DeflateParams;
  /** Whether the other side may refer to earlier messages. */
  readonly takesOver: boolean;

  // Frames that come.
  readonly refusesWrongMask: boolean;
  /** Whether RSV bits of such a frame are looked at, and on which RSV1 is fine where compression is agreed. */
  readonly refusesRsv: (opcode: number) => boolean;
  readonly mayHaveRsv1: (opcode: number) => boolean;
  readonly refusesReservedOpcodes: boolean;
  readonly refusesFragmentedControl: boolean;
  readonly refusesLongControl: boolean;
  readonly refusesLongForms: boolean;
  readonly refusesStrayContinuation: boolean;
  readonly refusesNestedMessage: boolean;
  /** The key that a payload is unmasked with. */
  readonly unmaskingKey: (key: Buffer) => Buffer;
  readonly utf8: Utf8Time;
  readonly sequence: (first: number) => Sequence | null;
  readonly checksCompressedText: boolean;
  readonly maxMessageSize: number;
  /** What is read of a compressed message, before 00 00 ff ff is appended. */
  readonly inflatable: (bytes: Buffer) => Buffer;
  /** What empties the window of what comes, beyond what was agreed. */
  readonly windowEndsWith: 'nothing' | 'a ping' | 'a final block';
  /** Whether messages that are not compressed enter the window of what comes, or of what leaves. */
  readonly plainEntersWindow: 'of neither' | 'of what comes' | 'of what leaves';

  // Frames that leave.
  readonly echoKind: (opcode: number) => number;
  /** What is echoed of a message. */
  readonly echo: (payload: Buffer) => Buffer;
  /** The frames of an echo. */
  readonly frames: (message: Outgoing) => Part[];
  /** Any frame, on its way. */
  readonly frame: (part: Part) => Part;
  readonly masks: 'as due' | 'never' | 'always' | 'with zeros' | 'with one key';
  /** A client's n-th key on a connection, from 0, in place of a random one; each connection has a random seed. */
  readonly maskingKey: ((n: number, seed: number) => Buffer) | null;
  /** Echoes of fewer bytes are not compressed. */
  readonly compressesFrom: number;
  /** Each part of a message that is not compressed goes back as it comes, before the message is complete. */
  readonly streams: boolean;
  /** Milliseconds after which a message is echoed; 0 for at once. */
  readonly delay: (size: number, compressed: boolean) => number;
  /** Unsolicited pongs: at the start, and beside every message. */
  readonly heartbeats: boolean;
  readonly deflated: (bytes: Buffer) => Buffer;
  /** Each fragment is echoed as a message. */
  readonly echoesFragments: boolean;
  readonly pong: (payload: Buffer) => Buffer | null;
  /** When a ping within a message is answered. */
  readonly pongsWithin: 'at once' | 'after the message' | 'never';
  /** Of the pings that come in one chunk, only the last one is answered. */
  readonly answersNewestPing: boolean;
  readonly pongsOnPong: boolean;
  /** A frame as soon as the connection is open. */
  readonly greeting: Part | null;

  // Closing.
  /** The code that a violation is answered with; 0 for a Close frame without one, null for the end of TCP. */
  readonly failCode: (code: number) => number | null;
  /** A connection that fails is reset, without a Close frame. */
  readonly failsWithReset: boolean;
  /** Payload of the answer to a Close frame; null for none. */
  readonly closeAnswer: (payload: Buffer) => Buffer | null;
  readonly checksCloseCode: (code: number) => boolean;
  readonly checksCloseLength: boolean;
  readonly checksCloseReason: boolean;
  readonly listensBehindClose: boolean;
  /** Bytes after the own Close frame. */
  readonly behindClose: readonly Part[];
  /** How a server ends TCP after the closing handshake. */
  readonly ending: 'end' | 'never' | 'reset';
}

const versions = 'Sec-WebSocket-Version: 13';

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const tokens: RegExp = new RegExp(`^[ \\t]*${token}[ \\t]*(?:,[ \\t]*${token}[ \\t]*)*$`);
const param = `[ \\t]*;[ \\t]*${token}[ \\t]*(?:=[ \\t]*(?:${token}|"${token}")[ \\t]*)?`;
/** §9.1: a list of extensions with their parameters. */
export const extensionList: RegExp = new RegExp(
  `^[ \\t]*${token}(?:${param})*[ \\t]*(?:,[ \\t]*${token}(?:${param})*[ \\t]*)*$`,
);

/** §4.2.1, and the grammar of RFC 9112 beneath it. */
export function refusalOf(request: Head, text: string): string | null {
  const [method, target, version] = request.parts;
  const lines = text.slice(0, -4).split('\r\n');
  const one = (name: string): string | null => {
    const values = valuesOf(request, name);
    return values.length === 1 ? values[0]! : null;
  };
  if (lines.some((line) => /[\r\n\0]/.test(line))) return '400 Bad Request';
  if (lines.slice(1).some((line) => !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:/.test(line))) return '400 Bad Request';
  if (!/^HTTP\/1\.[1-9]$/.test(version) || !/^(?:\/|wss?:\/\/|https?:\/\/)/.test(target))
    return '400 Bad Request';
  if (method !== 'GET') return '405 Method Not Allowed';
  if (one('Host') === null || one('Host') === '') return '400 Bad Request';
  if (/[^!-~]|#/.test(target) || !/^[\w.\-[\]:]+$/.test(one('Host')!)) return '400 Bad Request';
  if (valuesOf(request, 'Content-Length').some((value) => !/^0+$/.test(value))) return '400 Bad Request';
  const protocols = valuesOf(request, 'Sec-WebSocket-Protocol').join(',');
  const names = protocols.split(',').map((name) => name.trim());
  const offered = valuesOf(request, 'Sec-WebSocket-Protocol').length > 0;
  if (offered && (!tokens.test(protocols) || new Set(names).size < names.length)) return '400 Bad Request';
  const extensions = valuesOf(request, 'Sec-WebSocket-Extensions');
  if (extensions.length > 0 && !extensionList.test(extensions.join(','))) return '400 Bad Request';
  if (valuesOf(request, 'Transfer-Encoding').length > 0) return '400 Bad Request';
  if (!listOf(request, 'Upgrade').includes('websocket')) return `426 Upgrade Required\r\n${versions}`;
  if (!listOf(request, 'Connection').includes('upgrade')) return `426 Upgrade Required\r\n${versions}`;
  if (one('Sec-WebSocket-Version') !== '13') return `426 Upgrade Required\r\n${versions}`;
  if (!/^[A-Za-z0-9+/]{22}==$/.test(one('Sec-WebSocket-Key') ?? '')) return '400 Bad Request';
  return null;
}

/** §7.4: codes that a Close frame may carry. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code < 5000) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** An endpoint that does everything right. */
export const correct: Rules = {
  refusal: refusalOf,
  accept: acceptOf,
  fields: [],
  statusLine: 'HTTP/1.1 101 Switching Protocols',
  handshakeKey: null,
  checksAccept: true,
  checksExtensions: true,
  checksStatus: true,
  keepsEarlyBytes: true,
  compresses: true,
  params: (agreed) => agreed,
  takesOver: true,

  refusesWrongMask: true,
  refusesRsv: () => true,
  mayHaveRsv1: (opcode) => opcode === 1 || opcode === 2,
  refusesReservedOpcodes: true,
  refusesFragmentedControl: true,
  refusesLongControl: true,
  refusesLongForms: true,
  refusesStrayContinuation: true,
  refusesNestedMessage: true,
  unmaskingKey: (key) => key,
  utf8: 'at once',
  sequence: sequenceOf,
  checksCompressedText: true,
  maxMessageSize: 64 * 1024 * 1024,
  inflatable: (bytes) => bytes,
  windowEndsWith: 'nothing',
  plainEntersWindow: 'of neither',

  echoKind: (opcode) => opcode,
  echo: (payload) => payload,
  frames: (message) => [{ ...message, fin: true }],
  frame: (part) => part,
  masks: 'as due',
  maskingKey: null,
  compressesFrom: 0,
  streams: false,
  delay: () => 0,
  heartbeats: false,
  deflated: (bytes) => bytes,
  echoesFragments: false,
  pong: (payload) => payload,
  pongsWithin: 'at once',
  answersNewestPing: false,
  pongsOnPong: false,
  greeting: null,

  failCode: (code) => code,
  failsWithReset: false,
  // §5.5.1: the code that came; the reason is not repeated.
  closeAnswer: (payload) => payload.subarray(0, 2),
  checksCloseCode: isCloseCode,
  checksCloseLength: true,
  checksCloseReason: true,
  listensBehindClose: false,
  behindClose: [],
  ending: 'end',
};
