/**
 * Describes why a `Reconnection` has no connection, and decides whether another attempt can succeed. reconnect-run.ts calls these
 * functions.
 */

import { inspect } from 'node:util';
import { HandshakeError } from '../handshake/error.ts';
import type { CloseInfo } from './close-info.ts';

/** Says why there is no connection: one side closed the connection, or an attempt failed. */
export type ReconnectCause =
  | { readonly kind: 'closed'; readonly info: CloseInfo }
  | { readonly kind: 'failed'; readonly error: Error };

/** Returns whether another attempt would certainly fail as well. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof HandshakeError) return error.stage === 'url';
  return error instanceof TypeError || error instanceof RangeError;
}

/**
 * Returns the error with which `start` rejects. `start` rejects if every attempt failed or ended with an `open` handler that threw.
 * @param openError the error that the last `open` handler threw, or null
 */
export function errorOf(cause: ReconnectCause, openError: Error | null): Error {
  if (cause.kind === 'failed') return cause.error;
  const { code, reason, error } = cause.info;
  return openError ?? error ?? new Error(`the connection was closed: ${code} ${inspect(reason)}`);
}

/** Turns a thrown value into an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(inspect(thrown, { customInspect: false }));
}
