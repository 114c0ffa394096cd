/**
 * Converts options of the `ws` API into the limits of a connection. `maxPayload`, `closeTimeout` and `autoPong` mean the same
 * as in `ws`. The limits that `ws` does not have (RFC 6455 §10.4) are those of our native API.
 */

import type { BindOptions } from '../../transport/bind-options.ts';
import { readOptions } from '../option-spec.ts';
import { type ConnectionOptions, connectionSpecs, toLimits } from '../options.ts';

/** Limits that `ws` does not have. They have the names and defaults of the native API. */
export type ExtraLimits = Pick<
  ConnectionOptions,
  | 'highWaterMark'
  | 'sendCap'
  | 'sendTimeout'
  | 'heartbeat'
  | 'pings'
  | 'messageTimeout'
  | 'flush'
  | 'memoryBudget'
>;

/** The options that limit a connection. */
export interface BoundsOptions {
  /**
   * The maximum size of a received message in bytes. With 0, only the memory budget (`limits.memoryBudget`) limits the size. @default
   * 104857600, 100 MiB
   */
  maxPayload?: number | undefined;
  /** The maximum number of milliseconds that the closing handshake takes. @default 30000 */
  closeTimeout?: number | undefined;
  /** If true, the library answers each ping with a pong. @default true */
  autoPong?: boolean | undefined;
  /** Limits of the native API that `ws` does not have. `ws` ignores this option. */
  limits?: ExtraLimits | undefined;
}

const MAX_PAYLOAD = 104_857_600;
const CLOSE_TIMEOUT = 30_000;

const extraSpecs: Pick<typeof connectionSpecs, keyof ExtraLimits> = {
  highWaterMark: connectionSpecs.highWaterMark,
  sendCap: connectionSpecs.sendCap,
  sendTimeout: connectionSpecs.sendTimeout,
  heartbeat: connectionSpecs.heartbeat,
  pings: connectionSpecs.pings,
  messageTimeout: connectionSpecs.messageTimeout,
  flush: connectionSpecs.flush,
  memoryBudget: connectionSpecs.memoryBudget,
};

/** Returns the value of `closeTimeout`, in milliseconds. websocket.ts uses this value for its own timer. */
export function closeTimeoutOf({ closeTimeout }: BoundsOptions): number {
  return closeTimeout === undefined ? CLOSE_TIMEOUT : closeTimeout;
}

/** Starts a timer. @returns null if the delay is too long for a timer of Node.js: longer than about 25 days */
export function startTimer(delay: number, run: () => void): NodeJS.Timeout | null {
  return delay > MAX_DELAY ? null : setTimeout(run, delay);
}

// Milliseconds. If a delay is longer, a timer of Node.js fires immediately.
const MAX_DELAY = 2_147_483_647;

let last: { readonly key: readonly unknown[]; readonly options: BindOptions } | null = null;

/**
 * Makes the options for `bindSocket`. If the options do not change between two calls, both calls return the same object.
 * @throws {RangeError | TypeError} for invalid `limits`
 */
export function toBindOptions(isServer: boolean, bounds: BoundsOptions): BindOptions {
  const { maxPayload = MAX_PAYLOAD, autoPong = true, limits = NO_LIMITS } = bounds;
  const key = [isServer, maxPayload, closeTimeoutOf(bounds), autoPong, limits];
  if (last?.key.every((value, at) => value === key[at])) return last.options;
  const options = makeBindOptions(isServer, maxPayload, bounds, limits);
  last = { key, options };
  return options;
}

const NO_LIMITS: ExtraLimits = Object.freeze({});

function makeBindOptions(
  isServer: boolean,
  maxPayload: number,
  bounds: BoundsOptions,
  limits: ExtraLimits,
): BindOptions {
  const role = isServer ? 'server' : 'client';
  const extra = readOptions('limits', limits, extraSpecs, role);
  // `ws` converts the limit to an integer of 32 bits. It treats 0 and negative numbers as no limit. The memory budget is an upper bound,
  // because a message that exceeds it can never be received.
  const wanted = maxPayload | 0;
  const maxMessageSize = Math.min(wanted > 0 ? wanted : Number.POSITIVE_INFINITY, extra.memoryBudget.limit);
  const values = readOptions('limits', { closeTimeout: closeTimeoutOf(bounds) }, connectionSpecs, role);
  return {
    role,
    limits: toLimits({ ...values, ...extra, maxMessageSize }),
    // A text message is delivered as bytes. For `onmessage` and `addEventListener`, event-target.ts decodes the bytes.
    text: 'bytes',
    autoPong: bounds.autoPong !== false,
    pauseOutlivesClose: true,
    // The Close frame that is sent after a failure has no reason. `ws` behaves in the same way.
    closeReason: () => '',
  };
}
