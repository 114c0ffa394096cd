/**
 * Makes the limits of a connection of this surface: `maxPayload`, `closeTimeout` and `autoPong` as in `ws`, and the limits of the native API
 * for everything that `ws` does not limit (RFC 6455 §10.4).
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
  /** The largest message that is accepted, in bytes; with 0, only the memory budget limits it. @default 104857600, 100 MiB */
  maxPayload?: number | undefined;
  /** Milliseconds that the closing handshake may take. @default 30000 */
  closeTimeout?: number | undefined;
  /** False: the library does not answer pings. @default true */
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

/** Returns the value of `closeTimeout`, for which this surface has its own timer. */
export function closeTimeoutOf({ closeTimeout }: BoundsOptions): number {
  return closeTimeout === undefined ? CLOSE_TIMEOUT : closeTimeout;
}

/** Starts a timer for a deadline of any length. @returns null if there is no deadline */
export function startTimer(delay: number, run: () => void): NodeJS.Timeout | null {
  return delay > MAX_DELAY ? null : setTimeout(run, delay);
}

// Milliseconds. Node fires a timer with a longer delay at once.
const MAX_DELAY = 2_147_483_647;

let last: { readonly key: readonly unknown[]; readonly options: BindOptions } | null = null;

/**
 * Makes the options for `bindSocket`. The connections of a server share one object, as long as the server's options stay the same.
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
  // `ws` converts the limit to an integer of 32 bits, and treats 0 or less as no limit. There would never be room for a message that is
  // larger than the memory budget.
  const wanted = maxPayload | 0;
  const maxMessageSize = Math.min(wanted > 0 ? wanted : Number.POSITIVE_INFINITY, extra.memoryBudget.limit);
  const values = readOptions('limits', { closeTimeout: closeTimeoutOf(bounds) }, connectionSpecs, role);
  return {
    role,
    limits: toLimits({ ...values, ...extra, maxMessageSize }),
    // Text is delivered as bytes, and decoded only for `onmessage`.
    text: 'bytes',
    autoPong: bounds.autoPong !== false,
    pauseOutlivesClose: true,
    // After a failure, `ws` sends a Close frame without a reason.
    closeReason: () => '',
  };
}
