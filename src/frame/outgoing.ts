/**
 * The list of items that wait to be sent, in order. RFC 6455 §5.4: messages keep their order, and control frames may come between them.
 * §5.5.1: only pongs may follow a Close frame. An item is a message or a control frame. send-queue.ts decides when each item leaves.
 */

import type { MemoryBudget } from './memory-budget.ts';
import { isControl, Opcode } from './opcode.ts';
import type { SendCallback, SharedMemory } from './sink.ts';

/**
 * Whether a message goes through the codec. If this is a function, it is called instead of `codec.compress` when all earlier messages have
 * been sent.
 */
export type Compressing = boolean | (() => Uint8Array | Promise<Uint8Array>);

/** How a message is cut into frames (§5.4), and whether it is compressed. */
export interface FrameOptions {
  /** False: the message is not compressed, even if there is a codec. @default true */
  readonly compress?: boolean | undefined;
  /** The maximum number of payload bytes of a frame. A longer message is sent in several frames. @default one frame */
  readonly fragmentSize?: number | undefined;
  /** The same maximum for the last frame, or the only frame. Needs `fragmentSize`, and must not be smaller. @default fragmentSize */
  readonly lastFragmentSize?: number | undefined;
}

/** @throws {RangeError} for a `fragmentSize` that is not a positive integer, and for a smaller `lastFragmentSize` */
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

/** Used instead of an opcode: the payload is a whole frame. */
export const SERIALIZED = -1;

/** Used instead of an opcode: the message is sent in parts, see `Outgoing.stream`. */
export const STREAMED = -2;

/** The owner of a message that is sent in parts. */
export interface StreamedMessage {
  /** Called when all earlier messages have been written: from now on, the message's frames may be written. */
  onTurn(): void;
  /** Called when the rest of the message will never be sent. @param reason the error that the connection failed with; null if unknown */
  onStopped(reason: Error | null): void;
}

/** A message, or a control frame, that could not be sent at once. */
export class Outgoing {
  next: Outgoing | null = null;
  /** An opcode, `SERIALIZED` or `STREAMED`. */
  readonly opcode: number;
  /** The payload as it was passed, later the result of the codec. */
  payload: Uint8Array;
  /** Whether the payload may be masked in place. */
  readonly ownsPayload: boolean;
  options: FrameOptions | null = null;
  compress: Compressing = false;
  /** Whether other connections send the same payload, and hold the same memory. */
  isShared = false;
  shared: SharedMemory | null = null;
  done: SendCallback | null = null;
  stream: StreamedMessage | null = null;
  /** The number of bytes that are counted for this item while it waits. */
  readonly size: number;
  /** Whether the bytes of `size` are counted now. */
  #isCounted = false;
  /** Whether the codec changed the payload (7692 §6.1: RSV1). */
  isCompressed = false;
  /** Whether the codec's result belongs to this connection only. */
  hasOwnResult = false;
  /** Payload bytes on the wire; -1 while the item waits, 0 if it will never be sent. */
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
   * Stores the codec's result. If the codec could not make the payload smaller, the result is the payload object itself, and RSV1 stays 0.
   */
  replace(result: Uint8Array): void {
    this.isCompressed = result !== this.payload;
    this.payload = result;
  }

  /** Adds a callback for the same message. */
  addDone(done: SendCallback): void {
    const before = this.done;
    this.done = before === null ? done : both(before, done);
  }

  /** Counts the item's bytes in the memory budget from now on. Does nothing if the item was already sent or dropped. */
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

  /** Whether the item is a ping or a pong. Pings and pongs do not wait for messages. */
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

/** A linked list. Pings and pongs come first, then the messages, then the Close frame. */
export class OutgoingList {
  head: Outgoing | null = null;
  #tail: Outgoing | null = null;
  /** The number of payload bytes of all items that wait. */
  bytes = 0;
  /** The number of messages and Close frames that wait. */
  messages = 0;

  /** The last item that waits, pings and pongs excluded: our Close frame or a message. Null if neither waits. */
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

  /** @returns whether the item was in the list */
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

  /** Adds a ping or pong before the messages. Pings and pongs keep their order. */
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
