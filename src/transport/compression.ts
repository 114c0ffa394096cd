/**
 * Negotiates permessage-deflate for servers and clients. The options are checked once. Each connection that negotiates the extension gets a
 * codec, which compresses and decompresses messages. deflate/offer.ts, deflate/accept.ts and deflate/confirm.ts implement RFC 7692 §5 and
 * §7.1. deflate/codec.ts implements RFC 7692 §7.2.
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
  /**
   * Messages shorter than this number of bytes are sent uncompressed. A message that does not become smaller is also sent uncompressed.
   * @default 1 KiB
   */
  readonly threshold?: number | undefined;
  /**
   * The compression level (1 to 9) for the messages that zlib compresses. Up to level 6, zlib searches the last 8 or 16 KiB of the window.
   * From level 7 on, it searches the whole window.
   * @default 6
   */
  readonly level?: number | undefined;
  /**
   * With 'zlib', zlib processes all messages. With 'auto', the DEFLATE code of this package processes small messages, because it is faster
   * than zlib for them. This code compresses messages up to 2 KiB, and decompresses compressed messages up to 512 bytes. @default 'auto'
   */
  readonly engine?: 'auto' | 'zlib' | undefined;
  /**
   * With true, all messages are compressed and decompressed in the same iteration of the event loop. With false, threads of zlib process
   * large messages. These threads compress messages over 16 KiB. They decompress messages that have more than 16 KiB on the wire, or more
   * than 128 KiB after decompression.
   * @default false
   */
  readonly synchronous?: boolean | undefined;
  /**
   * The maximum memory of all compression contexts together. If this memory is used up, a further connection keeps no context.
   * @default `processCompressionBudget`, 64 MiB
   */
  readonly budget?: CompressionBudget | undefined;
}

/** The default values of the options. */
export const compressionDefaults: Readonly<
  Required<Pick<CodecSettings, 'threshold' | 'level' | 'engine' | 'synchronous'>>
> = { threshold: 1024, level: 6, engine: 'auto', synchronous: false };

/** The answer of a server to the offers of a client, and the codec that compresses the messages of the connection. */
export interface CompressionAgreement {
  readonly answer: ExtensionOffer;
  readonly codec: DeflateCodec;
}

/** The offers that a client sends in one handshake. */
export interface CompressionOffer {
  readonly offers: readonly ExtensionOffer[];
  /** Checks the server's answers and creates `codec`. @throws HandshakeError of stage 'extensions' */
  confirm(answers: readonly ExtensionOffer[]): void;
  /** The codec for the agreed parameters. Null before `confirm` is called, and if the server declined compression. */
  readonly codec: DeflateCodec | null;
  /** Releases the memory that was reserved in the budget. Call this if the connection does not use this offer. */
  abandon(): void;
}

/** Negotiates compression for a server, or for one call of `connect`. */
export class Compression {
  readonly #config: DeflateConfig;
  readonly #settings: CodecSettings;

  /**
   * @param options this constructor checks the window sizes and the context takeover. The caller has checked the other options
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
   * @returns null if the server declines all offers. The connection then opens without compression (RFC 7692 §5)
   */
  accept(offers: readonly ExtensionOffer[]): CompressionAgreement | null {
    const first = acceptDeflate(offers, this.#config);
    if (first === null) return null;
    const reserved = this.#reserve(clientDirection(first.params));
    if (reserved !== null) return { answer: first.answer, codec: this.#serverCodec(first.params, reserved) };
    // The budget has no room for the client's context. So we ask the client to keep no context. 7692 §7.1.1.2 allows this even if the
    // client did not offer `client_no_context_takeover`.
    const thrifty = acceptDeflate(offers, { ...this.#config, clientNoContextTakeover: true });
    return thrifty === null ? null : { answer: thrifty.answer, codec: this.#serverCodec(thrifty.params, 0) };
  }

  /**
   * Makes the offers for the handshake of a client. The client needs memory to decompress with the context of earlier messages. This method
   * reserves the memory in the budget.
   */
  offer(): CompressionOffer {
    const wished = this.#config.serverNoContextTakeover === true;
    const reserved = wished
      ? 0
      : this.#reserve({ windowBits: this.#config.serverMaxWindowBits ?? 15, takeover: true });
    const config = reserved === null ? { ...this.#config, serverNoContextTakeover: true } : this.#config;
    return new ClientOffer(config, this.#settings, reserved ?? 0);
  }

  /** Reserves memory for the context of received messages. @returns the number of reserved bytes, or null if the budget has no room */
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
    // The agreed context may need less memory than we have reserved.
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
