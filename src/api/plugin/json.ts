/**
 * Makes JSON texts in the same form as jsoncpp, the JSON library of the original plugins. Names are in alphabetical order, and all
 * characters are ASCII. The text of version 2 is compact. The text of version 1 has one line for each property.
 */

/** The names of the properties that hold real numbers. A real number is written with a fraction, even if the fraction is 0. */
const reals: ReadonlySet<string> = new Set(['wait_time']);

type Json = Readonly<Record<string, unknown>>;

/** Makes the JSON text that version 2 of the plugin uses: `{"binary":false,"str":"text","wireSize":4}` */
export function toCompactJson(value: Json): string {
  return `{${properties(value)
    .map(([name, member]) => `${quote(name)}:${write(name, member)}`)
    .join(',')}}`;
}

/**
 * Makes the JSON text that version 1 of the plugin uses. Each property has its own line. The line is indented by a tab, and has ` : ` after
 * the name. In version 1, the values are never objects.
 */
export function toStyledJson(value: Json): string {
  const lines = properties(value).map(([name, member]) => `\t${quote(name)} : ${write(name, member)}`);
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n}`;
}

function properties(value: Json): [string, unknown][] {
  // The names are sorted by UTF-16 code units. A C++ map of UTF-8 strings has the same order, except for rare names.
  return Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
}

function write(name: string, value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'object' && value !== null) return toCompactJson(value as Json);
  if (typeof value === 'number' && reals.has(name) && Number.isInteger(value)) return `${value}.0`;
  return String(value);
}

function quote(text: string): string {
  // JSON.stringify escapes the characters that JSON requires. This function also escapes all characters that are not ASCII. Each half of
  // a surrogate pair gets a separate escape.
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
