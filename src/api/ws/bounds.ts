/**
 * The bounds of a connection of this surface: `maxPayload`, `closeTimeout` and `autoPong` as `ws` names them, and the limits of the
 * native API for everything that `ws` leaves unbounded (RFC 6455 §10.4).
 */

import type { BindOptions } from '../../transport/bind-options.ts';
import { readOptions } from '../option-spec.ts';
import { type ConnectionOptions, connectionSpecs, toLimits } from '../options.ts';

/** Limits that `ws` does not have; as in the native API, with its defaults. */
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

/** What bounds a connection. */
export interface BoundsOptions {
  /** Bytes of a received message; 0 for no limit but the memory budget's. @default 104857600, 100 MiB */
  maxPayload?: number | undefined;
  /** Milliseconds that the closing handshake may take. @default 30000 */
  closeTimeout?: number | undefined;
  /** False: pings are not answered by themselves. @default true */
  autoPong?: boolean | undefined;
  /** Not of `ws`: the limits of the native API beside these. */
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

/** `closeTimeout`, which this surface has a timer of its own for. */
export function closeTimeoutOf({ closeTimeout }: BoundsOptions): number {
  return closeTimeout === undefined ? CLOSE_TIMEOUT : closeTimeout;
}

/** A timer for a deadline of any length; null for none. */
export function startTimer(delay: number, run: () => void): NodeJS.Timeout | null {
  return delay > MAX_DELAY ? null : setTimeout(run, delay);
}

// Node fires timers that are longer at once.
const MAX_DELAY = 2_147_483_647;

let last: { readonly key: readonly unknown[]; readonly options: BindOptions } | null = null;

/**
 * What `bindSocket` needs. A server's connections share one object, as long as its options stay the same.
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
  // `ws` takes an integer of 32 bits, and 0 or less as none. A message larger than the memory budget would never find room.
  const wanted = maxPayload | 0;
  const maxMessageSize = Math.min(wanted > 0 ? wanted : Number.POSITIVE_INFINITY, extra.memoryBudget.limit);
  const values = readOptions('limits', { closeTimeout: closeTimeoutOf(bounds) }, connectionSpecs, role);
  return {
    role,
    limits: toLimits({ ...values, ...extra, maxMessageSize }),
    // Text is delivered as bytes, decoded only for `onmessage`.
    text: 'bytes',
    autoPong: bounds.autoPong !== false,
    pauseOutlivesClose: true,
    // The Close frames of `ws` give no reason for a failure.
    closeReason: () => '',
  };
}
