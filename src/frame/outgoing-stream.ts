/**
 * A message that is sent while it comes: RFC 6455 §5.4, whose fragments are for messages of unknown size. Its place among the others is
 * send-queue.ts; how its parts are waited for is its owner's.
 */

import type { Completion } from './completion.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { Outgoing, STREAMED, type StreamedMessage } from './outgoing.ts';
import type { SendQueue } from './send-queue.ts';
import type { ByteSink, SendCallback } from './sink.ts';
import { FIN, RSV1 } from './writer.ts';

const NOTHING: Uint8Array = new Uint8Array(0);

/** One message in parts. `write` and `end` may be called once its turn has come, one at a time. */
export class OutgoingStream {
  readonly #sink: ByteSink;
  readonly #queue: SendQueue;
  readonly #completion: Completion;
  readonly #codec: MessageCodec | null;
  readonly #item: Outgoing = new Outgoing(STREAMED, NOTHING, true);
  #isBegun = false;
  #isOver = false;

  /**
   * @param codec null: its parts are sent as they are
   * @param owner is notified of the turn, perhaps from inside `start`
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

  /** It takes its place after what waits already. */
  start(): this {
    this.#queue.add(this.#item);
    this.#queue.pump();
    return this;
  }

  /** Whether a frame of it was written: then only its end, or that of the connection, lets other messages follow. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** Whether its last frame was written, or it was given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Bytes that the transport has not taken yet, of this message or others. */
  get bufferedAmount(): number {
    return this.#sink.bufferedAmount;
  }

  /**
   * Sends a part, in a frame of its own.
   * @param opcode of the message: that of its first frame
   * @param payload not empty; left alone, and unchanged by others, until it has left
   * @returns a Promise while the codec works on it in other threads
   * @throws what the codec throws
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

  /** First byte of the next frame, without FIN. From here on the peer, and the codec's context, count on the message. */
  #nextFirst(opcode: number): number {
    if (this.#isBegun) return Opcode.Continuation;
    this.#isBegun = true;
    // 7692 §6.1: RSV1 is the first frame's alone.
    return this.#codec === null ? opcode : RSV1 | opcode;
  }

  #writeFrame(first: number, payload: Uint8Array, ownsPayload: boolean): void {
    if (!this.#isOver) this.#queue.writeFragment(first, payload, ownsPayload);
  }

  /** Calls `done` once everything that was sent so far has left, or with the reason why it never will. */
  whenSent(done: SendCallback): void {
    this.#completion.whenSent(done);
  }

  /** §5.4: the last frame. @param done as that of a message */
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

  /** Gives it up before it has begun; later that is a failure of the connection. */
  cancel(): void {
    if (this.#isOver || this.#isBegun) return;
    this.#isOver = true;
    this.#queue.endStream(this.#item);
  }
}
