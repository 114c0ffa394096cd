/**
 * The queue for messages and control frames that cannot be sent at once. Messages wait while the codec compresses an earlier message in
 * other threads (7692 §6.1). If a callback sends something while a frame is half written, the new message or frame waits (§5.4). A pong
 * waits while the transport is blocked (§5.5.3). The Close frame waits for all messages (§5.5.1). sender.ts decides what goes into the
 * queue, and writer.ts writes the frames.
 */

import type { Completion } from './completion.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { type FrameOptions, type Outgoing, OutgoingList, SERIALIZED } from './outgoing.ts';
import type { ByteSink, SendCallback, SharedMemory } from './sink.ts';
import { FIN, type FrameWriter, RSV1 } from './writer.ts';

/** The owner of a queue. */
export interface SendQueueOwner {
  /** The codec failed. */
  fail(error: unknown): void;
  /** Is called directly before our Close frame is written. */
  onCloseFrame(payload: Uint8Array): void;
  /** Is called when the last waiting message has been written or aborted. */
  onIdle(): void;
}

// All endpoints share this empty list. An endpoint creates a separate list when its first item must wait.
const emptyList: OutgoingList = new OutgoingList();

/** One endpoint's queue. */
export class SendQueue {
  readonly #sink: ByteSink;
  readonly #writer: FrameWriter;
  readonly #completion: Completion;
  readonly #owner: SendQueueOwner;
  readonly #codec: MessageCodec | null;
  readonly #memoryBudget: MemoryBudget;
  #list: OutgoingList = emptyList;
  /** The message that the codec is compressing. It stays in the list, before the other messages. */
  #inCodec: Outgoing | null = null;
  /** The message that is being sent in parts. It stays in the list, before the other messages. */
  #streamed: Outgoing | null = null;
  #pong: Outgoing | null = null;
  /** True if a frame or a fragmented message is half written, or `pump` is running. If so, a new item must wait. */
  isWriting = false;
  isStopped = false;

  constructor(
    sink: ByteSink,
    writer: FrameWriter,
    completion: Completion,
    owner: SendQueueOwner,
    codec: MessageCodec | null,
    memoryBudget: MemoryBudget,
  ) {
    this.#sink = sink;
    this.#writer = writer;
    this.#completion = completion;
    this.#owner = owner;
    this.#codec = codec;
    this.#memoryBudget = memoryBudget;
  }

  get #ownList(): OutgoingList {
    if (this.#list === emptyList) this.#list = new OutgoingList();
    return this.#list;
  }

  /** The total payload size of all items. */
  get bytes(): number {
    return this.#list.bytes;
  }

  /** The number of waiting messages, including our Close frame. */
  get messages(): number {
    return this.#list.messages;
  }

  /** Adds `done` to the callbacks of the last waiting message. @returns false if no message waits */
  whenLastSent(done: SendCallback): boolean {
    const { last } = this.#list;
    last?.addDone(done);
    return last !== null;
  }

  /** Is called when a message must wait. From now on, its bytes count in the memory budget. */
  countWaiting(item: Outgoing): void {
    item.count(this.#memoryBudget);
  }

  get isCloseWaiting(): boolean {
    return this.#list.endsWithClose;
  }

  /** Adds an item. Then call `pump`: if the item need not wait, `pump` sends it. */
  add(item: Outgoing): void {
    this.#ownList.add(item);
  }

  /** §5.5.3: only the newest pong waits. @param pong replaces the waiting pong. Null removes the waiting pong */
  replacePong(pong: Outgoing | null): void {
    if (this.#pong !== null) this.#list.remove(this.#pong);
    this.#pong = pong;
    if (pong !== null) this.#ownList.add(pong);
  }

  /** Writes a message that need not wait. */
  writeNow(opcode: number, payload: Uint8Array, ownsPayload: boolean, options: FrameOptions | null): void {
    this.isWriting = true;
    try {
      this.#writeMessage(opcode, payload, ownsPayload, options, null);
    } finally {
      this.isWriting = false;
    }
    this.pump();
  }

  /** Writes a serialized frame that need not wait. */
  writeSerialized(frame: Uint8Array, shared: SharedMemory | null): void {
    this.isWriting = true;
    try {
      this.#writer.writeSerialized(frame, shared);
    } finally {
      this.isWriting = false;
    }
    this.pump();
  }

  /** §5.4: writes one frame of the message in parts. Then writes the control frames that were added during this call. */
  writeFragment(first: number, payload: Uint8Array, ownsPayload: boolean): void {
    this.isWriting = true;
    try {
      this.#writer.writeFrame(first, payload, ownsPayload, null);
    } finally {
      this.isWriting = false;
    }
    this.pump();
  }

  /** Is called at the end of a message in parts: its last frame is written, or it is aborted before its first frame. */
  endStream(item: Outgoing): void {
    if (this.#streamed === item) this.#streamed = null;
    if (!this.#list.remove(item)) return;
    item.wireSize = 0;
    if (item.done !== null) this.#completion.whenSent(item.done);
    if (this.messages > 0) this.pump();
    else this.#owner.onIdle();
  }

  /** True if a message in parts has begun to be sent, and has not ended. */
  get isStreaming(): boolean {
    return this.#streamed !== null;
  }

  /** Writes, in order, all items that need not wait. */
  pump(): void {
    if (this.isWriting || this.#list.head === null) return;
    this.isWriting = true;
    const wasWaiting = this.messages > 0;
    try {
      for (let item = this.#next(); item !== null; item = this.#next()) this.#process(item);
    } finally {
      this.isWriting = false;
    }
    if (wasWaiting && this.messages === 0) this.#owner.onIdle();
  }

  /** Drops all waiting items, and the rest of a half-written message. After this, only a Close frame can be sent. */
  stop(reason: Error | null): void {
    this.isStopped = true;
    this.#drop(reason, true);
  }

  #next(): Outgoing | null {
    let item = this.#list.head;
    // If the transport is blocked, only the pong waits. The sink accepts all other items.
    if (item !== null && item === this.#pong && this.#sink.blocked) item = item.next;
    return item === this.#inCodec || item === this.#streamed ? null : item;
  }

  #process(item: Outgoing): void {
    if (item.stream !== null) {
      this.#streamed = item;
      item.stream.onTurn();
      return;
    }
    if (item.compress !== false && !this.#compress(item)) return;
    const { opcode, payload, done } = item;
    this.#list.remove(item);
    item.wireSize = payload.length;
    if (item === this.#pong) this.#pong = null;
    if (opcode === Opcode.Close) this.#owner.onCloseFrame(payload);
    if (opcode === SERIALIZED) {
      this.#writer.writeSerialized(payload, item.shared);
    } else {
      const first = item.isCompressed ? RSV1 | opcode : opcode;
      const shared = item.isCompressed && item.hasOwnResult ? null : item.shared;
      this.#writeMessage(first, payload, item.ownsPayload, item.options, shared);
    }
    // From now on, the sink counts the shared memory, so the item must not count it too.
    item.uncount(this.#memoryBudget);
    if (done === null) return;
    if (this.isStopped) this.#completion.refuse(done, null);
    else this.#completion.whenSent(done);
  }

  #writeMessage(
    first: number,
    payload: Uint8Array,
    ownsPayload: boolean,
    options: FrameOptions | null,
    shared: SharedMemory | null,
  ): void {
    const { length } = payload;
    const fragmentSize = options?.fragmentSize;
    const lastSize = options?.lastFragmentSize ?? fragmentSize ?? length;
    if (fragmentSize === undefined || length <= lastSize) {
      this.#writer.writeFrame(FIN | first, payload, ownsPayload, shared);
      return;
    }
    // §5.4: the first fragment has the opcode, and RSV1 if compressed (7692 §6.1). The other fragments are continuations. The last has FIN.
    let opcode = first;
    for (let start = 0; start < length && !this.isStopped; opcode = Opcode.Continuation) {
      const isLast = length - start <= lastSize;
      const end = isLast ? length : start + fragmentSize;
      this.#writer.writeFrame((isLast ? FIN : 0) | opcode, payload.subarray(start, end), ownsPayload, shared);
      start = end;
      // §5.4: control frames may come between the fragments.
      for (let item = this.#next(); item?.isPingOrPong; item = this.#next()) this.#process(item);
    }
  }

  // ---- the codec ----

  /** Compresses an item. @returns true if the item can be written now */
  #compress(item: Outgoing): boolean {
    const { payload, compress } = item;
    item.compress = false;
    // 7692 §6.1: the sender may decide for each message whether to compress it.
    if (this.#codec === null || payload.length < this.#codec.threshold) return true;
    item.hasOwnResult = compress === true;
    let result: Uint8Array | Promise<Uint8Array>;
    try {
      result = typeof compress === 'function' ? compress() : this.#codec.compress(payload, true);
    } catch (error) {
      this.#codecFailed(error);
      return false;
    }
    if (!(result instanceof Promise)) {
      item.replace(result);
      return true;
    }
    this.#inCodec = item;
    result.then(
      (compressed) => this.#onCompressed(item, compressed),
      (error: unknown) => {
        if (this.#inCodec === item) this.#codecFailed(error);
      },
    );
    return false;
  }

  #onCompressed(item: Outgoing, result: Uint8Array): void {
    if (this.#inCodec !== item) return;
    this.#inCodec = null;
    item.replace(result);
    try {
      this.pump();
    } catch (error) {
      this.#codecFailed(error);
    }
  }

  /**
   * Drops all messages, because after an error of the codec, our compression context may differ from the peer's. A waiting Close frame is
   * still sent.
   */
  #codecFailed(error: unknown): void {
    this.#drop(error instanceof Error ? error : null, false);
    this.#owner.fail(error);
    this.pump();
  }

  #drop(reason: Error | null, closeToo: boolean): void {
    this.#inCodec = null;
    this.#streamed = null;
    if (closeToo) this.#pong = null;
    let next: Outgoing | null = null;
    for (let item = this.#list.head; item !== null; item = next) {
      next = item.next;
      if (!closeToo && (item.isPingOrPong || item.opcode === Opcode.Close)) continue;
      this.#list.remove(item);
      item.wireSize = 0;
      item.uncount(this.#memoryBudget);
      item.stream?.onStopped(reason);
      this.#completion.refuse(item.done, reason);
    }
  }
}
