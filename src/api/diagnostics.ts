/**
 * Creates our channels of node:diagnostics_channel. Programs for tracing and metrics subscribe to these channels, and receive the events of
 * all connections of the process. The application's handlers need no change. An event whose channel has no subscriber costs one comparison.
 * There is no channel for messages, so a message costs nothing.
 */

import { channel } from 'node:diagnostics_channel';
import type { Role } from '../frame/parser.ts';
import type { HandshakeError } from '../handshake/error.ts';
import type { HandshakeRequest } from '../handshake/upgrade-request.ts';
import type { ServerRequest } from '../transport/server-request.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';

/** The type of the messages of each channel. The key is the channel's name. */
export interface DiagnosticsMessages {
  /** A connection is open; its `open` handler is called next. `request` is null on a client. */
  'rfc6455:connection:open': {
    readonly connection: Connection<unknown>;
    readonly role: Role;
    readonly request: ServerRequest | null;
  };
  /** A connection failed, or one of its handlers threw; the `error` handler is called next. */
  'rfc6455:connection:error': {
    readonly connection: Connection<unknown>;
    readonly role: Role;
    readonly error: Error;
  };
  /** A connection is closed; the `close` handler is called next. This event comes once for each connection that was open. */
  'rfc6455:connection:close': {
    readonly connection: Connection<unknown>;
    readonly role: Role;
    readonly info: CloseInfo;
  };
  /** A server refused a request; the `refused` handler is called next. `request` is null if no request was read. */
  'rfc6455:handshake:refused': {
    readonly error: HandshakeError;
    readonly request: HandshakeRequest | null;
  };
  /** An attempt of `connect` or `reconnect` failed. If an abort signal ended the attempt, `error` is the signal's reason. */
  'rfc6455:handshake:failed': { readonly error: unknown };
}

/** A channel with the type of its messages. */
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
