/**
 * Messages on their way through a codec: RFC 6455 §9.1 (extensions transform data), RFC 7692 §6.1 (which messages are
 * compressed). While a large one is being compressed elsewhere, those behind it wait here: messages keep their order,
 * control frames do not wait (§5.4 allows them anywhere).
 */

import type { MessageCodec } from './message-codec.ts';
import type { Role } from './parser.ts';
import type { ByteSink } from './sink.ts';
import { COPY_UP_TO, type FrameWriter, RSV1 } from './writer.ts';

/** Who owns the messages. */
export interface OutgoingOwner {
  /** Everything that waited has been written. */
  onOutgoingDone(): void;
  fail(error: unknown): void;
}

/** Whether a message goes through the codec; a function is called, when its turn comes, in place of the codec's. */
export type Compressing = boolean | (() => Uint8Array | Promise<Uint8Array>);

interface WaitingMessage {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly isOurs: boolean;
  readonly fragmentSize: number;
  readonly lastSize: number;
  readonly compress: Compressing;
  /** Whether other connections hold the same payload. */
  readonly isShared: boolean;
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
    const waits = this.isPending;
    const copies = waits && !isOurs && (this.#copies || payload.length <= COPY_UP_TO);
    const kept = copies ? new Uint8Array(payload) : payload;
    const owned = isOurs || copies;
    const message = {
      opcode,
      payload: kept,
      isOurs: owned,
      fragmentSize,
      lastSize,
      compress,
      isShared: false,
    };
    return this.#send(message, waits);
  }

  /**
   * The same for a server's message to many connections, whose payload is never copied here.
   * @param compress resolves with, or returns, the very payload where compressing would not make it smaller
   */
  sendShared(opcode: number, payload: Uint8Array, compress: Compressing): number {
    const size = Number.POSITIVE_INFINITY;
    const whole = { opcode, payload, isOurs: false, fragmentSize: size, lastSize: size };
    return this.#send({ ...whole, compress, isShared: true }, this.isPending);
  }

  /** Nothing more is to be sent. */
  drop(): void {
    this.#isDropped = true;
    this.#isPending = false;
    for (const message of this.#waiting) this.#hold(message, -1);
    this.#waiting = [];
  }

  #send(message: WaitingMessage, waits: boolean): number {
    if (!waits) return this.#begin(message);
    this.#waiting.push(message);
    this.#hold(message, 1);
    return -1;
  }

  #hold({ payload, isShared }: WaitingMessage, sign: 1 | -1): void {
    this.#sink.hold?.(sign * payload.length, isShared);
  }

  #begin(message: WaitingMessage): number {
    const { opcode, payload, isOurs, fragmentSize, lastSize, compress } = message;
    // 7692 §6.1: each message is compressed or not, as the sender likes.
    if (compress === false || payload.length < this.#codec.threshold) {
      this.#writer.writeMessage(opcode, payload, isOurs, fragmentSize, lastSize);
      return payload.length;
    }
    if (this.#copies && !isOurs && payload.length > COPY_UP_TO) {
      return this.#compress({ ...message, payload: new Uint8Array(payload), isOurs: true });
    }
    return this.#compress(message);
  }

  #compress(message: WaitingMessage): number {
    const { payload, compress, isOurs, isShared } = message;
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result =
        typeof compress === 'function' ? compress() : this.#codec.compress(payload, isOurs || isShared);
    } catch (error) {
      this.#failed(error);
      return 0;
    }
    if (!(result instanceof Promise)) return this.#write(message, result);
    this.#isPending = true;
    this.#hold(message, 1);
    result.then(
      (compressed) => {
        this.#hold(message, -1);
        if (this.#isDropped) return;
        this.#write(message, compressed);
        this.#goOn();
      },
      (error: unknown) => {
        this.#hold(message, -1);
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

  #write(message: WaitingMessage, result: Uint8Array): number {
    const { opcode, payload, isOurs, fragmentSize, lastSize, isShared } = message;
    // 7692 §6.1: RSV1 says that the message is compressed; a codec that would not make it smaller returns it as it was.
    if (result === payload) this.#writer.writeMessage(opcode, payload, isOurs, fragmentSize, lastSize);
    else this.#writer.writeMessage(RSV1 | opcode, result, !isShared, fragmentSize, lastSize);
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
      this.#hold(next, -1);
      this.#begin(next);
    }
  }
}
