/**
 * The interface between a server and the opening handshakes on its sockets (RFC 6455 §4.2). A handshake reads the server's limits, and asks
 * the server for a decision about the request. It then reports the result to the server. upgrade.ts performs the handshake.
 */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DeflateCodec } from '../deflate/codec.ts';
import type { MemoryBudget } from '../frame/memory-budget.ts';
import type { HandshakeError } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { OriginPolicy } from '../handshake/origin.ts';
import type { Acceptance, AcceptedRequest } from '../handshake/server.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { Compression } from './compression.ts';
import type { PathPattern } from './path-pattern.ts';
import type { ServerRequest } from './server-request.ts';
import type { Slots } from './slot.ts';

/** The decision to accept a request. `context` is passed to `opened`. */
export interface UpgradeAcceptance<Context> extends Acceptance {
  readonly context: Context;
}
export type UpgradeDecision<Context> = UpgradeAcceptance<Context> | HandshakeError;

/** A new connection. The 101 response was already written. */
export interface OpenedUpgrade<Context> {
  readonly socket: Duplex;
  /** The bytes that arrived after the request. They are the beginning of the frames from the client. */
  readonly head: Buffer;
  readonly request: ServerRequest;
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  readonly context: Context;
}

/** The server to which the handshakes and the connections belong. */
export interface UpgradeHost<Context = unknown, Result = unknown> {
  readonly origins: OriginPolicy;
  /**
   * The subprotocols that the server supports. If the application chooses no subprotocol, the server chooses the first subprotocol in the
   * client's list that is also in this list.
   */
  readonly subprotocols: readonly string[];
  /**
   * The longest time for an opening handshake in milliseconds. The time begins when the socket is accepted, and ends with the 101 response.
   */
  readonly handshakeTimeout: number;
  /** Negotiates permessage-deflate. Null if the server declines all offers. */
  readonly compression: Compression | null;
  /** The budget that counts the bytes that a client sends before its request is answered. */
  readonly memoryBudget: MemoryBudget;
  /** Limits the number of open sockets. Each socket takes one slot until its 'close' event. */
  readonly slots: Slots;
  /** True while the server is closing. During this time, every new handshake is answered with 503. */
  readonly isClosing: boolean;
  /** Is called when a handshake begins. Until `settled` is called, the server may call `refuse` of the handshake. */
  started(handshake: PendingHandshake): void;
  /** Is called when the handshake has ended, successfully or not. After a successful handshake, `opened` is called before `settled`. */
  settled(handshake: PendingHandshake): void;
  decide(
    request: ServerRequest,
    upgrade: PendingUpgrade,
  ): UpgradeDecision<Context> | Promise<UpgradeDecision<Context>>;
  /**
   * Is called before the 101 response is written.
   * @param headers the header fields of the decision
   * @returns more header fields for the response, as a flat list, or null
   * @throws an error of the application. The client then receives 500
   */
  accepting?(
    request: ServerRequest,
    accepted: AcceptedRequest,
    headers: readonly string[],
  ): readonly string[] | null;
  /**
   * Is called before a refusal is written. This function must not throw. @returns the error for the answer: `error` itself or another error
   */
  refusing?(error: HandshakeError, request: HandshakeRequest | null): HandshakeError;
  opened(upgrade: OpenedUpgrade<Context>): Result;
  /**
   * Is called when a request was refused, or when the client left before the answer. This function is not called if the client left before
   * its request was complete.
   */
  refused(error: HandshakeError, request: HandshakeRequest | null): void;
}

/** Information about one request, and callbacks for the result of its handshake. */
export interface UpgradeOrigin<Result> {
  /** The path that is served (see `servesPath`). @default '', which stands for every path */
  readonly path?: PathPattern;
  /** The request of node:http, if node:http has read the head of the request. */
  readonly raw?: IncomingMessage | null;
  /** A value that `PendingUpgrade.context` passes to the application. */
  readonly context?: unknown;
  /** Is called with the value that `opened` returned. */
  readonly onOpened?: (result: Result) => void;
  /** Is called when the handshake has ended without a connection. If `UpgradeHost.refused` is called too, it is called first. */
  readonly onRefused?: (error: HandshakeError) => void;
}

/** The object that the application receives with a request, and uses while it prepares its answer. */
export interface PendingUpgrade {
  /** Aborts when the answer is no longer needed, because the peer left, the deadline passed, or the server is shutting down. */
  readonly signal: AbortSignal;
  /** The option `context` of `handleUpgrade`. Undefined if the option is absent. */
  readonly context: unknown;
}

/** An opening handshake that has not been answered yet. */
export interface PendingHandshake {
  /** Refuses the handshake. If `error` is a `HandshakeError`, the answer has its status. For any other error, the answer is 500. */
  refuse(error: unknown): void;
}
