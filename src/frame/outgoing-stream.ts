/**
 * Sends a message in parts, when the application provides them. RFC 6455 §5.4: fragments allow messages of unknown size. The first frame is
 * written after all earlier messages: send-queue.ts keeps the order. api/send-stream.ts gets the parts from the application.
 */

import type { Completion } from './completion.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { Outgoing, STREAMED, type StreamedMessage } from './outgoing.ts';
import type { SendQueue } from './send-queue.ts';
import type { ByteSink, SendCallback } from './sink.ts';
import { FIN, RSV1 } from './writer.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

/** One message in parts. Call `write` and `end` only after `onTurn`, and only after the previous `write` has finished. */
export class OutgoingStream {
  readonly #sink: ByteSink;
  readonly #queue: SendQueue;
  readonly #completion: Completion;
  readonly #codec: MessageCodec | null;
  readonly #item: Outgoing = new Outgoing(STREAMED, NOTHING, true);
  #isBegun = false;
  #isOver = false;

  /**
   * @param codec compresses the parts. If it is null, the parts are sent uncompressed
   * @param owner provides the parts. Its `onTurn` is called when all earlier messages are written. This may happen inside `start`
   */
  constructor(
    sink: ByteSink,
    queue: SendQueue,
    completion: Completion,
    codec: MessageCodec | null,
    owner: StreamedMessage,
  ) {
    this.#sink = sink;
    this.#queue = queue;
    this.#completion = completion;
    this.#codec = codec?.compressPart === undefined ? null : codec;
    this.#item.stream = {
      onTurn: () => owner.onTurn(),
      onStopped: (reason) => {
        this.#isOver = true;
        owner.onStopped(reason);
      },
    };
  }

  /** Adds the message to the queue, after the messages that already wait. */
  start(): this {
    this.#queue.add(this.#item);
    this.#queue.pump();
    return this;
  }

  /** True if a frame of this message was written. If so, the next message must wait until this message ends. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** True if the last frame was written, or the message was aborted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The number of bytes, of this message and of other messages, that the sink has not sent yet. */
  get bufferedAmount(): number {
    return this.#sink.bufferedAmount;
  }

  /**
   * Sends one part as one frame.
   * @param opcode the opcode of the message
   * @param payload at least one byte. Do not change the payload until it has left the process
   * @returns a Promise if the codec compresses the part in other threads. The Promise resolves when the frame is written
   * @throws any error of the codec
   */
  write(opcode: number, payload: Uint8Array): void | Promise<void> {
    const first = this.#nextFirst(opcode);
    if (this.#codec === null) {
      this.#writeFrame(first, payload, false);
      return;
    }
    const result = this.#codec.compressPart!(payload, true);
    if (!(result instanceof Promise)) {
      this.#writeFrame(first, result, true);
      return;
    }
    return result.then((compressed) => this.#writeFrame(first, compressed, true));
  }

  /**
   * Returns the first byte of the next frame, without FIN. After the first call, the message must be sent to its end: the peer and the
   * codec's context already contain the beginning.
   */
  #nextFirst(opcode: number): number {
    if (this.#isBegun) return Opcode.Continuation;
    this.#isBegun = true;
    // 7692 §6.1: RSV1 is set on the first frame only.
    return this.#codec === null ? opcode : RSV1 | opcode;
  }

  #writeFrame(first: number, payload: Uint8Array, ownsPayload: boolean): void {
    if (!this.#isOver) this.#queue.writeFragment(first, payload, ownsPayload);
  }

  /** Calls `done` when all bytes that were sent so far have left. If they cannot leave, `done` receives an error. */
  whenSent(done: SendCallback): void {
    this.#completion.whenSent(done);
  }

  /** §5.4: sends the last frame. @param done called with null when the message has left, or with an error if it cannot leave */
  end(opcode: number, done: SendCallback): void {
    if (this.#isOver) {
      this.#completion.refuse(done, null);
      return;
    }
    const first = FIN | this.#nextFirst(opcode);
    this.#isOver = true;
    this.#queue.writeFragment(first, this.#codec?.endOfParts ?? NOTHING, false);
    this.#item.addDone(done);
    this.#queue.endStream(this.#item);
  }

  /**
   * If no frame was written, aborts the message. After the first frame, this has no effect: only the end of the connection can abort the
   * message.
   */
  cancel(): void {
    if (this.#isOver || this.#isBegun) return;
    this.#isOver = true;
    this.#queue.endStream(this.#item);
  }
}
