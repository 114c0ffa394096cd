/** Makes the text that `console.log` shows for a connection. */

import { type InspectOptions, inspect } from 'node:util';

interface ShownConnection {
  readonly state: string;
  readonly url: string;
  readonly remoteAddress: string | undefined;
  readonly subprotocol: string;
  readonly bufferedAmount: number;
  readonly data: unknown;
}

/** Implements the method `inspect.custom` of a connection. */
export function showConnection(this: ShownConnection, _depth: number, options: InspectOptions): string {
  const { state, url, remoteAddress, subprotocol, bufferedAmount, data } = this;
  return `Connection ${inspect({ state, url, remoteAddress, subprotocol, bufferedAmount, data }, options)}`;
}
