/**
 * What counts as a reply: bytes that a server sends while it delivers received data. A peer that does not read them must not go
 * on asking, so above a mark the endpoint stops reading (RFC 6455 §10.4). A client that did so, facing a server that does, would
 * deadlock; and what the application sends by itself never stops reading, or two busy endpoints would.
 */

import type { Role } from './parser.ts';
import type { SendQueue } from './send-queue.ts';
import { frameHeaderSize } from './serializer.ts';
import type { ByteSink } from './sink.ts';
import type { FrameWriter } from './writer.ts';

/** Counts one endpoint's replies that have not left. */
export class Replies {
  readonly #sink: ByteSink;
  readonly #writer: FrameWriter;
  readonly #queue: SendQueue;
  readonly #isServer: boolean;
  readonly #highWaterMark: number;
  #isOpen = false;
  #bytes = 0;
  /** Where in the stream of sent bytes the last one ends; `Infinity` while replies wait in the queue. */
  #end = 0;

  constructor(sink: ByteSink, writer: FrameWriter, queue: SendQueue, role: Role, highWaterMark: number) {
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

  /** A message or control frame is sent. @param size payload bytes */
  add(size: number): void {
    if (this.#isOpen) this.#bytes += size + frameHeaderSize(size, false);
  }
}
