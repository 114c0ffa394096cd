/**
 * The endpoint after the opening handshake: RFC 6455 §5.5 (control frames), §6 (sending, receiving), §7 (closing). Bytes come in through
 * `receive` and leave through a `ByteSink`. This code uses no socket and no clock: the transport has the deadlines.
 * Each cell of the table says what the endpoint does, and then the new state. "Close" means that the endpoint sends a Close frame.
 * state \ event   close()            peer's Close           violation           transport's end
 * Open            Close → CloseSent  answer → CloseReceived Close → CloseSent   → Closed (1006)
 * CloseSent       -                  → CloseReceived        end, no 2nd Close   → Closed (1006)
 * CloseReceived   -                  (parser is off)        (parser is off)     → Closed (the peer's code)
 * Closed          -                  -                      -                   -
 */

import { serializeClosePayload } from './close-code.ts';
import type { EndpointEvents } from './endpoint-events.ts';
import { checkEndpointOptions, type EndpointOptions } from './endpoint-options.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { type Compressing, checkFrameOptions, type FrameOptions, type StreamedMessage } from './outgoing.ts';
import type { OutgoingStream } from './outgoing-stream.ts';
import type { Role } from './parser.ts';
import { PAUSED_BY_USER, type Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';
import type { ByteSink, SendCallback, SharedMemory } from './sink.ts';
import { EndpointState, StateMachine } from './state-machine.ts';
import { ProtocolError } from './violation.ts';
import { COPY_THRESHOLD } from './writer.ts';

export { EndpointState };

const { Open, CloseReceived } = EndpointState;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Implements RFC 6455 after the opening handshake, for either role, over any transport. */
export class Endpoint {
  readonly #machine: StateMachine;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #role: Role;

  /** @throws {TypeError | RangeError} for an invalid role, and for a limit that is not a number of at least 0. */
  constructor(sink: ByteSink, events: EndpointEvents, options: EndpointOptions, codec?: MessageCodec | null) {
    checkEndpointOptions(options);
    this.#role = options.role;
    this.#machine = new StateMachine(sink, events, options, codec ?? options.codec ?? null);
    this.#sender = this.#machine.sender;
    this.#receiver = this.#machine.receiver;
  }

  get state(): EndpointState {
    return this.#machine.state;
  }

  /** Bytes that were sent but have not left the process. */
  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }

  /** Whether a message or frame has begun to arrive and is not complete. While this is true, the transport's message deadline runs. */
  get insideMessage(): boolean {
    return this.#machine.state < CloseReceived && this.#receiver.insideMessage;
  }

  /** Counts pieces of data frames that arrived. If the count does not change inside a message, there is no progress. */
  get dataPieces(): number {
    return this.#receiver.dataPieces;
  }

  get isPaused(): boolean {
    return this.#receiver.pauses !== 0;
  }

  get isPausedByUser(): boolean {
    return (this.#receiver.pauses & PAUSED_BY_USER) !== 0;
  }

  // ---- what the transport reports ----

  /**
   * Processes bytes from the peer. Never throws for any bytes.
   * @param chunk belongs to the endpoint from now on: the endpoint unmasks it in place.
   * @param isBorrowed whether the caller uses the chunk's memory again after this call. If so, the endpoint copies each part that it keeps
   * @returns false: stop reading until `ByteSink.resumeReading` is called. Chunks that come before this call are kept.
   */
  receive(chunk: Buffer, isBorrowed = false): boolean {
    return this.#receiver.receive(chunk, isBorrowed);
  }

  /** Whether a view of the last chunk was delivered, or a part of the chunk waits. If not, the transport may reuse the chunk's memory. */
  get keepsChunk(): boolean {
    return this.#receiver.keepsChunk;
  }

  /** Call this when the peer ended its direction of the connection. The end is processed after the received data that still waits. */
  receiveEnd(): void {
    this.#receiver.receiveEnd();
  }

  /** The transport is blocked: it takes no more bytes for now. */
  transportBlocked(): void {
    this.#sender.transportBlocked();
  }

  /** The transport is no longer blocked, and all bytes that it was given have left. */
  transportDrained(): void {
    this.#sender.transportDrained();
    this.#machine.resumeForReplies();
  }

  /** The transport has closed, for any reason. Calls `onClose` if it was not called before. */
  transportClosed(): void {
    this.#machine.transportClosed();
  }

  /** Call this when no piece of a data frame arrived within the message deadline. If a message is unfinished, the connection fails. */
  messageTimedOut(): void {
    if (this.insideMessage) this.fail(new ProtocolError('WS_MESSAGE_TIMEOUT'));
  }

  // ---- pausing ----

  /** Stops the events of received data until `resume()`. Data that the transport has already read waits in the endpoint. */
  pause(): void {
    this.#receiver.pauseFor(PAUSED_BY_USER);
  }

  /** Ends the pause. Events of the data that waits may be reported before this call returns. */
  resume(): void {
    this.#receiver.resumeFrom(PAUSED_BY_USER);
  }

  /** Call this when messages wait for the application. If the memory budget has no room for more, reading stops until there is room. */
  askForRoom(): void {
    this.#receiver.askForRoom();
  }

  // ---- sending ----

  /**
   * Sends a text message; lone surrogates become U+FFFD.
   * @param done called when the message has left the process, or with the reason why it will not leave. Never called during this call
   * @returns payload bytes put on the wire. -1 while the codec works on them; 0 if the state is not Open (§6.1).
   * @throws {RangeError} for a `fragmentSize` that is not a positive integer, and for a smaller `lastFragmentSize`
   */
  sendText(text: string, options: FrameOptions | null = null, done: SendCallback | null = null): number {
    // The common case: the text fits into the sink's own memory, and the codec is not needed.
    const isOpen = this.#machine.state === Open;
    if (isOpen && options === null && done === null && text.length <= COPY_THRESHOLD) {
      const size = this.#sender.writeText(text);
      if (size >= 0) return size;
    }
    const payload = isOpen ? Buffer.from(text) : NOTHING;
    return this.#send(Opcode.Text, payload, true, options, done);
  }

  /**
   * Sends a binary message. A server does not copy payloads over 4 KiB: do not change them until they have left.
   * @returns the same as `sendText`, and throws the same errors
   */
  sendBinary(
    bytes: Uint8Array,
    options: FrameOptions | null = null,
    done: SendCallback | null = null,
  ): number {
    return this.#send(Opcode.Binary, bytes, false, options, done);
  }

  /** Works like `sendBinary`, but sends a text message. The caller must make sure that `text` is UTF-8: it is not checked. */
  sendTextBytes(
    text: Uint8Array,
    options: FrameOptions | null = null,
    done: SendCallback | null = null,
  ): number {
    return this.#send(Opcode.Text, text, false, options, done);
  }

  #send(
    opcode: number,
    payload: Uint8Array,
    ownsPayload: boolean,
    options: FrameOptions | null,
    done: SendCallback | null,
  ): number {
    if (options !== null) checkFrameOptions(options);
    if (this.#machine.state !== Open) return this.#sender.refuse(done);
    return this.#sender.send(opcode, payload, ownsPayload, options, done);
  }

  /**
   * Sends a frame that `serializeFrame` made for the server role. So a broadcast serializes its frame only once for all connections.
   * @param payloadSize the size of the frame's payload, which this method returns; it returns 0 if the state is not Open
   * @param shared the memory that contains the frame
   * @throws {TypeError} on a client
   */
  sendSerialized(
    frame: Uint8Array,
    payloadSize: number,
    shared: SharedMemory | null = null,
    done: SendCallback | null = null,
  ): number {
    // §5.1, §5.3: a client MUST mask each frame, with a fresh key.
    if (this.#role === 'client') throw new TypeError('a client cannot send a frame that a server serialized');
    if (this.#machine.state !== Open) return this.#sender.refuse(done);
    return this.#sender.sendSerialized(frame, payloadSize, shared, done);
  }

  /** Whether a serialized frame leaves at once. False while messages or our Close frame wait, since the frame would wait as well. */
  get canSendSerialized(): boolean {
    return !this.#sender.isWaiting;
  }

  /**
   * Sends a server's message that goes to many connections. It leaves after messages that wait. @param payload not copied: do not change it
   * @param compress whether the codec compresses the payload. A function is called instead of `codec.compress`, when the message may leave.
   *   The function may return one result to many connections. If it cannot make the payload smaller, it returns the payload object itself
   * @param shared the memory that contains the payload
   * @returns the same as `sendText`
   * @throws {TypeError} on a client
   */
  sendShared(
    opcode: number,
    payload: Uint8Array,
    compress: Compressing,
    shared: SharedMemory | null = null,
    done: SendCallback | null = null,
  ): number {
    // §5.1: a client masks each frame with its own key, so its frames cannot be shared.
    if (this.#role === 'client') throw new TypeError('a client has one connection to send a message to');
    if (this.#machine.state !== Open) return this.#sender.refuse(done);
    return this.#sender.sendShared(opcode, payload, compress, shared, done);
  }

  /**
   * Begins a message that is sent in parts, when they become available (§5.4). It is binary, or text whose parts together are UTF-8. Other
   * messages wait until this message has ended. If the transport closes or the peer sends its Close frame, this message is aborted.
   * @returns null if the state is not Open, or more bytes wait than the send cap allows
   */
  openStream(compress: boolean, owner: StreamedMessage): OutgoingStream | null {
    return this.#machine.state === Open ? this.#sender.openStream(compress, owner) : null;
  }

  /**
   * Calls `done` when everything that was sent so far has left the process. If that fails, `done` receives the reason. `done` is never
   * called during this call.
   */
  whenSent(done: SendCallback): void {
    if (this.#machine.state === EndpointState.Closed) this.#sender.refuse(done);
    else this.#sender.whenSent(done);
  }

  /** Sends a ping. @throws {RangeError} if the payload is over 125 bytes (§5.5). @returns false if the state is not Open. */
  ping(payload: Uint8Array = NOTHING): boolean {
    return this.#sendControl(Opcode.Ping, payload);
  }

  /** Sends an unsolicited pong (§5.5.3). Throws the same errors and returns the same values as `ping`. */
  pong(payload: Uint8Array = NOTHING): boolean {
    return this.#sendControl(Opcode.Pong, payload);
  }

  #sendControl(opcode: number, payload: Uint8Array): boolean {
    // §5.5: all control frames MUST have a payload of 125 bytes or less.
    const { length } = payload;
    if (length > 125) throw new RangeError(`a control frame carries at most 125 bytes, not ${length}`);
    if (this.#machine.state !== Open) return false;
    this.#sender.sendControl(opcode, payload);
    return true;
  }

  // ---- closing ----

  /**
   * §7.1.2: starts the closing handshake. Later calls do nothing. Unless `pauseOutlivesClose` is set, a pause ends, because the peer's
   * Close frame must be read. Messages before this Close frame are then dropped.
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999; if absent, the Close frame has no code.
   * @param reason at most 123 bytes of UTF-8.
   * @throws {RangeError | TypeError} for any other code, a longer reason, or a reason without a code.
   */
  close(code?: number, reason?: string): void {
    const payload = serializeClosePayload(code, reason);
    if (this.#machine.state === Open) this.#machine.close(payload);
  }

  /** Drops the connection without a Close frame; `onClose` follows, usually with code 1006. */
  terminate(): void {
    this.#machine.terminate();
  }

  /** Drops the connection because of an error of the transport, which `onError` reports. */
  abort(error: Error): void {
    this.#machine.abort(error);
  }

  /**
   * §7.1.7: fails the connection. If a Close frame may still be sent, sends one with the code of the error. Then ends the transport. From
   * now on, everything that the peer sends is ignored, its Close frame included.
   * @param thrown a `ProtocolError`. Any other value, such as an error of a callback, gives the code 1011, and none of its text is sent.
   */
  fail(thrown: unknown): void {
    this.#machine.fail(thrown);
  }
}
