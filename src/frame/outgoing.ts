/**
 * A list of the items that wait to be sent. An item is a message or a control frame. Messages keep their order, and control frames may come
 * before them (RFC 6455 §5.4). Our Close frame is the last item (§5.5.1). send-queue.ts decides when each item is sent.
 */

import type { MemoryBudget } from './memory-budget.ts';
import { isControl, Opcode } from './opcode.ts';
import type { SendCallback, SharedMemory } from './sink.ts';

/**
 * True if the codec compresses a message. A function is called in place of `codec.compress`, after all earlier messages were sent.
 */
export type Compressing = boolean | (() => Uint8Array | Promise<Uint8Array>);

/** The number and size of a message's frames (§5.4), and whether the message is compressed. */
export interface FrameOptions {
  /** If false, the message is not compressed, even if there is a codec. @default true */
  readonly compress?: boolean | undefined;
  /** The maximum payload size of a frame. A larger message is sent in several frames. @default one frame */
  readonly fragmentSize?: number | undefined;
  /** The maximum payload size of the last (or only) frame. It needs `fragmentSize`, and must not be smaller. @default fragmentSize */
  readonly lastFragmentSize?: number | undefined;
}

/** @throws {RangeError} if `fragmentSize` is not a positive integer, or if `lastFragmentSize` is smaller */
export function checkFrameOptions({ fragmentSize, lastFragmentSize = fragmentSize }: FrameOptions): void {
  if (fragmentSize === undefined) return;
  if (!Number.isSafeInteger(fragmentSize) || fragmentSize < 1) {
    throw new RangeError(`fragmentSize is ${String(fragmentSize)}, not a positive number of bytes`);
  }
  if (!(lastFragmentSize! >= fragmentSize)) {
    throw new RangeError(
      `lastFragmentSize is ${String(lastFragmentSize)}, less than fragmentSize, ${fragmentSize}`,
    );
  }
}

/** Used in place of an opcode: the payload is a complete frame with its header. */
export const SERIALIZED = -1;

/** Used in place of an opcode: the message is sent in parts, see `Outgoing.stream`. */
export const STREAMED = -2;

/** The owner of a message that is sent in parts. */
export interface StreamedMessage {
  /** Is called when all earlier messages are written. From now on, the frames of this message may be written. */
  onTurn(): void;
  /** Is called if the rest of the message will never be sent. @param reason the error of the connection, or null if it is not known */
  onStopped(reason: Error | null): void;
}

/** A message or a control frame that could not be sent at once. */
export class Outgoing {
  next: Outgoing | null = null;
  /** An opcode, `SERIALIZED` or `STREAMED`. */
  readonly opcode: number;
  /** Until the message is compressed, its original payload. After that, its compressed payload. */
  payload: Uint8Array;
  /** True if the payload may be masked in place. */
  readonly ownsPayload: boolean;
  options: FrameOptions | null = null;
  compress: Compressing = false;
  /** True if other connections send the same payload, from the same memory. */
  isShared = false;
  shared: SharedMemory | null = null;
  done: SendCallback | null = null;
  stream: StreamedMessage | null = null;
  /** The number of bytes that count in the memory budget while this item waits. */
  readonly size: number;
  /** True if the memory budget counts the bytes now. */
  #isCounted = false;
  /** True if the payload is compressed. If so, RSV1 is set (7692 §6.1). */
  isCompressed = false;
  /** True if only this connection uses the codec's result. */
  hasOwnResult = false;
  /** The payload size on the wire. While the item waits, this is -1. If the item will never be sent, this is 0. */
  wireSize = -1;

  constructor(opcode: number, payload: Uint8Array, ownsPayload: boolean) {
    this.opcode = opcode;
    this.payload = payload;
    this.ownsPayload = ownsPayload;
    this.size = payload.length;
  }

  /** Marks the payload as shared with other connections. */
  share(shared: SharedMemory | null, done: SendCallback | null): this {
    this.isShared = true;
    this.shared = shared;
    this.done = done;
    return this;
  }

  /**
   * Stores the codec's result. If compression did not make the payload smaller, the result is the payload object itself, and RSV1 is not
   * set.
   */
  replace(result: Uint8Array): void {
    this.isCompressed = result !== this.payload;
    this.payload = result;
  }

  /** Adds another callback for this message. */
  addDone(done: SendCallback): void {
    const before = this.done;
    this.done = before === null ? done : both(before, done);
  }

  /** From now on, the item's bytes count in the memory budget. Does nothing if the item is already sent or dropped. */
  count(memoryBudget: MemoryBudget): void {
    if (this.wireSize >= 0) return;
    this.#isCounted = true;
    if (this.isShared) this.shared?.hold();
    else memoryBudget.count(this.size);
  }

  uncount(memoryBudget: MemoryBudget): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    if (this.isShared) this.shared?.release();
    else memoryBudget.count(-this.size);
  }

  /** True if the item is a ping or a pong. These do not wait for messages. */
  get isPingOrPong(): boolean {
    return isControl(this.opcode) && this.opcode !== Opcode.Close;
  }
}

function both(first: SendCallback, second: SendCallback): SendCallback {
  return (error) => {
    try {
      first(error);
    } finally {
      second(error);
    }
  };
}

/** A linked list of items: first pings and pongs, then messages, then the Close frame. */
export class OutgoingList {
  head: Outgoing | null = null;
  #tail: Outgoing | null = null;
  /** The total payload size of all items. */
  bytes = 0;
  /** The number of items without pings and pongs: messages, and our Close frame. */
  messages = 0;

  /** Our Close frame, or else the last message. Null if the list has only pings and pongs, or is empty. */
  get last(): Outgoing | null {
    return this.messages === 0 ? null : this.#tail;
  }

  get endsWithClose(): boolean {
    return this.#tail?.opcode === Opcode.Close;
  }

  add(item: Outgoing): void {
    this.bytes += item.size;
    if (item.isPingOrPong) {
      this.#addInFront(item);
      return;
    }
    this.messages++;
    if (this.#tail === null) this.head = item;
    else this.#tail.next = item;
    this.#tail = item;
  }

  /** @returns true if the item was in the list */
  remove(item: Outgoing): boolean {
    let before: Outgoing | null = null;
    for (let one = this.head; one !== item; one = one.next) {
      if (one === null) return false;
      before = one;
    }
    if (before === null) this.head = item.next;
    else before.next = item.next;
    if (this.#tail === item) this.#tail = before;
    item.next = null;
    this.bytes -= item.size;
    if (!item.isPingOrPong) this.messages--;
    return true;
  }

  /** Adds a ping or pong, after earlier pings and pongs and before the messages. */
  #addInFront(item: Outgoing): void {
    let before: Outgoing | null = null;
    let after = this.head;
    while (after?.isPingOrPong) {
      before = after;
      after = after.next;
    }
    item.next = after;
    if (before === null) this.head = item;
    else before.next = item;
    if (after === null) this.#tail = item;
  }
}
