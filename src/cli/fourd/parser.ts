/**
 * Parses a 4D method or class into statements. A line that cannot be parsed becomes an `untranslated` statement. If the first line of a
 * block cannot be parsed, the whole block becomes such a statement. The parser never throws.
 */

import { parseDeclaration, parseParameters } from './declarations.ts';
import { ExpressionParser, parseExpression } from './expressions.ts';
import { type SourceLine, toLines } from './lines.ts';
import {
  type Block,
  type Branch,
  type Expression,
  type FunctionSource,
  type Parameter,
  type Statement,
  type Unit,
  Untranslatable,
} from './syntax.ts';

// The maximum depth of nested blocks.
const MAX_DEPTH = 50;

/** For each kind of block: `begin` matches its first line, and `end` matches its last line. */
const blocks: readonly { readonly kind: string; readonly begin: RegExp; readonly end: RegExp }[] = [
  { kind: 'if', begin: /^if\s*\(/i, end: /^end if$/i },
  { kind: 'case', begin: /^case of$/i, end: /^end case$/i },
  { kind: 'while', begin: /^while\s*\(/i, end: /^end while$/i },
  { kind: 'repeat', begin: /^repeat$/i, end: /^until\s*\(/i },
  { kind: 'each', begin: /^for each\s*\(/i, end: /^end for each$/i },
  { kind: 'for', begin: /^for\s*\(/i, end: /^end for$/i },
  { kind: 'use', begin: /^use\s*\(/i, end: /^end use$/i },
  { kind: 'try', begin: /^try$/i, end: /^end try$/i },
  { kind: 'sql', begin: /^begin sql$/i, end: /^end sql$/i },
];

const divider = /^(?:else$|:\s*\(|catch$)/i;

function blockOf(line: SourceLine): (typeof blocks)[number] | undefined {
  return blocks.find(({ begin }) => begin.test(line.code));
}

/** Returns the index of the last line of the block that begins at `start`; -1 if the block does not end. */
function endOf(lines: readonly SourceLine[], start: number): number {
  const open: RegExp[] = [];
  for (let at = start; at < lines.length; at++) {
    const line = lines[at]!;
    const block = blockOf(line);
    if (block !== undefined) open.push(block.end);
    else if (blocks.some(({ end }) => end.test(line.code))) {
      if (!open.pop()?.test(line.code)) return -1;
      if (open.length === 0) return at;
    }
  }
  return -1;
}

export function parseStatements(lines: readonly SourceLine[], depth = 0): Statement[] {
  const statements: Statement[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (blockOf(line) === undefined) {
      statements.push(attempt(line, [line], () => parseSimple(line)));
      continue;
    }
    const end = endOf(lines, at);
    if (end === -1) {
      statements.push(untranslated(line, [line], 'a block without its end'));
      continue;
    }
    const inner = lines.slice(at, end + 1);
    statements.push(
      attempt(line, inner, () => ({ kind: 'block', line, block: parseBlock(inner, depth + 1) })),
    );
    at = end;
  }
  return statements;
}

function untranslated(line: SourceLine, lines: readonly SourceLine[], reason: string): Statement {
  return { kind: 'untranslated', line, lines, reason };
}

function attempt(line: SourceLine, lines: readonly SourceLine[], parse: () => Statement): Statement {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    return untranslated(line, lines, error.message);
  }
}

function parseSimple(line: SourceLine): Statement {
  const { code } = line;
  if (code === '') return { kind: 'comment', line };
  const declared = parseDeclaration(code);
  if (declared !== null) return { kind: 'declaration', line, ...declared };
  const jump = /^(break|continue)$/i.exec(code)?.[1]?.toLowerCase();
  if (jump === 'break' || jump === 'continue') return { kind: jump, line };
  const returned = /^return\b([\s\S]*)$/i.exec(code)?.[1];
  if (returned !== undefined) {
    return { kind: 'return', line, value: returned.trim() === '' ? null : parseExpression(returned) };
  }
  if (divider.test(code)) throw new Untranslatable('it divides no block');
  const parser = new ExpressionParser(code);
  const parsed = parser.assignmentOrExpression();
  parser.expectEnd();
  if (parsed.kind === 'assignment') return { kind: 'assignment', line, assignment: parsed };
  if (parsed.kind === 'call' || parsed.kind === 'method' || parsed.kind === 'name') {
    return { kind: 'call', line, call: parsed };
  }
  throw new Untranslatable('a value that nothing is done with');
}

/** Parses a block. @param lines the lines of the whole block */
function parseBlock(lines: readonly SourceLine[], depth: number): Block {
  if (depth > MAX_DEPTH) throw new Untranslatable('blocks that are nested too deeply');
  const [first, last] = [lines[0]!, lines.at(-1)!];
  const marks = [first, last];
  const rest = (line: SourceLine, words: number): string => line.code.slice(words);
  const body = (): Statement[] => parseStatements(lines.slice(1, -1), depth);
  switch (blockOf(first)?.kind) {
    case 'if':
      return parseBranches(lines, parseExpression(rest(first, 2)), depth);
    case 'case':
      return parseBranches(lines, null, depth);
    case 'while':
      return { kind: 'while', marks, condition: parseExpression(rest(first, 5)), body: body() };
    case 'repeat':
      return { kind: 'repeat', marks, until: parseExpression(rest(last, 5)), body: body() };
    case 'each': {
      const [variable, of, ...others] = inParentheses(rest(first, 8));
      if (variable === undefined || of === undefined || others.length > 0) {
        throw new Untranslatable('For each with a range');
      }
      return { kind: 'each', marks, variable, of, body: body() };
    }
    case 'for': {
      const [variable, from, to, step, ...others] = inParentheses(rest(first, 3));
      if (variable === undefined || from === undefined || to === undefined || others.length > 0) {
        throw new Untranslatable('For without its bounds');
      }
      return { kind: 'for', marks, variable, from, to, step: step ?? null, body: body() };
    }
    default:
      throw new Untranslatable(`${first.code.split('(', 1)[0]?.trim() ?? ''} … ${last.code}`);
  }
}

/** Parses `If … Else … End if` or `Case of`. @param condition the condition of `If`; null for `Case of` */
function parseBranches(lines: readonly SourceLine[], condition: Expression | null, depth: number): Block {
  const marks = [lines[0]!, lines.at(-1)!];
  const parts: { mark: SourceLine; lines: SourceLine[] }[] = [{ mark: lines[0]!, lines: [] }];
  const inner = lines.slice(1, -1);
  for (let at = 0; at < inner.length; at++) {
    const line = inner[at]!;
    const end = blockOf(line) === undefined ? at : Math.max(at, endOf(inner, at));
    if (end === at && divider.test(line.code)) parts.push({ mark: line, lines: [] });
    else parts.at(-1)!.lines.push(...inner.slice(at, end + 1));
    at = end;
  }
  const branches: Branch[] = [];
  let otherwise: Statement[] | null = null;
  for (const { mark, lines: own } of parts) {
    const body = parseStatements(own, depth);
    if (mark === lines[0]) {
      if (condition !== null) branches.push({ condition, body });
      // In `Case of`, only comments may stand before the first case.
      else if (own.some(({ code }) => code !== ''))
        throw new Untranslatable('Case of … before its first case');
      else marks.push(...own);
      continue;
    }
    marks.push(mark);
    if (otherwise !== null) throw new Untranslatable('Else in the middle');
    if (/^else$/i.test(mark.code)) otherwise = body;
    else if (condition !== null) throw new Untranslatable('a case in If');
    else branches.push({ condition: parseExpression(mark.code.slice(1)), body });
  }
  if (branches.length === 0) throw new Untranslatable('Case of without a case');
  return { kind: 'if', marks, branches, otherwise };
}

function inParentheses(code: string): Expression[] {
  const parser = new ExpressionParser(code);
  parser.expect('(');
  const found: Expression[] = [];
  do found.push(parser.expression());
  while (parser.takes(';'));
  parser.expect(')');
  parser.expectEnd();
  return found;
}

// ---- files ----

const functionLine = /^(?:(?:local|exposed)\s+)*(?:function\s|class constructor\b)/i;
// Matches the first line of every function of a class, including functions without a translation.
const otherFunctionLine = /^(?:\w+\s+)*(?:function\s+(?!get\b|set\b)\S|function\s|class constructor\b)/i;
const header =
  /^(?:(?:local|exposed)\s+)*(?:function\s+(?:(get|set)\s+)?([\p{L}_][\p{L}\p{N}_]*)|class constructor)\s*(?:\(([^()]*)\))?\s*(?:->\s*(\$\w+)\s*)?(?::\s*([\w.]+))?$/iu;

/** Parses a file. @param isClass true if the file is in the folder Classes */
export function parseUnit(name: string, source: string, isClass: boolean): Unit {
  const lines = toLines(source);
  return isClass ? parseClass(name, lines) : parseMethod(name, lines);
}

function parseMethod(name: string, lines: readonly SourceLine[]): Unit {
  const at = lines.findIndex(({ code }) => code !== '');
  const declared = /^#declare\s*(?:\(([^()]*)\))?\s*(?:->\s*(\$\w+)\s*)?(?::\s*([\w.]+))?$/i.exec(
    lines[at]?.code ?? '',
  );
  const function_ = { name, kind: 'function', result: '', resultType: '' } as const;
  if (declared === null) {
    const head = { ...function_, line: null, parameters: [] };
    return {
      name,
      isClass: false,
      extends: '',
      head: [],
      functions: [{ ...head, body: parseStatements(lines) }],
    };
  }
  const [, list = '', result = '', resultType = ''] = declared;
  const line = lines[at]!;
  const head = parseStatements(lines.slice(0, at));
  const body = parseStatements(lines.slice(at + 1));
  try {
    const parameters = parseParameters(list);
    const made = { ...function_, line, parameters, result, resultType, body };
    return { name, isClass: false, extends: '', head, functions: [made] };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    const all = untranslated(line, lines.slice(at), error.message);
    return {
      name,
      isClass: false,
      extends: '',
      head,
      functions: [{ ...function_, line: null, parameters: [], body: [all] }],
    };
  }
}

function parseClass(name: string, lines: readonly SourceLine[]): Unit {
  const starts = lines.flatMap(({ code }, at) => (otherFunctionLine.test(code) ? [at] : []));
  const functions: FunctionSource[] = [];
  const head: Statement[] = [];
  let base = '';
  for (const line of lines.slice(0, starts[0] ?? lines.length)) {
    const extended = /^class extends\s+([\w.]+)$/i.exec(line.code)?.[1];
    if (extended !== undefined && base === '') {
      base = extended;
      head.push({ kind: 'declaration', line, names: [], value: null });
    } else {
      head.push(...parseStatements([line]));
    }
  }
  for (const [index, start] of starts.entries()) {
    const own = lines.slice(start, starts[index + 1] ?? lines.length);
    const found = functionLine.test(own[0]!.code) ? parseFunction(own) : null;
    const isSecond = found?.kind === 'constructor' && functions.some(({ kind }) => kind === 'constructor');
    if (found !== null && !isSecond) functions.push(found);
    else head.push(untranslated(own[0]!, own, 'a kind of function that has no translation'));
  }
  return { name, isClass: true, extends: base, head, functions };
}

function parseFunction(lines: readonly SourceLine[]): FunctionSource | null {
  const line = lines[0]!;
  const found = header.exec(line.code);
  if (found === null) return null;
  const [, accessor, name = '', list = '', result = '', resultType = ''] = found;
  let parameters: Parameter[];
  try {
    parameters = parseParameters(list);
  } catch {
    return null;
  }
  // In a JavaScript class, the name `constructor` is special. A getter has no parameter, and a setter has exactly one parameter.
  if (name === 'constructor') return null;
  const count = parameters.length;
  if ((accessor?.toLowerCase() === 'get' && count > 0) || (accessor?.toLowerCase() === 'set' && count !== 1))
    return null;
  const kind =
    name === ''
      ? 'constructor'
      : accessor === undefined
        ? 'function'
        : (accessor.toLowerCase() as 'get' | 'set');
  return { name, kind, line, parameters, result, resultType, body: parseStatements(lines.slice(1)) };
}
