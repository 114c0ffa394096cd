/**
 * Passes each frame from parser.ts to the code that handles it: RFC 6455 §5.4, §5.5, §5.6. Fragments go to assembler.ts, complete messages
 * go to delivery.ts, and control frames go to state-machine.ts. Control frames may come between fragments.
 */

import type { MessageAssembler } from './assembler.ts';
import type { Delivery } from './delivery.ts';
import type { EndpointEvents } from './endpoint-events.ts';
import type { FastFrameHandler } from './frame-handler.ts';
import { applyMask } from './mask.ts';
import { isControl } from './opcode.ts';

/** Handles control frames. */
export interface FrameDispatchOwner {
  /** A complete control frame has arrived. */
  onControlFrame(opcode: number, buffer: Buffer, start: number, end: number): void;
}

/** Creates objects that a connection needs only if messages arrive. */
export interface MessageReceiver {
  /** Is called for the first data frame. */
  openMessages(): { readonly assembler: MessageAssembler; readonly delivery: Delivery };
}

/** Handles the frames of one connection. */
export class FrameDispatch implements FastFrameHandler {
  readonly #events: EndpointEvents;
  readonly #owner: FrameDispatchOwner;
  readonly #receiver: MessageReceiver;
  #assembler: MessageAssembler | null = null;
  #delivery: Delivery | null = null;
  readonly #wantsShortTexts: boolean;

  #fin = false;
  #opcode = 0;

  /** The number of received pieces of data frames. */
  dataPieces = 0;
  /** If true, messages are dropped, not delivered. */
  isDiscarding = false;

  /** @param wantsShortTexts true if several texts of up to 125 bytes may be decoded together (see text-kernel.ts) */
  constructor(
    events: EndpointEvents,
    owner: FrameDispatchOwner,
    receiver: MessageReceiver,
    wantsShortTexts: boolean,
  ) {
    this.#events = events;
    this.#owner = owner;
    this.#receiver = receiver;
    this.#wantsShortTexts = wantsShortTexts;
  }

  #open(): MessageAssembler {
    const { assembler, delivery } = this.#receiver.openMessages();
    this.#assembler = assembler;
    this.#delivery = delivery;
    return assembler;
  }

  /** True if a message has begun but has not ended. */
  get insideMessage(): boolean {
    return this.#assembler?.insideMessage === true;
  }

  onFrameLength(rsv1: boolean, opcode: number, length: number): void {
    if (!isControl(opcode)) (this.#assembler ?? this.#open()).check(rsv1, opcode, length);
  }

  get takesShortTexts(): boolean {
    const isInside = this.#assembler?.insideMessage === true;
    return this.#wantsShortTexts && !isInside && !this.isDiscarding;
  }

  onShortText(text: string): void {
    this.dataPieces++;
    this.#events.onText(text, text.length);
  }

  get takesMasked(): boolean {
    return !isControl(this.#opcode) && this.#assembler!.takesMasked && !this.isDiscarding;
  }

  onMaskedPayload(buffer: Buffer, start: number, end: number, last: boolean, key: number): void {
    const assembler = this.#assembler!;
    if (last && this.#fin && assembler.isEmpty) {
      if (assembler.isCompressed) {
        applyMask(buffer, start, end, key);
        this.onFramePayload(buffer, start, end, true);
        return;
      }
      const wireSize = assembler.announced;
      assembler.clear();
      this.#delivery!.deliverMasked(buffer, start, end, key, wireSize);
      return;
    }
    this.dataPieces++;
    assembler.append(buffer, start, end, key);
    if (last) this.#onFrameEnd();
  }

  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    this.#fin = fin;
    this.#opcode = opcode;
    if (isControl(opcode)) return;
    this.dataPieces++;
    (this.#assembler ?? this.#open()).begin(fin, rsv1, opcode, length);
  }

  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void {
    if (isControl(this.#opcode)) {
      this.#owner.onControlFrame(this.#opcode, buffer, start, end);
      return;
    }
    const assembler = this.#assembler!;
    // The common case: the message is one frame, and the whole payload is in this chunk. Then the message is delivered without the
    // assembler.
    if (last && this.#fin && assembler.isEmpty && !this.isDiscarding) {
      const opcode = assembler.opcode;
      const wireSize = assembler.announced;
      const compressed = assembler.isCompressed;
      assembler.clear();
      if (compressed) this.#delivery!.decompressPart(opcode, buffer, start, end, wireSize);
      else this.#delivery!.deliver(opcode, buffer, start, end, wireSize);
      return;
    }
    this.dataPieces++;
    if (this.isDiscarding) {
      if (last && this.#fin) assembler.clear();
      return;
    }
    assembler.append(buffer, start, end);
    if (last) this.#onFrameEnd();
  }

  /** Is called when a data frame is complete, if its payload came in pieces or if its message has several frames. */
  #onFrameEnd(): void {
    if (this.isDiscarding) {
      // The connection is closing, and `append` found no room in the memory budget. So the message is dropped.
      if (this.#fin) this.#assembler!.clear();
      return;
    }
    if (!this.#fin) {
      this.#events.onFragment();
      return;
    }
    const assembler = this.#assembler!;
    const opcode = assembler.opcode;
    const wireSize = assembler.announced;
    const compressed = assembler.isCompressed;
    const message = assembler.take();
    if (compressed) this.#delivery!.decompress(opcode, message, wireSize);
    else this.#delivery!.deliverChecked(opcode, message, wireSize);
  }
}
