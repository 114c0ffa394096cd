/**
 * The endpoint after the opening handshake: RFC 6455 §5.5 (control frames), §6 (sending, receiving), §7 (closing).
 * Pure: bytes come in through `receive`, leave through a `ByteSink`; no socket, no clock. Deadlines are the transport's.
 *
 *   state \ event   close()            peer's Close           violation           transport's end
 *   Open            Close → CloseSent  answer → CloseReceived Close → CloseSent   → Closed (1006)
 *   CloseSent       -                  → CloseReceived        end, no 2nd Close   → Closed (1006)
 *   CloseReceived   -                  (parser is off)        (parser is off)     → Closed (the peer's code)
 *   Closed          -                  -                      -                   -
 */

import { MessageAssembler } from './assembler.ts';
import { CloseCode, parseClosePayload, serializeClosePayload } from './close-code.ts';
import { type MemoryBudget, processMemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import { isControl, Opcode } from './opcode.ts';
import { type Compressing, OutgoingMessages, type OutgoingOwner } from './outgoing.ts';
import { type FrameHandler, FrameParser, type Role } from './parser.ts';
import type { ByteSink } from './sink.ts';
import { decodeUtf8, isValidUtf8 } from './utf8.ts';
import { ProtocolError } from './violation.ts';
import { COPY_UP_TO, FrameWriter } from './writer.ts';

/**
 * What an endpoint reports. Every field is consistent before a call: send, ping, close, pause and terminate are allowed
 * inside any of them. An exception out of a call closes the connection with 1011 and comes back through `onError`.
 */
export interface EndpointEvents {
  /** A text message; bytes instead of a string where `text: 'bytes'` was asked for. `wireSize` is its payload bytes on the wire. */
  onText(text: string | Buffer, wireSize: number): void;
  /** A binary message. The buffer is the receiver's to keep. */
  onBinary(payload: Buffer, wireSize: number): void;
  /** A data frame without FIN arrived whole. */
  onFragment(): void;
  /** A ping, already answered. */
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The closing handshake began, by us or by the peer. */
  onClosing(byPeer: boolean): void;
  /** Exactly once: the connection is closed (§7.1.4 to §7.1.6). */
  onClose(code: number, reason: string, wasClean: boolean, byPeer: boolean): void;
  /** Why the connection failed: a `ProtocolError`, or what a callback threw. `onClose` follows. */
  onError(error: Error): void;
}

/** §7: where a connection is after the opening handshake. */
export const EndpointState = { Open: 0, CloseSent: 1, CloseReceived: 2, Closed: 3 } as const;
export type EndpointState = (typeof EndpointState)[keyof typeof EndpointState];

const { Open, CloseSent, CloseReceived, Closed } = EndpointState;

/** Bounds on what a peer may make us hold. */
export interface Limits {
  /** Bytes of a message's payload over all fragments, inclusive; `Infinity` for none. 1009 beyond it. */
  readonly maxMessageSize: number;
  /** Shared with other connections. @default the budget of the process */
  readonly memoryBudget?: MemoryBudget;
}

export interface EndpointOptions extends Limits {
  readonly role: Role;
  /** How text messages are delivered: decoded, or as bytes that were checked to be UTF-8. @default 'string' */
  readonly text?: 'string' | 'bytes';
  /** Of the negotiated extension; null or absent: RSV1 stays reserved. */
  readonly codec?: MessageCodec | null;
  /**
   * What our Close frame gives as its reason when the connection fails: at most 123 bytes, and nothing that is secret. Where it
   * throws, or returns more, the default holds. @default the text of a `ProtocolError`, '' for anything else
   */
  readonly closeReason?: (error: Error) => string;
}

// From here on a message is delivered where it lies in the chunk, if it is most of the chunk.
const VIEW_FROM = 4096;

/** Reasons to stop reading, as bits: each has its own resume. */
const PAUSED_BY_USER = 1;
const PAUSED_BY_TRANSPORT = 2;
const PAUSED_BY_CODEC = 4;

/** A message that came out of the codec, and could not be delivered at once. */
interface DecodedMessage {
  readonly opcode: number;
  readonly message: Buffer;
  readonly wireSize: number;
}

/** RFC 6455 after the handshake, either role, over any transport. */
export class Endpoint implements FrameHandler, OutgoingOwner {
  readonly #events: EndpointEvents;
  readonly #sink: ByteSink;
  readonly #role: Role;
  readonly #decodes: boolean;
  readonly #maxMessageSize: number;
  readonly #parser: FrameParser;
  readonly #assembler: MessageAssembler;
  readonly #writer: FrameWriter;
  readonly #codec: MessageCodec | null;
  readonly #outgoing: OutgoingMessages | null;
  readonly #wording: ((error: Error) => string) | null;

  #state: EndpointState = Open;

  // The frame at hand.
  #fin = false;
  #opcode = 0;

  #pauses = 0;
  #parsing = false;
  /** Chunks that wait: read while paused, or handed in while another is being parsed, or a frame half written. */
  #backlog: Buffer[] | null = null;
  #backlogOffset = 0;
  /** The peer's end came while we were paused or busy. */
  #endSeen = false;

  #decoded: DecodedMessage | null = null;
  /** A Close frame that waits for the messages before it to be compressed and written. */
  #pendingClose: Uint8Array | null = null;
  /** The peer's end came meanwhile: nothing is to be waited for behind that Close, in either role. */
  #endsBehindClose = false;

  /** §5.5.3: the one pong that waits while the transport is blocked. */
  #pendingPong: Buffer | null = null;
  #dataPieces = 0;

  // §7.1.5, §7.1.6: what the peer's first Close frame said.
  #closeCode: number = CloseCode.AbnormalClosure;
  #closeReason = '';
  #closedByPeer = false;

  /** @throws {TypeError | RangeError} for a role that is none, or a `maxMessageSize` that is not a number from 0 up. */
  constructor(sink: ByteSink, events: EndpointEvents, options: EndpointOptions) {
    if (options.role !== 'client' && options.role !== 'server') {
      throw new TypeError(`role is ${String(options.role)}, neither 'client' nor 'server'`);
    }
    // Compared the other way round, NaN and undefined would be no limit at all.
    if (!(options.maxMessageSize >= 0)) {
      throw new RangeError(`maxMessageSize is ${String(options.maxMessageSize)}, not a number of bytes`);
    }
    this.#sink = sink;
    this.#events = events;
    this.#role = options.role;
    this.#decodes = options.text !== 'bytes';
    this.#maxMessageSize = options.maxMessageSize;
    const codec = options.codec ?? null;
    this.#codec = codec;
    this.#wording = options.closeReason ?? null;
    this.#parser = new FrameParser(this, options.role, codec !== null);
    this.#writer = new FrameWriter(sink, options.role, () => this.#onWritten());
    this.#outgoing =
      codec === null ? null : new OutgoingMessages(codec, this.#writer, sink, this, options.role);
    this.#assembler = new MessageAssembler(
      options.maxMessageSize,
      options.memoryBudget ?? processMemoryBudget,
      (error) => this.fail(error),
    );
  }

  get state(): EndpointState {
    return this.#state;
  }

  /** Bytes sent that have not left the process. */
  get bufferedAmount(): number {
    return this.#sink.bufferedAmount;
  }

  /** Whether the peer owes the rest of a message or frame: the transport's message deadline runs then. */
  get insideMessage(): boolean {
    return this.#state < CloseReceived && (this.#assembler.insideMessage || this.#parser.insideFrame);
  }

  /** Counts pieces of data frames that arrived: while it stands still inside a message, there is no progress. */
  get dataPieces(): number {
    return this.#dataPieces;
  }

  get isPaused(): boolean {
    return this.#pauses !== 0;
  }

  get isPausedByUser(): boolean {
    return (this.#pauses & PAUSED_BY_USER) !== 0;
  }

  // ---- receiving ----

  /**
   * Bytes from the peer. Never throws for anything that they hold.
   * @param chunk belongs to the endpoint from now on: it is unmasked in place.
   * @returns false: stop reading, until `resume()` (or `resumeTransport()`) is called.
   */
  receive(chunk: Buffer): boolean {
    // Handed in while paused, or from inside one of our own callbacks: its turn comes.
    if (this.#parsing || this.#writer.isWriting || this.#pauses !== 0) {
      if (this.#parser.isOff) return true;
      this.#backlog ??= [];
      this.#backlog.push(chunk);
      return this.#pauses === 0;
    }
    this.#parse(chunk, 0);
    if (this.#backlog !== null || this.#endSeen) this.#parseBacklog();
    return this.#pauses === 0;
  }

  /** The one place where what goes wrong below, or in a callback, becomes a close. */
  #parse(chunk: Buffer, offset: number): void {
    this.#parsing = true;
    try {
      const parsed = this.#parser.push(chunk, offset);
      if (parsed < chunk.length) this.#keep(chunk, parsed);
    } catch (error) {
      this.fail(error);
    }
    this.#parsing = false;
  }

  /** A handler paused us in the middle of a chunk: the rest comes first when we go on. */
  #keep(chunk: Buffer, offset: number): void {
    if (this.#backlog === null) this.#backlog = [chunk];
    else this.#backlog.unshift(chunk);
    this.#backlogOffset = offset;
  }

  get #isBusy(): boolean {
    return this.#parsing || this.#writer.isWriting;
  }

  /** A frame or message of several steps is written: what a synchronous transport handed in meanwhile has its turn. */
  #onWritten(): void {
    this.onOutgoingDone();
    if (this.#parsing) return;
    if (this.#backlog !== null || this.#decoded !== null || this.#endSeen) this.#parseBacklog();
  }

  #parseBacklog(): void {
    if (this.#decoded !== null && this.#pauses === 0) this.#deliverDecoded(this.#decoded);
    while (this.#backlog !== null && this.#pauses === 0) {
      const chunk = this.#backlog.shift();
      if (chunk === undefined) {
        this.#backlog = null;
        break;
      }
      const offset = this.#backlogOffset;
      this.#backlogOffset = 0;
      this.#parse(chunk, offset);
    }
    if (this.#endSeen && this.#pauses === 0) this.#end();
  }

  /** The peer ended its direction: there is nothing more to receive but what waits. While paused, the end waits too. */
  receiveEnd(): void {
    if (this.#isBusy || this.#pauses !== 0) this.#endSeen = true;
    else this.#end();
  }

  #end(): void {
    this.#endSeen = false;
    // §7.1.4: with both Close frames exchanged this is the clean end; the transport reports it when it is closed.
    if (this.#state === CloseReceived) {
      // Our Close still waits for the messages before it.
      if (this.#pendingClose === null) this.#sink.end();
      else this.#endsBehindClose = true;
      return;
    }
    // §7.2.1: lost without a Close frame.
    this.#sink.end();
    this.transportClosed();
  }

  /** The transport is gone, for whatever reason. */
  transportClosed(): void {
    if (this.#state === Closed) return;
    // §7.1.4: cleanly, if the closing handshake was completed first.
    const wasClean = this.#state === CloseReceived;
    this.#state = Closed;
    this.#stopReceiving();
    this.#stopSending();
    this.#codec?.close();
    try {
      this.#events.onClose(this.#closeCode, this.#closeReason, wasClean, this.#closedByPeer);
    } catch (error) {
      this.#report(error);
    }
  }

  // ---- what the parser finds ----

  onFrameHeader(fin: boolean, rsv1: boolean, opcode: number, length: number): void {
    this.#fin = fin;
    this.#opcode = opcode;
    if (isControl(opcode)) return;
    this.#dataPieces++;
    this.#assembler.begin(fin, rsv1, opcode, length);
  }

  onFramePayload(buffer: Buffer, start: number, end: number, last: boolean): void {
    if (isControl(this.#opcode)) {
      this.#onControlFrame(buffer, start, end);
      return;
    }
    const assembler = this.#assembler;
    // The common case first: a whole message in one piece, delivered from where it lies.
    if (last && this.#fin && assembler.isEmpty) {
      const opcode = assembler.opcode;
      const wireSize = assembler.announced;
      const compressed = assembler.isCompressed;
      assembler.clear();
      if (compressed) this.#decompress(opcode, buffer.subarray(start, end), wireSize);
      else if (opcode === Opcode.Text) this.#deliverText(buffer, start, end, wireSize);
      else this.#events.onBinary(ownBytes(buffer, start, end), wireSize);
      return;
    }
    this.#dataPieces++;
    assembler.append(buffer, start, end);
    // Making room may have run callbacks of other connections, and those may have ended this one.
    if (!last || this.#parser.isOff) return;
    if (!this.#fin) {
      this.#events.onFragment();
      return;
    }
    const opcode = assembler.opcode;
    const wireSize = assembler.announced;
    const compressed = assembler.isCompressed;
    const message = assembler.take();
    if (compressed) {
      this.#decompress(opcode, message, wireSize);
    } else if (opcode === Opcode.Text) {
      // Checked while it came in.
      this.#events.onText(this.#decodes ? message.toString('utf8') : message, wireSize);
    } else {
      this.#events.onBinary(message, wireSize);
    }
  }

  /** 7692 §6.2: the payloads of all frames, concatenated, go through the codec; text is checked behind it (§8.1). */
  #decompress(opcode: number, payload: Buffer, wireSize: number): void {
    const result = this.#codec!.decompress(payload, this.#maxMessageSize);
    if (!(result instanceof Promise)) {
      this.#deliver(opcode, result, wireSize);
      return;
    }
    // What follows in this direction waits: messages keep their order, and a Close frame ends all of them.
    this.#pauseFor(PAUSED_BY_CODEC);
    result.then(
      (message) => this.#onDecoded({ opcode, message, wireSize }),
      (error: unknown) => {
        if (!this.#parser.isOff) this.fail(error);
      },
    );
  }

  #onDecoded(decoded: DecodedMessage): void {
    if (this.#parser.isOff) return;
    this.#decoded = decoded;
    // As in `receive`: a server that is sent more than it can answer stops reading.
    this.#sink.replying = this.#role === 'server';
    this.#resumeFrom(PAUSED_BY_CODEC);
    this.#sink.replying = false;
    if (this.#pauses === 0) this.#sink.resume?.();
  }

  #deliverDecoded({ opcode, message, wireSize }: DecodedMessage): void {
    this.#decoded = null;
    this.#parsing = true;
    try {
      this.#deliver(opcode, message, wireSize);
    } catch (error) {
      this.fail(error);
    }
    this.#parsing = false;
  }

  #deliver(opcode: number, message: Buffer, wireSize: number): void {
    if (opcode === Opcode.Text) this.#deliverText(message, 0, message.length, wireSize);
    else this.#events.onBinary(message, wireSize);
  }

  #deliverText(buffer: Buffer, start: number, end: number, wireSize: number): void {
    if (this.#decodes) {
      const text = decodeUtf8(buffer, start, end);
      // §8.1: an endpoint MUST fail the connection on a text that is not UTF-8.
      if (text === null) throw new ProtocolError('WS_INVALID_UTF8');
      this.#events.onText(text, wireSize);
      return;
    }
    const bytes = ownBytes(buffer, start, end);
    if (!isValidUtf8(bytes)) throw new ProtocolError('WS_INVALID_UTF8');
    this.#events.onText(bytes, wireSize);
  }

  #onControlFrame(buffer: Buffer, start: number, end: number): void {
    if (this.#opcode === Opcode.Close) {
      this.#onCloseFrame(buffer, start, end);
      return;
    }
    const payload = Buffer.from(buffer.subarray(start, end));
    if (this.#opcode === Opcode.Pong) {
      this.#events.onPong(payload);
      return;
    }
    // §5.5.2: a ping MUST be answered, with the same payload. §5.5.3: while the answer can't leave, only the newest.
    if (this.#sink.blocked) {
      this.#pendingPong = payload;
    } else {
      this.#pendingPong = null;
      this.#sendControl(Opcode.Pong, payload);
      // The pong may have been one byte too many for the send cap.
      if (this.#parser.isOff) return;
    }
    this.#events.onPing(payload);
  }

  #onCloseFrame(buffer: Buffer, start: number, end: number): void {
    const { code, reason } = parseClosePayload(buffer, start, end);
    const byPeer = this.#state === Open;
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#closedByPeer = byPeer;
    // Before the sink is called: a synchronous transport may come back from there.
    this.#state = CloseReceived;
    // §5.5.1: nothing behind a Close frame counts.
    this.#stopReceiving();
    // §5.5.1: answer with a Close frame if none was sent; it typically echoes the code.
    if (byPeer) this.#sendClose(buffer.subarray(start, end));
    this.#sink.closing();
    // §7.1.1: the server closes TCP first, so that TIME_WAIT stays on its side; the client waits for that.
    if (this.#role === 'server' && this.#pendingClose === null) this.#sink.end();
    if (byPeer) this.#announceClosing(true);
  }

  #announceClosing(byPeer: boolean): void {
    if (this.#state === Closed) return;
    try {
      this.#events.onClosing(byPeer);
    } catch (error) {
      this.fail(error);
    }
  }

  #stopReceiving(): void {
    this.#parser.switchOff();
    this.#assembler.clear();
    this.#backlog = null;
    this.#backlogOffset = 0;
    this.#pendingPong = null;
    this.#decoded = null;
    this.#pauses = 0;
  }

  /** Messages that are not out yet never will be. */
  #stopSending(): void {
    this.#pendingClose = null;
    this.#writer.stopMessage();
    this.#outgoing?.drop();
  }

  // ---- pausing ----

  /** No more events until `resume()`. What was read already is kept, at most the chunk at hand. */
  pause(): void {
    this.#pauseFor(PAUSED_BY_USER);
  }

  /** Takes up where `pause()` stopped; events may be reported before this returns. */
  resume(): void {
    this.#resumeFrom(PAUSED_BY_USER);
  }

  /** The transport's own reason to stop: replies pile up. Independent of `pause()`. */
  pauseTransport(): void {
    this.#pauseFor(PAUSED_BY_TRANSPORT);
  }

  resumeTransport(): void {
    this.#resumeFrom(PAUSED_BY_TRANSPORT);
  }

  #pauseFor(bit: number): void {
    if (this.#parser.isOff) return;
    this.#pauses |= bit;
    this.#parser.stop();
  }

  #resumeFrom(bit: number): void {
    this.#pauses &= ~bit;
    if (!this.#isBusy) this.#parseBacklog();
  }

  /** The transport is not blocked any more. */
  drained(): void {
    const pong = this.#pendingPong;
    if (pong === null) return;
    this.#pendingPong = null;
    // §5.5.2: a Close frame that was received meanwhile has taken it away.
    this.#sendControl(Opcode.Pong, pong);
  }

  // ---- sending ----

  /**
   * Sends a text message; lone surrogates become U+FFFD.
   * @param compress false: not through the codec, where there is one.
   * @returns payload bytes put on the wire, -1 while the codec works on them; 0 where the state is not Open (§6.1: MUST NOT
   *   send then).
   */
  sendText(text: string, compress = true): number {
    if (this.#state !== Open) return 0;
    // The common case: short enough for the sink's own memory, and nothing to do with a codec.
    if (text.length <= COPY_UP_TO && !this.#goesThroughCodec(text.length * 3, compress)) {
      return this.#writer.writeText(text);
    }
    return this.#send(Opcode.Text, Buffer.from(text), true, UNLIMITED, UNLIMITED, compress);
  }

  /**
   * Sends a binary message. A server does not copy payloads over 4 KiB: leave them unchanged until they are gone.
   * @returns as `sendText`.
   */
  sendBinary(payload: Uint8Array, compress = true): number {
    return this.#send(Opcode.Binary, payload, false, UNLIMITED, UNLIMITED, compress);
  }

  /** Sends bytes as a text message. The caller answers for them being UTF-8. */
  sendTextBytes(payload: Uint8Array, compress = true): number {
    return this.#send(Opcode.Text, payload, false, UNLIMITED, UNLIMITED, compress);
  }

  /**
   * Sends a message as frames of `fragmentSize` payload bytes (§5.4); what is left goes in the last one.
   * @param lastSize payload bytes that the last frame may have; a message up to it is one frame. @default fragmentSize
   * @throws {RangeError} where `fragmentSize` is not a positive integer, or `lastSize` is less.
   */
  sendFragmented(
    data: string | Uint8Array,
    fragmentSize: number,
    compress = true,
    lastSize: number = fragmentSize,
  ): number {
    if (!Number.isSafeInteger(fragmentSize) || fragmentSize < 1) {
      throw new RangeError(`fragmentSize is ${String(fragmentSize)}, not a positive number of bytes`);
    }
    if (!(lastSize >= fragmentSize)) {
      throw new RangeError(`a last fragment of ${String(lastSize)} bytes is less than ${fragmentSize}`);
    }
    return typeof data === 'string'
      ? this.#send(Opcode.Text, Buffer.from(data), true, fragmentSize, lastSize, compress)
      : this.#send(Opcode.Binary, data, false, fragmentSize, lastSize, compress);
  }

  #goesThroughCodec(size: number, compress: boolean): boolean {
    if (this.#outgoing === null) return false;
    return this.#outgoing.isPending || (compress && size >= this.#codec!.threshold);
  }

  #send(
    opcode: number,
    payload: Uint8Array,
    isOurs: boolean,
    fragmentSize: number,
    lastSize: number,
    compress: boolean,
  ): number {
    if (this.#state !== Open) return 0;
    if (this.#outgoing !== null) {
      return this.#outgoing.send(opcode, payload, isOurs, fragmentSize, lastSize, compress);
    }
    this.#writer.writeMessage(opcode, payload, isOurs, fragmentSize, lastSize);
    return payload.length;
  }

  /**
   * Sends a frame that `serializeFrame` made for the server role: a broadcast is serialized once.
   * @param payloadSize what to return.
   * @throws {TypeError} on a client, and while `takesSerialized` is false.
   */
  sendSerialized(frame: Buffer, payloadSize: number): number {
    // §5.1: a client MUST mask each frame with a key of its own.
    if (this.#role === 'client') {
      throw new TypeError('a client cannot send a frame that was serialized for the server role');
    }
    if (this.#state !== Open) return 0;
    if (this.#outgoing?.isPending)
      throw new TypeError('a message is being compressed: this one may not overtake it');
    this.#writer.writeSerialized(frame);
    return payloadSize;
  }

  /**
   * Sends a server's message that goes to many connections, behind those that are still being compressed.
   * @param payload not copied: must not change until it is gone
   * @param compress whether it goes through the codec; a function is called for that, when its turn comes, in place of the
   *   codec's, and may give others the same result. As the codec's it returns the very payload where it would not get smaller
   * @returns as `sendText`
   * @throws {TypeError} on a client
   */
  sendShared(opcode: number, payload: Uint8Array, compress: Compressing): number {
    // §5.1: what a client sends is masked, which is no use to others.
    if (this.#role === 'client') throw new TypeError('a client has one connection to send a message to');
    if (this.#state !== Open) return 0;
    if (this.#outgoing !== null) return this.#outgoing.sendShared(opcode, payload, compress);
    this.#writer.writeMessage(opcode, payload, false, UNLIMITED, UNLIMITED);
    return payload.length;
  }

  /** Whether `sendSerialized` may be called: false while a message is being compressed. */
  get takesSerialized(): boolean {
    return !this.#outgoing?.isPending;
  }

  /**
   * Sends a ping.
   * @throws {RangeError} where the payload is over 125 bytes (§5.5).
   * @returns false where the state is not Open.
   */
  ping(payload: Uint8Array = NOTHING): boolean {
    return this.#sendControlChecked(Opcode.Ping, payload);
  }

  /** Sends an unsolicited pong (§5.5.3). Throws and returns as `ping`. */
  pong(payload: Uint8Array = NOTHING): boolean {
    return this.#sendControlChecked(Opcode.Pong, payload);
  }

  #sendControlChecked(opcode: number, payload: Uint8Array): boolean {
    // §5.5: all control frames MUST have a payload of 125 bytes or less.
    if (payload.length > 125) {
      throw new RangeError(`a control frame carries at most 125 bytes, not ${payload.length}`);
    }
    if (this.#state !== Open) return false;
    this.#sendControl(opcode, payload);
    return true;
  }

  #sendControl(opcode: number, payload: Uint8Array): void {
    this.#writer.writeSmall(opcode, payload);
  }

  // ---- closing ----

  /**
   * §7.1.2: starts the closing handshake. Later calls do nothing.
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999; absent: a Close frame without a code.
   * @param reason at most 123 bytes of UTF-8.
   * @throws {RangeError | TypeError} for another code, a longer reason, a reason without a code.
   */
  close(code?: number, reason?: string): void {
    const payload = serializeClosePayload(code, reason);
    if (this.#state !== Open) return;
    this.#state = CloseSent;
    this.#sendClose(payload);
    this.#sink.closing();
    this.#announceClosing(false);
  }

  /**
   * §5.5.1: nothing follows a Close frame, so a message that is half written, or waits for the codec, goes first. The deadline
   * for it runs already.
   */
  #sendClose(payload: Uint8Array): void {
    if (this.#outgoing?.isPending || this.#writer.isWriting) this.#pendingClose = new Uint8Array(payload);
    else this.#sendControl(Opcode.Close, payload);
  }

  onOutgoingDone(): void {
    const payload = this.#pendingClose;
    if (payload === null || this.#outgoing?.isPending || this.#writer.isWriting) return;
    this.#pendingClose = null;
    this.#sendControl(Opcode.Close, payload);
    this.#sink.closing();
    const isOver = this.#state === CloseReceived ? this.#role === 'server' : this.#parser.isOff;
    if (isOver || this.#endsBehindClose) this.#sink.end();
  }

  /** Drops the connection without a Close frame; `onClose` follows with what is known, usually 1006. */
  terminate(): void {
    if (this.#state === Closed) return;
    this.#stopReceiving();
    // Nothing can be sent any more. Where both Close frames had been exchanged, the end stays a clean one.
    if (this.#state === Open) this.#state = CloseSent;
    this.#stopSending();
    this.#sink.destroy();
  }

  /** Drops the connection for a reason of the transport, which is reported. */
  abort(error: Error): void {
    if (this.#state === Closed) return;
    this.terminate();
    this.#report(error);
  }

  /** No data piece arrived for as long as the transport's message deadline allows. */
  messageTimedOut(): void {
    if (this.insideMessage) this.fail(new ProtocolError('WS_MESSAGE_TIMEOUT'));
  }

  /**
   * §7.1.7: fails the connection: a Close frame with the fitting code where one may still be sent, then the end.
   * Nothing the peer sends from now on is looked at, its Close frame included.
   * @param error a `ProtocolError`; anything else came out of a callback and gives 1011, with nothing of it on the wire.
   */
  fail(error: unknown): void {
    if (this.#state >= CloseReceived) {
      // The closing handshake is over; what a callback throws now changes nothing but must be heard.
      this.#report(error);
      // Or the codec broke over a message that our Close waits for: it goes without that.
      this.onOutgoingDone();
      return;
    }
    // A Close frame of ours that still waits can take the better code.
    const open = this.#state === Open || this.#pendingClose !== null;
    this.#stopReceiving();
    this.#stopSending();
    if (open) {
      this.#state = CloseSent;
      this.#sendClose(this.#failurePayload(error));
    }
    this.#sink.closing();
    // §7.1.7: both roles close TCP at once after a failure.
    if (this.#pendingClose === null) this.#sink.end();
    this.#report(error);
    if (this.#endSeen && !this.#isBusy) this.#end();
  }

  #failurePayload(error: unknown): Buffer {
    const violation = error instanceof ProtocolError ? error : null;
    const code = violation === null ? CloseCode.InternalError : violation.closeCode;
    if (this.#wording !== null) {
      try {
        return serializeClosePayload(code, this.#wording(toError(error)));
      } catch {
        // What can't be sent must not keep us from closing.
      }
    }
    return serializeClosePayload(code, violation === null ? '' : violation.reason);
  }

  #report(error: unknown): void {
    try {
      this.#events.onError(toError(error));
    } catch {
      // The one who is told of errors failed at that: there is nobody left to tell, and a peer must not get a throw.
    }
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

const UNLIMITED: number = Number.POSITIVE_INFINITY;

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a callback threw', { cause: thrown });
}

/**
 * `buffer[start, end)` for the user to keep. Small payloads are copied out: a view would keep a whole read of 64 KiB
 * alive. A large one is handed over as it lies where it is at least half of that memory.
 */
function ownBytes(buffer: Buffer, start: number, end: number): Buffer {
  const length = end - start;
  if (length >= VIEW_FROM && length * 2 >= buffer.buffer.byteLength) return buffer.subarray(start, end);
  const copy = Buffer.allocUnsafe(length);
  buffer.copy(copy, 0, start, end);
  return copy;
}
