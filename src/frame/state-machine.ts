/**
 * The states of an endpoint, and the events that change its state: RFC 6455 §5.5 (control frames), §7 (closing). The table of states is at
 * the top of endpoint.ts, which has the public class. sender.ts and receiver.ts implement §6.
 */

import { type AssemblerOwner, MessageAssembler } from './assembler.ts';
import { CloseAccount, failurePayload } from './close-account.ts';
import { parseClosePayload } from './close-code.ts';
import { Delivery, type DeliveryOwner } from './delivery.ts';
import type { EndpointEvents } from './endpoint-events.ts';
import type { EndpointOptions } from './endpoint-options.ts';
import { processMemoryBudget } from './memory-budget.ts';
import type { MessageCodec } from './message-codec.ts';
import { Opcode } from './opcode.ts';
import { PAUSED_BY_REPLIES, Receiver, type ReceiverOwner } from './receiver.ts';
import { Sender, type SenderOwner } from './sender.ts';
import type { ByteSink } from './sink.ts';

/** §7: the state of a connection after the opening handshake. */
export const EndpointState = { Open: 0, CloseSent: 1, CloseReceived: 2, Closed: 3 } as const;
export type EndpointState = (typeof EndpointState)[keyof typeof EndpointState];

const { Open, CloseSent, CloseReceived, Closed } = EndpointState;

/** The state of one endpoint, with its sender and its receiver. */
export class StateMachine implements SenderOwner, ReceiverOwner {
  state: EndpointState = Open;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly #events: EndpointEvents;
  readonly #sink: ByteSink;
  readonly #options: EndpointOptions;
  readonly #codec: MessageCodec | null;
  /** Created when the connection begins to close. */
  #closeAccount: CloseAccount | null = null;
  /** True if the peer has ended its direction of the connection. */
  #peerEnded = false;
  /** True if sending and receiving have ended, and memory is released. */
  #isOver = false;

  /** @param options is kept, and many endpoints may use one object. @param codec must not be used by another endpoint */
  constructor(sink: ByteSink, events: EndpointEvents, options: EndpointOptions, codec: MessageCodec | null) {
    const { role, maxMessageSize, maxStreamSize, memoryBudget = processMemoryBudget } = options;
    const { highWaterMark = Number.POSITIVE_INFINITY, sendCap = Number.POSITIVE_INFINITY } = options;
    this.#sink = sink;
    this.#events = events;
    this.#options = options;
    this.#codec = codec;
    this.sender = new Sender(sink, this, { role, codec, highWaterMark, sendCap, memoryBudget });
    const text = options.text ?? 'string';
    const receiving = { role, codec, text, maxMessageSize, maxStreamSize, memoryBudget };
    this.receiver = new Receiver(events, sink, this.sender.replies, this, receiving);
  }

  get #account(): CloseAccount {
    this.#closeAccount ??= new CloseAccount();
    return this.#closeAccount;
  }

  // ---- created for the first message ----

  makeAssembler(receiver: AssemblerOwner): MessageAssembler {
    const { maxMessageSize, memoryBudget = processMemoryBudget } = this.#options;
    return new MessageAssembler(maxMessageSize, memoryBudget, receiver);
  }

  makeDelivery(receiver: DeliveryOwner): Delivery {
    const { maxMessageSize, memoryBudget = processMemoryBudget, text } = this.#options;
    return new Delivery(this.#events, receiver, this.#codec, text !== 'bytes', maxMessageSize, memoryBudget);
  }

  // ---- what the peer does ----

  onControlFrame(opcode: number, buffer: Buffer, start: number, end: number): void {
    if (opcode === Opcode.Close) {
      this.#onClose(buffer, start, end);
      return;
    }
    const payload = Buffer.allocUnsafe(end - start);
    buffer.copy(payload, 0, start, end);
    // §5.5.2: a ping MUST be answered, with the same payload.
    if (opcode === Opcode.Ping && this.#options.autoPong !== false) this.sender.sendPong(payload);
    // The pong may have exceeded the send cap. Then the connection is already dropped.
    if (this.receiver.isOff || this.receiver.isDiscarding) return;
    if (opcode === Opcode.Ping) this.#events.onPing(payload);
    else this.#events.onPong(payload);
  }

  #onClose(buffer: Buffer, start: number, end: number): void {
    const { code, reason } = parseClosePayload(buffer, start, end);
    const byPeer = this.state === Open;
    const account = this.#account;
    account.code = code;
    account.reason = reason;
    account.byPeer = byPeer;
    // We set the state before we call the sink, because a synchronous transport may call this object again before the sink returns.
    this.state = CloseReceived;
    // §5.5.1: frames after a Close frame are ignored. §5.5.2: earlier pings need no answer any more.
    this.receiver.switchOff();
    this.sender.peerClosed();
    // §5.5.1: if we have not sent a Close frame, we MUST answer with one. It typically echoes the code.
    if (byPeer) this.#sendClose(buffer.subarray(start, end));
    this.#sink.closing();
    this.#endIfDue();
    if (byPeer) this.#announceClosing(true);
  }

  /** Is called when the peer has ended its direction, and all its data has been processed. */
  onReceiveEnd(): void {
    this.#peerEnded = true;
    // §7.1.4: the peer's Close frame came first, so the end is not an error. `onClose` is called later, in `transportClosed`.
    if (this.state === CloseReceived) {
      this.#endIfDue();
      return;
    }
    // §7.2.1: the connection is lost, without a Close frame.
    this.#sink.end();
    this.transportClosed();
  }

  /** Implements `Endpoint.transportClosed`. */
  transportClosed(): void {
    if (this.state === Closed) return;
    const record = this.#account.toRecord(this.state === CloseReceived);
    this.state = Closed;
    this.#release();
    try {
      this.#events.onClose(record);
    } catch (error) {
      this.#report(error);
    }
  }

  // ---- what the sender reports ----

  onCongested(): void {
    this.receiver.pauseFor(PAUSED_BY_REPLIES);
  }

  onCloseFrame(payload: Uint8Array): void {
    this.#account.onSent(payload);
  }

  onIdle(): void {
    this.resumeForReplies();
    if (this.state === Open || this.state === Closed) return;
    this.#account.watch(this.#sink);
    this.#sink.closing();
    this.#endIfDue();
  }

  /** If reading was stopped because of too many replies, and nothing waits now, reading continues. */
  resumeForReplies(): void {
    if (this.sender.canTakeReplies) this.receiver.resumeFrom(PAUSED_BY_REPLIES);
  }

  // ---- closing ----

  /** §7.1.2: starts the closing handshake. `payload` is the payload of our Close frame. */
  close(payload: Uint8Array): void {
    if (this.state !== Open) return;
    this.state = CloseSent;
    this.#sendClose(payload);
    this.#sink.closing();
    this.#announceClosing(false);
    this.receiver.closing(this.#options.pauseOutlivesClose === true);
  }

  #announceClosing(byPeer: boolean): void {
    if (this.state === Closed) return;
    try {
      this.#events.onClosing(byPeer);
    } catch (error) {
      this.fail(error);
    }
  }

  /** §5.5.1: no data may follow a Close frame. So waiting messages are sent first. The closing timeout runs during this time. */
  #sendClose(payload: Uint8Array): void {
    this.sender.sendClose(payload);
    if (!this.sender.isCloseWaiting) this.#account.watch(this.#sink);
  }

  /** Ends the TCP connection if our Close frame was passed to the sink, and we need not wait for the peer. */
  #endIfDue(): void {
    if (this.sender.isWaiting) return;
    // §7.1.1: the server closes TCP first, so that TIME_WAIT is on the server's side. The client waits for the server. §7.1.7: after a
    // failure, a server and a client both close TCP at once.
    const isDue = this.state === CloseReceived ? this.#options.role === 'server' : this.receiver.isOff;
    if (isDue || this.#peerEnded) this.#sink.end();
  }

  /** Implements `Endpoint.terminate`. */
  terminate(): void {
    if (this.state === Closed) return;
    // From now on, no data can be sent. CloseReceived stays CloseReceived, so that the close still counts as clean.
    if (this.state === Open) this.state = CloseSent;
    this.#release();
    this.#sink.destroy();
  }

  /** Implements `Endpoint.abort`. */
  abort(error: Error): void {
    if (this.state === Closed) return;
    this.#account.error ??= error;
    this.terminate();
    this.#report(error);
  }

  /** Implements `Endpoint.fail`. */
  fail(thrown: unknown): void {
    // The peer's Close frame has arrived, or the connection is closed. So an error from a callback is only reported.
    if (this.state >= CloseReceived) {
      this.#report(thrown);
      return;
    }
    const error = toError(thrown);
    this.#account.error ??= error;
    // If our Close frame waits in the queue, a Close frame with the code of this error replaces it.
    const open = this.state === Open || this.sender.isCloseWaiting;
    this.receiver.switchOff();
    this.sender.stop(error);
    if (open) {
      this.state = CloseSent;
      this.#sendClose(failurePayload(error, this.#options.closeReason ?? null));
    }
    this.#sink.closing();
    this.#endIfDue();
    this.#report(error);
    this.receiver.processWaitingEnd();
  }

  /** Stops sending and receiving, and releases memory, even before the transport has closed. */
  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.receiver.switchOff();
    this.sender.stop(this.#closeAccount === null ? null : this.#closeAccount.error);
    this.#codec?.close();
  }

  #report(thrown: unknown): void {
    const error = toError(thrown);
    this.#account.error ??= error;
    try {
      this.#events.onError(error);
    } catch {
      // `onError` itself threw. This error is ignored: there is no other handler, and a peer must not be able to cause an exception.
    }
  }
}

function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a callback threw', { cause: thrown });
}
