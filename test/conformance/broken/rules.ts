/**
 * The rules that the echo endpoint in peer.ts follows. `correct` contains the rules of a correct endpoint. A fault changes one of these
 * rules. The rules do not depend on the judge's cases.
 */

import type { DeflateParams } from '../../../conformance/wire/deflate.ts';
import type { FrameSpec } from '../../../conformance/wire/frame.ts';
import { acceptOf, type Head, listOf, valuesOf } from '../../../conformance/wire/head.ts';
import { type Sequence, sequenceOf } from './utf8.ts';

/**
 * When the peer checks the UTF-8 of a text. 'each frame alone' means that each frame is checked without the other frames of the message.
 */
export type Utf8Time = 'at once' | 'after each frame' | 'after the message' | 'each frame alone' | 'never';

/** A message that the peer echoes. The payload is already compressed if RSV1 (4) is set. */
export interface Outgoing {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly rsv: number;
}

/** A frame that the peer sends, before it gets a masking key. */
export type Part = Omit<FrameSpec, 'key'>;

export interface Rules {
  // Opening handshake.
  /** Returns the status and its phrase if the server refuses the request, or null if the server answers 101. */
  readonly refusal: (request: Head, text: string) => string | null;
  /** Returns the value of Sec-WebSocket-Accept for this key. */
  readonly accept: (key: string) => string;
  /** Header lines that are added to the request or to the answer. A line replaces an earlier line with the same name. */
  readonly fields: readonly string[];
  readonly statusLine: string;
  /** Returns the Sec-WebSocket-Key that a client sends. The next three rules say what the client checks in the answer of the server. */
  readonly handshakeKey: ((fresh: string) => string) | null;
  readonly checksAccept: boolean;
  readonly checksExtensions: boolean;
  readonly checksStatus: boolean;
  /** True if the peer reads bytes after the head in the same chunk as frames. */
  readonly keepsEarlyBytes: boolean;
  /** True if the peer accepts compression. `params` returns the parameters that the peer uses after the agreement. */
  readonly compresses: boolean;
  readonly params: (agreed: DeflateParams) => DeflateParams;
  /** True if the other peer may refer to earlier messages. */
  readonly takesOver: boolean;

  // Frames that the peer receives.
  readonly refusesWrongMask: boolean;
  /**
   * True if the peer checks the RSV bits of a frame with this opcode. If compression is agreed, `mayHaveRsv1` says whether RSV1 is allowed
   * on such a frame.
   */
  readonly refusesRsv: (opcode: number) => boolean;
  readonly mayHaveRsv1: (opcode: number) => boolean;
  readonly refusesReservedOpcodes: boolean;
  readonly refusesFragmentedControl: boolean;
  readonly refusesLongControl: boolean;
  readonly refusesLongForms: boolean;
  readonly refusesStrayContinuation: boolean;
  readonly refusesNestedMessage: boolean;
  /** Returns the key with which the peer unmasks a payload. */
  readonly unmaskingKey: (key: Buffer) => Buffer;
  readonly utf8: Utf8Time;
  readonly sequence: (first: number) => Sequence | null;
  readonly checksCompressedText: boolean;
  readonly maxMessageSize: number;
  /** Returns the compressed bytes that the peer inflates. The peer then appends 00 00 ff ff. */
  readonly inflatable: (bytes: Buffer) => Buffer;
  /** An additional event after which the peer empties its receiving window. */
  readonly windowEndsWith: 'nothing' | 'a ping' | 'a final block';
  /** The window to which the peer wrongly adds uncompressed messages: neither window, its receiving window, or its sending window. */
  readonly plainEntersWindow: 'of neither' | 'of what comes' | 'of what leaves';

  // Frames that the peer sends.
  readonly echoKind: (opcode: number) => number;
  /** Returns the part of a message that the peer echoes. */
  readonly echo: (payload: Buffer) => Buffer;
  /** Returns the frames of an echo. */
  readonly frames: (message: Outgoing) => Part[];
  /** Changes any frame before it is sent. */
  readonly frame: (part: Part) => Part;
  readonly masks: 'as due' | 'never' | 'always' | 'with zeros' | 'with one key';
  /**
   * Returns the masking key for the n-th frame of a client on a connection, counted from 0. Each connection has a random seed. If the rule
   * is null, all keys are random.
   */
  readonly maskingKey: ((n: number, seed: number) => Buffer) | null;
  /** The peer does not compress shorter echoes. */
  readonly compressesFrom: number;
  /** True if the peer echoes each part of an uncompressed message as soon as it arrives, before the message is complete. */
  readonly streams: boolean;
  /** Returns how many milliseconds the peer waits before it echoes a message. 0 means that it does not wait. */
  readonly delay: (size: number, compressed: boolean) => number;
  /** True if the peer sends unsolicited pongs at the start and with every message. */
  readonly heartbeats: boolean;
  readonly deflated: (bytes: Buffer) => Buffer;
  /** True if the peer echoes each fragment as a separate message. */
  readonly echoesFragments: boolean;
  readonly pong: (payload: Buffer) => Buffer | null;
  /** When the peer answers a ping inside a message. */
  readonly pongsWithin: 'at once' | 'after the message' | 'never';
  /** If several pings arrive in one chunk, whether the peer answers only the last ping. */
  readonly answersNewestPing: boolean;
  readonly pongsOnPong: boolean;
  /** A frame that the peer sends as soon as the connection is open. */
  readonly greeting: Part | null;

  // Closing.
  /**
   * Returns the code of the Close frame that the peer sends after a violation. 0 means a Close frame without a code. null means that the
   * peer ends TCP without a Close frame.
   */
  readonly failCode: (code: number) => number | null;
  /** True if a peer that fails a connection resets TCP instead of sending a Close frame. */
  readonly failsWithReset: boolean;
  /** Returns the payload of the answer to a Close frame. null means that the peer does not answer. */
  readonly closeAnswer: (payload: Buffer) => Buffer | null;
  readonly checksCloseCode: (code: number) => boolean;
  readonly checksCloseLength: boolean;
  readonly checksCloseReason: boolean;
  readonly listensBehindClose: boolean;
  /** Frames that the peer sends after its own Close frame. */
  readonly behindClose: readonly Part[];
  /** How a server ends TCP after the closing handshake. */
  readonly ending: 'end' | 'never' | 'reset';
}

const versions = 'Sec-WebSocket-Version: 13';

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const tokens: RegExp = new RegExp(`^[ \\t]*${token}[ \\t]*(?:,[ \\t]*${token}[ \\t]*)*$`);
const param = `[ \\t]*;[ \\t]*${token}[ \\t]*(?:=[ \\t]*(?:${token}|"${token}")[ \\t]*)?`;
/** §9.1: matches a list of extensions with their parameters. */
export const extensionList: RegExp = new RegExp(
  `^[ \\t]*${token}(?:${param})*[ \\t]*(?:,[ \\t]*${token}(?:${param})*[ \\t]*)*$`,
);

/** Checks a request by §4.2.1 and by the grammar of RFC 9112. */
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

/** §7.4: returns whether a Close frame may contain the code. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code < 5000) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** The rules of a correct endpoint. */
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
  // §5.5.1: the answer contains the received code, but not the reason.
  closeAnswer: (payload) => payload.subarray(0, 2),
  checksCloseCode: isCloseCode,
  checksCloseLength: true,
  checksCloseReason: true,
  listensBehindClose: false,
  behindClose: [],
  ending: 'end',
};
