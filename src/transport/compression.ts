/**
 * Negotiates permessage-deflate for servers and clients. The options are checked once, and each connection that negotiates the extension
 * gets a codec. deflate/offer.ts, deflate/accept.ts and deflate/confirm.ts implement RFC 7692 §5 and §7.1. deflate/codec.ts implements
 * §7.2.
 */

import { acceptDeflate } from '../deflate/accept.ts';
import { type CompressionBudget, processCompressionBudget } from '../deflate/budget.ts';
import { type CodecSettings, DeflateCodec, type Direction, receivingContextSize } from '../deflate/codec.ts';
import { checkDeflateConfig, type DeflateConfig } from '../deflate/config.ts';
import { confirmDeflate } from '../deflate/confirm.ts';
import { offerDeflate } from '../deflate/offer.ts';
import type { DeflateParams } from '../deflate/params.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';

/** The options for permessage-deflate, the compression of a server or a client. */
export interface CompressionOptions extends DeflateConfig {
  /** The smallest message that is compressed, in bytes. Shorter messages are not compressed. @default 1 KiB */
  readonly threshold?: number | undefined;
  /**
   * zlib's level, 1 to 9, for messages over 2 KiB. Levels 7 to 9 use the whole window. Levels 1 to 6 use only 8 or 16 KiB of it.
   * @default 6
   */
  readonly level?: number | undefined;
  /**
   * With 'auto', our own DEFLATE code handles messages up to 2 KiB, for which it is faster than zlib. With 'zlib', zlib handles all
   * messages. @default 'auto'
   */
  readonly engine?: 'auto' | 'zlib' | undefined;
  /** If true, messages of any size are compressed and decompressed synchronously on the main thread. @default false */
  readonly synchronous?: boolean | undefined;
  /** Limits the memory that all contexts hold together. @default `processCompressionBudget`, 64 MiB */
  readonly budget?: CompressionBudget | undefined;
}

/** The default values of the options. */
export const compressionDefaults: Readonly<
  Required<Pick<CodecSettings, 'threshold' | 'level' | 'engine' | 'synchronous'>>
> = { threshold: 1024, level: 6, engine: 'auto', synchronous: false };

/** A server's answer to a client's offers, and the codec for the connection. */
export interface CompressionAgreement {
  readonly answer: ExtensionOffer;
  readonly codec: DeflateCodec;
}

/** The offers that a client sends in one handshake. */
export interface CompressionOffer {
  readonly offers: readonly ExtensionOffer[];
  /** Checks the server's answers and makes `codec`. @throws HandshakeError stage 'extensions' */
  confirm(answers: readonly ExtensionOffer[]): void;
  /** The codec for the agreed parameters; null before `confirm`, or if the server declined compression. */
  readonly codec: DeflateCodec | null;
  /** Releases the bytes that were reserved in the budget. Call this if the connection does not use this offer. */
  abandon(): void;
}

/** The compression of a server, or of one `connect`. */
export class Compression {
  readonly #config: DeflateConfig;
  readonly #settings: CodecSettings;

  /**
   * @param options the caller has checked them, apart from the window sizes and the context takeover
   * @throws {RangeError | TypeError} for an invalid window or context takeover
   */
  constructor(options: CompressionOptions = {}) {
    checkDeflateConfig(options);
    this.#config = options;
    this.#settings = {
      threshold: options.threshold ?? compressionDefaults.threshold,
      level: options.level ?? compressionDefaults.level,
      engine: options.engine ?? compressionDefaults.engine,
      synchronous: options.synchronous ?? compressionDefaults.synchronous,
      budget: options.budget ?? processCompressionBudget,
    };
  }

  /**
   * Answers a client's offers.
   * @returns null if the server declines all offers: the connection then opens without compression (7692 §5)
   */
  accept(offers: readonly ExtensionOffer[]): CompressionAgreement | null {
    const first = acceptDeflate(offers, this.#config);
    if (first === null) return null;
    const reserved = this.#reserve(clientDirection(first.params));
    if (reserved !== null) return { answer: first.answer, codec: this.#serverCodec(first.params, reserved) };
    // The budget has no room for the client's context. 7692 §7.1.1.2 lets a server ask the client to keep no context, with or without an
    // offer of `client_no_context_takeover`.
    const thrifty = acceptDeflate(offers, { ...this.#config, clientNoContextTakeover: true });
    return thrifty === null ? null : { answer: thrifty.answer, codec: this.#serverCodec(thrifty.params, 0) };
  }

  /** Makes the offers for a client's handshake, and reserves memory for the server's context, which the client has to keep. */
  offer(): CompressionOffer {
    const wished = this.#config.serverNoContextTakeover === true;
    const reserved = wished
      ? 0
      : this.#reserve({ windowBits: this.#config.serverMaxWindowBits ?? 15, takeover: true });
    const config = reserved === null ? { ...this.#config, serverNoContextTakeover: true } : this.#config;
    return new ClientOffer(config, this.#settings, reserved ?? 0);
  }

  /** @returns the number of reserved bytes, or null if the budget has no room */
  #reserve(direction: Direction): number | null {
    const size = receivingContextSize(direction);
    return this.#settings.budget.reserve(size) ? size : null;
  }

  #serverCodec(params: DeflateParams, reserved: number): DeflateCodec {
    return new DeflateCodec(serverDirection(params), clientDirection(params), this.#settings, reserved);
  }
}

class ClientOffer implements CompressionOffer {
  readonly offers: readonly ExtensionOffer[];
  codec: DeflateCodec | null = null;
  readonly #config: DeflateConfig;
  readonly #settings: CodecSettings;
  #reserved: number;

  constructor(config: DeflateConfig, settings: CodecSettings, reserved: number) {
    this.#config = config;
    this.#settings = settings;
    this.#reserved = reserved;
    this.offers = offerDeflate(config);
  }

  confirm(answers: readonly ExtensionOffer[]): void {
    const params = confirmDeflate(answers, this.#config);
    if (params === null) return;
    const receiving = serverDirection(params);
    // The agreed context may need less memory than was reserved for it.
    const needed = receivingContextSize(receiving);
    this.#settings.budget.release(this.#reserved - needed);
    this.#reserved = 0;
    this.codec = new DeflateCodec(clientDirection(params), receiving, this.#settings, needed);
  }

  abandon(): void {
    this.codec?.close();
    this.codec = null;
    this.#settings.budget.release(this.#reserved);
    this.#reserved = 0;
  }
}

function serverDirection(params: DeflateParams): Direction {
  return { windowBits: params.serverMaxWindowBits, takeover: !params.serverNoContextTakeover };
}

function clientDirection(params: DeflateParams): Direction {
  return { windowBits: params.clientMaxWindowBits, takeover: !params.clientNoContextTakeover };
}
