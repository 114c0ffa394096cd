/**
 * Specifies each option once: its type, range, defaults and purpose. Several things are made from this specification: the checks, the
 * defaults, the valid names, and the tables of docs/limits.md (scripts/limits.js). option-names.ts suggests the right name for a wrong
 * name. To add an option, add it to a table, such as `connectionSpecs` in options.ts, and to the interface of these options. The compiler
 * reports an error if the table or the interface lacks an option.
 */

import type { Role } from '../frame/parser.ts';
import { checkOptions, describe } from './option-names.ts';

/** The unit of a number. '' if it has no unit. */
export type Unit = 'bytes' | 'ms' | '';

/** The specification of one option. The functions in this file make specifications. */
export interface OptionSpec<Value, Result> {
  /** Which values are valid. The documentation shows this text. */
  readonly range: string;
  readonly unit: Unit;
  readonly defaults: Readonly<Record<Role, unknown>>;
  /** A text that explains the default. Null if the value itself is clear. */
  readonly defaultText: string | null;
  /** The purpose of the option, as one or more sentences in Markdown. */
  readonly text: string;
  /** The table of the inner options, if the value of this option is an object of options. Otherwise null. */
  readonly members: OptionSpecs | null;
  /**
   * Checks the value.
   * @returns the value, or its default
   * @param name the name of the option for errors, with its path, such as `heartbeat.interval`
   * @throws {TypeError | RangeError} for an invalid value
   */
  readonly read: (value: Value | undefined, name: string, role: Role) => Result;
  /** Never has a value. Only the type is needed: the compiler compares it with the type of the option in the interface of the options. */
  readonly valueType?: Value;
}

/** A table with the specifications of several options. The key is the name of the option. */
// biome-ignore lint/suspicious/noExplicitAny: tables of any values.
export type OptionSpecs = Readonly<Record<string, OptionSpec<any, unknown>>>;

/** The options of an interface after the defaults were filled in. Only the options that `Absent` names may be undefined. */
export type ValuesOf<Options, Absent extends keyof Options = never> = {
  readonly [Name in keyof Options]-?:
    | Exclude<Options[Name], undefined>
    | (Name extends Absent ? undefined : never);
};

/** A table with the specification of every option of an interface. `Values` has the type of each option after its default was filled in. */
export type SpecsOf<Options, Values extends Readonly<Record<keyof Options, unknown>> = ValuesOf<Options>> = {
  readonly [Name in keyof Options]-?: OptionSpec<Exclude<Options[Name], undefined>, Values[Name]>;
};

/** The options of a table, after the defaults were filled in. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: ReturnType<Specs[Name]['read']>;
};

/**
 * The properties that every option has. If an option has no `default`, its value is undefined when it is absent. `client` is only for
 * options whose default on a client differs from the default on a server.
 */
interface About<Default> {
  readonly default?: Default;
  readonly client?: Default;
  readonly defaultText?: string;
  readonly text: string;
}

/**
 * Checks the options of a table, and returns their values. An option that is absent or undefined gets its default. An unknown name throws.
 * @param what the function or class that the options are for; the errors contain it
 * @throws {TypeError | RangeError} for an unknown name or an invalid value
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

/** Checks the values of options, and returns them, as `readOptions` does. Unlike `readOptions`, accepts unknown names. */
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

/** Makes an option. `check` checks the value of the option, and throws for an invalid value. */
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

/** Makes an option that is a limit or a time limit. 0 is refused, because it could mean "no limit" or "nothing is allowed". */
export function limit<Default extends number | undefined = undefined>(
  unit: Unit,
  about: About<Default>,
): OptionSpec<number, number | Default> {
  return option(about, 'above 0; `Infinity` disables it', checkPositive, unit);
}

/**
 * Checks the value of a limit.
 * @throws {RangeError} if the value is not a positive number
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

/**
 * Makes an option that is a number of at least `min`, with or without a fraction. `what` is the end of the error text, and contains the
 * unit.
 */
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

/** Makes an option that is an integer from `min` to `max`. If `max` is `Infinity`, there is no upper limit. */
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

/** Makes an option with the value true or false. */
export function flag<Default extends boolean | undefined = undefined>(
  about: About<Default>,
): OptionSpec<boolean, boolean | Default> {
  return option(about, '`true` or `false`', (value, name) => {
    if (typeof value !== 'boolean') throw new TypeError(`${name} is ${show(value)}, not true or false`);
  });
}

/** Makes an option whose value must be one of the given strings. */
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

/** Makes an option with a function as its value. The documentation shows `signature` as its type. */
export function callback<Value, Default extends Value | undefined = undefined>(
  signature: string,
  about: About<Default>,
): OptionSpec<Value, Value | Default> {
  return option(about, `\`${signature}\``, (value, name) => {
    if (typeof value !== 'function') throw new TypeError(`${name} is ${show(value)}, not a function`);
  });
}

/**
 * Makes any other option. `check` throws for an invalid value. If there is no `check`, the code that uses the option has to check the
 * value.
 */
export function custom<Value, Default extends Value | undefined = undefined>(
  range: string,
  about: About<Default> & { readonly members?: OptionSpecs },
  check: (value: unknown, name: string) => void = () => {},
): OptionSpec<Value, Value | Default> {
  return { ...option<Value, Default>(about, range, check), members: about.members ?? null };
}

/** Makes an option with an object of inner options as its value. `hint` is the end of the error text if the value is not an object. */
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

/**
 * Makes an option with an object of inner options as its value. If the object is absent, the value is undefined. No defaults are filled in.
 */
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
    // `false` has no properties. So without this check, `false` would mean the defaults.
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError(`${name} is ${show(value)}, not { ${Object.keys(specs).join(', ')} }${hint}`);
    }
    checkOptions(name, value, specs);
    return readValues(value as Record<string, unknown>, specs, role, `${name}.`);
  };
}

/**
 * Describes a value for an error text. Shows a number, a boolean or a short word. For any other value, shows only the type, because the
 * value could be long or secret.
 */
export function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && /^[\w.-]{0,32}$/.test(value)) return `'${value}'`;
  return describe(value);
}
