/** What an endpoint on a socket is made with. The limits, and what each is for, are limits.ts. */

import type { EndpointOptions } from '../frame/endpoint-options.ts';
import type { ConnectionLimits } from './limits.ts';

/** What `bindSocket` needs beside the limits. */
export interface BindOptions
  extends Pick<EndpointOptions, 'role' | 'text' | 'closeReason' | 'autoPong' | 'pauseOutlivesClose'> {
  readonly limits: ConnectionLimits;
  /** Whether messages are reported in parts, see `EndpointEvents.onMessageStart`. */
  readonly inParts?: boolean;
}

// A server has the same options for each of its connections: they are put together once.
const endpointOptions = new WeakMap<BindOptions, EndpointOptions>();

/** The part of them that is the endpoint's. */
export function endpointOptionsOf(options: BindOptions): EndpointOptions {
  let made = endpointOptions.get(options);
  if (made !== undefined) return made;
  const { limits, inParts, ...own } = options;
  const { maxMessageSize, highWaterMark, sendCap, memoryBudget } = limits;
  const maxStreamSize = inParts === true ? (limits.maxStreamSize ?? maxMessageSize) : undefined;
  made = { ...own, maxMessageSize, maxStreamSize, highWaterMark, sendCap, memoryBudget };
  endpointOptions.set(options, made);
  return made;
}
