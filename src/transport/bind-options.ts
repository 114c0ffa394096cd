/** The options of `bindSocket`, which connects an endpoint to a socket. limits.ts lists the limits and their purpose. */

import type { EndpointOptions } from '../frame/endpoint-options.ts';
import type { ConnectionLimits } from './limits.ts';

/** The options that `bindSocket` needs in addition to the limits. */
export interface BindOptions
  extends Pick<EndpointOptions, 'role' | 'text' | 'closeReason' | 'autoPong' | 'pauseOutlivesClose'> {
  readonly limits: ConnectionLimits;
  /** Whether the endpoint reports each message in parts, while it arrives: see `EndpointEvents.onMessageStart`. */
  readonly inParts?: boolean;
}

// A server passes the same `BindOptions` for all its connections. So their `EndpointOptions` are built once and kept here.
const endpointOptions = new WeakMap<BindOptions, EndpointOptions>();

/** Returns the options for the endpoint: `options` without the limits that only the transport applies. */
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
