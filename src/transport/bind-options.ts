/**
 * The options of `bindSocket`, which connects an `Endpoint` (the protocol logic of one connection) to a socket. limits.ts lists the limits.
 */

import type { EndpointOptions } from '../frame/endpoint-options.ts';
import type { ConnectionLimits } from './limits.ts';

/** The limits of a connection, and the other options that `bindSocket` needs. */
export interface BindOptions
  extends Pick<EndpointOptions, 'role' | 'text' | 'closeReason' | 'autoPong' | 'pauseOutlivesClose'> {
  readonly limits: ConnectionLimits;
  /** If true, the endpoint reports each part of a message when it arrives (see `EndpointEvents.onMessageStart`). */
  readonly inParts?: boolean;
}

// A server uses one `BindOptions` object for all its connections. So the `EndpointOptions` for this object are built once and kept here.
const endpointOptions = new WeakMap<BindOptions, EndpointOptions>();

/** Returns the options for the endpoint. They do not contain the limits that only the transport layer applies. */
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
