/** Implements `Connection.sendLatest`. Checks the arguments, and passes the value to latest-values.ts, where the value waits. */

import type { ConnectionCore } from './connection-core.ts';
import { LatestValues } from './latest-values.ts';
import { type Message, toBytes } from './message.ts';
import { describe } from './option-names.ts';

/** Implements `Connection.sendLatest`. Returns the same value, and throws the same errors. */
export function sendLatest(core: ConnectionCore, key: string, message: Message | (() => Message)): boolean {
  if (typeof key !== 'string') throw new TypeError(`the key is ${describe(key)}, not a string`);
  const value = typeof message === 'string' || typeof message === 'function' ? message : toBytes(message);
  if (!core.binding.isOpen) return false;
  core.latest ??= new LatestValues(core.binding);
  return core.latest.set(key, value);
}
