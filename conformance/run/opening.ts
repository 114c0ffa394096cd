/**
 * The opening handshake of the judge (this test program), RFC 6455 §4. The judge sends the usual head, with the changes of a case, and
 * checks the head of the peer.
 */

import type { DeflateSpec, HeadSpec } from '../case/model.ts';
import { bytesOf } from '../case/payload.ts';
import { answerOffer, type DeflateParams, paramsOf, parseExtensionField } from '../wire/deflate.ts';
import {
  acceptOf,
  faultOfAnswer,
  freshHandshakeKey,
  type Head,
  listOf,
  parseHead,
  valuesOf,
} from '../wire/head.ts';
import type { Link } from './link.ts';

/** The server to which the judge connects as a client, and the header fields that the judge adds. */
export interface Target {
  /** The value of Host. */
  readonly host: string;
  /** The path and the query. */
  readonly target: string;
  /** Header fields that are added to every request, such as Authorization and Cookie. */
  readonly fields: readonly (readonly [string, string])[];
}

/** The result of an opening handshake. */
export interface Opening {
  readonly opened: boolean;
  readonly fault: string | null;
  readonly requestText: string;
  readonly answerText: string;
  readonly request: Head | null;
  readonly answer: Head | null;
  readonly body: Buffer;
  /** The number of bytes that the peer sent after its request and before the answer. */
  readonly earlyBytes: number;
  /** A sentence about an extension or parameter that the case needs, but that the peer did not accept. null if the case can be played. */
  readonly unimplemented: string | null;
}

const nothing: Opening = {
  opened: false,
  fault: null,
  requestText: '',
  answerText: '',
  request: null,
  answer: null,
  body: Buffer.alloc(0),
  earlyBytes: 0,
  unimplemented: null,
};

/** Returns the text of a head: the usual head with the changes of the case. */
function compose(
  line: string,
  usual: readonly (readonly [string, string])[],
  spec: HeadSpec,
  right: Readonly<Record<string, string>>,
  fields: readonly (readonly [string, string])[] = [],
): string {
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (all, name: string) => right[name] ?? all);
  if (spec.raw !== undefined) return withFields(fill(spec.raw), fields);
  const set = new Map(
    Object.entries(spec.set ?? {}).map(([name, value]) => [name.toLowerCase(), { name, value }]),
  );
  const lines = [spec.line ?? line];
  const put = (name: string, value: string | readonly string[] | null): void => {
    for (const one of value === null ? [] : [value].flat()) lines.push(`${name}: ${one}`);
  };
  const added = (spec.add ?? []).map((one) => one.slice(0, one.indexOf(':')).toLowerCase());
  for (const [name, value] of [...usual, ...fields.filter(([one]) => !added.includes(one.toLowerCase()))]) {
    const other = set.get(name.toLowerCase());
    set.delete(name.toLowerCase());
    if (other === undefined) put(name, value);
    else put(other.name, other.value);
  }
  for (const { name, value } of set.values()) put(name, value);
  const newline = spec.newline ?? '\r\n';
  return fill([...lines, ...(spec.add ?? []), '', ''].join(newline));
}

/** Adds header fields at the end of a raw head. */
function withFields(raw: string, fields: readonly (readonly [string, string])[]): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return raw.replaceAll('\r\n\r\n', () => `\r\n${lines}\r\n`);
}

/**
 * Removes the values of Authorization and Cookie from a head. Reports contain heads, and users share reports. So reports must not contain
 * credentials.
 */
function withoutSecrets(head: string): string {
  return head.replace(/^((?:proxy-)?authorization|cookie): .*$/gim, '$1: (not shown)');
}

/** Sends a head. The `Link` keeps the bytes until the next wait, so that later bytes can be part of the same write. */
async function sendHead(link: Link, text: string, spec: HeadSpec): Promise<void> {
  link.timeline.add('judge', 'http', withoutSecrets(text));
  const bytes = Buffer.concat([
    Buffer.from(text, 'latin1'),
    spec.body === undefined ? Buffer.alloc(0) : bytesOf(spec.body),
  ]);
  if (spec.chop !== undefined) await link.sendChopped(bytes, spec.chop);
  else link.send(bytes);
  if (spec.withFrames !== true) link.flush();
}

/**
 * Performs the opening handshake of the judge as a client.
 * @param early sends frames in the same write as the request
 */
export async function openAsClient(
  link: Link,
  { host, target, fields }: Target,
  spec: HeadSpec = {},
  deflate: DeflateSpec | null = null,
  early: () => Promise<void> = async () => {},
): Promise<Opening> {
  const key = freshHandshakeKey();
  const usual: (readonly [string, string])[] = [
    ['User-Agent', 'rfc6455-conformance'],
    ['Host', host],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Pragma', 'no-cache'],
    ['Cache-Control', 'no-cache'],
    ['Sec-WebSocket-Key', key],
    ...(deflate === null ? [] : [['Sec-WebSocket-Extensions', deflate.offer] as const]),
    ['Sec-WebSocket-Version', '13'],
  ];
  const right = { host, target, key, accept: acceptOf(key) };
  const sentText = compose(`GET ${target} HTTP/1.1`, usual, spec, right, fields);
  await sendHead(link, sentText, spec);
  if (spec.withFrames === true) {
    await early();
    link.flush();
  }
  const request = parseHead(sentText);
  const seen = { ...nothing, requestText: withoutSecrets(sentText), request };
  const answerText = await link.readHead(link.clock.opening);
  if (answerText === null) {
    if (!link.peerEnded) link.expired.push('opening handshake');
    return { ...seen, fault: link.peerEnded ? 'TCP ended without an answer' : 'no answer in time' };
  }
  const answer = parseHead(answerText);
  const sent = valuesOf(request, 'Sec-WebSocket-Key')[0] ?? key;
  const asked = valuesOf(request, 'Sec-WebSocket-Protocol').flatMap((value) =>
    value.split(',').map((one) => one.trim()),
  );
  const fault = faultOfAnswer(answer, sent, asked);
  if (fault !== null) return { ...seen, answerText, answer, fault, body: await readBody(link, answer) };
  const params = agreed(valuesOf(answer, 'Sec-WebSocket-Extensions'), deflate);
  if (typeof params === 'string') return { ...seen, answerText, answer, fault: params };
  link.open(params);
  const unimplemented = lacking(deflate, params, params?.clientNoContextTakeover);
  return { ...seen, opened: true, answerText, answer, unimplemented };
}

/**
 * Returns a sentence about a parameter that the case needs, but that the peer did not accept. Otherwise returns null.
 * @param forgets true if the judge has to begin each message with an empty window
 */
function lacking(deflate: DeflateSpec | null, params: DeflateParams | null, forgets = false): string | null {
  if (deflate === null || deflate.optional === false) return null;
  if (params === null) return 'The peer did not agree to permessage-deflate.';
  return deflate.needs === 'takeover' && forgets ? 'The peer agreed to no context takeover.' : null;
}

function agreed(values: readonly string[], deflate: DeflateSpec | null): DeflateParams | string | null {
  const elements = values.flatMap(parseExtensionField);
  if (elements.length === 0) return null;
  if (deflate === null) return `an extension that was not offered: ${elements[0]!.name}`;
  if (elements.length > 1) return 'several extensions, one was offered';
  return paramsOf(elements[0]!);
}

/**
 * Reads the body of an answer that is not 101, as far as it arrives in time. If the answer has "Connection: close", the body ends with TCP.
 */
async function readBody(link: Link, answer: Head): Promise<Buffer> {
  if (listOf(answer, 'Connection').includes('close')) {
    await link.until(() => link.peerEnded, link.clock.opening);
    return link.unread;
  }
  const length = Number(valuesOf(answer, 'Content-Length')[0] ?? 0);
  if (length > 0) await link.until(() => link.unread.length >= length || link.peerEnded, link.clock.opening);
  return link.unread;
}

/**
 * Performs the opening handshake of the judge as a server, after the request has been read.
 * @param early sends frames in the same write as the answer
 */
export async function openAsServer(
  link: Link,
  requestText: string,
  spec: HeadSpec = {},
  deflate: DeflateSpec | null = null,
  early: () => Promise<void> = async () => {},
): Promise<Opening> {
  const request = parseHead(requestText);
  const key = valuesOf(request, 'Sec-WebSocket-Key')[0] ?? '';
  const offers = valuesOf(request, 'Sec-WebSocket-Extensions').join(', ');
  const answer = deflate === null ? null : deflateAnswer(offers, deflate);
  const usual: (readonly [string, string])[] = [
    ['Server', 'rfc6455-conformance'],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Accept', acceptOf(key)],
    ...(answer === null ? [] : [['Sec-WebSocket-Extensions', answer.text] as const]),
  ];
  const [, target] = request.parts;
  const host = valuesOf(request, 'Host')[0] ?? '';
  const right = { host, target, key, accept: acceptOf(key) };
  const answerText = compose('HTTP/1.1 101 Switching Protocols', usual, spec, right);
  if (spec.delay !== undefined)
    await link.until(() => link.unread.length > 0 || link.peerEnded, spec.delay * 1000);
  const earlyBytes = link.unread.length;
  // `open` is called before the head is sent, because the peer may answer in the same turn of the event loop.
  link.open(answer?.params ?? null);
  await sendHead(link, answerText, spec);
  if (spec.withFrames === true) {
    await early();
    link.flush();
  }
  return {
    ...nothing,
    opened: true,
    requestText,
    request,
    answerText,
    answer: parseHead(answerText),
    earlyBytes,
    unimplemented: lacking(deflate, answer?.params ?? null, answer?.params?.serverNoContextTakeover),
  };
}

function deflateAnswer(
  offers: string,
  spec: DeflateSpec,
): { text: string; params: DeflateParams | null } | null {
  if (spec.answer === undefined) return answerOffer(offers, spec.wishes);
  const element = parseExtensionField(spec.answer)[0];
  const params = element === undefined ? null : paramsOf(element);
  return { text: spec.answer, params: typeof params === 'string' ? null : params };
}
