/**
 * One end of a connection after the opening handshake: RFC 6455 §5.5 (control frames), §6 (sending, receiving), §7 (closing). Received
 * bytes go into `receive`. Sent bytes go to a `ByteSink`. This file uses no socket and no clock: the transport has the timeouts.
 * Each cell shows the action of the endpoint, and the new state after "→". "Close" means that the endpoint sends a Close frame.
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

type Done = SendCallback | null;
const { Open, CloseReceived } = EndpointState;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Implements RFC 6455 after the opening handshake, for a client or a server, with any transport. */
export class Endpoint {
  readonly #machine: StateMachine;
  /** @internal */ readonly sender: Sender;
  readonly #receiver: Receiver;
  readonly #role: Role;

  /** @throws {TypeError | RangeError} if the role is invalid, or if a limit is not a number of at least 0. */
  constructor(sink: ByteSink, events: EndpointEvents, options: EndpointOptions, codec?: MessageCodec | null) {
    checkEndpointOptions(options);
    this.#role = options.role;
    this.#machine = new StateMachine(sink, events, options, codec ?? options.codec ?? null);
    this.sender = this.#machine.sender;
    this.#receiver = this.#machine.receiver;
  }

  get state(): EndpointState {
    return this.#machine.state;
  }

  /** The number of sent bytes that have not left the process. */
  get bufferedAmount(): number {
    return this.sender.bufferedAmount;
  }

  /** True if a message or frame has begun to arrive and is not complete. While this is true, the transport's message timeout runs. */
  get insideMessage(): boolean {
    return this.#machine.state < CloseReceived && this.#receiver.insideMessage;
  }

  /** The number of received pieces of data frames. If it stays the same, no unfinished message has grown. */
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
   * Processes bytes from the peer. Never throws, even if the bytes are invalid.
   * @param chunk the endpoint owns it from now on, and unmasks it in place.
   * @param isBorrowed true if the caller will reuse the chunk's memory after this call. If so, the endpoint copies each part that it keeps
   * @returns false if the caller must stop reading until `ByteSink.resumeReading` is called. Chunks that arrive meanwhile are stored.
   */
  receive(chunk: Buffer, isBorrowed = false): boolean {
    return this.#receiver.receive(chunk, isBorrowed);
  }

  /** True if the memory of the last chunk is still in use. If not, the transport may reuse it. */
  get keepsChunk(): boolean {
    return this.#receiver.keepsChunk;
  }

  /** Call this when the peer has ended its direction of the connection. Received data that waits is processed before the end. */
  receiveEnd(): void {
    this.#receiver.receiveEnd();
  }

  /** Call this when the transport is blocked, so that sent bytes wait in its buffer. */
  transportBlocked(): void {
    this.sender.transportBlocked();
  }

  /** Call this when the transport is no longer blocked, and all its bytes have left. */
  transportDrained(): void {
    this.sender.transportDrained();
    this.#machine.resumeForReplies();
  }

  /** Call this when the transport has closed, for any reason. If `onClose` was not called before, it is called now. */
  transportClosed(): void {
    this.#machine.transportClosed();
  }

  /** Call this if no piece of a data frame has arrived within the message timeout. If a message is unfinished, the connection fails. */
  messageTimedOut(): void {
    if (this.insideMessage) this.fail(new ProtocolError('WS_MESSAGE_TIMEOUT'));
  }

  // ---- pausing ----

  /** Stops the events of received data until `resume()`. Data that the transport has already read waits in this endpoint. */
  pause(): void {
    this.#receiver.pauseFor(PAUSED_BY_USER);
  }

  /** Ends the pause. This call may report the events of waiting data before it returns. */
  resume(): void {
    this.#receiver.resumeFrom(PAUSED_BY_USER);
  }

  /** Call this when messages wait for the application. If the memory budget has no room, reading stops until there is room. */
  askForRoom(): void {
    this.#receiver.askForRoom();
  }

  // ---- sending ----

  /**
   * Sends a text message. Lone surrogates become U+FFFD.
   * @param done called with null when the message has left the process, or with an error if it cannot leave. Never called during this call
   * @returns the payload size on the wire; -1 if it is not known because the codec is working; 0 if the state is not Open (§6.1).
   * @throws {RangeError} if `fragmentSize` is not a positive integer, or if `lastFragmentSize` is smaller
   */
  sendText(text: string, options: FrameOptions | null = null, done: Done = null): number {
    // The common case: the text is small, and the codec is not needed. The text is encoded directly into the sink's memory.
    const isOpen = this.#machine.state === Open;
    if (isOpen && options === null && done === null && text.length <= COPY_THRESHOLD) {
      const size = this.sender.writeText(text, false);
      if (size >= 0) return size;
    }
    const payload = isOpen ? Buffer.from(text) : NOTHING;
    return this.#send(Opcode.Text, payload, true, options, done);
  }

  /** @internal Works like `sendText`, but may encode the text later. Pass the result to `sizeOf` of the writer to get the size. */
  sendTextSoon(text: string): number {
    if (this.#machine.state !== Open || text.length > COPY_THRESHOLD) return this.sendText(text);
    const size = this.sender.writeText(text, true);
    return size === -1 ? this.sendText(text) : size;
  }

  /**
   * Sends a binary message. A server does not copy payloads over 4 KiB. So do not change such a payload until `done` is called.
   * @returns the same as `sendText`, and throws the same errors
   */
  sendBinary(bytes: Uint8Array, options: FrameOptions | null = null, done: Done = null): number {
    return this.#send(Opcode.Binary, bytes, false, options, done);
  }

  /** Works like `sendBinary`, but sends a text message. `text` must be UTF-8. This is not checked. */
  sendTextBytes(text: Uint8Array, options: FrameOptions | null = null, done: Done = null): number {
    return this.#send(Opcode.Text, text, false, options, done);
  }

  #send(
    opcode: number,
    payload: Uint8Array,
    owns: boolean,
    options: FrameOptions | null,
    done: Done,
  ): number {
    if (options !== null) checkFrameOptions(options);
    if (this.#machine.state !== Open) return this.sender.refuse(done);
    return this.sender.send(opcode, payload, owns, options, done);
  }

  /**
   * Sends a frame from `serializeFrame` (server role). With this method, a broadcast serializes its frame once for all connections.
   * @param payloadSize the size of the frame's payload. This method returns it, or 0 if the state is not Open
   * @param shared the memory that contains the frame
   * @throws {TypeError} on a client
   */
  sendSerialized(
    frame: Uint8Array,
    payloadSize: number,
    shared: SharedMemory | null = null,
    done: Done = null,
  ): number {
    // §5.1, §5.3: a client MUST mask each frame, with a fresh key.
    if (this.#role === 'client') throw new TypeError('a client cannot send a frame that a server serialized');
    if (this.#machine.state !== Open) return this.sender.refuse(done);
    return this.sender.sendSerialized(frame, payloadSize, shared, done);
  }

  /** True if a serialized frame is written at once. False if messages or our Close frame are waiting: then the frame must wait too. */
  get canSendSerialized(): boolean {
    return !this.sender.isWaiting;
  }

  /**
   * Sends a message of a server to one of many connections. @param payload is not copied, so do not change it
   * @param compress true if the codec compresses the payload. If it is a function, this function is called instead of `codec.compress`, so
   *   that connections can share one result. If it cannot make the payload smaller, it must return the payload object itself
   * @param shared the memory that contains the payload
   * @returns the same as `sendText`
   * @throws {TypeError} on a client
   */
  sendShared(
    opcode: number,
    payload: Uint8Array,
    compress: Compressing,
    shared: SharedMemory | null = null,
    done: Done = null,
  ): number {
    // §5.1, §5.3: a client masks each frame with a fresh key, so its frames cannot be shared.
    if (this.#role === 'client') throw new TypeError('a client has one connection to send a message to');
    if (this.#machine.state !== Open) return this.sender.refuse(done);
    return this.sender.sendShared(opcode, payload, compress, shared, done);
  }

  /**
   * Begins a message that is sent in parts (§5.4). Later messages wait until this message has ended. If the transport closes, or if the
   * peer sends a Close frame, this message is aborted. All parts of a text message together must be UTF-8.
   * @returns null if the state is not Open, or if more bytes wait than the send cap allows
   */
  openStream(compress: boolean, owner: StreamedMessage): OutgoingStream | null {
    return this.#machine.state === Open ? this.sender.openStream(compress, owner) : null;
  }

  /**
   * Calls `done` when all bytes that were sent so far have left the process. If they cannot leave, `done` receives an error. `done` is
   * never called during this call.
   */
  whenSent(done: SendCallback): void {
    if (this.#machine.state === EndpointState.Closed) this.sender.refuse(done);
    else this.sender.whenSent(done);
  }

  /** Sends a ping. @throws {RangeError} if the payload has more than 125 bytes (§5.5). @returns false if the state is not Open. */
  ping(payload: Uint8Array = NOTHING): boolean {
    return this.#sendControl(Opcode.Ping, payload);
  }

  /** Sends an unsolicited pong (§5.5.3). The errors and the result are the same as for `ping`. */
  pong(payload: Uint8Array = NOTHING): boolean {
    return this.#sendControl(Opcode.Pong, payload);
  }

  #sendControl(opcode: number, payload: Uint8Array): boolean {
    // §5.5: all control frames MUST have a payload of 125 bytes or less.
    if (payload.length > 125)
      throw new RangeError(`a control frame carries at most 125 bytes, not ${payload.length}`);
    if (this.#machine.state !== Open) return false;
    this.sender.sendControl(opcode, payload);
    return true;
  }

  // ---- closing ----

  /**
   * §7.1.2: starts the closing handshake. Later calls do nothing. If `pauseOutlivesClose` is not set, a pause ends, so that the peer's
   * Close frame can be read. Messages before this Close frame are dropped.
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999. If it is absent, the Close frame has no code.
   * @param reason at most 123 bytes of UTF-8.
   * @throws {RangeError | TypeError} if the code or the reason is invalid, or if there is a reason but no code.
   */
  close(code?: number, reason?: string): void {
    const payload = serializeClosePayload(code, reason);
    if (this.#machine.state === Open) this.#machine.close(payload);
  }

  /** Drops the connection without a Close frame. `onClose` follows, usually with code 1006. */
  terminate(): void {
    this.#machine.terminate();
  }

  /** Drops the connection because of an error of the transport. `onError` receives this error. */
  abort(error: Error): void {
    this.#machine.abort(error);
  }

  /**
   * §7.1.7: fails the connection. If no Close frame was sent, sends a Close frame with the code of the error. Then ends the transport. From
   * now on, all data from the peer is ignored, even a Close frame.
   * @param thrown a `ProtocolError`. Any other value, such as an error from a callback, gives code 1011, and its text is not sent.
   */
  fail(thrown: unknown): void {
    this.#machine.fail(thrown);
  }
}
