/**
 * Joins fragments into messages: RFC 6455 §5.4 (sequence), §10.4 (limit). The size limit applies to the whole message, and is checked at
 * each frame header. Text is checked for UTF-8 as it arrives (§8.1, see utf8.ts). This file never receives a control frame:
 * frame-dispatch.ts passes control frames to state-machine.ts (§5.5).
 *
 * message-buffer.ts stores the payload. share.ts counts the memory of the payload in the memory budget.
 */

import type { MemoryBudget } from './memory-budget.ts';
import { MessageBuffer } from './message-buffer.ts';
import { Opcode } from './opcode.ts';
import type { BudgetReader, Share } from './share.ts';
import { Utf8Validator } from './utf8.ts';
import { ProtocolError } from './violation.ts';

// An empty fragment costs us time and costs the peer nothing. If a peer sends more than this number of empty fragments in a row, the
// connection fails. An honest peer never sends two empty fragments in a row.
const MAX_EMPTY_FRAGMENTS = 1000;

/** The connection's receiver (receiver.ts). The assembler passes calls from the memory budget to it. */
export type AssemblerOwner = Pick<BudgetReader, 'isStopped' | 'waitForRoom' | 'readOn' | 'shed'>;

/** Collects one message at a time. */
export class MessageAssembler implements BudgetReader {
  readonly #maxMessageSize: number;
  /**
   * The maximum size of a compressed message on the wire. It is larger than `maxMessageSize`, because data that cannot be compressed grows
   * by five bytes for each stored block (RFC 1951 §3.2.4). No honest compressor needs more than this maximum.
   */
  readonly #maxCompressedSize: number;
  readonly #budget: MemoryBudget;
  readonly #owner: AssemblerOwner;
  /** Counts this connection's memory in the budget, see share.ts. Null until a message first arrives in pieces. */
  #share: Share | null = null;

  /** The opcode of the message's first frame, or 0 between messages. */
  #opcode = 0;
  /** True if the first frame has RSV1. With permessage-deflate, this means that the message is compressed (7692 §6.1). */
  #compressed = false;
  /** The total payload size of the message's frames so far, as their headers announce it. */
  #announced = 0;
  /** True if the newest frame header of the message has FIN. If so, `#announced` is the size of the whole message. */
  #complete = false;
  /** The payload of the message. Null until a message first arrives in pieces. */
  #buffer: MessageBuffer | null = null;
  #emptyFragments = 0;
  #validator: Utf8Validator | null = null;

  /**
   * @param maxMessageSize the maximum size of a message in bytes, with all its fragments.
   * @param owner stops reading if the budget has no room. It fails the connection if the budget aborts the message to free memory.
   */
  constructor(maxMessageSize: number, budget: MemoryBudget, owner: AssemblerOwner) {
    this.#maxMessageSize = maxMessageSize;
    this.#maxCompressedSize = Math.floor(maxMessageSize * (17 / 16)) + 1024;
    this.#budget = budget;
    this.#owner = owner;
  }

  /** True if a message has begun but has not ended. */
  get insideMessage(): boolean {
    return this.#opcode !== 0;
  }

  /** The opcode of the current message. §5.4: it is in the first frame, and applies to all fragments. */
  get opcode(): number {
    return this.#opcode;
  }

  /** True if the current message is compressed: RSV1 was set on its first frame (7692 §6.1). */
  get isCompressed(): boolean {
    return this.#compressed;
  }

  /**
   * The total payload size of the message's frames so far, as their headers announce it. If the message is compressed, this is the
   * compressed size.
   */
  get announced(): number {
    return this.#announced;
  }

  /** True if no payload of the current message is stored. */
  get isEmpty(): boolean {
    return this.receivedBytes === 0;
  }

  /**
   * True if `append` accepts payload that is still masked. Uncompressed text must be unmasked, because `append` checks that it is UTF-8.
   */
  get takesMasked(): boolean {
    return this.#opcode !== Opcode.Text || this.#compressed;
  }

  /** The memory that is allocated for the current message, in bytes. */
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
   * Checks a data frame as soon as its length is known, even before its masking key has arrived.
   * @returns the total payload size of the message, up to and including this frame
   * @throws {ProtocolError} if the frame is out of sequence (§5.4), or if the message becomes too large.
   */
  check(rsv1: boolean, opcode: number, length: number): number {
    const isContinuation = opcode === Opcode.Continuation;
    // §5.4: a continuation frame must belong to an unfinished message.
    if (isContinuation && this.#opcode === 0) throw new ProtocolError('WS_UNEXPECTED_CONTINUATION');
    // §5.4: the fragments of one message MUST NOT be interleaved with another message.
    if (!isContinuation && this.#opcode !== 0) throw new ProtocolError('WS_INTERLEAVED_MESSAGE');
    // §10.4: the limit applies to the whole message. We check the limit before we store any payload of this frame.
    const announced = isContinuation ? this.#announced + length : length;
    const isCompressed = isContinuation ? this.#compressed : rsv1;
    const limit = isCompressed ? this.#maxCompressedSize : this.#maxMessageSize;
    if (announced > limit) {
      // For a compressed message, the decompressed size is not known yet.
      const size = isCompressed ? null : announced;
      throw new ProtocolError('WS_MESSAGE_TOO_BIG', { size, limit: this.#maxMessageSize });
    }
    return announced;
  }

  /** Checks and records the header of a data frame. @throws {ProtocolError} like `check`, and also WS_EMPTY_FRAGMENTS. */
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
   * Stores a copy of `buffer[start, end)`, which is the next part of the message's payload.
   * @param key if the payload is still masked (see `takesMasked`), the masking key for its first byte; else 0
   * @throws {ProtocolError} if a text is not valid UTF-8 so far.
   */
  append(buffer: Buffer, start: number, end: number, key = 0): void {
    if (start === end) return;
    if (this.#opcode === Opcode.Text && !this.#compressed) {
      // §8.1: invalid UTF-8 MUST fail the connection. §5.4: a fragment may end inside a character. We fail the connection at the first
      // invalid byte, and do not wait for FIN.
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
   * Returns the whole message, and prepares for the next message.
   * @throws {ProtocolError} if a text ends inside a character.
   */
  take(): Buffer {
    if (this.#validator !== null && !this.#validator.finish()) throw new ProtocolError('WS_INVALID_UTF8');
    const message = this.#buffer === null ? Buffer.alloc(0) : this.#buffer.take();
    this.#clear(true);
    return message;
  }

  /** Drops the current message. Called if the message is aborted, or if it was delivered directly from the received chunk. */
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

  /** Call this when messages wait for the application. If the budget has no room, the connection is no longer read. */
  askForRoom(): void {
    this.#ownShare().ask();
  }

  /** Is called when reading stops for a reason other than the budget: the application paused, replies wait, or the codec is working. */
  stop(): void {
    this.#share?.stop();
  }

  /** Is called when reading continues after a call of `stop`. */
  restart(): void {
    this.#share?.restart();
  }

  /** From now on, drops the payload of the current message and of later messages. Their frames are still checked. */
  discard(): void {
    this.#buffer?.clear();
    this.#share?.leave();
  }

  /** Is called when the connection will receive no more data. */
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
