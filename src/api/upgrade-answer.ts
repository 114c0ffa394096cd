/**
 * Defines and checks the answer of the application to a valid opening handshake (RFC 6455 §4.2.2). The answer accepts the handshake, or
 * refuses it with an HTTP status.
 */

import type { HeaderFieldsInit } from '../handshake/header-fields.ts';
import { flattenHeaders } from '../transport/upgrade.ts';
import { checkOptions, describe, type OptionNames } from './option-names.ts';

/** An answer that accepts a request. */
export interface Accept<Data> {
  /** The value of `connection.data`. */
  readonly data?: Data | undefined;
  /**
   * One of the subprotocols of the request, or '' for no subprotocol. @default the first subprotocol that is in the option `subprotocols`
   */
  readonly subprotocol?: string | undefined;
  /**
   * Additional header fields for the 101 response. The value is an object, a flat list (name, value, name, value …), or an iterable of
   * pairs.
   */
  readonly headers?: HeaderFieldsInit | undefined;
  /** If true, `connection.request` contains the request. The request then stays in memory as long as the connection. @default false */
  readonly keepRequest?: boolean | undefined;
}

/** An answer that refuses a request. The function `reject` makes it. */
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
 * Makes an answer that refuses a request. Return it from an `upgrade` handler.
 * @param status an HTTP status from 300 to 599, such as 401 with WWW-Authenticate, 403, or a redirect with Location
 * @param body plain text, which is sent as UTF-8
 * @throws {RangeError} for any other status
 * @throws {TypeError} for a body that is not a string, a body with status 304, or invalid header fields
 */
export function reject(status: number, body = '', headers: HeaderFieldsInit = []): Rejection {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new RangeError(`status ${String(status)} refuses nothing: use 300 to 599`);
  }
  if (typeof body !== 'string') throw new TypeError(`the body is ${describe(body)}, not a string`);
  // RFC 9110 §15.4.5: a response with status 304 has no body.
  if (status === 304 && body !== '') throw new TypeError('a response with status 304 has no body');
  return new Rejection(status, body, flattenHeaders(headers));
}

/** What an `upgrade` handler may return, for any type `Data`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that only looks at the request returns nothing.
export type AnyUpgradeAnswer<Data> = Accept<Data> | Rejection | void;

/**
 * What an `upgrade` handler may return. If `Data` includes undefined, the handler may return nothing to accept a request. Otherwise the
 * answer has to contain `data`.
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
 * Checks an answer of an `upgrade` handler that accepts the request.
 * @throws {TypeError} for false, null, an Error or a Response: they were probably meant to refuse the request
 * @throws {TypeError} for an object with unknown members: it was probably meant as `data`
 */
export function checkAccept<Data>(answer: AnyUpgradeAnswer<Data>): Accept<Data> {
  if (answer === undefined) return NOTHING;
  if (typeof answer !== 'object' || answer === null || answer instanceof Error || 'status' in answer) {
    throw new TypeError(
      'upgrade returns { data, subprotocol, headers, keepRequest } or nothing to accept, reject(…) to refuse',
    );
  }
  // Without this check, the wrong answer `{ user }` instead of `{ data: { user } }` would open a connection without its data.
  checkOptions<Accept<unknown>>('what upgrade returns', answer, acceptNames);
  // Each property is read only once, because it can be a getter. If a getter throws, the request is refused.
  const { data, subprotocol, headers, keepRequest } = answer;
  if (keepRequest !== undefined && typeof keepRequest !== 'boolean') {
    throw new TypeError(`keepRequest is ${describe(keepRequest)}, not true or false`);
  }
  return { data, subprotocol, headers, keepRequest };
}
