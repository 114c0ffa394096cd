/**
 * Fragments → messages: RFC 6455 §5.4 (sequence), §10.4 (limits on the whole message, checked at each header).
 * Text is checked piece by piece (§8.1, see utf8.ts). Interleaved control frames never come here (§5.5, endpoint.ts).
 *
 * Not the RFC: pieces are copied into one buffer that grows with what has arrived, never with what was announced, so a
 * message costs its bytes whatever the framing; a million fragments of one byte cost what one fragment costs.
 */

import type { MemoryBudget } from './memory-budget.ts';
import { Opcode } from './opcode.ts';
import type { BudgetReader, Share } from './share.ts';
import { Utf8Validator } from './utf8.ts';
import { ProtocolError } from './violation.ts';

// The first buffer of a message that arrives in pieces.
const FIRST_CAPACITY = 1024;

// Fragments without payload cost us time and the peer nothing. No honest peer sends even two in a row.
const MAX_EMPTY_FRAGMENTS = 1000;

/** What the memory budget asks of the endpoint. */
export type AssemblerOwner = Pick<BudgetReader, 'isStopped' | 'waitForRoom' | 'readOn' | 'shed'>;

/** Collects one message at a time. */
export class MessageAssembler implements BudgetReader {
  readonly #maxMessageSize: number;
  /** What does not compress grows a little: five bytes for each stored block (RFC 1951 §3.2.4). More would be padding. */
  readonly #maxCompressedSize: number;
  readonly #budget: MemoryBudget;
  readonly #owner: AssemblerOwner;
  /** Made when the first message arrives in pieces. */
  #share: Share | null = null;

  /** The opcode of the message's first frame, or 0 between messages. */
  #opcode = 0;
  /** RSV1 of the first frame: with permessage-deflate, the message is compressed (7692 §6.1). */
  #compressed = false;
  /** Payload bytes announced by the headers so far. */
  #announced = 0;
  /** Whether the last of those headers had FIN set, so that `#announced` is the message's size. */
  #complete = false;
  #buffer: Buffer | null = null;
  #length = 0;
  #emptyFragments = 0;
  #validator: Utf8Validator | null = null;

  /**
   * @param maxMessageSize in bytes, inclusive, over all fragments of a message.
   * @param owner is stopped while the budget has no room, and fails when it takes this message's memory for others.
   */
  constructor(maxMessageSize: number, budget: MemoryBudget, owner: AssemblerOwner) {
    this.#maxMessageSize = maxMessageSize;
    this.#maxCompressedSize = Math.floor(maxMessageSize * (17 / 16)) + 1024;
    this.#budget = budget;
    this.#owner = owner;
  }

  /** Whether a message has begun and not ended. */
  get insideMessage(): boolean {
    return this.#opcode !== 0;
  }

  /** The opcode of the message at hand (§5.4: all fragments share the first frame's type). */
  get opcode(): number {
    return this.#opcode;
  }

  /** Whether the message at hand went through the extension that RSV1 stands for (7692 §6.1). */
  get isCompressed(): boolean {
    return this.#compressed;
  }

  /** Payload bytes of the message at hand, over all frames so far, as on the wire. */
  get announced(): number {
    return this.#announced;
  }

  /** Whether nothing of the message at hand had to be put aside. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Bytes of memory that the message at hand takes. */
  get heldBytes(): number {
    return this.#buffer === null ? 0 : this.#buffer.length;
  }

  get receivedBytes(): number {
    return this.#length;
  }

  get isSizeKnown(): boolean {
    return this.#complete;
  }

  get remainingBytes(): number {
    return Math.max(0, (this.#complete ? this.#announced : this.#limit) - this.#length);
  }

  get #limit(): number {
    return this.#compressed ? this.#maxCompressedSize : this.#maxMessageSize;
  }

  /**
   * What can be said of a data frame once its length is known, before its masking key is.
   * @returns payload bytes of its message, over all frames up to this one
   * @throws {ProtocolError} if the frame may not come now (§5.4), or crosses the size limit.
   */
  check(rsv1: boolean, opcode: number, length: number): number {
    const isContinuation = opcode === Opcode.Continuation;
    // §5.4: a continuation needs a message to continue.
    if (isContinuation && this.#opcode === 0) throw new ProtocolError('WS_UNEXPECTED_CONTINUATION');
    // §5.4: the fragments of one message MUST NOT be interleaved with another message.
    if (!isContinuation && this.#opcode !== 0) throw new ProtocolError('WS_INTERLEAVED_MESSAGE');
    // §10.4: the limit is on the message, and is checked before anything is buffered.
    const announced = isContinuation ? this.#announced + length : length;
    const isCompressed = isContinuation ? this.#compressed : rsv1;
    const limit = isCompressed ? this.#maxCompressedSize : this.#maxMessageSize;
    if (announced > limit) {
      // What a compressed message's size will be is not known.
      const size = isCompressed ? null : announced;
      throw new ProtocolError('WS_MESSAGE_TOO_BIG', { size, limit: this.#maxMessageSize });
    }
    return announced;
  }

  /** A data frame's header. @throws {ProtocolError} as `check`, and for too many frames without payload. */
  begin(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    this.#announced = this.check(rsv1, opcode, length);
    if (opcode !== Opcode.Continuation) {
      this.#opcode = opcode;
      this.#compressed = rsv1;
    }
    if (length === 0 && !fin) {
      if (++this.#emptyFragments > MAX_EMPTY_FRAGMENTS) throw new ProtocolError('WS_EMPTY_FRAGMENTS');
    } else {
      this.#emptyFragments = 0;
    }
    this.#complete = fin;
  }

  /**
   * Puts payload aside.
   * @throws {ProtocolError} for text that cannot become UTF-8 any more.
   */
  append(buffer: Buffer, start: number, end: number): void {
    if (start === end) return;
    if (this.#opcode === Opcode.Text && !this.#compressed) {
      // §8.1: MUST fail. §5.4 lets a character span fragments; a byte that no character can have need not wait for FIN.
      this.#validator ??= new Utf8Validator();
      if (!this.#validator.push(buffer, start, end)) throw new ProtocolError('WS_INVALID_UTF8');
    }
    const needed = this.#length + (end - start);
    const held = this.#buffer;
    const target = held === null || needed > held.length ? this.#grow(needed) : held;
    // Without room, a connection that is closing keeps nothing more.
    if (this.#buffer === null) return;
    buffer.copy(target, this.#length, start, end);
    this.#length = needed;
  }

  /**
   * The whole message; the next one may begin.
   * @throws {ProtocolError} for text that ends inside a character.
   */
  take(): Buffer {
    if (this.#validator !== null && !this.#validator.finish()) throw new ProtocolError('WS_INVALID_UTF8');
    const buffer = this.#buffer;
    const length = this.#length;
    this.#clear(true);
    if (buffer === null) return Buffer.alloc(0);
    if (length === buffer.length) return buffer;
    // A view is free, but would keep what lies behind it alive for as long as the message.
    if (length * 4 >= buffer.length * 3) return buffer.subarray(0, length);
    return Buffer.from(buffer.subarray(0, length));
  }

  /** The message at hand was delivered from where it lay, or is given up. */
  clear(): void {
    this.#clear(false);
  }

  #clear(isFinished: boolean): void {
    const held = this.#buffer;
    this.#buffer = null;
    this.#length = 0;
    this.#opcode = 0;
    this.#emptyFragments = 0;
    this.#validator?.reset();
    if (held !== null) this.#share!.done(isFinished);
  }

  // ---- the memory budget ----

  /** The connection holds memory for other reasons than a message in pieces: if the budget has no room, reading stops. */
  askForRoom(): void {
    this.#ownShare().ask();
  }

  /** The application, the transport or the codec stops reading. */
  stop(): void {
    this.#share?.stop();
  }

  /** Reading goes on after the application, the transport or the codec had stopped it. */
  restart(): void {
    this.#share?.restart();
  }

  /** Nothing of the message at hand, nor of later ones, is kept any more; their frames are still checked. */
  discard(): void {
    this.#buffer = null;
    this.#length = 0;
    this.#share?.leave();
  }

  /** Nothing more is received. */
  leave(): void {
    this.discard();
    this.clear();
  }

  get isStopped(): boolean {
    return this.#owner.isStopped;
  }

  waitForRoom(): void {
    this.#owner.waitForRoom();
  }

  readOn(): void {
    this.#owner.readOn();
  }

  shed(error: ProtocolError): void {
    this.#owner.shed(error);
  }

  #ownShare(): Share {
    this.#share ??= this.#budget.share(this);
    return this.#share;
  }

  #grow(needed: number): Buffer {
    const before = this.#buffer;
    const held = before === null ? 0 : before.length;
    // Doubling, but not past the limit: the old and the new buffer together stay under twice the limit.
    const doubled = Math.min(Math.max(held * 2, FIRST_CAPACITY), this.#limit);
    const capacity = Math.max(needed, this.#complete ? Math.min(doubled, this.#announced) : doubled);
    const buffer = Buffer.allocUnsafeSlow(capacity);
    before?.copy(buffer, 0, 0, this.#length);
    this.#buffer = buffer;
    this.#ownShare().grow(capacity - held);
    return buffer;
  }
}
