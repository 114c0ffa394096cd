/**
 * Reports messages in parts while they arrive: RFC 6455 §5.4 (fragments), §8.1 (UTF-8), §10.4 (the limit). This file is used only if the
 * option `maxStreamSize` is set. Even then, frame-dispatch.ts reports compressed messages, as a whole.
 */

import { ownPart } from './delivery.ts';
import type { EndpointEvents } from './endpoint-events.ts';
import type { FrameDispatch, FrameDispatchOwner } from './frame-dispatch.ts';
import type { FrameHandler } from './frame-handler.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { isControl, Opcode } from './opcode.ts';
import { Utf8Validator } from './utf8.ts';
import { ProtocolError } from './violation.ts';

// The same limit as in assembler.ts: an empty fragment costs us time and costs the peer nothing.
const MAX_EMPTY_FRAGMENTS = 1000;

/** The receiver (receiver.ts). */
export interface StreamDispatchOwner extends FrameDispatchOwner {
  /** True if the transport will reuse the memory of the current chunk after the chunk is processed. */
  readonly isBorrowed: boolean;
  /** Is called when the application gets a view of the current chunk. So the transport must not reuse the chunk's memory. */
  onView(): void;
  /** True if all data from the peer is now ignored. */
  readonly isOff: boolean;
  readonly memoryBudget: MemoryBudget;
}

/** Handles the frames of one connection, if the application receives messages in parts. */
export class StreamDispatch implements FrameHandler {
  readonly #whole: FrameDispatch;
  readonly #events: EndpointEvents;
  readonly #owner: StreamDispatchOwner;
  readonly #maxStreamSize: number;

  /** The opcode of the current message if the message is reported in parts, otherwise 0. */
  #opcode = 0;
  #announced = 0;
  #emptyFragments = 0;
  #validator: Utf8Validator | null = null;

  #frameOpcode = 0;
  #fin = false;
  #isPart = false;

  #pieces = 0;

  /** @param whole handles the messages that are reported as a whole */
  constructor(
    whole: FrameDispatch,
    events: EndpointEvents,
    owner: StreamDispatchOwner,
    maxStreamSize: number,
  ) {
    this.#whole = whole;
    this.#events = events;
    this.#owner = owner;
    this.#maxStreamSize = maxStreamSize;
  }

  get insideMessage(): boolean {
    return this.#opcode !== 0 || this.#whole.insideMessage;
  }

  get dataPieces(): number {
    return this.#pieces + this.#whole.dataPieces;
  }

  get isDiscarding(): boolean {
    return this.#whole.isDiscarding;
  }

  set isDiscarding(value: boolean) {
    this.#whole.isDiscarding = value;
  }

  onFrameLength(rsv1: boolean, opcode: number, length: number): void {
    if (isControl(opcode)) return;
    if (this.#isOfParts(rsv1, opcode)) this.#check(opcode, length);
    else this.#whole.onFrameLength(rsv1, opcode, length);
  }

  /** Returns true if this frame belongs to a message that is reported in parts, or interrupts such a message. */
  #isOfParts(rsv1: boolean, opcode: number): boolean {
    if (this.#opcode !== 0) return true;
    return !rsv1 && opcode !== Opcode.Continuation && !this.#whole.insideMessage;
  }

  /** @returns the total payload size of the message, including this frame. @throws {ProtocolError} like `MessageAssembler.check` */
  #check(opcode: number, length: number): number {
    // §5.4: the fragments of one message MUST NOT be interleaved with another message.
    if (this.#opcode !== 0 && opcode !== Opcode.Continuation)
      throw new ProtocolError('WS_INTERLEAVED_MESSAGE');
    const size = this.#announced + length;
    if (size > this.#maxStreamSize) {
      throw new ProtocolError('WS_MESSAGE_TOO_BIG', { size, limit: this.#maxStreamSize });
    }
    return size;
  }

  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    this.#frameOpcode = opcode;
    if (isControl(opcode)) return;
    this.#isPart = this.#isOfParts(rsv1, opcode);
    if (!this.#isPart) {
      this.#whole.onFrameHeader(fin, rsv1, opcode, length);
      return;
    }
    this.#pieces++;
    this.#announced = this.#check(opcode, length);
    this.#fin = fin;
    if (length > 0 || fin) this.#emptyFragments = 0;
    else if (++this.#emptyFragments > MAX_EMPTY_FRAGMENTS) throw new ProtocolError('WS_EMPTY_FRAGMENTS');
    if (opcode === Opcode.Continuation) return;
    this.#opcode = opcode;
    if (!this.isDiscarding) this.#events.onMessageStart?.(opcode === Opcode.Binary);
  }

  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void {
    if (isControl(this.#frameOpcode)) {
      this.#owner.onControlFrame(this.#frameOpcode, buffer, start, end);
      return;
    }
    if (!this.#isPart) {
      this.#whole.onFramePayload(buffer, start, end, last);
      return;
    }
    this.#pieces++;
    if (start < end) this.#onPart(buffer, start, end);
    // A handler may have ended the connection.
    if (!last || this.#owner.isOff) return;
    if (this.#fin) this.#onEnd();
    else if (!this.isDiscarding) this.#events.onFragment();
  }

  #onPart(buffer: Buffer, start: number, end: number): void {
    if (this.#opcode === Opcode.Text) {
      // §8.1: invalid UTF-8 MUST fail the connection. We fail the connection at the first invalid byte.
      this.#validator ??= new Utf8Validator();
      if (!this.#validator.push(buffer, start, end)) throw new ProtocolError('WS_INVALID_UTF8');
    }
    if (this.isDiscarding) return;
    const { isScarce } = this.#owner.memoryBudget;
    this.#events.onMessagePart?.(ownPart(buffer, start, end, this.#owner, 0, isScarce));
  }

  #onEnd(): void {
    if (this.#validator?.finish() === false) throw new ProtocolError('WS_INVALID_UTF8');
    const wireSize = this.#announced;
    this.#opcode = 0;
    this.#announced = 0;
    if (!this.isDiscarding) this.#events.onMessageEnd?.(wireSize);
  }
}
