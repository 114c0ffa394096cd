/**
 * Specifies each option once: its type, range, defaults and purpose. The checks, the defaults, the valid names, and the tables of
 * docs/limits.md (made by scripts/limits.js) come from this specification. option-names.ts suggests the right name for a wrong name. To add
 * an option, add it to a table, such as `connectionSpecs` of options.ts, and to the table's interface. The compiler requires both.
 */

import type { Role } from '../frame/parser.ts';
import { checkOptions, describe } from './option-names.ts';

/** The unit of a number. */
export type Unit = 'bytes' | 'ms' | '';

/** The specification of one option. The functions below make specifications. */
export interface OptionSpec<Value, Result> {
  /** Which values are valid, for the documentation. */
  readonly range: string;
  readonly unit: Unit;
  readonly defaults: Readonly<Record<Role, unknown>>;
  /** The default in words, if the value alone does not explain it. */
  readonly defaultText: string | null;
  /** The purpose of the option in Markdown, as one or more sentences. */
  readonly text: string;
  /** If the value is an object of further options: their table. Otherwise null. */
  readonly members: OptionSpecs | null;
  /**
   * Checks the value.
   * @returns the value, or its default
   * @param name the option's name in errors, with its path, such as `heartbeat.interval`
   * @throws {TypeError | RangeError}
   */
  readonly read: (value: Value | undefined, name: string, role: Role) => Result;
  /** Never has a value. The compiler uses this type to compare the specification with the interface. */
  readonly valueType?: Value;
}

/** A table: the specifications of several options, by their names. */
// biome-ignore lint/suspicious/noExplicitAny: tables of any values.
export type OptionSpecs = Readonly<Record<string, OptionSpec<any, unknown>>>;

/** The values of an interface's options after reading. The options named in `Absent` may be undefined; all other options have defaults. */
export type ValuesOf<Options, Absent extends keyof Options = never> = {
  readonly [Name in keyof Options]-?:
    | Exclude<Options[Name], undefined>
    | (Name extends Absent ? undefined : never);
};

/** A table with every option of an interface. `Values` has the type of each option's value after reading. */
export type SpecsOf<Options, Values extends Readonly<Record<keyof Options, unknown>> = ValuesOf<Options>> = {
  readonly [Name in keyof Options]-?: OptionSpec<Exclude<Options[Name], undefined>, Values[Name]>;
};

/** The values of a table's options, with their defaults. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ReturnType<Specs[Name]['read']>;
};

/**
 * The properties that every option has. Without a `default`, the value of an absent option is undefined. `client` is the default on a
 * client, if it differs from the default on a server.
 */
interface About<Default> {
  readonly default?: Default;
  readonly client?: Default;
  readonly defaultText?: string;
  readonly text: string;
}

/**
 * Checks the options of a table, and returns their values. An option that is absent or undefined gets its default. Unknown names are
 * refused first.
 * @param what the function or class that the options are for, for errors
 * @throws {TypeError | RangeError}
 */
export function readOptions<Specs extends OptionSpecs>(
  what: string,
  options: { readonly [Name in keyof Specs]?: unknown },
  specs: Specs,
  role: Role = 'server',
  places?: ReadonlyMap<string, string>,
): OptionValues<Specs> {
  checkOptions(what, options, specs, places);
  return readValues(options, specs, role);
}

/** Does the same as `readOptions`, but checks only the values, not the names. */
export function readValues<Specs extends OptionSpecs>(
  options: { readonly [Name in keyof Specs]?: unknown },
  specs: Specs,
  role: Role,
  prefix = '',
): OptionValues<Specs> {
  const values: Record<string, unknown> = {};
  for (const name in specs) values[name] = specs[name]!.read(options[name], prefix + name, role);
  return values as OptionValues<Specs>;
}

/** Makes an option from its check, which throws for an invalid value. */
function option<Value, Default>(
  about: About<Default>,
  range: string,
  check: (value: unknown, name: string) => void,
  unit: Unit = '',
): OptionSpec<Value, Value | Default> {
  const server = about.default as Default;
  const defaults = { server, client: about.client ?? server };
  return {
    range,
    unit,
    defaults,
    defaultText: about.defaultText ?? null,
    text: about.text,
    members: null,
    read: (value, name, role) => {
      if (value === undefined) return defaults[role];
      check(value, name);
      return value;
    },
  };
}

/** Makes an option that is a limit or a deadline. 0 is refused, since it could mean "no limit" or "nothing is allowed". */
export function limit<Default extends number | undefined = undefined>(
  unit: Unit,
  about: About<Default>,
): OptionSpec<number, number | Default> {
  return option(about, 'above 0; `Infinity` disables it', checkPositive, unit);
}

/**
 * Checks the value of a limit.
 * @throws {RangeError}
 */
export function positive(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  checkPositive(value, name);
  return value;
}

function checkPositive(value: unknown, name: string): void {
  if (typeof value === 'number' && value > 0) return;
  throw new RangeError(`${name} is ${show(value)}, not a positive number (Infinity switches it off)`);
}

/** Makes an option that is a number of at least `min`; fractions are allowed. `what` is the end of the error text, and names the unit. */
export function amount<Default extends number | undefined = undefined>(
  unit: Unit,
  min: number,
  what: string,
  about: About<Default>,
): OptionSpec<number, number | Default> {
  const check = (value: unknown, name: string): void => {
    if (typeof value === 'number' && value >= min) return;
    throw new RangeError(`${name} is ${show(value)}, not a number${what}`);
  };
  return option(about, `from ${min} on`, check, unit);
}

/** Makes an option that is an integer in a range that includes both ends. If `max` is `Infinity`, only `min` applies. */
export function integer<Default extends number | undefined = undefined>(
  min: number,
  max: number,
  about: About<Default>,
  unit: Unit = '',
): OptionSpec<number, number | Default> {
  const range = max === Number.POSITIVE_INFINITY ? `an integer from ${min} on` : `${min} to ${max}`;
  const expected = max === Number.POSITIVE_INFINITY ? range : `an integer from ${range}`;
  const check = (value: unknown, name: string): void => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
    throw new RangeError(`${name} is ${show(value)}, not ${expected}`);
  };
  return option(about, range, check, unit);
}

/** Makes an option that is true or false. */
export function flag<Default extends boolean | undefined = undefined>(
  about: About<Default>,
): OptionSpec<boolean, boolean | Default> {
  return option(about, '`true` or `false`', (value, name) => {
    if (typeof value !== 'boolean') throw new TypeError(`${name} is ${show(value)}, not true or false`);
  });
}

/** Makes an option that is one of the given strings. */
export function oneOf<const Value extends string, Default extends Value | undefined = undefined>(
  values: readonly Value[],
  about: About<Default>,
): OptionSpec<Value, Value | Default> {
  const quoted = values.map((value) => `'${value}'`);
  return option(about, quoted.map((value) => `\`${value}\``).join(' or '), (value, name) => {
    if ((values as readonly unknown[]).includes(value)) return;
    throw new TypeError(`${name} is ${show(value)}, not ${quoted.join(' or ')}`);
  });
}

/** Makes an option that is a function. The documentation shows `signature` as its type. */
export function callback<Value, Default extends Value | undefined = undefined>(
  signature: string,
  about: About<Default>,
): OptionSpec<Value, Value | Default> {
  return option(about, `\`${signature}\``, (value, name) => {
    if (typeof value !== 'function') throw new TypeError(`${name} is ${show(value)}, not a function`);
  });
}

/** Makes any other option. `check` throws for an invalid value. Without `check`, the code that uses the option checks the value. */
export function custom<Value, Default extends Value | undefined = undefined>(
  range: string,
  about: About<Default> & { readonly members?: OptionSpecs },
  check: (value: unknown, name: string) => void = () => {},
): OptionSpec<Value, Value | Default> {
  return { ...option<Value, Default>(about, range, check), members: about.members ?? null };
}

/** Makes an option that is an object of further options. The error for a value that is not an object ends with `hint`. */
export function group<Value extends object, Specs extends OptionSpecs>(
  specs: Specs,
  text: string,
  hint = '',
): OptionSpec<Value, OptionValues<Specs>> {
  const read = readGroup(specs, hint);
  return {
    ...option<Value, undefined>({ text, defaultText: '' }, 'an object', () => {}),
    members: specs,
    read: (value, name, role) => read(value === undefined ? {} : value, name, role),
  };
}

/** Makes an option that is an object of further options. If the object is absent, the value is undefined, and no defaults apply. */
export function optionalGroup<Value extends object, Specs extends OptionSpecs>(
  specs: Specs,
  text: string,
): OptionSpec<Value, OptionValues<Specs> | undefined> {
  const read = readGroup(specs, '');
  return {
    ...option<Value, undefined>({ text }, 'an object', () => {}),
    members: specs,
    read: (value, name, role) => (value === undefined ? undefined : read(value, name, role)),
  };
}

function readGroup<Specs extends OptionSpecs>(specs: Specs, hint: string) {
  return (value: object, name: string, role: Role): OptionValues<Specs> => {
    // Without this check, the properties of `false` would be absent, so `false` would mean the defaults.
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError(`${name} is ${show(value)}, not { ${Object.keys(specs).join(', ')} }${hint}`);
    }
    checkOptions(name, value, specs);
    return readValues(value as Record<string, unknown>, specs, role, `${name}.`);
  };
}

/**
 * Describes a value for an error text. A number, a boolean or a short word is shown as it is. Any other value may be long or secret, so
 * only its type is shown.
 */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && /^[\w.-]{0,32}$/.test(value)) return `'${value}'`;
  return describe(value);
}
