/**
 * Writes one ECMAScript module for a 4D program: its classes, its methods, and the helper functions that they need. emit-statements.ts
 * writes the statements in the methods.
 */

import { writer } from './emit-expressions.ts';
import { type LineFate, linesOf, oneLine, StatementWriter, usesResult } from './emit-statements.ts';
import { helpers } from './module-prelude.ts';
import { FunctionScope, type PluginVersion, Project } from './scope.ts';
import type { FunctionSource, Unit } from './syntax.ts';

export interface Translation {
  readonly code: string;
  readonly lines: readonly LineFate[];
}

/** A class or a method of the program, and its file. Comments and errors of the module name this file. */
export interface NamedUnit {
  readonly unit: Unit;
  readonly file: string;
}

export function translate(files: readonly NamedUnit[], version: PluginVersion): Translation {
  const project = new Project(
    files.map(({ unit }) => unit),
    version,
  );
  // A function that calls an async function has to be async as well. Each pass over the program finds some of these functions. So the
  // module is written again until a pass finds no new function.
  for (;;) {
    const before = project.async.size;
    const written = new ModuleWriter(project).write(files);
    if (project.async.size === before) return written;
  }
}

class ModuleWriter extends StatementWriter {
  readonly #project: Project;

  constructor(project: Project) {
    super();
    this.#project = project;
  }

  write(files: readonly NamedUnit[]): Translation {
    const parts = inOrder(files).map(({ unit, file }) => {
      this.file = file;
      this.out.length = 0;
      if (unit.isClass) this.#class(unit);
      else this.#method(unit);
      return this.out.join('\n');
    });
    const { imports, helpers: used, variables, methods, version } = this.#project;
    const plugin = [...imports.keys()].find((module) => module.startsWith('rfc6455/plugin'));
    const registered: string[] = [];
    if (plugin !== undefined && methods.size > 0) {
      this.#project.use(`rfc6455/${version}`, 'methods');
      this.#project.help('withTexts');
      for (const { unit } of files) {
        if (unit.isClass) continue;
        registered.push(
          `methods.set(${JSON.stringify(unit.name)}, withTexts(${this.#project.nameOf(unit)}));`,
        );
      }
    }
    const heads = [...imports].map(
      ([module, names]) => `import { ${[...names].sort().join(', ')} } from '${module}';`,
    );
    const shared = [...variables.values()];
    const code = [
      heads.join('\n'),
      Object.entries(helpers)
        .filter(([name]) => used.has(name))
        .map(([, text]) => text)
        .join('\n\n'),
      shared.length === 0 ? '' : `// Process variables\nexport let ${shared.join(', ')};`,
      ...parts,
      registered.length === 0 ? '' : `// A 4D program passes a method by its name.\n${registered.join('\n')}`,
    ];
    return { code: `${code.filter((text) => text !== '').join('\n\n')}\n`, lines: this.fates };
  }

  // ---- classes and methods ----

  #class(unit: Unit): void {
    const { extends: base, head, functions } = unit;
    const parent =
      base === '' ? undefined : this.#project.classes.get(base.replace(/^cs\./i, '').toLowerCase());
    const comments = head.filter(({ kind }) => kind === 'comment');
    this.statements(comments, 0, null);
    const name = this.#project.nameOf(unit);
    this.out.push(`export class ${name}${parent === undefined ? '' : ` extends ${parent}`} {`);
    if (base !== '' && parent === undefined)
      this.missing(1, `the class ${base}, which is not in the folder`, false);
    for (const statement of head) {
      if (statement.kind === 'comment') continue;
      if (statement.kind === 'declaration' && statement.value === null) {
        for (const { name: property } of statement.names) this.out.push(`  ${property};`);
        this.fate(statement.line, 'declaration');
      } else {
        const lines = statement.kind === 'untranslated' ? statement.lines : linesOf(statement);
        this.untranslated(
          lines,
          statement.kind === 'untranslated' ? statement.reason : 'a statement outside of a function',
          1,
          false,
        );
      }
    }
    for (const function_ of functions) this.#function(function_, unit, 1);
    this.out.push('}');
  }

  #method(unit: Unit): void {
    this.statements(unit.head, 0, null);
    for (const function_ of unit.functions) this.#function(function_, unit, 0);
  }

  #function(function_: FunctionSource, unit: Unit, depth: number): void {
    const { name, kind, line, result, resultType } = function_;
    const scope = new FunctionScope(this.#project, unit.isClass, function_.parameters, writer);
    scope.takesAny = kind === 'function' || kind === 'constructor';
    const start = this.out.length;
    const returned = result !== '' ? result : usesResult(function_.body) ? '$0' : '';
    if (returned !== '') scope.declare({ name: returned, type: resultType });
    this.statements(function_.body, depth + 1, scope, returned);
    const body = this.out.splice(start);
    if (line !== null) this.fate(line, 'code');
    const indent = '  '.repeat(depth);
    for (const comment of line?.comment === '' || line === null ? [] : line.comment.split('\n')) {
      this.out.push(`${indent}// ${oneLine(comment)}`);
    }
    const key = unit.isClass ? `.${name}()` : `${unit.name.toLowerCase()}()`;
    const mayWait = kind === 'function';
    if (scope.usesAwait && mayWait) this.#project.async.add(key);
    const prefix = scope.usesAwait && mayWait ? 'async ' : '';
    const parameters = scope.parameters;
    if (!unit.isClass)
      this.out.push(`export ${prefix}function ${this.#project.nameOf(unit)}(${parameters}) {`);
    else if (kind === 'constructor') this.out.push(`${indent}constructor(${parameters}) {`);
    else this.out.push(`${indent}${kind === 'function' ? prefix : `${kind} `}${name}(${parameters}) {`);
    if (scope.usesAwait && !mayWait) {
      this.missing(depth + 1, 'a command that returns a Promise, in a function that cannot be async', true);
    }
    if (scope.declarations !== '') this.out.push(`${indent}  ${scope.declarations}`);
    this.out.push(...(scope.usesAwait && !mayWait ? body.map((text) => `// ${text}`) : body));
    if (returned !== '') this.out.push(`${indent}  return ${returned};`);
    this.out.push(`${indent}}`);
  }
}

/** Sorts the files so that a class comes after the class that it extends. */
function inOrder(files: readonly NamedUnit[]): NamedUnit[] {
  const left = [...files];
  const done: NamedUnit[] = [];
  while (left.length > 0) {
    const waits = ({ unit }: NamedUnit): boolean =>
      unit.extends !== '' &&
      left.some(
        (other) =>
          other.unit !== unit &&
          other.unit.isClass &&
          other.unit.name.toLowerCase() === unit.extends.replace(/^cs\./i, '').toLowerCase(),
      );
    const at = Math.max(
      0,
      left.findIndex((file) => !waits(file)),
    );
    done.push(...left.splice(at, 1));
  }
  return done;
}
