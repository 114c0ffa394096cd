/**
 * Calls the handlers of the application when an endpoint or its socket reports an event. If a handler throws, or its Promise rejects, the
 * connection is closed with 1011 (RFC 6455 §7.4.1). The error is reported once.
 */

import { ConnectionError, type ConnectionFaultCode } from '../frame/connection-error.ts';
import type { CloseRecord } from '../frame/endpoint-events.ts';
import type { Role } from '../frame/parser.ts';
import { ProtocolError } from '../frame/violation.ts';
import { log, warnOnStderr } from '../transport/log.ts';
import { bindSocket, type ConnectionEvents, type SocketConnection } from '../transport/socket.ts';
import { isThenable, warn } from './callback.ts';
import type { CloseInfo } from './close-info.ts';
import { type Connection, makeConnection } from './connection.ts';
import type { ConnectionCore, ConnectionInfo, Membership } from './connection-core.ts';
import type { ConnectionInit, ServerOwner } from './connection-init.ts';
import { connectionClose, connectionError } from './diagnostics.ts';
import { type ConnectionHandlers, reportsMore } from './handlers.ts';
import { Inbox, type InboxOwner } from './inbox.ts';
import { IncomingStreams } from './incoming-streams.ts';
import type { LatestValues } from './latest-values.ts';
import type { SendCallback } from './message.ts';
import { nameOf } from './peer-name.ts';

/** The hidden state of one connection. This class also calls the handlers. */
export class Dispatch<Data> implements ConnectionEvents, ConnectionCore, InboxOwner {
  readonly info: ConnectionInfo;
  readonly binding: SocketConnection;
  readonly role: Role;
  memberships: Set<Membership> | null = null;
  latest: LatestValues | null = null;
  /** The object that the application uses. */
  readonly connection: Connection<Data>;
  needsDrain = false;
  isPaused = false;
  inbox: Inbox | null = null;
  /** Passes messages in parts to the `stream` handler. Null without this handler. */
  #streams: IncomingStreams | null = null;
  readonly #handlers: ConnectionHandlers<Data>;
  readonly #owner: ServerOwner<Data> | null;
  /** True if the application has a handler for an event other than `message`. */
  #reportsMore = true;
  #closeInfo: CloseInfo | null = null;
  #error: Error | null = null;
  #closed: { readonly promise: Promise<CloseInfo>; readonly resolve: (info: CloseInfo) => void } | null =
    null;

  constructor({ socket, handlers, info, options, codec, data, owner }: ConnectionInit<Data>) {
    this.info = info;
    this.#handlers = handlers;
    this.#owner = owner;
    this.role = options.role;
    this.binding = bindSocket(socket, this, options, codec);
    this.connection = makeConnection(this, data);
    if (options.inParts !== true) return;
    this.#streams = new IncomingStreams(this, this.binding.charge(true), options.text !== 'bytes');
  }

  /** Calls the `open` handler, and then starts to read. @param head the bytes that arrived together with the opening handshake */
  start(head: Buffer): void {
    this.#call(() => {
      this.#reportsMore = reportsMore(this.#handlers);
      if (this.#reportsMore) void this.info.remoteAddress;
      return this.#handlers.open?.(this.connection);
    });
    this.binding.start(head);
  }

  // ---- for the connection ----

  get handlesMessages(): boolean {
    return this.#streams !== null || this.#handlers.message !== undefined;
  }

  get isHolding(): boolean {
    return this.inbox?.isHolding === true || this.#streams?.isHolding === true;
  }

  stopPausing(): void {
    this.inbox?.stopPausing();
    this.#streams?.stopPausing();
  }

  get closed(): Promise<CloseInfo> {
    if (this.#closed === null) {
      let resolve: (info: CloseInfo) => void = () => {};
      const promise = new Promise<CloseInfo>((settle) => {
        resolve = settle;
      });
      this.#closed = { promise, resolve };
      if (this.#closeInfo !== null) resolve(this.#closeInfo);
    }
    return this.#closed.promise;
  }

  openInbox(): Inbox {
    if (this.inbox !== null) return this.inbox;
    this.inbox = new Inbox(this, this.binding.charge(true));
    // The connection can already be closing or closed when its first message arrives, or when the loop begins.
    if (!this.binding.isOpen) this.inbox.stopPausing();
    if (this.#closeInfo !== null) this.#endInbox(this.#closeInfo);
    return this.inbox;
  }

  messages(): AsyncIterableIterator<string | Buffer> {
    if (this.handlesMessages) throw new TypeError('the messages of this connection go to its handler');
    return this.openInbox().iterate(() => {
      if (this.binding.isOpen) this.connection.close(1000);
    });
  }

  pauseForInbox(): void {
    this.binding.pause();
  }

  resumeForInbox(): void {
    if (!this.isPaused) this.binding.resume();
  }

  askForRoom(): void {
    this.binding.endpoint.askForRoom();
  }

  #endInbox({ wasClean, error }: CloseInfo): void {
    if (this.inbox === null) return;
    this.inbox.end(wasClean ? null : (error ?? this.#named(new ConnectionError('WS_CONNECTION_LOST'))));
  }

  completion(done: SendCallback): SendCallback {
    return (error) => {
      if (error instanceof ConnectionError) this.#named(error);
      this.#watch(done(error));
    };
  }

  refuse(done: SendCallback): void {
    const error = this.lost('WS_NOT_SENT', this.#error);
    queueMicrotask(() => this.#call(() => done(error)));
  }

  lost(code: ConnectionFaultCode, cause: Error | null): Error {
    return this.#named(new ConnectionError(code, cause === null ? undefined : { cause }));
  }

  // ---- messages ----

  // `Endpoint.receive` catches an error that a handler throws here. So the hot path needs no second `try`.
  onText(text: string | Buffer, wireSize: number): void {
    if (this.#handlers.message === undefined) {
      this.#keep(text, false, wireSize);
      return;
    }
    const result = this.#handlers.message(this.connection, text, false, wireSize);
    if (result !== undefined) this.#watch(result);
  }

  onBinary(payload: Buffer, wireSize: number): void {
    if (this.#handlers.message === undefined) {
      this.#keep(payload, true, wireSize);
      return;
    }
    const result = this.#handlers.message(this.connection, payload, true, wireSize);
    if (result !== undefined) this.#watch(result);
  }

  /**
   * Is called if there is no `message` handler. A `stream` handler gets the message as one part. Otherwise the message waits for a loop.
   */
  #keep(message: string | Buffer, isBinary: boolean, wireSize: number): void {
    if (this.#streams === null) this.openInbox().push(message);
    else this.#streams.whole(message, wireSize, () => this.onMessageStart(isBinary));
  }

  onMessageStart(isBinary: boolean): void {
    const message = this.#streams!.begin(isBinary);
    const result = this.#handlers.stream!(this.connection, message.stream);
    if (!isThenable(result)) message.dropUnread();
    else {
      result.then(message.dropUnread, (error: unknown) => {
        // If the handler's loop fails because the connection has ended, this is not an error of the handler. `close` reports the end.
        if (!message.failedWith(error)) this.binding.endpoint.fail(error);
      });
    }
  }

  onMessagePart(part: Buffer): void {
    this.#streams!.push(part);
  }

  onMessageEnd(wireSize: number): void {
    this.#streams!.end(wireSize);
  }

  onFragment(): void {
    if (this.#handlers.fragment !== undefined) this.#watch(this.#handlers.fragment(this.connection));
  }

  onPing(payload: Buffer): void {
    if (this.#handlers.ping !== undefined) this.#watch(this.#handlers.ping(this.connection, payload));
  }

  onPong(payload: Buffer): void {
    this.binding.ponged(payload);
    if (this.latest?.ponged(payload) === true) return;
    if (this.#handlers.pong !== undefined) this.#watch(this.#handlers.pong(this.connection, payload));
  }

  onDrain(): void {
    if (!this.needsDrain || this.#closeInfo !== null) return;
    this.needsDrain = false;
    this.#call(() => this.#handlers.drain?.(this.connection));
  }

  // ---- the end ----

  /**
   * Is called when the socket is about to close. A closed socket no longer has the address of the peer. But the application can ask for the
   * address later, and warnings contain it. So this method reads the address if it might be needed. If the peer resets TCP, this method is
   * called too late. So `start` also reads the address if there are handlers for events other than messages.
   */
  onEnding(isDropped: boolean): void {
    const isShown = this.#owner === null || this.#owner.areShown || this.#closed !== null;
    if (isDropped || isShown || this.binding.endpoint.dataPieces > 0 || this.#reportsMore)
      void this.info.remoteAddress;
  }

  onClosing(byPeer: boolean): void {
    this.latest?.stop();
    this.#call(() => this.#handlers.closing?.(this.connection, byPeer));
  }

  onClose(record: CloseRecord): void {
    const { code, reason, wasClean } = record;
    const unsentKeys = this.latest === null ? [] : this.latest.stop();
    const info = unsentKeys.length === 0 ? record : { ...record, unsentKeys };
    this.#closeInfo = info;
    this.#owner?.connectionClosed(this.connection);
    if (this.memberships !== null) this.#leaveAll(this.memberships);
    this.#endInbox(info);
    this.#streams?.close(info.error);
    this.#closed?.resolve(info);
    const { connection, role } = this;
    if (connectionClose.hasSubscribers) connectionClose.publish({ connection, role, info });
    this.#call(() => this.#handlers.close?.(this.connection, code, reason, wasClean, info));
  }

  #leaveAll(memberships: Set<Membership>): void {
    this.memberships = null;
    for (const one of memberships) one.connectionClosed(this.connection);
  }

  onError(error: Error): void {
    this.#error ??= error;
    const isKnown = error instanceof ProtocolError || error instanceof ConnectionError;
    if (isKnown) this.#named(error);
    log('%j: %s', this.info.url, isKnown ? `${error.code} ${error.message}` : error.message);
    const { connection, role } = this;
    if (connectionError.hasSubscribers) connectionError.publish({ connection, role, error });
    try {
      const handler = this.#handlers.error;
      if (handler !== undefined) {
        const result = handler.call(this.#handlers, this.connection, error);
        if (isThenable(result)) result.then(undefined, warn);
        return;
      }
    } catch (thrown) {
      warn(thrown);
      return;
    }
    // A handler of the application has thrown this error. The warning includes its stack.
    if (!isKnown) warn(error);
    // If a loop reads the messages, the loop throws this error. So no warning is needed.
    else if (this.inbox?.isTaken !== true)
      warnOnStderr(error.code, `${error.code} ${error.message}; an "error" handler receives this`);
  }

  /** Adds the name of the peer to the error. In a log, the name shows which connection has failed. */
  #named<Named extends ProtocolError | ConnectionError>(error: Named): Named {
    if (error.peer !== null) return error;
    const peer = nameOf(this.info, this.role);
    error.peer = peer;
    error.message += ` (${peer})`;
    return error;
  }

  // ---- handlers that throw ----

  // The look-up of the handler is inside the `try` too, because it can throw. `handlers` can have getters, or be a Proxy.
  #call(handler: () => unknown): void {
    try {
      this.#watch(handler());
    } catch (error) {
      this.binding.endpoint.fail(error);
    }
  }

  #watch(result: unknown): void {
    if (isThenable(result)) result.then(undefined, (error: unknown) => this.binding.endpoint.fail(error));
  }
}
