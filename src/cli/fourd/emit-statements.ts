/**
 * Writes the statements of a 4D program. A statement without a translation becomes a comment with its place and the reason. If the
 * translated program reaches such a statement, the program throws an error.
 */

import { emit, emitAssignment } from './emit-expressions.ts';
import type { SourceLine } from './lines.ts';
import type { FunctionScope } from './scope.ts';
import { type Block, type Statement, Untranslatable } from './syntax.ts';

/** The result of the translation for one line of a file, or for several lines together. */
export interface LineFate {
  readonly file: string;
  readonly line: number;
  /** The number of lines with this result. `line` is the first line. */
  readonly count: number;
  readonly kind: 'code' | 'comment' | 'declaration' | 'untranslated';
  readonly reason: string;
}

export class StatementWriter {
  readonly fates: LineFate[] = [];
  readonly out: string[] = [];
  file = '';

  /**
   * Writes statements.
   * @param scope the function that contains the statements; null outside of functions, where only comments are valid
   */
  statements(
    statements: readonly Statement[],
    depth: number,
    scope: FunctionScope | null,
    returned = '',
  ): void {
    for (const statement of statements) this.#statement(statement, depth, scope, returned);
  }

  #statement(statement: Statement, depth: number, scope: FunctionScope | null, returned: string): void {
    const { line } = statement;
    if (statement.kind === 'comment') {
      this.comment(line, depth);
      this.fate(line, 'comment');
      return;
    }
    if (statement.kind === 'untranslated') {
      this.untranslated(statement.lines, statement.reason, depth, scope !== null);
      return;
    }
    const fates = this.fates.length;
    const start = this.out.length;
    try {
      if (scope === null) throw new Untranslatable('a statement outside of a function');
      if (statement.kind === 'block') this.#block(statement, depth, scope, returned);
      else {
        const code = simple(statement, scope, returned);
        this.comment(line, depth);
        if (code !== '') this.out.push(`${'  '.repeat(depth)}${code}`);
        this.fate(line, code === '' ? 'declaration' : 'code');
      }
    } catch (error) {
      if (!(error instanceof Untranslatable)) throw error;
      this.fates.length = fates;
      this.out.length = start;
      this.untranslated(linesOf(statement), error.message, depth, scope !== null);
    }
  }

  #block(
    statement: Statement & { kind: 'block' },
    depth: number,
    scope: FunctionScope,
    returned: string,
  ): void {
    const { block } = statement;
    const indent = '  '.repeat(depth);
    const body = (statements: readonly Statement[]): void => {
      const isLoop = block.kind !== 'if';
      if (isLoop) scope.loops++;
      this.statements(statements, depth + 1, scope, returned);
      if (isLoop) scope.loops--;
    };
    for (const mark of block.marks) this.fate(mark, mark.code === '' ? 'comment' : 'code');
    for (const mark of block.marks)
      if (mark !== block.marks[1] || mark.comment !== '') this.comment(mark, depth);
    switch (block.kind) {
      case 'if':
        for (const [at, branch] of block.branches.entries()) {
          const word = at === 0 ? `${indent}if` : `${indent}} else if`;
          this.out.push(`${word} (${emit(branch.condition, scope)}) {`);
          body(branch.body);
        }
        if (block.otherwise !== null) {
          this.out.push(`${indent}} else {`);
          body(block.otherwise);
        }
        break;
      case 'while':
        this.out.push(`${indent}while (${emit(block.condition, scope)}) {`);
        body(block.body);
        break;
      case 'repeat':
        this.out.push(`${indent}do {`);
        body(block.body);
        this.out.push(`${indent}} while (!(${emit(block.until, scope)}));`);
        return;
      case 'each': {
        const variable = variableOf(block.variable, scope);
        this.out.push(
          `${indent}for (${variable} of ${scope.project.help('each')}(${emit(block.of, scope)})) {`,
        );
        body(block.body);
        break;
      }
      case 'for': {
        const variable = variableOf(block.variable, scope);
        this.out.push(`${indent}for (${boundsOf(block, variable, scope)}) {`);
        body(block.body);
      }
    }
    this.out.push(`${indent}}`);
  }

  // ---- comments, and statements without a translation ----

  comment({ comment }: SourceLine, depth: number): void {
    if (comment === '') return;
    for (const text of comment.split('\n')) this.out.push(`${'  '.repeat(depth)}// ${oneLine(text)}`);
  }

  untranslated(lines: readonly SourceLine[], reason: string, depth: number, inFunction: boolean): void {
    const indent = '  '.repeat(depth);
    const first = lines[0]?.number ?? 0;
    this.out.push(`${indent}// NOT TRANSLATED, ${this.file}:${first}: ${oneLine(reason)}`);
    for (const line of lines) {
      for (const text of line.text.split('\n')) this.out.push(`${indent}//   ${oneLine(text)}`);
      this.fate(line, 'untranslated', reason);
    }
    if (inFunction) this.#throw(indent, first);
  }

  missing(depth: number, reason: string, inFunction: boolean): void {
    const indent = '  '.repeat(depth);
    this.out.push(`${indent}// NOT TRANSLATED, ${this.file}: ${oneLine(reason)}`);
    this.fates.push({ file: this.file, line: 1, count: 0, kind: 'untranslated', reason });
    if (inFunction) this.#throw(indent, 1);
  }

  #throw(indent: string, line: number): void {
    this.out.push(`${indent}throw new Error(${JSON.stringify(`${this.file}:${line} was not translated`)});`);
  }

  fate(line: SourceLine, kind: LineFate['kind'], reason = ''): void {
    this.fates.push({ file: this.file, line: line.number, count: line.count, kind, reason });
  }
}

/** Writes a statement that is not a block. */
function simple(statement: Statement, scope: FunctionScope, returned: string): string {
  switch (statement.kind) {
    case 'declaration': {
      const names = statement.names.map((one) =>
        one.name.startsWith('$') ? scope.declare(one) : scope.variable(one.name),
      );
      if (statement.value === null) return '';
      return `${names.join(' = ')} = ${emit(statement.value, scope)};`;
    }
    case 'assignment':
      return `${emitAssignment(statement.assignment, scope)};`;
    case 'call': {
      const code = emit(statement.call, scope);
      return `${code.startsWith('{') ? `(${code})` : code};`;
    }
    case 'return':
      if (statement.value !== null) return `return ${emit(statement.value, scope)};`;
      return returned === '' ? 'return;' : `return ${returned};`;
    case 'break':
    case 'continue':
      if (scope.loops === 0) throw new Untranslatable(`${statement.kind} outside of a loop`);
      return `${statement.kind};`;
    default:
      return '';
  }
}

/**
 * Writes the parts in the parentheses of a `for` loop: `i = 1; i <= 10; i += 1`. The step has to be a literal number, because its sign
 * decides between `<=` and `>=`.
 */
function boundsOf(block: Block & { kind: 'for' }, variable: string, scope: FunctionScope): string {
  const step = block.step === null ? '1' : emit(block.step, scope);
  if (!/^-?\d+(?:\.\d+)?$/.test(step)) throw new Untranslatable('For with a step that is no number');
  const [from, to] = [emit(block.from, scope), emit(block.to, scope)];
  const compare = step.startsWith('-') ? '>=' : '<=';
  const move = step.startsWith('-') ? `-= ${step.slice(1)}` : `+= ${step}`;
  return `${variable} = ${from}; ${variable} ${compare} ${to}; ${variable} ${move}`;
}

function variableOf(variable: Parameters<typeof emit>[0], scope: FunctionScope): string {
  if (variable.kind !== 'variable' && variable.kind !== 'name')
    throw new Untranslatable('a loop without a variable');
  return emit(variable, scope);
}

/** Returns every line of a statement, including the lines of the statements inside it. */
export function linesOf(statement: Statement): SourceLine[] {
  if (statement.kind === 'untranslated') return [...statement.lines];
  if (statement.kind !== 'block') return [statement.line];
  const { block } = statement;
  const bodies =
    block.kind === 'if' ? [...block.branches.map(({ body }) => body), block.otherwise ?? []] : [block.body];
  const all = [...block.marks, ...bodies.flat().flatMap((inner) => linesOf(inner))];
  return all.sort((one, other) => one.number - other.number);
}

/** Returns true if a statement assigns a value to `$0`. Methods in the older style of 4D return the value of `$0`. */
export function usesResult(statements: readonly Statement[]): boolean {
  return statements.some((statement) => linesOf(statement).some(({ code }) => /^\$0\s*:=/.test(code)));
}

/** Replaces line ends by spaces, because a line end would end the comment. */
export function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]/g, ' ').trimEnd();
}
