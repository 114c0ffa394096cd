/** The tests of the handshake share this file. It contains correct requests and responses, and helper functions. */
import { Buffer } from 'node:buffer';
import { expect } from 'vitest';
import { HandshakeError } from '../../src/handshake/error.ts';
import type { HttpResponseHead } from '../../src/handshake/http-head.ts';
import type { HandshakeRequest } from '../../src/handshake/upgrade-request.ts';

/** The key of RFC 6455 §1.3. The value of Sec-WebSocket-Accept for this key follows it. */
export const sampleKey = 'dGhlIHNhbXBsZSBub25jZQ==';
export const sampleAccept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

export type Field = readonly [name: string, value: string];

/** Names that have a special meaning on a plain object of JavaScript. */
export const prototypeKeys: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
];

const requestFields: readonly Field[] = [
  ['Host', 'server.example.com'],
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Key', sampleKey],
  ['Sec-WebSocket-Version', '13'],
];

/** Changes to a correct head. For each field name, it has the lines that replace the field. `[]` removes the field. */
export type Changes = Readonly<Record<string, readonly string[]>>;

function change(fields: readonly Field[], changes: Changes): string[] {
  const named = new Map(
    Object.entries(changes).map(([name, values]) => [name.toLowerCase(), { name, values }]),
  );
  const lines: string[] = [];
  for (const [name, value] of fields) {
    const replaced = named.get(name.toLowerCase());
    if (replaced === undefined) lines.push(name, value);
    else for (const line of replaced.values) lines.push(replaced.name, line);
    named.delete(name.toLowerCase());
  }
  for (const { name, values } of named.values()) for (const line of values) lines.push(name, line);
  return lines;
}

/** Returns the smallest correct request with these changes. */
export function request(
  changes: Changes = {},
  start: Partial<Omit<HandshakeRequest, 'headers'>> = {},
): HandshakeRequest {
  return {
    method: 'GET',
    target: '/chat',
    httpVersion: '1.1',
    headers: change(requestFields, changes),
    remote: { address: '192.0.2.1', port: 50_000, secure: false },
    ...start,
  };
}

/** Returns the smallest correct response to `sampleKey` with these changes. */
export function response(
  changes: Changes = {},
  start: Partial<Omit<HttpResponseHead, 'headers'>> = {},
): HttpResponseHead {
  const fields: Field[] = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Accept', sampleAccept],
  ];
  return {
    kind: 'response',
    status: 101,
    statusText: 'Switching Protocols',
    httpVersion: '1.1',
    headers: change(fields, changes),
    ...start,
  };
}

/** Returns the HandshakeError that `action` throws. The test fails if `action` throws nothing or another error. */
export function refusalOf(action: () => unknown): HandshakeError {
  let result: unknown;
  try {
    result = action();
  } catch (error) {
    if (error instanceof HandshakeError) return error;
    throw error;
  }
  expect.fail(`nothing was refused, but ${JSON.stringify(result)} returned`);
}

/** Returns the start line, the header fields and the body of a written message. */
export function readHead(text: string): { startLine: string; fields: Field[]; body: string } {
  const end = text.indexOf('\r\n\r\n');
  expect(end).toBeGreaterThan(0);
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const fields = lines.map((line): Field => {
    const colon = line.indexOf(': ');
    expect(colon, line).toBeGreaterThan(0);
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
  return { startLine, fields, body: text.slice(end + 4) };
}

export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}

/** Returns the bytes in several ways: in one chunk, one byte per chunk, and in two chunks for every place of the cut. */
export function* everyChunking(bytes: Buffer): Generator<Buffer[]> {
  yield [bytes];
  yield Array.from(bytes, (byte) => Buffer.of(byte));
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

/**
 * Returns a string that counts how often its characters are read. With it, a test finds code that reads a character too often. The string
 * has the members that the scanners use: length, index, charCodeAt, slice.
 */
export function countingText(text: string): { text: string; reads: () => number } {
  let reads = 0;
  const counting = new Proxy(Object(text) as object, {
    get(_, property) {
      if (property === 'length') return text.length;
      if (property === 'charCodeAt') {
        return (at: number) => {
          reads++;
          return text.charCodeAt(at);
        };
      }
      if (property === 'slice') {
        return (start: number, end?: number) => {
          const part = text.slice(start, end);
          reads += part.length;
          return part;
        };
      }
      if (typeof property === 'string' && /^\d+$/.test(property)) {
        reads++;
        return text[Number(property)];
      }
      throw new Error(`A scanner used ${String(property)} of a string: count it too`);
    },
  });
  return { text: counting as unknown as string, reads: () => reads };
}

/**
 * Runs each action seven times, and returns the smallest CPU time of each action in microseconds. Other processes can only increase the
 * time. The actions take turns, so that a slow phase of the machine affects all of them.
 */
export function leastCpu(actions: readonly (() => unknown)[]): number[] {
  const least: number[] = actions.map(() => Number.POSITIVE_INFINITY);
  for (const action of actions) action();
  for (let round = 0; round < 7; round++) {
    actions.forEach((action, index) => {
      const before = process.cpuUsage();
      action();
      const { user, system } = process.cpuUsage(before);
      least[index] = Math.min(least[index]!, user + system);
    });
  }
  return least;
}
