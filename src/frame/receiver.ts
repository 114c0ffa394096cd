/**
 * The receiving half of an endpoint: RFC 6455 §6.2. It turns chunks into messages, and records every reason to stop reading. While such a
 * reason applies, data that was already read waits here, in order, followed by the peer's end. parser.ts finds the frames, and
 * frame-dispatch.ts passes them on. assembler.ts joins fragments, and delivery.ts delivers whole messages. state-machine.ts has the control
 * frames and the states.
 */

import type { AssemblerOwner, MessageAssembler } from './assembler.ts';
import { Backlog } from './backlog.ts';
import type { Delivery, DeliveryOwner } from './delivery.ts';
import type { EndpointEvents } from './endpoint-events.ts';
import type { TextDelivery } from './endpoint-options.ts';
import { FrameDispatch, type FrameDispatchOwner, type MessageReceiver } from './frame-dispatch.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import { FrameParser, type Role } from './parser.ts';
import type { Replies } from './replies.ts';
import type { ByteSink } from './sink.ts';
import { StreamDispatch } from './stream-dispatch.ts';
import { MAX_SHORT_LENGTH } from './text-kernel.ts';
import type { ProtocolError } from './violation.ts';

/** Reasons to stop reading, as bits. Each bit is set and cleared separately; the transport is read only if no bit is set. */
export const PAUSED_BY_USER = 1;
export const PAUSED_BY_REPLIES = 2;
export const PAUSED_BY_CODEC = 4;
/** The memory budget has no room. Unlike the other reasons, this reason stops only the transport: data already read is still processed. */
export const PAUSED_BY_BUDGET = 8;
const STOPPED = PAUSED_BY_USER | PAUSED_BY_REPLIES | PAUSED_BY_CODEC;

/** The owner of a receiver, which handles control frames, failures and the peer's end. */
export interface ReceiverOwner extends FrameDispatchOwner {
  /** The peer ended its direction, and everything that came before has been processed. */
  onReceiveEnd(): void;
  fail(error: unknown): void;
  /** Called for the first data frame. A connection without messages needs no assembler and no delivery. */
  makeAssembler(receiver: AssemblerOwner): MessageAssembler;
  makeDelivery(receiver: DeliveryOwner): Delivery;
}

export interface ReceiverOptions {
  readonly role: Role;
  readonly codec: MessageCodec | null;
  readonly text: TextDelivery;
  readonly maxMessageSize: number;
  /** If undefined, messages are reported whole. */
  readonly maxStreamSize: number | undefined;
  readonly memoryBudget: MemoryBudget;
}

/** Receives for one endpoint. */
export class Receiver implements DeliveryOwner, AssemblerOwner, MessageReceiver {
  readonly #sink: ByteSink;
  readonly #replies: Replies;
  readonly #owner: ReceiverOwner;
  readonly #parser: FrameParser;
  /** The assembler and the delivery are null until the first data frame. */
  #assembler: MessageAssembler | null = null;
  #delivery: Delivery | null = null;
  readonly #frames: FrameDispatch | StreamDispatch;
  readonly memoryBudget: MemoryBudget;

  /** Whether the last received chunk is still needed. If so, a view of it was delivered, or a part of it waits. */
  keepsChunk = false;
  /** Whether the transport uses the chunk's memory again after the chunk is processed. If so, each part that is kept must be copied. */
  isBorrowed = false;
  #pauses = 0;
  #isProcessing = false;
  #isClosing = false;
  /** Chunks that wait: received while paused, or while another chunk is being processed. */
  #backlog: Backlog | null = null;
  /** Whether the peer's end arrived while we were paused or busy. */
  #endWaits = false;

  constructor(
    events: EndpointEvents,
    sink: ByteSink,
    replies: Replies,
    owner: ReceiverOwner,
    options: ReceiverOptions,
  ) {
    const { role, codec, text, maxMessageSize, maxStreamSize, memoryBudget } = options;
    this.#sink = sink;
    this.#replies = replies;
    this.#owner = owner;
    const wantsShortTexts = text === 'string' && maxMessageSize >= MAX_SHORT_LENGTH;
    const whole = new FrameDispatch(events, owner, this, wantsShortTexts);
    const inParts = maxStreamSize !== undefined;
    this.#frames = inParts ? new StreamDispatch(whole, events, this, maxStreamSize) : whole;
    this.#parser = new FrameParser(this.#frames, role, codec !== null, inParts ? null : whole);
    this.memoryBudget = memoryBudget;
  }

  openMessages(): { readonly assembler: MessageAssembler; readonly delivery: Delivery } {
    this.#assembler ??= this.#owner.makeAssembler(this);
    this.#delivery ??= this.#owner.makeDelivery(this);
    return { assembler: this.#assembler, delivery: this.#delivery };
  }

  /** Whether a message or frame has begun to arrive and is not complete. */
  get insideMessage(): boolean {
    return this.#frames.insideMessage || this.#parser.insideFrame;
  }

  /** Counts pieces of data frames that arrived. If the count does not change inside a message, there is no progress. */
  get dataPieces(): number {
    return this.#frames.dataPieces;
  }

  /** The `PAUSED_BY_…` bits that are set. */
  get pauses(): number {
    return this.#pauses;
  }

  /** Whether everything that the peer sends is ignored from now on. */
  get isOff(): boolean {
    return this.#parser.isOff;
  }

  /** Whether messages are dropped, not delivered. */
  get isDiscarding(): boolean {
    return this.#frames.isDiscarding;
  }

  /** Implements `Endpoint.receive`. @param isBorrowed whether the chunk's memory belongs to the caller again afterwards */
  receive(chunk: Buffer, isBorrowed: boolean): boolean {
    // A chunk waits if it is received while paused, or from inside a callback.
    if (this.#isProcessing || this.isStopped) {
      if (this.#parser.isOff) return true;
      this.keepsChunk = true;
      this.#openBacklog().push(chunk, isBorrowed);
      return this.#pauses === 0;
    }
    this.keepsChunk = false;
    this.isBorrowed = isBorrowed;
    this.#process(chunk, 0);
    this.isBorrowed = false;
    if (this.#backlog?.isEmpty === false || this.#endWaits) this.#continue();
    return this.#pauses === 0;
  }

  /** Called when the peer has ended its direction. While reading is stopped, the end waits like received data. */
  receiveEnd(): void {
    if (this.#isProcessing || this.isStopped) this.#endWaits = true;
    else this.#owner.onReceiveEnd();
  }

  /** Sets one of the reasons to stop, until `resumeFrom`. */
  pauseFor(reason: number): void {
    if (this.#parser.isOff) return;
    this.#pauses |= reason;
    this.#parser.stop();
    this.#assembler?.stop();
  }

  /** Clears one of the reasons to stop. Events of the data that waits may be reported before this call returns. */
  resumeFrom(reason: number): void {
    if ((this.#pauses & reason) === 0) return;
    this.#pauses &= ~reason;
    if (!this.isStopped) this.#assembler?.restart();
    if (!this.#isProcessing) this.#continue();
    if (this.#pauses === 0 && !this.#parser.isOff) this.#sink.resumeReading();
  }

  /**
   * Call this when the application closes. The peer's Close frame must be read, so the memory budget and a pause no longer stop reading.
   * @param keepsPause true: the application's pause continues, and the Close frame is processed after the application resumes
   */
  closing(keepsPause: boolean): void {
    this.#isClosing = true;
    const over = keepsPause ? PAUSED_BY_BUDGET : PAUSED_BY_USER | PAUSED_BY_BUDGET;
    if ((this.#pauses & over) !== 0) this.#discard();
  }

  /** From now on, messages that arrive are checked, but dropped. */
  #discard(): void {
    this.#frames.isDiscarding = true;
    this.#delivery?.discard();
    this.#assembler?.discard();
    this.resumeFrom(PAUSED_BY_USER | PAUSED_BY_BUDGET);
  }

  /** §5.5.1, §7.1.7: everything that the peer sends from now on is ignored. `processWaitingEnd` processes an end that waits. */
  switchOff(): void {
    this.#parser.switchOff();
    this.#assembler?.leave();
    this.#delivery?.switchOff();
    this.#backlog?.clear();
    this.#pauses = 0;
  }

  /** Called after `switchOff`: processes the peer's end if it arrived while paused. */
  processWaitingEnd(): void {
    if (this.#endWaits && !this.#isProcessing) this.#end();
  }

  /** Processes `chunk`; null stands for the decompressed message. Errors, also those of callbacks, fail the connection here. */
  #process(chunk: Buffer | null, offset: number): void {
    this.#isProcessing = true;
    this.#replies.begin();
    try {
      if (chunk === null) {
        this.#delivery?.deliverDecoded();
      } else {
        const parsed = this.#parser.push(chunk, offset);
        // A handler paused us: the rest of the chunk is processed after the pause, before any other data.
        if (parsed < chunk.length) {
          this.keepsChunk = true;
          this.#openBacklog().unshift(chunk, parsed, this.isBorrowed);
        }
      }
      this.#replies.answerNewest();
    } catch (error) {
      this.#owner.fail(error);
    }
    this.#replies.end();
    this.#isProcessing = false;
  }

  #openBacklog(): Backlog {
    this.#backlog ??= new Backlog(this.memoryBudget);
    return this.#backlog;
  }

  #continue(): void {
    if (this.#delivery?.hasDecoded === true && !this.isStopped) this.#process(null, 0);
    while (this.#backlog?.isEmpty === false && !this.isStopped) {
      this.#backlog.next((chunk, start) => this.#process(chunk, start));
    }
    if (this.#endWaits && !this.isStopped) this.#end();
  }

  #end(): void {
    this.#endWaits = false;
    this.#owner.onReceiveEnd();
  }

  // ---- the memory budget ----

  /** Whether reading is stopped for a reason that also stops the processing of data that was already read. */
  get isStopped(): boolean {
    return (this.#pauses & STOPPED) !== 0;
  }

  /** Call this when messages wait for the application. If the budget has no room for more, reading stops until there is room. */
  askForRoom(): void {
    if (!this.#parser.isOff && !this.#frames.isDiscarding) this.openMessages().assembler.askForRoom();
  }

  waitForRoom(): void {
    if (this.#isClosing) this.#discard();
    else this.#pauses |= PAUSED_BY_BUDGET;
  }

  readOn(): void {
    this.#pauses &= ~PAUSED_BY_BUDGET;
    if (this.#pauses === 0 && !this.#parser.isOff) this.#sink.resumeReading();
  }

  shed(error: ProtocolError): void {
    this.#owner.fail(error);
  }

  // ---- what the delivery and the frames report ----

  onControlFrame(opcode: number, buffer: Buffer, start: number, end: number): void {
    this.#owner.onControlFrame(opcode, buffer, start, end);
  }

  onView(): void {
    this.keepsChunk = true;
  }

  onDecoding(): void {
    this.pauseFor(PAUSED_BY_CODEC);
  }

  onDecoded(): void {
    this.resumeFrom(PAUSED_BY_CODEC);
  }

  fail(error: unknown): void {
    this.#owner.fail(error);
  }
}
