/**
 * The receiving half of an endpoint: RFC 6455 §6.2. It converts chunks to messages, and records the reasons to stop reading. If reading is
 * stopped, the receiver stores the chunks that were already read, in order. parser.ts finds the frames, and frame-dispatch.ts passes
 * them on. assembler.ts joins fragments, delivery.ts delivers messages, and state-machine.ts handles control frames.
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

/** The reasons to stop reading, as bits of one number. The transport is read only if no bit is set. */
export const PAUSED_BY_USER = 1;
export const PAUSED_BY_REPLIES = 2;
export const PAUSED_BY_CODEC = 4;
/** The memory budget has no room. Reading from the transport stops for this reason, but data that was already read is still processed. */
export const PAUSED_BY_BUDGET = 8;
const STOPPED = PAUSED_BY_USER | PAUSED_BY_REPLIES | PAUSED_BY_CODEC;

/** The owner of a receiver. It handles control frames, failures and the peer's end. */
export interface ReceiverOwner extends FrameDispatchOwner {
  /** Is called when the peer has ended its direction, and all earlier data has been processed. */
  onReceiveEnd(): void;
  fail(error: unknown): void;
  /** Is called for the first data frame: before it, a connection needs no assembler and no delivery. */
  makeAssembler(receiver: AssemblerOwner): MessageAssembler;
  makeDelivery(receiver: DeliveryOwner): Delivery;
}

export interface ReceiverOptions {
  readonly role: Role;
  readonly codec: MessageCodec | null;
  readonly text: TextDelivery;
  readonly maxMessageSize: number;
  /** If undefined, each message is reported as a whole. Otherwise, see `EndpointOptions.maxStreamSize`. */
  readonly maxStreamSize: number | undefined;
  readonly memoryBudget: MemoryBudget;
}

/** Receives the data of one endpoint. */
export class Receiver implements DeliveryOwner, AssemblerOwner, MessageReceiver {
  readonly #sink: ByteSink;
  readonly #replies: Replies;
  readonly #owner: ReceiverOwner;
  readonly #parser: FrameParser;
  /** `#assembler` and `#delivery` are null until the first data frame. */
  #assembler: MessageAssembler | null = null;
  #delivery: Delivery | null = null;
  readonly #frames: FrameDispatch | StreamDispatch;
  readonly memoryBudget: MemoryBudget;

  /** True if the last received chunk is still in use: a view of it was delivered, or a part of it waits. */
  keepsChunk = false;
  /** True if the transport will reuse the chunk's memory after the chunk is processed. If so, each part that is kept must be copied. */
  isBorrowed = false;
  #pauses = 0;
  #isProcessing = false;
  #isClosing = false;
  /** Chunks that were received during a pause, or while another chunk was processed. */
  #backlog: Backlog | null = null;
  /** True if the end of the peer's data has arrived, but is not processed yet: it came during a pause, or while a chunk was processed. */
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

  /** True if a part of a message or frame has arrived, but not all of it. */
  get insideMessage(): boolean {
    return this.#frames.insideMessage || this.#parser.insideFrame;
  }

  /** The number of received pieces of data frames. If it stays the same, no unfinished message has grown. */
  get dataPieces(): number {
    return this.#frames.dataPieces;
  }

  /** The `PAUSED_BY_…` bits that are set. */
  get pauses(): number {
    return this.#pauses;
  }

  /** True if all data from the peer is now ignored. */
  get isOff(): boolean {
    return this.#parser.isOff;
  }

  /** True if messages are now dropped, not delivered. */
  get isDiscarding(): boolean {
    return this.#frames.isDiscarding;
  }

  /** Implements `Endpoint.receive`. @param isBorrowed true if the caller will reuse the chunk's memory */
  receive(chunk: Buffer, isBorrowed: boolean): boolean {
    // A chunk must wait if reading is stopped, or if a callback calls `receive` while another chunk is processed.
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

  /** Is called when the peer has ended its direction. If reading is stopped, the end waits, like received data. */
  receiveEnd(): void {
    if (this.#isProcessing || this.isStopped) this.#endWaits = true;
    else this.#owner.onReceiveEnd();
  }

  /** Stops reading for this reason, until `resumeFrom`. */
  pauseFor(reason: number): void {
    if (this.#parser.isOff) return;
    this.#pauses |= reason;
    this.#parser.stop();
    this.#assembler?.stop();
  }

  /** Removes `reason` from the reasons to stop reading. Before this call returns, it may process data that waited. */
  resumeFrom(reason: number): void {
    if ((this.#pauses & reason) === 0) return;
    this.#pauses &= ~reason;
    if (!this.isStopped) this.#assembler?.restart();
    if (!this.#isProcessing) this.#continue();
    if (this.#pauses === 0 && !this.#parser.isOff) this.#sink.resumeReading();
  }

  /**
   * Call this when the application closes the connection. The peer's Close frame must be read, so the memory budget and a pause no longer
   * stop reading.
   * @param keepsPause if true, the application's pause continues, and the Close frame is processed after `resume`
   */
  closing(keepsPause: boolean): void {
    this.#isClosing = true;
    const over = keepsPause ? PAUSED_BY_BUDGET : PAUSED_BY_USER | PAUSED_BY_BUDGET;
    if ((this.#pauses & over) !== 0) this.#discard();
  }

  /** From now on, messages are still checked, but dropped. */
  #discard(): void {
    this.#frames.isDiscarding = true;
    this.#delivery?.discard();
    this.#assembler?.discard();
    this.resumeFrom(PAUSED_BY_USER | PAUSED_BY_BUDGET);
  }

  /** §5.5.1, §7.1.7: from now on, all data from the peer is ignored. If the peer's end waits, `processWaitingEnd` processes it. */
  switchOff(): void {
    this.#parser.switchOff();
    this.#assembler?.leave();
    this.#delivery?.switchOff();
    this.#backlog?.clear();
    this.#pauses = 0;
  }

  /** Is called after `switchOff`. If the peer's end waits, processes it. */
  processWaitingEnd(): void {
    if (this.#endWaits && !this.#isProcessing) this.#end();
  }

  /** Processes a chunk. If `chunk` is null, delivers the decompressed message. Any error, even from a callback, fails the connection. */
  #process(chunk: Buffer | null, offset: number): void {
    this.#isProcessing = true;
    this.#replies.begin();
    try {
      if (chunk === null) {
        this.#delivery?.deliverDecoded();
      } else {
        const parsed = this.#parser.push(chunk, offset);
        // A handler has stopped the parser. The rest of the chunk is processed later, before all other data.
        if (parsed < chunk.length) {
          this.keepsChunk = true;
          this.#openBacklog().unshift(chunk, parsed, this.isBorrowed);
        }
      }
      this.#replies.writeRest();
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

  /** True if the processing of received data is stopped. (The memory budget does not stop it.) */
  get isStopped(): boolean {
    return (this.#pauses & STOPPED) !== 0;
  }

  /** Call this when messages wait for the application. If the budget has no room, reading stops until there is room. */
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
