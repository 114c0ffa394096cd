/**
 * Frames into the sink: RFC 6455 §5.2, §5.3, one step for a small frame, two for a large one, several for a fragmented
 * message (§5.4). Whether a frame may be sent now is endpoint.ts.
 */

import { applyMask, copyMasked, nextMaskingKey } from './mask.ts';
import { Opcode } from './opcode.ts';
import type { Role } from './parser.ts';
import { frameHeaderSize, writeFrameHeader } from './serializer.ts';
import type { ByteSink } from './sink.ts';

/** Up to here a payload is copied beside its header; above, copying costs more than a second chunk in the write. */
export const COPY_UP_TO = 4096;

// 2 bytes, 8 of length, 4 of masking key.
const MAX_HEADER_SIZE = 14;

/** FIN as it stands in the first byte. */
const FIN = 0x80;

/** RSV1 as it stands in the first byte. */
export const RSV1 = 0x40;

interface WaitingMessage {
  readonly size: number;
  write(): void;
}

/** Writes one endpoint's frames. */
export class FrameWriter {
  readonly #sink: ByteSink;
  readonly #masks: boolean;
  readonly #onWritten: () => void;
  #depth = 0;
  #isStopped = false;
  /** Messages that were sent from inside the sink, while another was half written. */
  #waiting: WaitingMessage[] = [];

  /** @param onWritten called behind what took several steps: see `isWriting` */
  constructor(sink: ByteSink, role: Role, onWritten: () => void) {
    this.#sink = sink;
    // §5.1: a client masks every frame, a server none.
    this.#masks = role === 'client';
    this.#onWritten = onWritten;
  }

  /**
   * Whether a frame or a fragmented message is half written. §5.4: nothing may come in between, not even an answer to what
   * a synchronous transport hands in from inside the sink; so it has to wait for `onWritten`. Messages wait here, in order.
   */
  get isWriting(): boolean {
    return this.#depth > 0;
  }

  /**
   * A text message of at most `COPY_UP_TO` UTF-16 units, encoded in place.
   * @returns payload bytes
   */
  writeText(text: string): number {
    if (this.#depth > 0) {
      const payload = Buffer.from(text);
      this.writeMessage(Opcode.Text, payload, true, payload.length);
      return payload.length;
    }
    // One UTF-16 unit takes at most three bytes. Guess that it is ASCII, and move the text where it was not.
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE + text.length * 3);
    const guess = frameHeaderSize(text.length, this.#masks);
    const length = buffer.write(text, offset + guess);
    const headerSize = frameHeaderSize(length, this.#masks);
    if (headerSize !== guess) {
      buffer.copyWithin(offset + headerSize, offset + guess, offset + guess + length);
    }
    const key = this.#masks ? nextMaskingKey() : 0;
    const position = writeFrameHeader(buffer, offset, FIN | Opcode.Text, length, this.#masks, key);
    if (this.#masks) applyMask(buffer, position, position + length, key);
    this.#sink.commit(headerSize + length);
    return length;
  }

  /** A control frame, or any other whose payload is at most `COPY_UP_TO` bytes and is copied. `first` without FIN. */
  writeSmall(first: number, payload: Uint8Array): void {
    this.#writeCopied(FIN | first, payload);
  }

  /**
   * A message: frames of `fragmentSize` payload bytes, and what is left, up to `lastSize`, in the last or only one.
   * @param first opcode and RSV1 of the first frame
   * @param isOurs the payload may be masked where it lies
   */
  writeMessage(
    first: number,
    payload: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number = fragmentSize,
  ): void {
    if (this.#depth === 0) {
      this.#writeMessage(first, payload, isOurs, fragmentSize, lastSize);
      return;
    }
    // What a caller passed is theirs again where it would have been had it not had to wait.
    const copies = !isOurs && (this.#masks || payload.length <= COPY_UP_TO);
    const kept = copies ? new Uint8Array(payload) : payload;
    this.#wait(payload.length, () =>
      this.#writeMessage(first, kept, isOurs || copies, fragmentSize, lastSize),
    );
  }

  #writeMessage(
    first: number,
    payload: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number,
  ): void {
    if (payload.length <= lastSize) {
      this.#writeFrame(FIN | first, payload, isOurs);
      return;
    }
    this.#depth++;
    // §5.4: the first fragment has the opcode (7692 §6.1: and RSV1), the others are continuations, the last has FIN.
    let opcode = first;
    this.#isStopped = false;
    this.#sink.begin?.();
    for (let start = 0; start < payload.length && !this.#isStopped; ) {
      const isLast = payload.length - start <= lastSize;
      const end = isLast ? payload.length : start + fragmentSize;
      this.#writeFrame((isLast ? FIN : 0) | opcode, payload.subarray(start, end), isOurs);
      opcode = Opcode.Continuation;
      start = end;
    }
    this.#sink.finish?.();
    this.#leave();
  }

  /** §6.1: the rest of a fragmented message is not sent where the state changed meanwhile. */
  stopMessage(): void {
    this.#isStopped = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { size } of waiting) this.#sink.hold?.(-size);
  }

  /** A frame that `serializeFrame` made for the server role. */
  writeSerialized(frame: Buffer): void {
    if (this.#depth === 0) this.#writeSerialized(frame);
    else this.#wait(frame.length, () => this.#writeSerialized(frame));
  }

  #writeSerialized(frame: Buffer): void {
    if (frame.length > COPY_UP_TO) {
      this.#sink.append(frame, 0);
      return;
    }
    const { buffer, offset } = this.#sink.reserve(frame.length);
    frame.copy(buffer, offset);
    this.#sink.commit(frame.length);
  }

  #writeFrame(first: number, payload: Uint8Array, isOurs: boolean): void {
    if (payload.length <= COPY_UP_TO) {
      this.#writeCopied(first, payload);
      return;
    }
    const key = this.#masks ? nextMaskingKey() : 0;
    let body = payload;
    if (this.#masks) {
      // §5.3: masked into a copy, unless it is ours; what a caller passed stays as it is.
      body = isOurs ? payload : new Uint8Array(payload);
      applyMask(body, 0, body.length, key);
    }
    this.#depth++;
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE);
    const end = writeFrameHeader(buffer, offset, first, body.length, this.#masks, key);
    this.#sink.append(body, end - offset);
    this.#leave();
  }

  #writeCopied(first: number, payload: Uint8Array): void {
    const length = payload.length;
    const { buffer, offset } = this.#sink.reserve(MAX_HEADER_SIZE + length);
    const key = this.#masks ? nextMaskingKey() : 0;
    const position = writeFrameHeader(buffer, offset, first, length, this.#masks, key);
    if (this.#masks) copyMasked(payload, buffer, position, key);
    else buffer.set(payload, position);
    this.#sink.commit(position - offset + length);
  }

  #wait(size: number, write: () => void): void {
    this.#waiting.push({ size, write });
    this.#sink.hold?.(size);
  }

  #leave(): void {
    if (this.#depth === 1) {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.#sink.hold?.(-next.size);
        next.write();
      }
    }
    if (--this.#depth === 0) this.#onWritten();
  }
}
