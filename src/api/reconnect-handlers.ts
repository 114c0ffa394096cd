/**
 * The handlers of a `Reconnection`: the run's own handlers call those of the application. `open` and `close` also update the run's state;
 * other events are passed on as long as their connection is the run's current one.
 */

import { isThenable, warn } from './callback.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { ReconnectHandlers } from './reconnect-options.ts';

/** How the run reacts to the events of its connection. */
export interface ConnectionOwner<Data> {
  /**
   * The run's current connection. A stopped run may still get a connection that was opened at the same moment: the application is not
   * notified of that connection.
   */
  readonly connection: Connection<Data> | null;
  /** @returns the result of the application's `open` */
  opened(connection: Connection<Data>): unknown;
  /** @returns a function to call after the `close` handler */
  lost(info: CloseInfo): () => void;
}

type AnyHandler<Data> = (connection: Connection<Data>, ...rest: never[]) => unknown;

/** The handlers for one attempt: those that the application has, and the run's own. */
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
