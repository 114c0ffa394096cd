/**
 * Makes the handlers for the connections that a `Reconnection` opens. Each handler calls the application's handler of the same name. A run
 * is the time from the `start` of a `Reconnection` to its end. `open` and `close` also update the state of the run. The other handlers
 * ignore a connection that is not the current connection of the run.
 */

import { isThenable, warn } from './callback.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { ReconnectHandlers } from './reconnect-options.ts';

/** The parts of a run that the handlers use. A run is the time from the `start` of a `Reconnection` to its end. */
export interface ConnectionOwner<Data> {
  /**
   * The current connection of the run. If a connection opens while the run is being stopped, it does not become the current connection. The
   * application then receives no events of this connection.
   */
  readonly connection: Connection<Data> | null;
  /** Is called when a connection is open. @returns the result of the application's `open` handler */
  opened(connection: Connection<Data>): unknown;
  /** Is called when the connection is closed. @returns a function that has to be called after the `close` handler */
  lost(info: CloseInfo): () => void;
}

type AnyHandler<Data> = (connection: Connection<Data>, ...rest: never[]) => unknown;

/** Returns the handlers for the connection of one attempt. */
export function wrapHandlers<Data>(
  theirs: ReconnectHandlers<Data, string | Buffer>,
  run: ConnectionOwner<Data>,
): ConnectionHandlers<Data, string | Buffer> {
  const ours: ConnectionHandlers<Data, string | Buffer> = {
    open: (connection) => run.opened(connection),
    close: (connection, code, reason, wasClean, info) => {
      if (connection !== run.connection) return undefined;
      const hasEnded = run.lost(info);
      try {
        return theirs.close?.(connection, code, reason, wasClean, info);
      } finally {
        hasEnded();
      }
    },
  };
  for (const name of [
    'message',
    'stream',
    'fragment',
    'ping',
    'pong',
    'drain',
    'closing',
    'error',
  ] as const) {
    // If the application has not set a handler, the connection must not have this handler either. If a connection has no `message`
    // handler, the application reads messages with `for await`. If it has no `error` handler, errors become warnings.
    if (theirs[name] === undefined) continue;
    ours[name] = (connection: Connection<Data>, ...rest: never[]) =>
      connection === run.connection
        ? (theirs as Record<string, AnyHandler<Data>>)[name]?.(connection, ...rest)
        : undefined;
  }
  return ours;
}

/**
 * Calls a handler that does not belong to a connection, such as `failed`. If the handler throws, the error becomes a process warning. No
 * connection is closed.
 */
export function report(handler: () => unknown): void {
  try {
    const result = handler();
    if (isThenable(result)) result.then(undefined, warn);
  } catch (error) {
    warn(error);
  }
}
