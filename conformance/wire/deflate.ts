/**
 * permessage-deflate for a judge: RFC 7692 §7.1 as text, §7.2 over node:zlib. A context that is taken over is kept as
 * what it is, the last bytes of plaintext, and given to zlib as its dictionary: one call per message, no stream.
 * Windows below 32 KiB are decoded by inflate.ts, which sees every distance.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { inflate } from './inflate.ts';

/** An element of Sec-WebSocket-Extensions: its name, and its parameters in order, null for one without a value. */
export interface ExtensionElement {
  readonly name: string;
  readonly params: readonly (readonly [string, string | null])[];
}

/** The elements of the field; quoted values are unquoted. Lenient: grammar is for a case to judge. */
export function parseExtensionField(text: string): ExtensionElement[] {
  return text
    .split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .map((element) => element.split(';').map((part) => part.trim()))
    .filter(([name]) => name !== '' && name !== undefined)
    .map(([name = '', ...params]) => ({
      name,
      params: params.map((param): readonly [string, string | null] => {
        const equals = param.indexOf('=');
        return equals < 0
          ? [param, null]
          : [
              param.slice(0, equals).trim(),
              param
                .slice(equals + 1)
                .trim()
                .replace(/^"(.*)"$/, '$1'),
            ];
      }),
    }));
}

/** What was agreed. */
export interface DeflateParams {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

const names = [
  'server_no_context_takeover',
  'client_no_context_takeover',
  'server_max_window_bits',
  'client_max_window_bits',
];

/**
 * The parameters of one element.
 * @returns what is wrong with them, as a sentence, where they can't be taken
 */
export function paramsOf({ name, params }: ExtensionElement): DeflateParams | string {
  if (name !== 'permessage-deflate') return `an extension that was not offered: ${name}`;
  const seen = new Map<string, string | null>();
  for (const [param, value] of params) {
    if (!names.includes(param)) return `the unknown parameter ${param}`;
    if (seen.has(param)) return `${param} twice`;
    // 7692 §7.1.2: decimal, 8 to 15, without leading zeros; client_max_window_bits may stand alone in an offer.
    const bits = param.endsWith('_bits');
    const legal = bits ? value !== null && /^(?:[89]|1[0-5])$/.test(value) : value === null;
    if (!legal && !(param === 'client_max_window_bits' && value === null)) return `${param}=${value}`;
    seen.set(param, value);
  }
  return {
    serverNoContextTakeover: seen.has('server_no_context_takeover'),
    clientNoContextTakeover: seen.has('client_no_context_takeover'),
    serverMaxWindowBits: Number(seen.get('server_max_window_bits') ?? 15),
    clientMaxWindowBits: Number(seen.get('client_max_window_bits') ?? 15),
  };
}

/** What a server would like the client to do, beyond what the client asks of it. */
export interface ServerWish {
  readonly clientNoContextTakeover?: boolean;
  /** Only offers with client_max_window_bits suit then. */
  readonly clientMaxWindowBits?: number;
}

/**
 * The first offer that suits the first wish that any offer suits, and its answer.
 * @returns null where no offer does
 */
export function answerOffer(
  field: string,
  wishes: readonly ServerWish[],
): { readonly text: string; readonly params: DeflateParams } | null {
  const offers = parseExtensionField(field).filter(({ name }) => name === 'permessage-deflate');
  for (const wish of wishes) {
    for (const offer of offers) {
      if (typeof paramsOf(offer) === 'string') continue;
      const asked = new Map(offer.params);
      if (wish.clientMaxWindowBits !== undefined && !asked.has('client_max_window_bits')) continue;
      const answer = ['permessage-deflate'];
      if (asked.has('server_no_context_takeover')) answer.push('server_no_context_takeover');
      const bits = asked.get('server_max_window_bits');
      if (bits !== undefined) answer.push(`server_max_window_bits=${bits}`);
      if (wish.clientNoContextTakeover === true) answer.push('client_no_context_takeover');
      if (wish.clientMaxWindowBits !== undefined)
        answer.push(`client_max_window_bits=${wish.clientMaxWindowBits}`);
      const text = answer.join('; ');
      return { text, params: paramsOf(parseExtensionField(text)[0]!) as DeflateParams };
    }
  }
  return null;
}

const trailer = Buffer.from('0000ffff', 'hex');
/** An empty stored block with BFINAL. */
const lastBlock = Buffer.from('010000ffff', 'hex');

/**
 * A message in a window of 32 KiB. zlib alone takes data that end anywhere, and nothing after a final block: its output
 * counts where all of the data were read and a last block could follow; else the strict inflater decides.
 */
function inflateMessage(data: Buffer, dictionary: Buffer | undefined): Buffer {
  const whole = Buffer.concat([data, lastBlock]);
  const options = { ...(dictionary && { dictionary }), info: true };
  try {
    const { buffer, engine } = inflateRawSync(whole, options) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    if (engine.bytesWritten === whole.length) return buffer;
  } catch {
    // What is wrong with it, the other one says.
  }
  return inflate(data, dictionary && { dictionary }).output;
}

/** One direction: the window, and whether it is kept from message to message. */
class Context {
  readonly bits: number;
  private readonly kept: boolean;
  private window: Buffer = Buffer.alloc(0);

  constructor(bits: number, noTakeover: boolean) {
    this.bits = bits;
    this.kept = !noTakeover;
  }

  /** The plaintext that a message may refer to, undefined for none. */
  get dictionary(): Buffer | undefined {
    return this.window.length === 0 ? undefined : this.window;
  }

  remember(plaintext: Buffer): void {
    if (!this.kept || plaintext.length === 0) return;
    const size = 1 << this.bits;
    const joined = plaintext.length >= size ? plaintext : Buffer.concat([this.window, plaintext]);
    this.window = Buffer.from(joined.subarray(Math.max(0, joined.length - size)));
  }
}

/** The compression of one connection, both directions. */
export class Deflate {
  readonly params: DeflateParams;
  private readonly outgoing: Context;
  private readonly incoming: Context;

  /** @param side whose end of the connection this is */
  constructor(params: DeflateParams, side: 'client' | 'server') {
    this.params = params;
    const client = new Context(params.clientMaxWindowBits, params.clientNoContextTakeover);
    const server = new Context(params.serverMaxWindowBits, params.serverNoContextTakeover);
    this.outgoing = side === 'client' ? client : server;
    this.incoming = side === 'client' ? server : client;
  }

  /** 7692 §7.2.1: a message's payload, without the last four bytes. */
  compress(payload: Buffer): Buffer {
    const { bits, dictionary } = this.outgoing;
    const compressed = deflateRawSync(payload, {
      level: 6,
      memLevel: 8,
      // zlib makes a window of 256 bytes one of 512, which the peer need not have: then nothing is referred to.
      windowBits: Math.max(bits, 9),
      ...(bits === 8 ? { strategy: constants.Z_HUFFMAN_ONLY } : dictionary && { dictionary }),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    this.outgoing.remember(payload);
    // 7692 §7.2.3.6: an empty message is one byte, the header of an empty stored block.
    return compressed.length <= 4 ? Buffer.from([0]) : compressed.subarray(0, compressed.length - 4);
  }

  /** 7692 §7.2.2. @throws {Error} for what is no DEFLATE data, or refers beyond the window */
  decompress(payload: Buffer): Buffer {
    const { bits, dictionary } = this.incoming;
    // No sender's algorithm leaves nothing at all; every receiver's takes it for an empty message (§7.2.3.6).
    if (payload.length === 0) return payload;
    const data = Buffer.concat([payload, trailer]);
    const plain =
      bits === 15
        ? inflateMessage(data, dictionary)
        : inflate(data, { windowSize: 1 << bits, ...(dictionary && { dictionary }) }).output;
    this.incoming.remember(plain);
    return plain;
  }
}
