/**
 * Describes why a `Reconnection` has no connection. Decides whether another attempt can succeed. reconnect-run.ts calls these functions.
 */

import { inspect } from 'node:util';
import { HandshakeError } from '../handshake/error.ts';
import type { CloseInfo } from './close-info.ts';

/** Why a `Reconnection` has no connection. `closed`: the connection was closed. `failed`: an attempt to connect failed. */
export type ReconnectCause =
  | { readonly kind: 'closed'; readonly info: CloseInfo }
  | { readonly kind: 'failed'; readonly error: Error };

/** Returns true if another attempt to connect cannot succeed, because the options or the URL are invalid. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof HandshakeError) return error.stage === 'url';
  return error instanceof TypeError || error instanceof RangeError;
}

/**
 * Returns the error with which `start` rejects. `start` rejects if no attempt led to a connection, or if each `open` handler threw.
 * @param openError the last error that an `open` handler threw, or null
 */
export function errorOf(cause: ReconnectCause, openError: Error | null): Error {
  if (cause.kind === 'failed') return cause.error;
  const { code, reason, error } = cause.info;
  return openError ?? error ?? new Error(`the connection was closed: ${code} ${inspect(reason)}`);
}

/** Returns a thrown value as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(inspect(thrown, { customInspect: false }));
}
