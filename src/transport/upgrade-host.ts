/**
 * The interface of a server for the opening handshakes on its sockets (RFC 6455 §4.2): its limits, its decision about a request, and the
 * calls that report the result. upgrade.ts performs the handshake itself.
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

/** The application's decision about a request: how to accept it, with a `context` that `opened` receives; or a refusal. */
export interface UpgradeAcceptance<Context> extends Acceptance {
  readonly context: Context;
}
export type UpgradeDecision<Context> = UpgradeAcceptance<Context> | HandshakeError;

/** A connection whose 101 was written. */
export interface OpenedUpgrade<Context> {
  readonly socket: Duplex;
  /** Bytes that came after the request. They already belong to frames. */
  readonly head: Buffer;
  readonly request: ServerRequest;
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** The codec of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  readonly context: Context;
}

/** The server that takes the connections. */
export interface UpgradeHost<Context = unknown, Result = unknown> {
  readonly origins: OriginPolicy;
  /** If the decision names no subprotocol, the first one in the client's list that is also in this list is chosen. */
  readonly subprotocols: readonly string[];
  /** The maximum time from the beginning of the handshake to the 101, in milliseconds. */
  readonly handshakeTimeout: number;
  /** Answers offers of permessage-deflate; null declines all of them. */
  readonly compression: Compression | null;
  /** Counts the bytes that a client sends before it is answered. */
  readonly memoryBudget: MemoryBudget;
  /** The slots: each socket has one, until its 'close'. */
  readonly slots: Slots;
  /** Whether the server is closing: every new handshake is answered with 503. */
  readonly isClosing: boolean;
  /** A handshake began. Its `refuse` may be called until the handshake is settled. */
  started(handshake: PendingHandshake): void;
  /** The handshake ended, with success or not; if it succeeded, `opened` was called before. */
  settled(handshake: PendingHandshake): void;
  decide(
    request: ServerRequest,
    upgrade: PendingUpgrade,
  ): UpgradeDecision<Context> | Promise<UpgradeDecision<Context>>;
  /**
   * The 101 is about to be written. @param headers the decision's header fields @returns more header fields for the 101, flat, or null
   * @throws the error that the application throws; the server then answers 500
   */
  accepting?(
    request: ServerRequest,
    accepted: AcceptedRequest,
    headers: readonly string[],
  ): readonly string[] | null;
  /** A refusal is about to be written. Must not throw. @returns the refusal to write: `error`, or another one */
  refusing?(error: HandshakeError, request: HandshakeRequest | null): HandshakeError;
  opened(upgrade: OpenedUpgrade<Context>): Result;
  /** A request was answered with an error, or its client left before the answer. */
  refused(error: HandshakeError, request: HandshakeRequest | null): void;
}

/** The source of one request, and the callbacks that wait for its outcome. */
export interface UpgradeOrigin<Result> {
  /** The path that is served, see `servesPath`. @default '', which serves every path */
  readonly path?: PathPattern;
  /** The request of node:http, if node:http read the head. */
  readonly raw?: IncomingMessage | null;
  /** Passed on to the application. */
  readonly context?: unknown;
  /** Called with the value that `opened` returned. */
  readonly onOpened?: (result: Result) => void;
  /** Called after `refused`. */
  readonly onRefused?: (error: HandshakeError) => void;
}

/** The information for an application while it prepares its answer. */
export interface PendingUpgrade {
  /** Aborts when the answer is no longer needed: the peer left, the deadline passed, the server is shut down. */
  readonly signal: AbortSignal;
  /** The option `context` of `handleUpgrade`; undefined otherwise. */
  readonly context: unknown;
}

/** An opening handshake that has not been answered yet. */
export interface PendingHandshake {
  /** Answers with the status of a `HandshakeError`. Any other error was thrown by the application, and the answer is 500. */
  refuse(error: unknown): void;
}
