/** Converts header fields to the form of the plugins, and back: an object with a text for each name. */

/**
 * Makes an object from header fields. The values of a repeated field are joined by ", " (RFC 9110 §5.3), under the first spelling of its
 * name. The object has no prototype, so that names such as `__proto__` are normal keys.
 * @param headers flat: name, value, name, value …
 */
export function toHeaderObject(headers: readonly string[]): Record<string, string> {
  const spelling = new Map<string, string>();
  const object: Record<string, string> = Object.create(null);
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!.trim();
    const known = spelling.get(name.toLowerCase());
    if (known === undefined) {
      spelling.set(name.toLowerCase(), name);
      object[name] = value;
    } else {
      object[known] = `${object[known]}, ${value}`;
    }
  }
  return object;
}

/**
 * Returns the names and the text values of an object as a flat list. For names that differ only in case, the list has the last value, under
 * the first spelling.
 */
export function fromHeaderObject(object: unknown): string[] {
  if (typeof object !== 'object' || object === null) return [];
  const fields = new Map<string, [name: string, value: string]>();
  for (const [name, value] of Object.entries(object)) {
    if (typeof value !== 'string') continue;
    const known = fields.get(name.toLowerCase());
    if (known === undefined) fields.set(name.toLowerCase(), [name, value]);
    else known[1] = value;
  }
  return [...fields.values()].flat();
}
