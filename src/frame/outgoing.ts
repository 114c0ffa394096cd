/**
 * Messages on their way through a codec: RFC 6455 §9.1 (extensions transform data), RFC 7692 §6.1 (which messages are
 * compressed). While a large one is being compressed elsewhere, those behind it wait here: messages keep their order,
 * control frames do not wait (§5.4 allows them anywhere).
 */

import type { ByteSink, MessageCodec } from './endpoint.ts';
import type { Role } from './parser.ts';
import { COPY_UP_TO, type FrameWriter, RSV1 } from './writer.ts';

/** Who owns the messages. */
export interface OutgoingOwner {
  /** Everything that waited has been written. */
  onOutgoingDone(): void;
  fail(error: unknown): void;
}

interface WaitingMessage {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly isOurs: boolean;
  readonly fragmentSize: number;
  readonly lastSize: number;
  readonly compress: boolean;
}

/** The sending side of a connection that negotiated a codec. */
export class OutgoingMessages {
  readonly #codec: MessageCodec;
  readonly #writer: FrameWriter;
  readonly #sink: ByteSink;
  readonly #owner: OutgoingOwner;
  readonly #copies: boolean;
  #waiting: WaitingMessage[] = [];
  #isPending = false;
  #isDropped = false;

  /** @param role a client copies what the codec may still read later: what was sent is its caller's again at once */
  constructor(codec: MessageCodec, writer: FrameWriter, sink: ByteSink, owner: OutgoingOwner, role: Role) {
    this.#codec = codec;
    this.#writer = writer;
    this.#sink = sink;
    this.#owner = owner;
    this.#copies = role === 'client';
  }

  /** Whether a message is being compressed, and what is sent now would have to wait. */
  get isPending(): boolean {
    return this.#isPending || this.#waiting.length > 0;
  }

  /**
   * Sends a message, or lets it wait for those before it.
   * @param isOurs the payload may be changed and kept; otherwise a small one is copied if it has to wait, and on a client any
   * @returns payload bytes put on the wire, -1 where they are not known yet
   */
  send(
    opcode: number,
    payload: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number,
    compress: boolean,
  ): number {
    if (!this.isPending) return this.#begin(opcode, payload, isOurs, fragmentSize, lastSize, compress);
    const copies = !isOurs && (this.#copies || payload.length <= COPY_UP_TO);
    const kept = copies ? new Uint8Array(payload) : payload;
    this.#waiting.push({ opcode, payload: kept, isOurs: isOurs || copies, fragmentSize, lastSize, compress });
    this.#sink.hold?.(payload.length);
    return -1;
  }

  /** Nothing more is to be sent. */
  drop(): void {
    this.#isDropped = true;
    this.#isPending = false;
    for (const message of this.#waiting) this.#sink.hold?.(-message.payload.length);
    this.#waiting = [];
  }

  #begin(
    opcode: number,
    payload: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number,
    compress: boolean,
  ): number {
    // 7692 §6.1: each message is compressed or not, as the sender likes.
    if (!compress || payload.length < this.#codec.threshold) {
      this.#writer.writeMessage(opcode, payload, isOurs, fragmentSize, lastSize);
      return payload.length;
    }
    if (this.#copies && !isOurs && payload.length > COPY_UP_TO) {
      return this.#compress(opcode, new Uint8Array(payload), true, fragmentSize, lastSize);
    }
    return this.#compress(opcode, payload, isOurs, fragmentSize, lastSize);
  }

  #compress(
    opcode: number,
    payload: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number,
  ): number {
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result = this.#codec.compress(payload);
    } catch (error) {
      this.#failed(error);
      return 0;
    }
    if (!(result instanceof Promise)) {
      return this.#write(opcode, payload, result, isOurs, fragmentSize, lastSize);
    }
    this.#isPending = true;
    this.#sink.hold?.(payload.length);
    result.then(
      (compressed) => {
        this.#sink.hold?.(-payload.length);
        if (this.#isDropped) return;
        this.#write(opcode, payload, compressed, isOurs, fragmentSize, lastSize);
        this.#goOn();
      },
      (error: unknown) => {
        this.#sink.hold?.(-payload.length);
        if (!this.#isDropped) this.#failed(error);
      },
    );
    return -1;
  }

  /** What the codec and the peer know of each other is lost: no later message can be sent either. */
  #failed(error: unknown): void {
    this.drop();
    this.#owner.fail(error);
  }

  #write(
    opcode: number,
    payload: Uint8Array,
    result: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number,
  ): number {
    // 7692 §6.1: RSV1 says that the message is compressed; a codec that would not make it smaller returns it as it was.
    if (result === payload) this.#writer.writeMessage(opcode, payload, isOurs, fragmentSize, lastSize);
    else this.#writer.writeMessage(RSV1 | opcode, result, true, fragmentSize, lastSize);
    return result.length;
  }

  #goOn(): void {
    this.#isPending = false;
    while (!this.#isPending && !this.#isDropped) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#owner.onOutgoingDone();
        return;
      }
      this.#sink.hold?.(-next.payload.length);
      this.#begin(next.opcode, next.payload, next.isOurs, next.fragmentSize, next.lastSize, next.compress);
    }
  }
}
