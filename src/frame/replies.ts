/**
 * Counts replies: bytes that a server sends while it delivers received data. A peer that does not read its replies must not cause an
 * unlimited number of replies. So if more bytes of replies wait than the high-water mark allows, the server stops reading (RFC 6455 §10.4).
 * A client never stops reading for this reason: if a client and a server both stopped, the connection would hang. Bytes that the
 * application sends at other times are not counted.
 */

import type { MemoryBudget } from './memory-budget.ts';
import type { Role } from './parser.ts';
import type { SendQueue } from './send-queue.ts';
import { frameHeaderSize } from './serializer.ts';
import type { ByteSink } from './sink.ts';
import type { FrameWriter } from './writer.ts';

// If memory is scarce, at most this number of pings in one chunk get separate answers. An honest peer never sends so many pings at once.
const MAX_PONGS = 32;

/** Counts the waiting replies of one endpoint. */
export class Replies {
  readonly #sink: ByteSink;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #isServer: boolean;
  readonly #highWaterMark: number;
  readonly #memoryBudget: MemoryBudget;
  #isOpen = false;
  /** The number of pings after the last call of `begin`. */
  #pings = 0;
  #bytes = 0;
  /** The total number of sent bytes at the end of the last reply. `Infinity` while replies wait in the queue. */
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

  /**
   * True if the replies that wait to be sent have more bytes than the high-water mark. Read this property only while replies are waiting.
   */
  get isOverHighWaterMark(): boolean {
    return this.#bytes > this.#highWaterMark;
  }

  /** Call this before received data is delivered. Until `end` is called, all sent bytes are replies. */
  begin(): void {
    this.#pings = 0;
    this.#writer.startCollecting();
    if (!this.#isServer) return;
    this.#isOpen = true;
    if (this.#bytes === 0) return;
    const { sentBytes } = this.#writer;
    if (this.#end === Number.POSITIVE_INFINITY && this.#queue.messages === 0) this.#end = sentBytes;
    if (sentBytes - this.#sink.bufferedAmount >= this.#end) this.#bytes = 0;
  }

  end(): void {
    this.#writer.stopCollecting();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#end = this.#queue.messages > 0 ? Number.POSITIVE_INFINITY : this.#writer.sentBytes;
  }

  /**
   * Call this when a ping has arrived. §5.5.3: if several pings are unanswered, an endpoint may answer only the newest. We do this if
   * memory is scarce, so that a flood of pings does not fill the memory with pongs.
   * @returns true if the pong is to be sent now. If false, the pong waits until `writeRest`, and the pong for a newer ping replaces it
   */
  takesPong(): boolean {
    return ++this.#pings <= MAX_PONGS || !this.#memoryBudget.isScarce;
  }

  /**
   * Call this when all received data is delivered. Writes the texts that were collected. If there were too many pings, also sends the pong
   * for the newest ping. Throws the errors of the sink.
   */
  writeRest(): void {
    this.#writer.encodeCollected();
    if (this.#pings > MAX_PONGS) this.#queue.pump();
  }

  /** Counts a sent message or control frame. @param size the payload size */
  add(size: number): void {
    if (this.#isOpen) this.#bytes += size + frameHeaderSize(size, false);
  }
}
