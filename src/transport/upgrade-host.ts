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

/** How to accept a request, with a `context` that is passed to `opened`. */
export interface UpgradeAcceptance<Context> extends Acceptance {
  readonly context: Context;
}
export type UpgradeDecision<Context> = UpgradeAcceptance<Context> | HandshakeError;

/** A connection for which the 101 was written. */
export interface OpenedUpgrade<Context> {
  readonly socket: Duplex;
  /** The bytes that came after the request. They already belong to frames. */
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
   * The subprotocols of the server. If the decision has no subprotocol, we use the first one of the client's list that is also in this
   * list.
   */
  readonly subprotocols: readonly string[];
  /** The maximum time from the beginning of the handshake to the 101, in milliseconds. */
  readonly handshakeTimeout: number;
  /** Answers the offers of permessage-deflate. If it is null, all offers are declined. */
  readonly compression: Compression | null;
  /** The budget that counts the bytes that a client sends before its request is answered. */
  readonly memoryBudget: MemoryBudget;
  /** The slots of the server. Each socket has one slot, until its 'close'. */
  readonly slots: Slots;
  /** Whether the server is closing. If so, every new handshake is answered with 503. */
  readonly isClosing: boolean;
  /** A handshake began. From now until `settled` is called, the server may call the handshake's `refuse`. */
  started(handshake: PendingHandshake): void;
  /** The handshake ended, successfully or not. If it was successful, `opened` was called before this call. */
  settled(handshake: PendingHandshake): void;
  decide(
    request: ServerRequest,
    upgrade: PendingUpgrade,
  ): UpgradeDecision<Context> | Promise<UpgradeDecision<Context>>;
  /**
   * The 101 is about to be written. @param headers the header fields of the decision @returns more header fields for the 101, as a flat
   * list, or null
   * @throws the error that the application throws; the peer then receives 500
   */
  accepting?(
    request: ServerRequest,
    accepted: AcceptedRequest,
    headers: readonly string[],
  ): readonly string[] | null;
  /**
   * A refusal is about to be written. This function must not throw. @returns the refusal to write: `error`, or an error that replaces it
   */
  refusing?(error: HandshakeError, request: HandshakeRequest | null): HandshakeError;
  opened(upgrade: OpenedUpgrade<Context>): Result;
  /** A request was refused, or the client left before the answer. */
  refused(error: HandshakeError, request: HandshakeRequest | null): void;
}

/** What the caller knows about one request, and the callbacks that receive its result. */
export interface UpgradeOrigin<Result> {
  /** The path to serve, see `servesPath`. @default '', which stands for every path */
  readonly path?: PathPattern;
  /** The request of node:http, if node:http has read the head of the request. */
  readonly raw?: IncomingMessage | null;
  /** A value that `PendingUpgrade.context` passes to the application. */
  readonly context?: unknown;
  /** Called with the value that `opened` returned. */
  readonly onOpened?: (result: Result) => void;
  /** Called after `refused`. */
  readonly onRefused?: (error: HandshakeError) => void;
}

/** What the application receives while it prepares its answer. */
export interface PendingUpgrade {
  /** Aborts when the answer is no longer needed. Then the peer has left, the deadline has passed, or the server shuts down. */
  readonly signal: AbortSignal;
  /** The option `context` of `handleUpgrade`; undefined if there is no such option. */
  readonly context: unknown;
}

/** An opening handshake that has not been answered yet. */
export interface PendingHandshake {
  /**
   * Refuses the handshake. If `error` is a `HandshakeError`, the answer has its status. Any other error comes from the application, and the
   * answer is 500.
   */
  refuse(error: unknown): void;
}
