/**
 * Reads the heads of HTTP/1.1 requests and answers (RFC 9112), and implements the computations of RFC 6455 §4. The parser accepts invalid
 * heads, because the cases themselves check the heads.
 */

import { createHash, randomBytes } from 'node:crypto';

/** The head of a request or an answer. */
export interface Head {
  /** The first line, and its three parts. */
  readonly line: string;
  readonly parts: readonly [string, string, string];
  /** The header fields, in the order in which they arrived. */
  readonly fields: readonly (readonly [string, string])[];
}

/** Parses a head. @param text the head from its first line to the empty line, which may be missing */
export function parseHead(text: string): Head {
  const [line = '', ...rest] = text.split(/\r?\n/);
  const fields = rest
    .filter((one) => one !== '')
    .map((one): readonly [string, string] => {
      const colon = one.indexOf(':');
      return colon < 0
        ? [one, '']
        : [one.slice(0, colon), one.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
    });
  const [, a = '', b = '', c = ''] = /^(\S*) ?(\S*) ?(.*)$/.exec(line) ?? [];
  return { line, parts: [a, b, c], fields };
}

/** Returns every value of a header field, in order. Names are compared without case. */
export function valuesOf(head: Head, name: string): string[] {
  return head.fields.filter(([one]) => one.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** Returns the elements of a header field that is a list, in lower case. */
export function listOf(head: Head, name: string): string[] {
  return valuesOf(head, name)
    .flatMap((value) => value.split(','))
    .map((element) => element.trim().toLowerCase())
    .filter((element) => element !== '');
}

/** §4.1: 16 random bytes in base64. */
export function freshHandshakeKey(): string {
  return randomBytes(16).toString('base64');
}

/** Returns the value of Sec-WebSocket-Accept for a key (§4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/**
 * Checks the answer of a server. §4.1 requires a client to make these checks.
 * @param asked the subprotocols of the request
 * @returns why the answer is invalid, or null if the connection is open
 */
export function faultOfAnswer(head: Head, key: string, asked: readonly string[]): string | null {
  const [version, status] = head.parts;
  if (version !== 'HTTP/1.1') return `the answer is of ${version || 'no HTTP version'}, not HTTP/1.1`;
  if (status !== '101') return `the answer is ${status}, not 101`;
  if (valuesOf(head, 'Upgrade').join().toLowerCase() !== 'websocket') return 'Upgrade is not websocket';
  if (!listOf(head, 'Connection').includes('upgrade')) return 'Connection lacks Upgrade';
  const accepts = valuesOf(head, 'Sec-WebSocket-Accept');
  if (accepts.length !== 1) return `${accepts.length} fields Sec-WebSocket-Accept`;
  if (accepts[0] !== acceptOf(key)) return 'Sec-WebSocket-Accept is not of this key';
  const protocols = valuesOf(head, 'Sec-WebSocket-Protocol');
  if (protocols.length > 1) return 'several fields Sec-WebSocket-Protocol';
  if (protocols[0] !== undefined && !asked.includes(protocols[0]))
    return 'a subprotocol that was not offered';
  return null;
}
