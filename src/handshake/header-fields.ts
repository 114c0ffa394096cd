/**
 * Flattens the header fields that applications write, and reads header fields by name. RFC 9110 §5.1: names are case-insensitive.
 * RFC 9110 §5.3: a field may have several lines. A Map contains the fields, so that names such as `__proto__` and `constructor` are safe.
 */
import { toAsciiLowerCase, trimSpace } from './token.ts';

// These fields contain one value, not a list (RFC 9110, RFC 6454, RFC 6455). If one of these fields is repeated, the values must not be
// joined.
const singleValued: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'date',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'origin',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'sec-websocket-key',
  'sec-websocket-version',
  'server',
  'user-agent',
]);

/**
 * The header fields of one HTTP head. White space around a value is removed. The values of a field keep the order in which they arrived.
 */
export class HeaderFields {
  readonly #values = new Map<string, string[]>();

  /** @param headers a flat list, like `rawHeaders` of node:http: name, value, name, value … */
  constructor(headers: readonly string[]) {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = toAsciiLowerCase(headers[at]!);
      const value = trimSpace(headers[at + 1]!);
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [value]);
      else values.push(value);
    }
  }

  has(name: string): boolean {
    return this.#values.has(toAsciiLowerCase(name));
  }

  /** Returns the values of all lines of a field. Returns an empty list if the field is absent. */
  values(name: string): string[] {
    return [...(this.#values.get(toAsciiLowerCase(name)) ?? [])];
  }

  /** Returns the value of the field if the field appears exactly once. Otherwise returns null. */
  single(name: string): string | null {
    const values = this.#values.get(toAsciiLowerCase(name));
    return values?.length === 1 ? values[0]! : null;
  }

  /**
   * Returns the value of a field as one string, or null if the field is absent. If the field has several lines, the result depends on the
   * field. Lines of Cookie are joined by `'; '` (RFC 6265 §5.4, RFC 9113 §8.2.3). If the field can have only one value, the first line is
   * returned. Lines of any other field are joined by `', '` (RFC 9110 §5.3).
   */
  combined(name: string): string | null {
    const lower = toAsciiLowerCase(name);
    const values = this.#values.get(lower);
    if (values === undefined) return null;
    return singleValued.has(lower) ? values[0]! : values.join(lower === 'cookie' ? '; ' : ', ');
  }

  /** Joins all lines of a field by `', '` (RFC 9110 §5.3). Returns null if the field is absent. */
  joined(name: string): string | null {
    const values = this.#values.get(toAsciiLowerCase(name));
    if (values === undefined) return null;
    return values.length === 1 ? values[0]! : values.join(', ');
  }
}

/**
 * Header fields: an object (name to value), an iterable of pairs (such as a Map or a `Headers`), or a flat list: name, value, name, value …
 */
export type HeaderFieldsInit =
  | readonly string[]
  | Readonly<Record<string, string | readonly string[]>>
  | Iterable<readonly [string, string]>;

/**
 * Returns header fields as a flat list. `formatHead` checks later whether the names and values are valid.
 * @throws TypeError if `headers` is not in a form that `HeaderFieldsInit` allows
 */
export function flattenHeaders(headers: HeaderFieldsInit): string[] {
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError(
      `Header fields are an object, or a list, not ${headers === null ? 'null' : `a ${typeof headers}`}`,
    );
  }
  if (Symbol.iterator in headers) {
    const items: unknown[] = [...headers];
    if (items.every((item) => typeof item === 'string')) return items;
    return items.flatMap((pair) => {
      if (Array.isArray(pair) && pair.length === 2) return linesOf(pair[0], pair[1]);
      throw new TypeError('Header fields are names and values in turn, or pairs of them');
    });
  }
  return Object.entries(headers).flatMap(([name, value]) => linesOf(name, value));
}

function linesOf(name: unknown, value: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((line) => {
    if (typeof name === 'string' && typeof line === 'string') return [name, line];
    throw new TypeError(
      `The value of the header field ${String(name)} is ${line === null ? 'null' : `of type ${typeof line}`}, not a string`,
    );
  });
}

/**
 * Refuses header fields that only the handshake may set.
 * @param names the forbidden names, in lower case
 * @param prefix names that begin with this prefix are also forbidden
 * @throws TypeError if one of `headers` has a forbidden name
 */
export function forbidFields(headers: readonly string[], names: readonly string[], prefix?: string): void {
  for (let at = 0; at < headers.length; at += 2) {
    const name = toAsciiLowerCase(String(headers[at]));
    if (names.includes(name) || (prefix !== undefined && name.startsWith(prefix))) {
      throw new TypeError(
        `The header field ${JSON.stringify(name)} belongs to the handshake and cannot be set`,
      );
    }
  }
}
