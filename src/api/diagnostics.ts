/**
 * The channels of this library in node:diagnostics_channel. Programs for tracing and metrics can subscribe to them. The subscribers receive
 * events of all connections of the process, and the application's handlers need no change. If a channel has no subscriber, an event costs
 * one comparison. There is no channel for messages, so tracing does not slow down messages.
 */

import { channel } from 'node:diagnostics_channel';
import type { Role } from '../frame/parser.ts';
import type { HandshakeError } from '../handshake/error.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';

/** The type of the messages of each channel. The key is the name of the channel. */
export interface DiagnosticsMessages {
  /** A connection is open. After this event, the `open` handler is called. On a client, `request` is null. */
  'rfc6455:connection:open': {
    readonly connection: Connection<unknown>;
    readonly role: Role;
    readonly request: ServerRequest | null;
  };
  /** A connection has failed, or one of its handlers has thrown. After this event, the `error` handler is called. */
  'rfc6455:connection:error': {
    readonly connection: Connection<unknown>;
    readonly role: Role;
    readonly error: Error;
  };
  /**
   * A connection is closed. After this event, the `close` handler is called. The event comes exactly once for each connection that was
   * open.
   */
  'rfc6455:connection:close': {
    readonly connection: Connection<unknown>;
    readonly role: Role;
    readonly info: CloseInfo;
  };
  /**
   * A server has refused a request. After this event, the `refused` handler is called. `request` is null if the server could not read the
   * request.
   */
  'rfc6455:handshake:refused': {
    readonly error: HandshakeError;
    readonly request: HandshakeRequest | null;
  };
  /** An attempt of `connect` or `reconnect` has failed. If an abort signal ended the attempt, `error` is the reason of the signal. */
  'rfc6455:handshake:failed': { readonly error: unknown };
}

/** A diagnostics channel with the type of its messages. */
interface TypedChannel<Name extends keyof DiagnosticsMessages> {
  readonly hasSubscribers: boolean;
  publish(message: DiagnosticsMessages[Name]): void;
}

export const connectionOpen: TypedChannel<'rfc6455:connection:open'> = channel('rfc6455:connection:open');
export const connectionError: TypedChannel<'rfc6455:connection:error'> = channel('rfc6455:connection:error');
export const connectionClose: TypedChannel<'rfc6455:connection:close'> = channel('rfc6455:connection:close');
export const handshakeRefused: TypedChannel<'rfc6455:handshake:refused'> =
  channel('rfc6455:handshake:refused');
export const handshakeFailed: TypedChannel<'rfc6455:handshake:failed'> = channel('rfc6455:handshake:failed');
