/**
 * What waits to be sent, in order: RFC 6455 §5.4 (messages keep their order; control frames may come between them), §5.5.1
 * (nothing but pongs follows a Close frame). What they wait for is send-queue.ts.
 */

import type { MemoryBudget } from './memory-budget.ts';
import { isControl, Opcode } from './opcode.ts';
import type { SendCallback, SharedMemory } from './sink.ts';

/** Whether a message goes through the codec; a function is called, when its turn comes, in place of the codec's. */
export type Compressing = boolean | (() => Uint8Array | Promise<Uint8Array>);

/** How a message is cut into frames (§5.4), and whether it is compressed. */
export interface FrameOptions {
  /** False: not through the codec, if there is one. @default true */
  readonly compress?: boolean | undefined;
  /** Payload bytes of a frame; a longer message goes out in several. @default one frame */
  readonly fragmentSize?: number | undefined;
  /** With `fragmentSize`: payload bytes that the last, or only, frame may have. @default fragmentSize */
  readonly lastFragmentSize?: number | undefined;
}

/** @throws {RangeError} for a `fragmentSize` that is not a positive integer, or a `lastFragmentSize` below it */
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

/** In place of an opcode: the payload is a whole frame. */
export const SERIALIZED = -1;

/** In place of an opcode: a message that comes in parts, see `Outgoing.stream`. */
export const STREAMED = -2;

/** A message whose parts come while it is sent. */
export interface StreamedMessage {
  /** Everything before it was written: its first frame may follow. */
  onTurn(): void;
  /** Its rest is never sent. @param reason what the connection failed with, if that is known */
  onStopped(reason: Error | null): void;
}

/** A message, or a control frame, that could not be sent at once. */
export class Outgoing {
  next: Outgoing | null = null;
  /** Or `SERIALIZED`, or `STREAMED`. */
  readonly opcode: number;
  /** Replaced by what the codec makes of it. */
  payload: Uint8Array;
  /** The payload may be masked where it lies. */
  readonly ownsPayload: boolean;
  options: FrameOptions | null = null;
  compress: Compressing = false;
  /** Other connections send the same payload, and hold the same memory. */
  isShared = false;
  shared: SharedMemory | null = null;
  done: SendCallback | null = null;
  stream: StreamedMessage | null = null;
  /** Bytes that it counts for while it waits. */
  readonly size: number;
  /** They are counted. */
  #isCounted = false;
  /** The codec changed the payload (7692 §6.1: RSV1). */
  isCompressed = false;
  /** What the codec made of it is this connection's alone. */
  hasOwnResult = false;
  /** Payload bytes on the wire; -1 while it waits, 0 if it will never be sent. */
  wireSize = -1;

  constructor(opcode: number, payload: Uint8Array, ownsPayload: boolean) {
    this.opcode = opcode;
    this.payload = payload;
    this.ownsPayload = ownsPayload;
    this.size = payload.length;
  }

  /** The payload is other connections' as well. */
  share(shared: SharedMemory | null, done: SendCallback | null): this {
    this.isShared = true;
    this.shared = shared;
    this.done = done;
    return this;
  }

  /** 7692 §6.1: RSV1 says that a message is compressed; a codec that would not make it smaller returns it as it was. */
  replace(result: Uint8Array): void {
    this.isCompressed = result !== this.payload;
    this.payload = result;
  }

  /** One more callback for the same message. */
  addDone(done: SendCallback): void {
    const before = this.done;
    this.done = before === null ? done : both(before, done);
  }

  /** A message that waits counts from now on. */
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

  /** A ping or a pong: it waits for no message. */
  get isPassing(): boolean {
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

/** A linked list: pings and pongs in front, then messages, then the Close frame. */
export class OutgoingList {
  head: Outgoing | null = null;
  #tail: Outgoing | null = null;
  /** Payload bytes of everything that waits. */
  bytes = 0;
  /** Messages and Close frames that wait. */
  messages = 0;

  /** The last of the messages that wait, or our Close frame after them; null if none does. */
  get last(): Outgoing | null {
    return this.messages === 0 ? null : this.#tail;
  }

  get endsWithClose(): boolean {
    return this.#tail?.opcode === Opcode.Close;
  }

  add(item: Outgoing): void {
    this.bytes += item.size;
    if (item.isPassing) {
      this.#addInFront(item);
      return;
    }
    this.messages++;
    if (this.#tail === null) this.head = item;
    else this.#tail.next = item;
    this.#tail = item;
  }

  /** @returns whether the item was there */
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
    if (!item.isPassing) this.messages--;
    return true;
  }

  /** Pings and pongs keep their order among each other. */
  #addInFront(item: Outgoing): void {
    let before: Outgoing | null = null;
    let after = this.head;
    while (after?.isPassing) {
      before = after;
      after = after.next;
    }
    item.next = after;
    if (before === null) this.head = item;
    else before.next = item;
    if (after === null) this.#tail = item;
  }
}
