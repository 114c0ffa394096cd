/**
 * Defines and checks the application's answer to a valid opening handshake: RFC 6455 §4.2.2 (the server accepts the handshake, or refuses
 * it with an HTTP status).
 */

import type { HeaderFieldsInit } from '../handshake/header-fields.ts';
import { flattenHeaders } from '../transport/upgrade.ts';
import { checkOptions, describe, type OptionNames } from './option-names.ts';

/** An answer that accepts a request. */
export interface Accept<Data> {
  /** The connection's `data`. */
  readonly data?: Data | undefined;
  /** One of the request's subprotocols; '' chooses no subprotocol. @default the first subprotocol that is in the option `subprotocols` */
  readonly subprotocol?: string | undefined;
  /** Additional header fields for the 101 response: an object by name, a flat list (name, value, name, value …), or pairs. */
  readonly headers?: HeaderFieldsInit | undefined;
  /** True: `connection.request` is the request. The request then stays in memory as long as the connection. @default false */
  readonly keepRequest?: boolean | undefined;
}

/** An answer that refuses a request. `reject` makes such answers. */
export class Rejection {
  readonly status: number;
  readonly body: string;
  readonly headers: readonly string[];

  constructor(status: number, body: string, headers: readonly string[]) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/**
 * Makes the value that an `upgrade` handler returns to refuse a request.
 * @param status an HTTP status from 300 to 599, such as 401 with WWW-Authenticate, 403, or a redirect with Location
 * @param body plain text, sent as UTF-8
 * @throws {RangeError} for another status
 * @throws {TypeError} for a body that is not a string, a body with status 304, or invalid header fields
 */
export function reject(status: number, body = '', headers: HeaderFieldsInit = []): Rejection {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new RangeError(`status ${String(status)} refuses nothing: use 300 to 599`);
  }
  if (typeof body !== 'string') throw new TypeError(`the body is ${describe(body)}, not a string`);
  // RFC 9110 §15.4.5: a 304 has no body.
  if (status === 304 && body !== '') throw new TypeError('a response with status 304 has no body');
  return new Rejection(status, body, flattenHeaders(headers));
}

/** The values that an `upgrade` handler may return, for any `Data`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks at the request returns nothing.
export type AnyUpgradeAnswer<Data> = Accept<Data> | Rejection | void;

/**
 * The values that an `upgrade` handler may return. If `Data` includes undefined, a handler that returns nothing accepts the request.
 * Otherwise `data` is required.
 */
export type UpgradeAnswer<Data> = undefined extends Data
  ? AnyUpgradeAnswer<Data>
  : (Accept<Data> & { readonly data: Data }) | Rejection;

const NOTHING: Accept<never> = Object.freeze({});

const acceptNames: OptionNames<Accept<unknown>> = {
  data: true,
  subprotocol: true,
  headers: true,
  keepRequest: true,
};

/**
 * Checks the value that an `upgrade` handler returned to accept a request.
 * @throws TypeError for a value that was probably meant as a refusal: false, null, an Error or a Response
 * @throws TypeError for an object with unknown members, which was probably meant as `data`
 */
export function checkAccept<Data>(answer: AnyUpgradeAnswer<Data>): Accept<Data> {
  if (answer === undefined) return NOTHING;
  if (typeof answer !== 'object' || answer === null || answer instanceof Error || 'status' in answer) {
    throw new TypeError(
      'upgrade returns { data, subprotocol, headers, keepRequest } or nothing to accept, reject(…) to refuse',
    );
  }
  // Without this check, an answer `{ user }` instead of `{ data: { user } }` would open a connection without its data.
  checkOptions<Accept<unknown>>('what upgrade returns', answer, acceptNames);
  // Each member is read only once, here. If a getter throws, the request is refused.
  const { data, subprotocol, headers, keepRequest } = answer;
  if (keepRequest !== undefined && typeof keepRequest !== 'boolean') {
    throw new TypeError(`keepRequest is ${describe(keepRequest)}, not true or false`);
  }
  return { data, subprotocol, headers, keepRequest };
}
