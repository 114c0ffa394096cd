/**
 * Puts fragments together into messages: RFC 6455 §5.4 (sequence), §10.4 (limit). The limit applies to the whole message, and is checked at
 * each header. Text is checked piece by piece (§8.1, see utf8.ts). The assembler never gets a control frame: frame-dispatch.ts passes
 * control frames to state-machine.ts (§5.5).
 *
 * message-buffer.ts holds the payload. share.ts counts the memory of the payload in the memory budget.
 */

import type { MemoryBudget } from './memory-budget.ts';
import { MessageBuffer } from './message-buffer.ts';
import { Opcode } from './opcode.ts';
import type { BudgetReader, Share } from './share.ts';
import { Utf8Validator } from './utf8.ts';
import { ProtocolError } from './violation.ts';

// A fragment without payload costs us time and costs the peer nothing. The connection fails after more than this many of them in a row. An
// honest peer never sends two of them in a row.
const MAX_EMPTY_FRAGMENTS = 1000;

/** The part of the connection's receiver to which the assembler passes the calls of the memory budget. */
export type AssemblerOwner = Pick<BudgetReader, 'isStopped' | 'waitForRoom' | 'readOn' | 'shed'>;

/** Collects one message at a time. */
export class MessageAssembler implements BudgetReader {
  readonly #maxMessageSize: number;
  /**
   * The maximum size of a compressed message on the wire. It is larger than `maxMessageSize`: data that does not compress grows by five
   * bytes for each stored block (RFC 1951 §3.2.4). A compressed message beyond this maximum must contain padding.
   */
  readonly #maxCompressedSize: number;
  readonly #budget: MemoryBudget;
  readonly #owner: AssemblerOwner;
  /** The connection's share of the memory budget, see share.ts. Null until the first message that arrives in pieces. */
  #share: Share | null = null;

  /** The opcode of the message's first frame, or 0 between messages. */
  #opcode = 0;
  /** RSV1 of the first frame: with permessage-deflate, the message is compressed (7692 §6.1). */
  #compressed = false;
  /** The number of payload bytes that the headers of the message have announced so far. */
  #announced = 0;
  /** Whether the newest frame header of the message had FIN. If it had, `#announced` is the size of the whole message. */
  #complete = false;
  /** Null until a message arrives in pieces. */
  #buffer: MessageBuffer | null = null;
  #emptyFragments = 0;
  #validator: Utf8Validator | null = null;

  /**
   * @param maxMessageSize in bytes, inclusive, over all fragments of a message.
   * @param owner stops reading while the budget has no room. If the budget aborts the message to make room, `owner` fails the connection.
   */
  constructor(maxMessageSize: number, budget: MemoryBudget, owner: AssemblerOwner) {
    this.#maxMessageSize = maxMessageSize;
    this.#maxCompressedSize = Math.floor(maxMessageSize * (17 / 16)) + 1024;
    this.#budget = budget;
    this.#owner = owner;
  }

  /** Whether a message has begun but has not ended. */
  get insideMessage(): boolean {
    return this.#opcode !== 0;
  }

  /** The opcode of the current message (§5.4: all fragments share the first frame's type). */
  get opcode(): number {
    return this.#opcode;
  }

  /** Whether the current message is compressed: RSV1 was set on its first frame (7692 §6.1). */
  get isCompressed(): boolean {
    return this.#compressed;
  }

  /**
   * The payload bytes that the frame headers of the current message have announced so far. In a compressed message, these bytes are
   * compressed.
   */
  get announced(): number {
    return this.#announced;
  }

  /** Whether no payload of the current message is stored here. */
  get isEmpty(): boolean {
    return this.receivedBytes === 0;
  }

  /** Whether `append` accepts payload that is still masked. Uncompressed text must be unmasked first: `append` checks it. */
  get takesMasked(): boolean {
    return this.#opcode !== Opcode.Text || this.#compressed;
  }

  /** Bytes of memory that are allocated for the current message. */
  get heldBytes(): number {
    return this.#buffer === null ? 0 : this.#buffer.held;
  }

  get receivedBytes(): number {
    return this.#buffer === null ? 0 : this.#buffer.length;
  }

  get isSizeKnown(): boolean {
    return this.#complete;
  }

  get remainingBytes(): number {
    return Math.max(0, (this.#complete ? this.#announced : this.#limit) - this.receivedBytes);
  }

  get #limit(): number {
    return this.#compressed ? this.#maxCompressedSize : this.#maxMessageSize;
  }

  /**
   * Checks a data frame when its length is known. The masking key may not have arrived yet.
   * @returns payload bytes of the frame's message, over all frames up to this one
   * @throws {ProtocolError} if the frame is not allowed at this point (§5.4), or the message becomes larger than the limit.
   */
  check(rsv1: boolean, opcode: number, length: number): number {
    const isContinuation = opcode === Opcode.Continuation;
    // §5.4: a continuation needs a message to continue.
    if (isContinuation && this.#opcode === 0) throw new ProtocolError('WS_UNEXPECTED_CONTINUATION');
    // §5.4: the fragments of one message MUST NOT be interleaved with another message.
    if (!isContinuation && this.#opcode !== 0) throw new ProtocolError('WS_INTERLEAVED_MESSAGE');
    // §10.4: the limit applies to the whole message. It is checked before any payload of this frame is stored.
    const announced = isContinuation ? this.#announced + length : length;
    const isCompressed = isContinuation ? this.#compressed : rsv1;
    const limit = isCompressed ? this.#maxCompressedSize : this.#maxMessageSize;
    if (announced > limit) {
      // The decompressed size of a compressed message is not known yet.
      const size = isCompressed ? null : announced;
      throw new ProtocolError('WS_MESSAGE_TOO_BIG', { size, limit: this.#maxMessageSize });
    }
    return announced;
  }

  /** Checks and records the header of a data frame. @throws {ProtocolError} the errors of `check`, and WS_EMPTY_FRAGMENTS. */
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
   * Stores a copy of `buffer[start, end)`, the next payload of the message. The copy is kept until `take` or `clear` is called.
   * @param key the masking key for the first byte if the payload is still masked, see `takesMasked`; else 0
   * @throws {ProtocolError} for text that no further bytes can make valid UTF-8.
   */
  append(buffer: Buffer, start: number, end: number, key = 0): void {
    if (start === end) return;
    if (this.#opcode === Opcode.Text && !this.#compressed) {
      // §8.1: invalid UTF-8 MUST fail the connection. §5.4 lets a character span fragments. An invalid byte fails the connection
      // immediately, before FIN arrives.
      this.#validator ??= new Utf8Validator();
      if (!this.#validator.push(buffer, start, end)) throw new ProtocolError('WS_INVALID_UTF8');
    }
    this.#buffer ??= new MessageBuffer();
    const { held } = this.#buffer;
    const size = this.#complete ? this.#announced : 0;
    this.#buffer.append(buffer, start, end, key, this.#limit, size, this.#budget.isScarce);
    const added = this.#buffer.held - held;
    if (added !== 0) this.#ownShare().grow(added);
  }

  /**
   * Returns the whole message. After this call, the next message may begin.
   * @throws {ProtocolError} for text that ends inside a character.
   */
  take(): Buffer {
    if (this.#validator !== null && !this.#validator.finish()) throw new ProtocolError('WS_INVALID_UTF8');
    const message = this.#buffer === null ? Buffer.alloc(0) : this.#buffer.take();
    this.#clear(true);
    return message;
  }

  /** Forgets the current message. Called if the message was delivered without being stored here, or if it was aborted. */
  clear(): void {
    this.#clear(false);
  }

  #clear(isFinished: boolean): void {
    this.#buffer?.clear();
    this.#opcode = 0;
    this.#emptyFragments = 0;
    this.#validator?.reset();
    if (this.#share !== null && this.#share.bytes > 0) this.#share.done(isFinished);
  }

  // ---- the memory budget ----

  /**
   * Stops reading if the budget has no room. Called if the connection holds other memory, such as messages that wait for the application.
   */
  askForRoom(): void {
    this.#ownShare().ask();
  }

  /** Called when reading stops for another reason than the budget: the application paused, replies wait, or the codec works. */
  stop(): void {
    this.#share?.stop();
  }

  /** Called when reading continues after the stop that `stop` reported. */
  restart(): void {
    this.#share?.restart();
  }

  /** Stops keeping the payload of the current message and of later messages. Their frames are still checked. */
  discard(): void {
    this.#buffer?.clear();
    this.#share?.leave();
  }

  /** Called when the connection will receive nothing more. */
  leave(): void {
    this.discard();
    this.clear();
  }

  get isStopped(): boolean {
    return this.#owner.isStopped;
  }

  waitForRoom(): void {
    this.#owner.waitForRoom();
    const before = this.heldBytes;
    this.#buffer?.shrink();
    const freed = before - this.heldBytes;
    if (freed > 0) this.#ownShare().grow(-freed);
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
}
