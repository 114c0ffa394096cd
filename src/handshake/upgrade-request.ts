/**
 * The request of an opening handshake after all checks (RFC 6455 §4.2.1), as the application receives it. Cookies and query parameters are
 * parsed at the first access.
 */
import type { ExtensionOffer } from './extension.ts';
import type { HeaderFields } from './header-fields.ts';

/** A request before the checks. It can come from http-head.ts, from node:http or from a test. */
export interface HandshakeRequest {
  readonly method: string;
  readonly target: string;
  /** `'1.1'` */
  readonly httpVersion: string;
  /** A flat list, like `rawHeaders` of node:http: name, value, name, value … */
  readonly headers: readonly string[];
  readonly remote: {
    readonly address: string | undefined;
    readonly port: number | undefined;
    /** True if the connection uses TLS. */
    readonly secure: boolean;
  };
}

/** The values that `verifyRequest` read from a request. */
export interface RequestParts {
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly origin: string | null;
  readonly key: string;
  readonly subprotocols: readonly string[];
  readonly offers: readonly ExtensionOffer[];
}

/** @internal Returns the parsed header fields of a request. Subclasses of `UpgradeRequest` use this function. */
export let fieldsOf: (request: UpgradeRequest) => HeaderFields;

/** An opening handshake that follows RFC 6455 §4.2.1 and comes from an allowed origin. `verifyRequest` creates it. */
export class UpgradeRequest implements HandshakeRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: readonly string[];
  /**
   * The path of the target, without the query. It starts with `/`. It is not decoded and not resolved: `//evil/..` stays unchanged.
   */
  readonly path: string;
  /** The part of the target after the first `?`. If the target has no `?`, this is `''`. */
  readonly query: string;
  readonly host: string;
  /** The value of the Origin field, or null if the request has no Origin. A browser always sends an Origin (RFC 6455 §4.2.1). */
  readonly origin: string | null;
  readonly key: string;
  /** The subprotocols that the client offers, in the client's order of preference. Each subprotocol is a token, and is listed once. */
  readonly subprotocols: readonly string[];
  /** The extensions that the client offers, in the client's order of preference. */
  readonly offers: readonly ExtensionOffer[];
  readonly #request: HandshakeRequest;
  readonly #fields: HeaderFields;
  #cookies: ReadonlyMap<string, string> | null = null;
  #searchParams: URLSearchParams | null = null;

  static {
    fieldsOf = (request) => request.#fields;
  }

  constructor(request: HandshakeRequest, fields: HeaderFields, parts: RequestParts) {
    this.method = request.method;
    this.target = request.target;
    this.httpVersion = request.httpVersion;
    this.headers = request.headers;
    this.path = parts.path;
    this.query = parts.query;
    this.host = parts.host;
    this.origin = parts.origin;
    this.key = parts.key;
    this.subprotocols = parts.subprotocols;
    this.offers = parts.offers;
    this.#request = request;
    this.#fields = fields;
  }

  /** The address of the peer. It is read from the socket at each access. */
  get remote(): HandshakeRequest['remote'] {
    return this.#request.remote;
  }

  /**
   * Returns the value of a header field, or null if the field is absent. The name is case-insensitive. If the field has several lines, the
   * lines are joined by `', '`. Lines of Cookie are joined by `'; '` (RFC 9113 §8.2.3). If a field can have only one value, such as
   * Authorization, the first line is returned, as in node:http.
   */
  header(name: string): string | null {
    return this.#fields.combined(name);
  }

  /** Returns the values of all lines of a header field, in order. */
  headerValues(name: string): string[] {
    return this.#fields.values(name);
  }

  /**
   * The cookies (RFC 6265 §5.4): a map from name to value. Values are not decoded, and quotation marks are kept. If a name appears twice,
   * the map contains the first value, because a browser sends the cookie with the longer path first.
   */
  get cookies(): ReadonlyMap<string, string> {
    this.#cookies ??= parseCookies(this.header('Cookie') ?? '');
    return this.#cookies;
  }

  /** The decoded parameters of the query. */
  get searchParams(): URLSearchParams {
    this.#searchParams ??= new URLSearchParams(this.query);
    return this.#searchParams;
  }
}

/** @param text the value of a Cookie field */
function parseCookies(text: string): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const pair of text.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const name = pair.slice(0, equals).trim();
    if (!cookies.has(name)) cookies.set(name, pair.slice(equals + 1).trim());
  }
  return cookies;
}
