/**
 * Makes the handlers of a run of a `Reconnection`, which call the handlers of the application. `open` and `close` also update the state of
 * the run. Other events are passed on as long as their connection is the current connection of the run.
 */

import { isThenable, warn } from './callback.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { ReconnectHandlers } from './reconnect-options.ts';

/** The parts of a run that react to the events of its connection. */
export interface ConnectionOwner<Data> {
  /**
   * The run's current connection. A stopped run may still get a connection that was opened at the same moment: the application is not
   * notified of that connection.
   */
  readonly connection: Connection<Data> | null;
  /** Is called when a connection is open. @returns the result of the application's `open` handler */
  opened(connection: Connection<Data>): unknown;
  /** Is called when the connection is closed. @returns a function to call after the `close` handler */
  lost(info: CloseInfo): () => void;
}

type AnyHandler<Data> = (connection: Connection<Data>, ...rest: never[]) => unknown;

/** Returns the handlers for one attempt: the handlers of the application, and the handlers of the run. */
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
    // Handlers that the application does not have stay absent: without `message`, messages are read with `for await`; without `error`,
    // errors are warnings.
    if (theirs[name] === undefined) continue;
    ours[name] = (connection: Connection<Data>, ...rest: never[]) =>
      connection === run.connection
        ? (theirs as Record<string, AnyHandler<Data>>)[name]?.(connection, ...rest)
        : undefined;
  }
  return ours;
}

/** Calls a handler that belongs to no connection: if it throws, no connection is closed. */
export function report(handler: () => unknown): void {
  try {
    const result = handler();
    if (isThenable(result)) result.then(undefined, warn);
  } catch (error) {
    warn(error);
  }
}
