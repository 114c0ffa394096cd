/** The options for an endpoint on a socket. limits.ts has the limits and the purpose of each. */

import type { EndpointOptions } from '../frame/endpoint-options.ts';
import type { ConnectionLimits } from './limits.ts';

/** The options that `bindSocket` needs in addition to the limits. */
export interface BindOptions
  extends Pick<EndpointOptions, 'role' | 'text' | 'closeReason' | 'autoPong' | 'pauseOutlivesClose'> {
  readonly limits: ConnectionLimits;
  /** Whether messages are reported in parts, see `EndpointEvents.onMessageStart`. */
  readonly inParts?: boolean;
}

// A server uses the same options for all its connections, so the endpoint's options are built once.
const endpointOptions = new WeakMap<BindOptions, EndpointOptions>();

/** Returns the part of the options that the endpoint takes. */
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
