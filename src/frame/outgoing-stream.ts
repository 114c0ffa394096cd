/**
 * Sends a message in parts, when the parts become available: RFC 6455 §5.4 has fragments for messages of unknown size. send-queue.ts keeps
 * the message's place among the other messages. The first frame leaves after all earlier messages have been written. The message's owner,
 * such as api/send-stream.ts, gets the parts from the application.
 */

import type { Completion } from './completion.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { Outgoing, STREAMED, type StreamedMessage } from './outgoing.ts';
import type { SendQueue } from './send-queue.ts';
import type { ByteSink, SendCallback } from './sink.ts';
import { FIN, RSV1 } from './writer.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

/** One message in parts. `write` and `end` may be called only after `onTurn`, and after each earlier `write` has finished. */
export class OutgoingStream {
  readonly #sink: ByteSink;
  readonly #queue: SendQueue;
  readonly #completion: Completion;
  readonly #codec: MessageCodec | null;
  readonly #item: Outgoing = new Outgoing(STREAMED, NOTHING, true);
  #isBegun = false;
  #isOver = false;

  /**
   * @param codec null: the parts are sent uncompressed
   * @param owner its `onTurn` is called when all earlier messages have been written. This may happen during the call of `start`
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

  /** Puts the message into the queue, after the messages that already wait. */
  start(): this {
    this.#queue.add(this.#item);
    this.#queue.pump();
    return this;
  }

  /** Whether a frame of this message was written. After this frame, no other message can be sent before this message ends. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Whether the last frame was written, or the message was aborted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes of this message and of other messages that were passed to the sink and have not left yet. */
  get bufferedAmount(): number {
    return this.#sink.bufferedAmount;
  }

  /**
   * Sends a part in a separate frame.
   * @param opcode the opcode of the message, which its first frame carries
   * @param payload not empty; nothing may change it until it has left
   * @returns a Promise if the codec compresses the part in other threads; it resolves when the frame was written
   * @throws the errors of the codec
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
   * Returns the first byte of the next frame, without FIN. After this call, the message must be sent to its end: the peer waits for the
   * end, and the codec's context contains the beginning.
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

  /** Calls `done` when everything that was sent so far has left. If that fails, `done` receives the reason. */
  whenSent(done: SendCallback): void {
    this.#completion.whenSent(done);
  }

  /** §5.4: sends the last frame. @param done called when the message has left, or with the reason why it will not leave */
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
   * Aborts the message if none of its frames was written. After the first frame, only a failure of the connection can abort the message.
   */
  cancel(): void {
    if (this.#isOver || this.#isBegun) return;
    this.#isOver = true;
    this.#queue.endStream(this.#item);
  }
}
