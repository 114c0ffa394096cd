/**
 * The receiving half of an endpoint: RFC 6455 §6.2. Chunks → frames → messages, and every reason to stop reading: what was read
 * while one of them holds waits here, in order, the peer's end included. Each frame is sent where it belongs by frame-dispatch.ts.
 * Layout is parser.ts, fragments are assembler.ts, whole messages delivery.ts; control frames and states are endpoint.ts.
 */

import type { AssemblerOwner, MessageAssembler } from './assembler.ts';
import { Charge } from './charge.ts';
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

/** Reasons to stop reading, as bits: each has its own resume. */
export const PAUSED_BY_USER = 1;
export const PAUSED_BY_REPLIES = 2;
export const PAUSED_BY_CODEC = 4;
/** The memory budget has no room. Unlike the others, this one stops the transport only: what was read already is processed. */
export const PAUSED_BY_BUDGET = 8;
const STOPPED = PAUSED_BY_USER | PAUSED_BY_REPLIES | PAUSED_BY_CODEC;

/** Who decides what a receiver leaves open. */
export interface ReceiverOwner extends FrameDispatchOwner {
  /** The peer ended its direction, and everything before that has been processed. */
  onReceiveEnd(): void;
  fail(error: unknown): void;
  /** A connection that has not received a message yet needs neither of them. */
  makeAssembler(receiver: AssemblerOwner): MessageAssembler;
  makeDelivery(receiver: DeliveryOwner): Delivery;
}

export interface ReceiverOptions {
  readonly role: Role;
  readonly codec: MessageCodec | null;
  readonly text: TextDelivery;
  readonly maxMessageSize: number;
  /** Undefined: messages are reported whole. */
  readonly maxStreamSize: number | undefined;
  readonly memoryBudget: MemoryBudget;
}

/** Receives for one endpoint. */
export class Receiver implements DeliveryOwner, AssemblerOwner, MessageReceiver {
  readonly #sink: ByteSink;
  readonly #replies: Replies;
  readonly #owner: ReceiverOwner;
  readonly #parser: FrameParser;
  /** Null until the first data frame, as is the delivery. */
  #assembler: MessageAssembler | null = null;
  #delivery: Delivery | null = null;
  readonly #frames: FrameDispatch | StreamDispatch;
  readonly memoryBudget: MemoryBudget;

  /** Whether something of the chunk that was received last is still needed: a view of it was delivered, or it waits. */
  keepsChunk = false;
  #pauses = 0;
  #isProcessing = false;
  #isClosing = false;
  /** Chunks that wait: read while paused, or handed in while another is being processed. */
  #backlog: Buffer[] | null = null;
  #backlogOffset = 0;
  #backlogCharge: Charge | null = null;
  /** The peer's end came while we were paused or busy. */
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

  /** Whether the peer owes the rest of a message or frame. */
  get insideMessage(): boolean {
    return this.#frames.insideMessage || this.#parser.insideFrame;
  }

  /** Counts pieces of data frames that arrived: while it stands still inside a message, there is no progress. */
  get dataPieces(): number {
    return this.#frames.dataPieces;
  }

  /** The `PAUSED_BY_…` bits that hold. */
  get pauses(): number {
    return this.#pauses;
  }

  /** Whether nothing that the peer sends is looked at any more. */
  get isOff(): boolean {
    return this.#parser.isOff;
  }

  /** Whether messages are dropped, not delivered. */
  get isDiscarding(): boolean {
    return this.#frames.isDiscarding;
  }

  /** As `Endpoint.receive`. */
  receive(chunk: Buffer): boolean {
    // Handed in while paused, or from inside a callback: its turn comes.
    if (this.#isProcessing || this.isStopped) {
      if (this.#parser.isOff) return true;
      this.keepsChunk = true;
      this.#backlog ??= [];
      this.#backlog.push(chunk);
      this.#countBacklog(chunk.length);
      return this.#pauses === 0;
    }
    this.keepsChunk = false;
    this.#process(chunk, 0);
    if (this.#backlog !== null || this.#endWaits) this.#continue();
    return this.#pauses === 0;
  }

  /** The peer ended its direction. While paused, the end waits as everything else. */
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

  /** One of the reasons is over. Events may be reported before this returns. */
  resumeFrom(reason: number): void {
    if ((this.#pauses & reason) === 0) return;
    this.#pauses &= ~reason;
    if (!this.isStopped) this.#assembler?.restart();
    if (!this.#isProcessing) this.#continue();
    if (this.#pauses === 0 && !this.#parser.isOff) this.#sink.resumeReading();
  }

  /**
   * The application closes: the peer's Close must be seen, so from now on nothing but replies stops reading.
   * @param keepsPause the application's pause goes on: it has resumed when it wants to see it
   */
  closing(keepsPause: boolean): void {
    this.#isClosing = true;
    const over = keepsPause ? PAUSED_BY_BUDGET : PAUSED_BY_USER | PAUSED_BY_BUDGET;
    if ((this.#pauses & over) !== 0) this.#discard();
  }

  /** What still arrives is checked, but dropped. */
  #discard(): void {
    this.#frames.isDiscarding = true;
    this.#delivery?.discard();
    this.#assembler?.discard();
    this.resumeFrom(PAUSED_BY_USER | PAUSED_BY_BUDGET);
  }

  /** §5.5.1, §7.1.7: nothing that the peer sends from now on is looked at. An end that waits follows with `endIfSeen`. */
  switchOff(): void {
    this.#parser.switchOff();
    this.#assembler?.leave();
    this.#delivery?.switchOff();
    this.#backlog = null;
    this.#backlogOffset = 0;
    this.#backlogCharge?.resize(0);
    this.#pauses = 0;
  }

  /** Once switched off: an end that came while paused is processed now. */
  endIfSeen(): void {
    if (this.#endWaits && !this.#isProcessing) this.#end();
  }

  /** The one place where what goes wrong below, or in a callback, becomes a close. Null: the message that was decoded. */
  #process(chunk: Buffer | null, offset: number): void {
    this.#isProcessing = true;
    this.#replies.begin();
    try {
      if (chunk === null) {
        this.#delivery?.deliverDecoded();
      } else {
        const parsed = this.#parser.push(chunk, offset);
        if (parsed < chunk.length) this.#keep(chunk, parsed);
      }
      this.#replies.answerNewest();
    } catch (error) {
      this.#owner.fail(error);
    }
    this.#replies.end();
    this.#isProcessing = false;
  }

  /** A handler paused us in the middle of a chunk: the rest comes first when we go on. */
  #keep(chunk: Buffer, offset: number): void {
    this.keepsChunk = true;
    if (this.#backlog === null) this.#backlog = [chunk];
    else this.#backlog.unshift(chunk);
    this.#backlogOffset = offset;
    this.#countBacklog(chunk.length);
  }

  #countBacklog(bytes: number): void {
    this.#backlogCharge ??= new Charge(this.memoryBudget);
    this.#backlogCharge.resize(this.#backlogCharge.bytes + bytes);
  }

  #continue(): void {
    if (this.#delivery?.hasDecoded === true && !this.isStopped) this.#process(null, 0);
    while (this.#backlog !== null && !this.isStopped) {
      const chunk = this.#backlog.shift();
      if (chunk === undefined) {
        this.#backlog = null;
        break;
      }
      const offset = this.#backlogOffset;
      this.#backlogOffset = 0;
      this.#countBacklog(-chunk.length);
      this.#process(chunk, offset);
    }
    if (this.#endWaits && !this.isStopped) this.#end();
  }

  #end(): void {
    this.#endWaits = false;
    this.#owner.onReceiveEnd();
  }

  // ---- the memory budget ----

  /** Whether what was read already waits, too. */
  get isStopped(): boolean {
    return (this.#pauses & STOPPED) !== 0;
  }

  /** The application holds messages of this connection: if there is no room for more, reading stops until there is. */
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

  // ---- what the codec's delays mean ----

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
