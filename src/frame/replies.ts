/**
 * Counts replies: bytes that a server sends while it delivers received data. A peer that does not read the replies must not cause more and
 * more replies. So above a high-water mark the server stops reading (RFC 6455 §10.4). A client never stops reading because of its replies:
 * if both sides stopped, neither side would continue. For the same reason, bytes that the application sends at other times do not stop
 * reading.
 */

import type { MemoryBudget } from './memory-budget.ts';
import type { Role } from './parser.ts';
import type { SendQueue } from './send-queue.ts';
import { frameHeaderSize } from './serializer.ts';
import type { ByteSink } from './sink.ts';
import type { FrameWriter } from './writer.ts';

// While memory is scarce, at most this many pings of one chunk are answered one by one. An honest peer never sends so many at once.
const MAX_PONGS = 32;

/** Counts the replies of one endpoint that have not left. */
export class Replies {
  readonly #sink: ByteSink;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #isServer: boolean;
  readonly #highWaterMark: number;
  readonly #memoryBudget: MemoryBudget;
  #isOpen = false;
  /** The number of pings since `begin` was called. */
  #pings = 0;
  #bytes = 0;
  /** The offset in the stream of sent bytes where the last reply ends. `Infinity` while replies wait in the queue. */
  #end = 0;

  constructor(
    sink: ByteSink,
    writer: FrameWriter,
    queue: SendQueue,
    role: Role,
    highWaterMark: number,
    memoryBudget: MemoryBudget,
  ) {
    this.#memoryBudget = memoryBudget;
    this.#sink = sink;
    this.#writer = writer;
    this.#queue = queue;
    this.#isServer = role === 'server';
    this.#highWaterMark = highWaterMark;
  }

  /** Whether more bytes of replies wait than the high-water mark allows. Meaningful only while something waits. */
  get isOverHighWaterMark(): boolean {
    return this.#bytes > this.#highWaterMark;
  }

  /** Call this before received data is delivered: all bytes sent from now on, until `end` is called, are replies. */
  begin(): void {
    this.#pings = 0;
    if (!this.#isServer) return;
    this.#isOpen = true;
    if (this.#bytes === 0) return;
    const { sentBytes } = this.#writer;
    if (this.#end === Number.POSITIVE_INFINITY && this.#queue.messages === 0) this.#end = sentBytes;
    if (sentBytes - this.#sink.bufferedAmount >= this.#end) this.#bytes = 0;
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#end = this.#queue.messages > 0 ? Number.POSITIVE_INFINITY : this.#writer.sentBytes;
  }

  /**
   * Call this when a ping has arrived. §5.5.3: of the pings that were not answered yet, only the newest must be answered. This method uses
   * that permission while memory is scarce. So a flood of pings does not fill memory with pongs.
   * @returns whether to send the pong now. If false, the pong waits for `answerNewest`. A pong for a newer ping replaces it
   */
  takesPong(): boolean {
    return ++this.#pings <= MAX_PONGS || !this.#memoryBudget.isScarce;
  }

  /** Call this when all received data was delivered. If there were too many pings, the pong for the newest ping leaves now. */
  answerNewest(): void {
    if (this.#pings > MAX_PONGS) this.#queue.pump();
  }

  /** Counts a message or control frame that is sent. @param size payload bytes */
  add(size: number): void {
    if (this.#isOpen) this.#bytes += size + frameHeaderSize(size, false);
  }
}
