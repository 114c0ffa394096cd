/** Converts header fields to the object that the plugins use: one text for each name. Converts such an object back to header fields. */

/**
 * Makes an object from header fields. If a field is repeated, its values are joined by ", " (RFC 9110 §5.3), and the key is the first
 * spelling of the name. The object has no prototype, so that names such as `__proto__` are normal keys.
 * @param headers a flat list: name, value, name, value …
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
 * Returns the names and the text values of an object as a flat list. If names differ only in case, the list has one field with the first
 * spelling and the last value.
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
