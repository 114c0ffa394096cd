/**
 * An opening handshake that was read and checked (RFC 6455 §4.2.1), in the form that the application gets. Cookies and query
 * parameters are parsed when the application first uses them.
 */
import type { ExtensionOffer } from './extension.ts';
import type { HeaderFields } from './header-fields.ts';

/** A request as it was received, from any source: our parser, node:http, or a test. */
export interface HandshakeRequest {
  readonly method: string;
  readonly target: string;
  /** `'1.1'` */
  readonly httpVersion: string;
  /** A flat list: name, value, name, value … as in `rawHeaders` of node:http. */
  readonly headers: readonly string[];
  readonly remote: {
    readonly address: string | undefined;
    readonly port: number | undefined;
    /** Whether the connection is TLS. */
    readonly secure: boolean;
  };
}

/** The parts of a request that the checks of the handshake produced. */
export interface RequestParts {
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly origin: string | null;
  readonly key: string;
  readonly subprotocols: readonly string[];
  readonly offers: readonly ExtensionOffer[];
}

/** @internal Returns the parsed header fields of a request, for subclasses. `UpgradeRequest` assigns this function once. */
export let fieldsOf: (request: UpgradeRequest) => HeaderFields;

/** An opening handshake that follows RFC 6455 §4.2.1 and comes from an allowed origin. `verifyRequest` creates it. */
export class UpgradeRequest implements HandshakeRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: readonly string[];
  /**
   * The target up to the first `?`. It starts with `/`. The path is neither decoded nor resolved: `//evil/..` stays unchanged.
   */
  readonly path: string;
  /** The text after the first `?`; `''` without a `?`. */
  readonly query: string;
  readonly host: string;
  /** The Origin field; null if the request has no Origin. A client that sends no Origin is not a browser (RFC 6455 §4.2.1). */
  readonly origin: string | null;
  readonly key: string;
  /** The subprotocols that the client offers, in its order of preference; distinct tokens. */
  readonly subprotocols: readonly string[];
  /** The extensions that the client offers, in its order of preference. */
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

  /** The address of the peer, as the socket reports it at the time of the access. */
  get remote(): HandshakeRequest['remote'] {
    return this.#request.remote;
  }

  /**
   * Returns the value of a header field; null if the field is absent. The name may be in upper or lower case. Repeated lines are joined by
   * `', '`, but lines of Cookie by `'; '` (RFC 9113 §8.2.3). For a field that can have only one value, such as Authorization, the first
   * line is used, as in node:http.
   */
  header(name: string): string | null {
    return this.#fields.combined(name);
  }

  /** Returns the lines of a header field, in order. */
  headerValues(name: string): string[] {
    return this.#fields.values(name);
  }

  /**
   * The cookies by name (RFC 6265 §5.4). Values are neither decoded nor unquoted. If a name was sent twice, the first value is used. A
   * browser sends the cookie with the longer path first.
   */
  get cookies(): ReadonlyMap<string, string> {
    this.#cookies ??= parseCookies(this.header('Cookie') ?? '');
    return this.#cookies;
  }

  /** The parameters of the query, decoded. */
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
