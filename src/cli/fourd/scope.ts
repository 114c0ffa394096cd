/**
 * Holds the state of the emitter while it writes a module: the whole program (`Project`), and the function that is being written
 * (`FunctionScope`).
 */

import type { Argument, Assignment, Expression, Parameter, Statement, Unit } from './syntax.ts';
import { Untranslatable } from './syntax.ts';

export type PluginVersion = 'plugin' | 'plugin-v1';

/** The value that a variable has before its first assignment. The key is the type of the variable in 4D. */
const defaults: ReadonlyMap<string, string> = new Map([
  ['text', "''"],
  ['integer', '0'],
  ['real', '0'],
  ['boolean', 'false'],
  ['blob', 'Buffer.alloc(0)'],
  ['object', 'null'],
  ['collection', 'null'],
]);

/** Writes expressions as JavaScript. emit-commands.ts writes the arguments of a command through this interface. */
export interface Writer {
  expression(expression: Expression, scope: FunctionScope): string;
  argument(argument: Argument, scope: FunctionScope): string;
  assignment(assignment: Assignment, scope: FunctionScope): string;
}

/** Names that the module itself uses. Classes, methods and process variables of the program get other names. */
const taken: readonly string[] =
  'Array Buffer Error Infinity JSON Math NaN Object Promise String console globalThis process setImmediate structuredClone undefined Form same each plain withTexts WebSocket WebSocketServer webServer methods'.split(
    ' ',
  );

/** The whole program: all its files, and the imports and helpers that the generated module needs. */
export class Project {
  readonly units: readonly Unit[];
  readonly version: PluginVersion;
  /**
   * Maps the name in 4D to the name in the module. 4D ignores the case of the names of classes, methods and variables. So the keys are in
   * lower case.
   */
  readonly classes: ReadonlyMap<string, string>;
  readonly methods: ReadonlyMap<string, string>;
  /** The names of the functions in classes. Upper and lower case matter in these names. */
  readonly functions: ReadonlySet<string>;
  /** Maps the name of a process variable, in lower case, to its name in the module. */
  readonly variables: Map<string, string> = new Map();
  readonly imports: Map<string, Set<string>> = new Map();
  readonly helpers: Set<string> = new Set();
  /** The methods (written `name()`) and the functions of classes (written `.name()`) that return a Promise in the module. */
  readonly async: Set<string> = new Set();
  readonly #names = new Map<Unit, string>();
  readonly #taken = new Set(taken);

  constructor(units: readonly Unit[], version: PluginVersion) {
    this.units = units;
    this.version = version;
    const named = (isClass: boolean): Map<string, string> =>
      new Map(
        units
          .filter((unit) => unit.isClass === isClass)
          .map((unit) => [unit.name.toLowerCase(), this.#nameOf(unit)]),
      );
    this.classes = named(true);
    this.methods = named(false);
    this.functions = new Set(
      units.filter(({ isClass }) => isClass).flatMap(({ functions }) => functions.map(({ name }) => name)),
    );
    for (const { functions } of units) for (const { body } of functions) this.#collect(body);
  }

  /** Returns the name of a class or a method in the module. Each name is unique. */
  nameOf(unit: Unit): string {
    return this.#names.get(unit)!;
  }

  #nameOf(unit: Unit): string {
    const name = this.#free(unit.name);
    this.#names.set(unit, name);
    return name;
  }

  #free(name: string): string {
    let free = toIdentifier(name);
    while (this.#taken.has(free) || free.startsWith('websocket')) free += '_';
    this.#taken.add(free);
    return free;
  }

  /** Collects the process variables: names that are assigned or declared without a `$`. */
  #collect(statements: readonly Statement[]): void {
    for (const statement of statements) {
      if (statement.kind === 'declaration') for (const { name } of statement.names) this.#add(name);
      if (statement.kind === 'assignment') this.#target(statement.assignment.target);
      if (statement.kind === 'call') this.#formulas(statement.call);
      if (statement.kind !== 'block') continue;
      const { block } = statement;
      if (block.kind === 'if') {
        for (const { body } of block.branches) this.#collect(body);
        this.#collect(block.otherwise ?? []);
      } else this.#collect(block.body);
    }
  }

  #target(target: Expression): void {
    if (target.kind === 'name' || target.kind === 'variable') this.#add(target.name);
  }

  #formulas(call: Expression): void {
    if (call.kind !== 'call') return;
    for (const argument of call.args) {
      if (argument === '*') continue;
      if (argument.kind === 'assignment') this.#target(argument.target);
      else this.#formulas(argument);
    }
  }

  #add(name: string): void {
    if (name.startsWith('$')) return;
    const key = name.toLowerCase();
    if (!this.variables.has(key)) this.variables.set(key, this.#free(name.replace('<>', '')));
  }

  use(module: string, name: string): string {
    const names = this.imports.get(module) ?? new Set();
    this.imports.set(module, names.add(name));
    return name;
  }

  /** Adds a helper function of module-prelude.ts to the module. @returns the name of the function */
  help(name: string): string {
    this.helpers.add(name);
    return name;
  }

  command(name: string): string {
    return this.use(`rfc6455/${this.version}`, name);
  }
}

/** The function that is being written, and its variables. A variable of 4D is valid in the whole function. */
export class FunctionScope {
  readonly project: Project;
  readonly isClass: boolean;
  readonly write: Writer;
  readonly #locals = new Map<string, { name: string; value: string }>();
  readonly #parameters = new Map<string, string>();
  usesAwait = false;
  /** True if `$1`, `$2` … are parameters of the function. If false, the function has only the parameters that it declares. */
  takesAny = true;
  /** The number of loops that contain the current statement. */
  loops = 0;

  constructor(project: Project, isClass: boolean, parameters: readonly Parameter[], write: Writer) {
    this.project = project;
    this.write = write;
    this.isClass = isClass;
    for (const { name } of parameters) this.#parameters.set(name.toLowerCase(), name);
  }

  /** Returns the name of a variable in the module. 4D ignores the case of names, so all uses get the spelling of the first use. */
  variable(name: string): string {
    if (!name.startsWith('$')) return this.#processVariable(name);
    const key = name.toLowerCase();
    const parameter = this.#parameters.get(key);
    if (parameter !== undefined) return parameter;
    if (this.#isNumbered(name)) {
      this.#parameters.set(key, name);
      return name;
    }
    return this.declare({ name, type: 'Variant' });
  }

  #processVariable(name: string): string {
    const found = this.project.variables.get(name.toLowerCase());
    if (found === undefined)
      throw new Untranslatable(`${name}, which is neither a method of the folder nor a variable`);
    return found;
  }

  declare({ name, type }: Parameter): string {
    const key = name.toLowerCase();
    const known = this.#parameters.get(key) ?? this.#locals.get(key)?.name;
    if (known !== undefined) return known;
    // A method in the older style of 4D declares its parameters by numbers: `$1`, `$2`.
    if (this.#isNumbered(name)) this.#parameters.set(key, name);
    else this.#locals.set(key, { name, value: defaults.get(type.toLowerCase()) ?? 'undefined' });
    return name;
  }

  /** Returns true if a name such as `$1` is a parameter. Accessors have only the parameters that they declare. */
  #isNumbered(name: string): boolean {
    return this.takesAny && /^\$[1-9]\d*$/.test(name);
  }

  await(code: string): string {
    this.usesAwait = true;
    return `await ${code}`;
  }

  /**
   * The list of parameters: first the named parameters, then the numbered parameters up to the last used number. So `$3` alone adds `$1`
   * and `$2`.
   */
  get parameters(): string {
    const named = [...this.#parameters.values()].filter((name) => !/^\$\d+$/.test(name));
    const numbers = [...this.#parameters.values()].flatMap((name) =>
      /^\$\d+$/.test(name) ? [Number(name.slice(1))] : [],
    );
    const last = Math.min(64, Math.max(0, ...numbers));
    return [...named, ...Array.from({ length: last }, (_, at) => `$${at + 1}`).slice(named.length)].join(
      ', ',
    );
  }

  /** The `let` statement that declares the variables of the function, or '' if it has no variables. */
  get declarations(): string {
    const all = [...this.#locals.values()].map(({ name, value }) =>
      value === 'undefined' ? name : `${name} = ${value}`,
    );
    return all.length === 0 ? '' : `let ${all.join(', ')};`;
  }
}

const reserved: ReadonlySet<string> = new Set(
  'await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield arguments eval'.split(
    ' ',
  ),
);

/** Converts a name of 4D to a name of JavaScript. */
export function toIdentifier(name: string): string {
  const identifier = name.replace(/[^\p{L}\p{N}_$]/gu, '_').replace(/^(?=\p{N})/u, '_');
  return reserved.has(identifier) ? `${identifier}_` : identifier;
}
