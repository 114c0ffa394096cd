/**
 * The sending half of an endpoint: RFC 6455 §6.1, §9.1. If possible, a message is written at once. Otherwise it goes to the queue in
 * send-queue.ts. For each message, this file checks the send cap (the limit for waiting bytes), counts replies, and copies the payload if
 * needed.
 */

import { Completion } from './completion.ts';
import { ConnectionError } from './connection-error.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import {
  type Compressing,
  type FrameOptions,
  Outgoing,
  SERIALIZED,
  type StreamedMessage,
} from './outgoing.ts';
import { OutgoingStream } from './outgoing-stream.ts';
import type { Role } from './parser.ts';
import { Replies } from './replies.ts';
import { SendCap } from './send-cap.ts';
import { SendQueue, type SendQueueOwner } from './send-queue.ts';
import type { ByteSink, SendCallback, SharedMemory } from './sink.ts';
import { COPY_THRESHOLD, FIN, FrameWriter } from './writer.ts';

/** The owner of a sender. `fail` is also called with an error from a `SendCallback`. */
export interface SenderOwner extends SendQueueOwner {
  /** Is called if more bytes wait than the send cap allows. Drops the connection. */
  abort(error: Error): void;
  /** Is called if too many replies wait. Stops reading until `canTakeReplies` is true. */
  onCongested(): void;
}

export interface SenderOptions {
  readonly role: Role;
  readonly codec: MessageCodec | null;
  readonly highWaterMark: number;
  readonly sendCap: number;
  readonly memoryBudget: MemoryBudget;
}

/** Sends the messages and control frames of one endpoint. */
export class Sender {
  readonly writer: FrameWriter;
  /** Counts the bytes that are sent while received data is delivered. */
  readonly replies: Replies;
  readonly #sink: ByteSink;
  readonly #owner: SenderOwner;
  readonly #codec: MessageCodec | null;
  readonly #sendCap: number;
  readonly #completion: Completion;
  readonly #queue: SendQueue;
  /** Counts messages that cannot leave at once. Null if there was no such message since the transport last had no bytes to send. */
  #cap: SendCap | null = null;

  constructor(sink: ByteSink, owner: SenderOwner, options: SenderOptions) {
    const { role, codec } = options;
    this.#sink = sink;
    this.#owner = owner;
    this.#codec = codec;
    this.#sendCap = options.sendCap;
    this.writer = new FrameWriter(sink, role);
    this.#completion = new Completion(sink, owner);
    const { highWaterMark, memoryBudget } = options;
    this.#queue = new SendQueue(sink, this.writer, this.#completion, owner, codec, memoryBudget);
    this.replies = new Replies(sink, this.writer, this.#queue, role, highWaterMark, memoryBudget);
  }

  /** The number of sent bytes that have not left the process. */
  get bufferedAmount(): number {
    this.writer.encodeCollected();
    return this.#queue.bytes + this.#sink.bufferedAmount;
  }

  /** True if more than `limit` bytes wait to be sent. If possible, decides this without encoding the collected texts. */
  buffersMoreThan(limit: number): boolean {
    const most = this.#queue.bytes + this.#sink.bufferedAmount + this.writer.maxCollectedBytes;
    return most > limit && this.bufferedAmount > limit;
  }

  /** True if messages or our Close frame are waiting to be sent. If so, a new message must wait too. */
  get isWaiting(): boolean {
    return this.#queue.messages > 0;
  }

  /** True if our Close frame waits for earlier messages. */
  get isCloseWaiting(): boolean {
    return this.#queue.isCloseWaiting;
  }

  /** True if no message waits and the transport is not blocked. If too many replies stopped reading, reading may then continue. */
  get canTakeReplies(): boolean {
    return !this.#sink.blocked && this.#queue.messages === 0;
  }

  // ---- messages ----

  /**
   * Sends a text of at most `COPY_THRESHOLD` UTF-16 units, without options. This is the common case, so the text is encoded directly into
   * the sink's memory.
   * @param mayCollect true if the text may be encoded later, together with other texts
   * @returns the payload size; `NOT_ENCODED` if the text is encoded later. -1 if the text must wait or be compressed: in this case, call
   * `send`
   */
  writeText(text: string, mayCollect: boolean): number {
    const { length } = text;
    const queue = this.#queue;
    if (queue.isWriting || queue.messages > 0) return -1;
    if (this.#codec !== null && length * 3 >= this.#codec.threshold) return -1;
    if (!this.#sink.blocked) {
      this.replies.add(length);
      if (mayCollect) return this.writer.collectText(text);
    } else if (!this.#admits(length)) return length;
    return this.writer.writeText(text);
  }

  /**
   * Sends a message, or adds it to the queue.
   * @param ownsPayload true if the sender may keep and change the payload
   * @returns the payload size on the wire; -1 if it is not known yet; 0 if the codec failed
   */
  send(
    opcode: number,
    payload: Uint8Array,
    ownsPayload: boolean,
    options: FrameOptions | null,
    done: SendCallback | null,
  ): number {
    const { length } = payload;
    const compress = options?.compress !== false;
    if (!this.#admits(length)) return this.#overflowed(length, done);
    if (this.#mustWait(length, compress)) {
      // A message that must wait, or that is compressed in other threads, is copied, because the caller may change the payload after this
      // call.
      const item = new Outgoing(opcode, ownsPayload ? payload : new Uint8Array(payload), true);
      item.compress = compress;
      item.options = options;
      item.done = done;
      this.#queue.add(item);
      this.#queue.pump();
      return this.#queuedSize(item);
    }
    if (length <= COPY_THRESHOLD && options?.fragmentSize === undefined) {
      this.writer.writeFrame(FIN | opcode, payload, ownsPayload, null);
    } else {
      this.#queue.writeNow(opcode, payload, ownsPayload, options);
    }
    this.#written(done);
    return length;
  }

  /** Works like `send`, for a message of a server to many connections. The payload is not copied, and must not change. */
  sendShared(
    opcode: number,
    payload: Uint8Array,
    compress: Compressing,
    shared: SharedMemory | null,
    done: SendCallback | null,
  ): number {
    if (!this.#admits(payload.length)) return this.#overflowed(payload.length, done);
    const item = new Outgoing(opcode, payload, true).share(shared, done);
    item.compress = compress;
    this.#queue.add(item);
    this.#queue.pump();
    return this.#queuedSize(item);
  }

  /** Sends a frame from `serializeFrame` (server role). @returns `size` */
  sendSerialized(
    frame: Uint8Array,
    size: number,
    shared: SharedMemory | null,
    done: SendCallback | null,
  ): number {
    if (!this.#admits(frame.length)) return this.#overflowed(size, done);
    if (this.#mustWait(0, false)) {
      const item = new Outgoing(SERIALIZED, frame, false).share(shared, done);
      this.#queue.add(item);
      this.#queue.countWaiting(item);
    } else {
      this.#queue.writeSerialized(frame, shared);
      this.#written(done);
    }
    return size;
  }

  /** Begins a message that is sent in parts. It is sent after the messages that already wait. Returns null if the send cap is exceeded. */
  openStream(compress: boolean, owner: StreamedMessage): OutgoingStream | null {
    if (!this.#admits(0)) return null;
    this.writer.encodeCollected();
    const codec = compress ? this.#codec : null;
    return new OutgoingStream(this.#sink, this.#queue, this.#completion, codec, owner).start();
  }

  /** Refuses a message: sends nothing, and calls `done` with WS_NOT_SENT, but never during this call. */
  refuse(done: SendCallback | null): 0 {
    this.#completion.refuse(done, null);
    return 0;
  }

  /** Calls `done` when all bytes that were sent so far have left. If they cannot leave, `done` receives an error. */
  whenSent(done: SendCallback): void {
    this.writer.encodeCollected();
    if (this.#queue.isStopped) this.refuse(done);
    else if (!this.#queue.whenLastSent(done)) this.#completion.whenSent(done);
  }

  // ---- control frames ----

  /** Sends a ping or a pong. */
  sendControl(opcode: number, payload: Uint8Array): void {
    if (!this.#admits(payload.length)) return;
    if (this.#queue.isWriting) this.#queue.add(new Outgoing(opcode, new Uint8Array(payload), true));
    else this.writer.writeFrame(FIN | opcode, payload, false, null);
  }

  /** Sends the pong for a ping. If the transport is blocked, or if too many pings arrive at once, only the newest pong waits (§5.5.3). */
  sendPong(payload: Uint8Array): void {
    if (!this.replies.takesPong() || this.#sink.blocked) {
      this.#queue.replacePong(new Outgoing(Opcode.Pong, payload, true));
      return;
    }
    this.#queue.replacePong(null);
    this.sendControl(Opcode.Pong, payload);
  }

  /** Call this after the peer's Close frame. Now pings need no answer (§5.5.2), and an unfinished message may stay unfinished (§5.5.1). */
  peerClosed(): void {
    this.#queue.replacePong(null);
    // §5.4: our unfinished message may stay unfinished, and no other message can be sent before it ends. So all messages are dropped.
    if (this.#queue.isStreaming) this.#queue.stop(null);
  }

  /** §5.5.1: no data may follow a Close frame. So waiting messages are sent first. */
  sendClose(payload: Uint8Array): void {
    if (this.#mustWait(0, false)) {
      this.#queue.add(new Outgoing(Opcode.Close, new Uint8Array(payload), true));
      return;
    }
    this.#owner.onCloseFrame(payload);
    this.writer.writeFrame(FIN | Opcode.Close, payload, false, null);
  }

  // ---- the transport ----

  transportBlocked(): void {
    if (this.replies.isOverHighWaterMark) this.#owner.onCongested();
  }

  transportDrained(): void {
    this.#cap = null;
    this.#queue.pump();
  }

  /** Drops all waiting items, see `SendQueue.stop`. */
  stop(reason: Error | null): void {
    this.writer.encodeCollected();
    this.#queue.stop(reason);
  }

  /** Is called once for each message, before it is written. Checks the send cap, and counts replies. */
  #admits(size: number): boolean {
    const { replies } = this;
    replies.add(size);
    if (!this.#sink.blocked && this.#queue.messages === 0) return true;
    this.#cap ??= new SendCap(this.#sendCap);
    if (this.#cap.isExceededBy(size, this.bufferedAmount)) {
      this.#owner.abort(new ConnectionError('WS_SEND_CAP'));
      return false;
    }
    if (replies.isOverHighWaterMark) this.#owner.onCongested();
    return true;
  }

  /** Refuses a message because of the send cap, and reports this to `done`. @returns `size`, like after a successful call */
  #overflowed(size: number, done: SendCallback | null): number {
    this.refuse(done);
    return size;
  }

  #mustWait(size: number, compress: boolean): boolean {
    if (this.#queue.isWriting || this.#queue.messages > 0) return true;
    return this.#codec !== null && compress && size >= this.#codec.threshold;
  }

  /** @returns the payload size of the message on the wire, or -1 if it is not known because the codec is working */
  #queuedSize(item: Outgoing): number {
    if (item.wireSize >= 0) return item.wireSize;
    this.#queue.countWaiting(item);
    if (this.replies.isOverHighWaterMark) this.#owner.onCongested();
    return this.#codec === null ? item.size : -1;
  }

  #written(done: SendCallback | null): void {
    if (done === null) return;
    if (this.#queue.isStopped) this.refuse(done);
    else this.#completion.whenSent(done);
  }
}
