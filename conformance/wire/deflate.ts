/**
 * permessage-deflate of the judge (this test program): the negotiation (RFC 7692 §7.1), and compression with node:zlib (§7.2). For each
 * direction, this code keeps the last bytes of plaintext, and passes these bytes to zlib as a dictionary. So each message needs one call of
 * zlib, and no stream. If the window is below 32 KiB, inflate.ts decodes the messages, because inflate.ts checks the distance of every
 * reference.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { inflate } from './inflate.ts';

/** An element of Sec-WebSocket-Extensions: its name, and its parameters in order. The value of a parameter without a value is null. */
export interface ExtensionElement {
  readonly name: string;
  readonly params: readonly (readonly [string, string | null])[];
}

/**
 * Returns the elements of the field, and removes the quotes of quoted values. The function accepts invalid grammar, because the cases
 * themselves check the grammar.
 */
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

/** The agreed parameters. */
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
 * Reads the parameters of one element.
 * @returns the parameters, or a text that says why they are invalid
 */
export function paramsOf({ name, params }: ExtensionElement): DeflateParams | string {
  if (name !== 'permessage-deflate') return `an extension that was not offered: ${name}`;
  const seen = new Map<string, string | null>();
  for (const [param, value] of params) {
    if (!names.includes(param)) return `the unknown parameter ${param}`;
    if (seen.has(param)) return `${param} twice`;
    // 7692 §7.1.2: the value is a decimal number from 8 to 15 without leading zeros. In an offer, client_max_window_bits may also have no
    // value.
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

/** The parameters that the judge as a server requests of the client. */
export interface ServerWish {
  readonly clientNoContextTakeover?: boolean;
  /** If set, only offers with client_max_window_bits are acceptable. */
  readonly clientMaxWindowBits?: number;
}

/**
 * Tries the wishes in order, and answers the first offer that allows a wish.
 * @returns the answer, or null if no offer allows any wish
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
 * Inflates a message with a window of 32 KiB. zlib accepts incomplete data, and ignores data after a final block. So the output of zlib
 * counts only if zlib has read all data, including an appended last block. Otherwise the strict inflater of inflate.ts decides.
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
    // zlib threw an error. `inflate` below throws a more exact error.
  }
  return inflate(data, dictionary && { dictionary }).output;
}

/** The window of one direction. Without context takeover, it is emptied after each message. */
class Context {
  readonly bits: number;
  private readonly kept: boolean;
  private window: Buffer = Buffer.alloc(0);

  constructor(bits: number, noTakeover: boolean) {
    this.bits = bits;
    this.kept = !noTakeover;
  }

  /** The plaintext to which a message may refer; undefined if a message cannot refer to earlier plaintext. */
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

/** The compression of one connection, in both directions. */
export class Deflate {
  readonly params: DeflateParams;
  private readonly outgoing: Context;
  private readonly incoming: Context;

  /** @param side the role of the end that uses this object */
  constructor(params: DeflateParams, side: 'client' | 'server') {
    this.params = params;
    const client = new Context(params.clientMaxWindowBits, params.clientNoContextTakeover);
    const server = new Context(params.serverMaxWindowBits, params.serverNoContextTakeover);
    this.outgoing = side === 'client' ? client : server;
    this.incoming = side === 'client' ? server : client;
  }

  /** Compresses a message and removes the last four bytes (7692 §7.2.1). */
  compress(payload: Buffer): Buffer {
    const { bits, dictionary } = this.outgoing;
    const compressed = deflateRawSync(payload, {
      level: 6,
      memLevel: 8,
      // For 8 bits, zlib would use a window of 512 bytes, but the window of the peer may have only 256 bytes. So for 8 bits the judge
      // compresses without references.
      windowBits: Math.max(bits, 9),
      ...(bits === 8 ? { strategy: constants.Z_HUFFMAN_ONLY } : dictionary && { dictionary }),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    this.outgoing.remember(payload);
    // 7692 §7.2.3.6: an empty message becomes one byte, the header of an empty stored block.
    return compressed.length <= 4 ? Buffer.from([0]) : compressed.subarray(0, compressed.length - 4);
  }

  /** Inflates a message (7692 §7.2.2). @throws {Error} if the bytes are not valid DEFLATE data, or if they refer beyond the window */
  decompress(payload: Buffer): Buffer {
    const { bits, dictionary } = this.incoming;
    // A sender that follows the RFC never produces an empty payload. But a receiver reads an empty payload as an empty message (§7.2.3.6).
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
