/**
 * What counts as a reply: bytes that a server sends while it delivers received data. A peer that does not read them must not go
 * on asking, so above a mark the endpoint stops reading (RFC 6455 §10.4). A client that did so, facing a server that does, would
 * deadlock; and what the application sends by itself never stops reading, or two busy endpoints would.
 */

import type { MemoryBudget } from './memory-budget.ts';
import type { Role } from './parser.ts';
import type { SendQueue } from './send-queue.ts';
import { frameHeaderSize } from './serializer.ts';
import type { ByteSink } from './sink.ts';
import type { FrameWriter } from './writer.ts';

// While memory is scarce: pings of one chunk that are answered one by one. An honest peer never sends as many at once.
const MAX_PONGS = 32;

/** Counts one endpoint's replies that have not left. */
export class Replies {
  readonly #sink: ByteSink;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #isServer: boolean;
  readonly #highWaterMark: number;
  readonly #memoryBudget: MemoryBudget;
  #isOpen = false;
  /** Pings since `begin`. */
  #pings = 0;
  #bytes = 0;
  /** Where in the stream of sent bytes the last one ends; `Infinity` while replies wait in the queue. */
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

  /** More of them wait than the high-water mark allows, if anything waits at all. */
  get pileUp(): boolean {
    return this.#bytes > this.#highWaterMark;
  }

  /** Received data is about to be delivered: what is sent from now on, up to `end`, are replies. */
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
   * A ping came. §5.5.3: of pings that were not answered yet, only the newest one has to be. While memory is scarce, a flood of
   * them must not fill a slab of replies for each connection.
   * @returns whether its answer leaves now; else it waits for `answerNewest`, and a newer one takes its place
   */
  takesPong(): boolean {
    return ++this.#pings <= MAX_PONGS || !this.#memoryBudget.isScarce;
  }

  /** All received data was delivered: the answer to the newest of too many pings leaves. */
  answerNewest(): void {
    if (this.#pings > MAX_PONGS) this.#queue.pump();
  }

  /** A message or control frame is sent. @param size payload bytes */
  add(size: number): void {
    if (this.#isOpen) this.#bytes += size + frameHeaderSize(size, false);
  }
}
