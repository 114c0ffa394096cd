/**
 * Makes the limits of a connection with the API of `ws`. `maxPayload`, `closeTimeout` and `autoPong` have the meaning that they have in
 * `ws`. Everything that `ws` does not limit has the limits of our native API (RFC 6455 §10.4).
 */

import type { BindOptions } from '../../transport/bind-options.ts';
import { readOptions } from '../option-spec.ts';
import { type ConnectionOptions, connectionSpecs, toLimits } from '../options.ts';

/** Limits that `ws` does not have: they come from the native API, with the same defaults. */
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
   * The size in bytes of the largest message that is accepted. With 0, only the memory budget limits the size. @default 104857600, 100 MiB
   */
  maxPayload?: number | undefined;
  /** Milliseconds that the closing handshake may take. @default 30000 */
  closeTimeout?: number | undefined;
  /** Whether the library answers each ping with a pong. @default true */
  autoPong?: boolean | undefined;
  /** Further limits, which the native API has. `ws` does not have this option. */
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

/** Returns the value of `closeTimeout`, in milliseconds. websocket.ts starts its own timer with this value. */
export function closeTimeoutOf({ closeTimeout }: BoundsOptions): number {
  return closeTimeout === undefined ? CLOSE_TIMEOUT : closeTimeout;
}

/** Starts a timer. @returns null if the delay is too long for a timer of Node: about 25 days */
export function startTimer(delay: number, run: () => void): NodeJS.Timeout | null {
  return delay > MAX_DELAY ? null : setTimeout(run, delay);
}

// Milliseconds. If the delay is longer, Node fires the timer at once.
const MAX_DELAY = 2_147_483_647;

let last: { readonly key: readonly unknown[]; readonly options: BindOptions } | null = null;

/**
 * Makes the options for `bindSocket`. Calls in a row with the same options return the same object.
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
  // `ws` converts the limit to an integer of 32 bits, and treats 0 or less as no limit. The memory budget is an upper bound: a larger
  // message could never be received.
  const wanted = maxPayload | 0;
  const maxMessageSize = Math.min(wanted > 0 ? wanted : Number.POSITIVE_INFINITY, extra.memoryBudget.limit);
  const values = readOptions('limits', { closeTimeout: closeTimeoutOf(bounds) }, connectionSpecs, role);
  return {
    role,
    limits: toLimits({ ...values, ...extra, maxMessageSize }),
    // A text message is delivered as bytes. event-target.ts decodes the bytes for `onmessage` and `addEventListener`.
    text: 'bytes',
    autoPong: bounds.autoPong !== false,
    pauseOutlivesClose: true,
    // As in `ws`, the Close frame after a failure has no reason.
    closeReason: () => '',
  };
}
