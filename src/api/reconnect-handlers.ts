/**
 * The handlers of a `Reconnection`: the application's, within those of the run that connects. `open` and `close` keep the run's state; the other
 * events pass through, as long as their connection is the run's.
 */

import { isThenable, warn } from './callback.ts';
import type { CloseInfo } from './close-info.ts';
import type { Connection } from './connection.ts';
import type { ConnectionHandlers } from './handlers.ts';
import type { ReconnectHandlers } from './reconnect-options.ts';

/** What a run does about its connection. */
export interface ConnectionOwner<Data> {
  /** A stopped run may get a connection that was opened in the same moment: the application is not notified of it. */
  readonly connection: Connection<Data> | null;
  /** @returns what the application's `open` returned */
  opened(connection: Connection<Data>): unknown;
  /** @returns what is to be done after the `close` handler */
  lost(info: CloseInfo): () => void;
}

type AnyHandler<Data> = (connection: Connection<Data>, ...rest: never[]) => unknown;

/** Handlers for one attempt: only those that the application has, and the run's own. */
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
    // Without a `message` handler messages are read with `for await`; without `error` errors are warnings.
    if (theirs[name] === undefined) continue;
    ours[name] = (connection: Connection<Data>, ...rest: never[]) =>
      connection === run.connection
        ? (theirs as Record<string, AnyHandler<Data>>)[name]?.(connection, ...rest)
        : undefined;
  }
  return ours;
}

/** Calls a handler that belongs to no connection: what it throws closes none. */
export function report(handler: () => unknown): void {
  try {
    const result = handler();
    if (isThenable(result)) result.then(undefined, warn);
  } catch (error) {
    warn(error);
  }
}
