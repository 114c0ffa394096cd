/**
 * Reads header fields by name: names are case-insensitive (RFC 9110 §5.1), fields may repeat (§5.3).
 * A Map, so that no name (`__proto__`, `constructor`) can mean anything but itself.
 */
import { toAsciiLowerCase, trimSpace } from './token.ts';

/**
 * The header fields of one head. Values come without surrounding white space, in the order in which they
 * arrived.
 */
export class HeaderFields {
  readonly #values = new Map<string, string[]>();

  /** @param headers name, value, name, value … as in `rawHeaders` of node:http */
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

  /** All values of a field, one for each line; none if the field is absent. */
  values(name: string): string[] {
    return [...(this.#values.get(toAsciiLowerCase(name)) ?? [])];
  }

  /** The value of a field that stands there exactly once; null if it is absent or repeated. */
  single(name: string): string | null {
    const values = this.#values.get(toAsciiLowerCase(name));
    return values?.length === 1 ? values[0]! : null;
  }

  /** All lines of a field as one value (RFC 9110 §5.3); null if it is absent. */
  joined(name: string): string | null {
    return this.#values.get(toAsciiLowerCase(name))?.join(', ') ?? null;
  }
}

/**
 * Keeps an application from setting fields that are not its own.
 * @throws TypeError if one of `headers` has one of these names (in lower case) or begins with `prefix`
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
