/** Calls a function at the n-th event of any stream of the process. With this, a test can act at each step of a connection. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Counts the events that all streams of the process emit, until `restore` is called. */
export interface EveryEvent {
  /** The TCP sockets of clients that were created while the events were counted. */
  readonly sockets: readonly Socket[];
  /** True if the `moment`-th event has happened. */
  readonly isOver: boolean;
  restore(): void;
}

/** Calls `action` at the `moment`-th event of any stream, before or after the listeners of the event. */
export function atEvent(moment: number, isBefore: boolean, action: () => void): EveryEvent {
  const { emit } = EventEmitter.prototype;
  const sockets: Socket[] = [];
  const onSocket = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket);
  let count = 0;
  EventEmitter.prototype.emit = function (this: EventEmitter, ...args: Parameters<typeof emit>): boolean {
    if (!(this instanceof Duplex)) return emit.apply(this, args);
    const isNow = ++count === moment;
    if (isNow && isBefore) action();
    const result = emit.apply(this, args);
    if (isNow && !isBefore) action();
    return result;
  } as typeof emit;
  subscribe('net.client.socket', onSocket);
  return {
    sockets,
    get isOver() {
      return count >= moment;
    },
    restore() {
      EventEmitter.prototype.emit = emit;
      unsubscribe('net.client.socket', onSocket);
    },
  };
}
