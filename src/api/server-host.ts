/**
 * The part of a server that its listeners call for each opening handshake (RFC 6455 §4.2.2). The application's `upgrade` handler decides
 * whether the server accepts the handshake. Each accepted handshake becomes a connection.
 */

import { HandshakeError, refuse } from '../handshake/error.ts';
import type { OriginPolicy } from '../handshake/origin.ts';
import type { AcceptedRequest } from '../handshake/server.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { BindOptions } from '../transport/bind-options.ts';
import type { Compression } from '../transport/compression.ts';
import type { ConnectionLimits } from '../transport/limits.ts';
import { log, warnOnStderr } from '../transport/log.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import { Slots } from '../transport/slot.ts';
import { flattenHeaders } from '../transport/upgrade.ts';
import type {
  OpenedUpgrade,
  PendingHandshake,
  PendingUpgrade,
  UpgradeDecision,
  UpgradeHost,
} from '../transport/upgrade-host.ts';
import { AcceptedInfo } from './accepted-info.ts';
import { isThenable, warn } from './callback.ts';
import { toCompression } from './compression-options.ts';
import type { Connection } from './connection.ts';
import type { ServerOwner } from './connection-init.ts';
import { connectionOpen, handshakeRefused } from './diagnostics.ts';
import { Dispatch } from './dispatch.ts';
import { takesParts } from './handlers.ts';
import { toBindOptions, toLimits } from './options.ts';
import type { AllServerHandlers } from './server-handlers.ts';
import type { ServerValues } from './server-options.ts';
import { type Accept, type AnyUpgradeAnswer, checkAccept, Rejection } from './upgrade-answer.ts';

/** Refusals with these codes need no warning. Either the application has refused the request, or the client has left. */
const expected: ReadonlySet<string> = new Set(['WS_HANDSHAKE_REJECTED', 'WS_HANDSHAKE_ABANDONED']);

/** The connections and handshakes of one server. */
export class ServerHost<Data> implements UpgradeHost<Accept<Data>, Connection<Data>>, ServerOwner<Data> {
  readonly origins: OriginPolicy;
  readonly subprotocols: readonly string[];
  readonly handshakeTimeout: number;
  readonly compression: Compression | null;
  readonly memoryBudget: ConnectionLimits['memoryBudget'];
  readonly slots: Slots;
  readonly connections: Set<Connection<Data>> = new Set<Connection<Data>>();
  areShown = false;
  readonly handshakes: Set<PendingHandshake> = new Set<PendingHandshake>();
  /** The close code and the reason of the shutdown. Null before the shutdown. */
  closing: { readonly code: number; readonly reason: string } | null = null;
  readonly #handlers: AllServerHandlers<Data>;
  readonly #bindOptions: BindOptions;
  #onEmpty: (() => void) | null = null;

  /** @throws {RangeError | TypeError} for invalid compression options, limits or handlers */
  constructor(handlers: AllServerHandlers<Data>, values: ServerValues) {
    this.#handlers = handlers;
    const limits = toLimits(values);
    const inParts = takesParts(handlers);
    this.#bindOptions = { role: 'server', limits, inParts, ...toBindOptions(values) };
    this.origins = values.origins;
    this.subprotocols = values.subprotocols;
    this.handshakeTimeout = values.handshakeTimeout;
    this.compression = toCompression(values.compression);
    this.memoryBudget = values.memoryBudget;
    this.slots = new Slots(values.maxConnections);
  }

  get isClosing(): boolean {
    return this.closing !== null;
  }

  started(handshake: PendingHandshake): void {
    this.handshakes.add(handshake);
  }

  settled(handshake: PendingHandshake): void {
    this.handshakes.delete(handshake);
    this.#checkEmpty();
  }

  /** Resolves when the server has no connections and no handshakes. */
  whenEmpty(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.#checkEmpty();
    });
  }

  #checkEmpty(): void {
    if (this.connections.size === 0 && this.handshakes.size === 0) this.#onEmpty?.();
  }

  decide(
    request: ServerRequest,
    pending: PendingUpgrade,
  ): UpgradeDecision<Accept<Data>> | Promise<UpgradeDecision<Accept<Data>>> {
    const answer = this.#handlers.upgrade?.(request, pending);
    // The Promise can come from another realm or library, so any object with `then` is recognized. Otherwise the Promise would count as an
    // answer that accepts the request.
    return isThenable(answer)
      ? Promise.resolve(answer).then((settled) => this.#answer(settled))
      : this.#answer(answer);
  }

  #answer(answer: AnyUpgradeAnswer<Data>): UpgradeDecision<Accept<Data>> {
    // A shutdown might have begun while the application was deciding.
    if (this.isClosing) return refuse('WS_HANDSHAKE_UNAVAILABLE');
    if (answer instanceof Rejection) {
      const { status, headers, body } = answer;
      return refuse('WS_HANDSHAKE_REJECTED', { status, headers, body: Buffer.from(body) });
    }
    const context = checkAccept(answer);
    const { subprotocol, headers } = context;
    return { subprotocol, headers: headers === undefined ? undefined : flattenHeaders(headers), context };
  }

  accepting(request: ServerRequest, accepted: AcceptedRequest, headers: readonly string[]): string[] | null {
    if (this.#handlers.accepting === undefined) return null;
    const { subprotocol, extensions } = accepted;
    const more = this.#handlers.accepting(request, { subprotocol, extensions, headers });
    if (more === undefined) return null;
    if (isThenable(more)) throw new TypeError('accepting returned a Promise: it is not waited for');
    return flattenHeaders(more);
  }

  refusing(error: HandshakeError, request: HandshakeRequest | null): HandshakeError {
    try {
      const answer = this.#handlers.refusing?.(error, request);
      if (answer === undefined) return error;
      if (!(answer instanceof Rejection)) throw new TypeError('refusing returns reject(…) or nothing');
      const { code, message, stage, value, cause } = error;
      const { status, headers, body } = answer;
      // The header fields of the original response are kept, for example the supported version in Sec-WebSocket-Version. But if the
      // `upgrade` handler refused the request, the header fields of this refusal are replaced.
      const kept = code === 'WS_HANDSHAKE_REJECTED' ? [] : error.headers;
      return new HandshakeError(code, message, {
        stage,
        status,
        headers: [...kept, ...headers],
        body: Buffer.from(body),
        value,
        cause,
      });
    } catch (thrown) {
      warn(thrown);
      return error;
    }
  }

  opened(upgrade: OpenedUpgrade<Accept<Data>>): Connection<Data> {
    const { socket, head, request, subprotocol, extensions, codec, context } = upgrade;
    const info = new AcceptedInfo(request, subprotocol, extensions, context.keepRequest === true);
    const dispatch = new Dispatch<Data>({
      socket,
      handlers: this.#handlers,
      info,
      options: this.#bindOptions,
      codec,
      data: context.data as Data,
      owner: this,
    });
    const { connection } = dispatch;
    this.connections.add(connection);
    // `handleUpgrade` returns the connection to the application, which can read the address at any time. A closed socket has no address, so
    // the address is read now.
    if (request.raw !== null) void info.remoteAddress;
    if (connectionOpen.hasSubscribers) connectionOpen.publish({ connection, role: 'server', request });
    dispatch.start(head);
    if (this.closing !== null) connection.close(this.closing.code, this.closing.reason);
    return connection;
  }

  connectionClosed(connection: Connection<Data>): void {
    this.connections.delete(connection);
    this.#checkEmpty();
  }

  refused(error: HandshakeError, request: HandshakeRequest | null): void {
    const from = request?.remote.address ?? 'a client';
    // Status 0 means that no answer was sent. Another listener had already answered, or the client had left.
    const answer = error.status === 0 ? '' : ` with ${error.status}`;
    log('refused %s%s: %s', from, answer, error.message);
    if (handshakeRefused.hasSubscribers) handshakeRefused.publish({ error, request });
    try {
      const { refused } = this.#handlers;
      if (refused !== undefined) {
        const result = refused.call(this.#handlers, error, request);
        if (isThenable(result)) result.then(undefined, warn);
      }
      // A handler of the application has thrown. Its error must not get lost.
      else if (error.code === 'WS_HANDSHAKE_HOOK_FAILED') warn(error.cause);
      else if (!this.isClosing && !expected.has(error.code)) {
        warnOnStderr(error.code, `refused ${from}${answer}: ${error.message}`);
      }
    } catch (thrown) {
      warn(thrown);
    }
  }
}
