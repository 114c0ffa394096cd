/**
 * Writes 4D expressions as JavaScript. If the same code has another meaning in JavaScript, this file writes different code, or does not
 * translate the expression.
 */

import { emitCall, isCommand, propertyName } from './emit-commands.ts';
import type { FunctionScope, Writer } from './scope.ts';
import { type Argument, type Assignment, type Expression, Untranslatable } from './syntax.ts';

/** The members that have a Boolean value. If both operands of `&` or `|` are Booleans, the operator is logical. */
const booleans: ReadonlySet<string> = new Set([
  'terminated',
  'success',
  'isRunning',
  'wasClean',
  'remote',
  'binary',
]);

/**
 * The member functions that 4D has for its objects. Each function writes a call as JavaScript, or returns null for a wrong number of
 * arguments.
 */
const members: Readonly<Record<string, (object: string, args: readonly string[]) => string | null>> = {
  send: (object, args) => (args.length === 1 ? `${object}.send(${args[0]})` : null),
  terminate: (object, args) => (args.length <= 2 ? `${object}.terminate(${args.join(', ')})` : null),
  first: (object, args) => (args.length === 0 ? `${object}[0]` : null),
  last: (object, args) => (args.length === 0 ? `${object}.at(-1)` : null),
  push: (object, args) => `${object}.push(${args.join(', ')})`,
  join: (object, args) => (args.length === 1 ? `${object}.join(${args[0]})` : null),
};

export function emit(expression: Expression, scope: FunctionScope): string {
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'text':
      return quote(expression.value);
    case 'constant':
      if (expression.value === 'this' && !scope.isClass) throw new Untranslatable('This outside of a class');
      return expression.value;
    case 'variable':
      return scope.variable(expression.name);
    case 'name':
      return emitName(expression.name, scope);
    case 'call':
      return emitCall(expression.name, expression.args, scope);
    case 'member':
      return emitMember(expression, scope);
    case 'method':
      return emitMethod(expression, scope);
    case 'index':
      return `${objectOf(expression.object, scope)}[${emit(expression.index, scope)}]`;
    case 'binary':
      return emitBinary(expression, scope);
    case 'negative':
      return `-${part(expression.value, scope)}`;
    case 'choice': {
      const { condition, yes, no } = expression;
      return `(${emit(condition, scope)} ? ${emit(yes, scope)} : ${emit(no, scope)})`;
    }
    case 'object': {
      const entries = expression.entries.map(
        ([name, value]) => `${propertyName(name)}: ${emit(value, scope)}`,
      );
      return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
    }
    case 'collection':
      return `[${expression.items.map((item) => emit(item, scope)).join(', ')}]`;
  }
}

export function emitArgument(argument: Argument, scope: FunctionScope): string {
  if (argument === '*' || argument.kind === 'assignment')
    throw new Untranslatable('a parameter that is no value');
  return emit(argument, scope);
}

export function emitAssignment({ target, operator, value }: Assignment, scope: FunctionScope): string {
  const isTarget = ['variable', 'name', 'member', 'index'].includes(target.kind);
  if (!isTarget) throw new Untranslatable('a value that nothing can be assigned to');
  return `${emit(target, scope)} ${operator === ':=' ? '=' : operator} ${emit(value, scope)}`;
}

function emitName(name: string, scope: FunctionScope): string {
  if (scope.project.variables.has(name.toLowerCase())) return scope.variable(name);
  if (isCommand(name, scope)) return emitCall(name, [], scope);
  if (name.toLowerCase() === 'form') return scope.project.help('Form');
  throw new Untranslatable(`${name}, which is neither a method of the folder nor a variable`);
}

function isStore(expression: Expression, store: string): boolean {
  return expression.kind === 'name' && expression.name.toLowerCase() === store;
}

function emitMember(expression: Expression & { kind: 'member' }, scope: FunctionScope): string {
  const { object, name } = expression;
  if (isStore(object, '4d') || isStore(object, 'cs')) throw new Untranslatable(`a class by itself: ${name}`);
  return `${objectOf(object, scope)}.${name}`;
}

function emitMethod(expression: Expression & { kind: 'method' }, scope: FunctionScope): string {
  const { object, name, args } = expression;
  if (name === 'new' && object.kind === 'member') return emitNew(object, args, scope);
  const values = args.map((one) => emitArgument(one, scope));
  const target = objectOf(object, scope);
  // As in 4D, a function of the program takes precedence over a function of 4D with the same name.
  if (scope.project.functions.has(name)) {
    const call = `${target}.${name}(${values.join(', ')})`;
    return scope.project.async.has(`.${name}()`) ? scope.await(call) : call;
  }
  const known = Object.hasOwn(members, name) ? members[name]!(target, values) : null;
  if (known === null)
    throw new Untranslatable(`.${name}(), which is neither a function of the folder nor known here`);
  return known;
}

function emitNew(
  store: Expression & { kind: 'member' },
  args: readonly Argument[],
  scope: FunctionScope,
): string {
  const { object, name } = store;
  const values = args.map((one) => emitArgument(one, scope)).join(', ');
  if (isStore(object, '4d') && (name === 'WebSocketServer' || name === 'WebSocket')) {
    return `${scope.project.use('rfc6455/4d', name)}.new(${values})`;
  }
  const own = isStore(object, 'cs') ? scope.project.classes.get(name.toLowerCase()) : undefined;
  if (own === undefined) throw new Untranslatable(`the class ${name}, which is not in the folder`);
  return `new ${own}(${values})`;
}

// ---- operators ----

const isNull = (expression: Expression): boolean =>
  expression.kind === 'constant' && expression.value === 'null';

/** Returns true if `===` compares any value with this expression in the same way as 4D. */
const isExact = (expression: Expression): boolean =>
  expression.kind === 'number' || (expression.kind === 'constant' && expression.value !== 'this');

function isBoolean(expression: Expression): boolean {
  switch (expression.kind) {
    case 'constant':
      return expression.value === 'true' || expression.value === 'false';
    case 'binary':
      return /^(?:[=#<>]|<=|>=|&&|\|\||[&|])$/.test(expression.operator);
    case 'call':
      return expression.name.toLowerCase() === 'not';
    case 'member':
      return booleans.has(expression.name);
    default:
      return false;
  }
}

function emitBinary(expression: Expression & { kind: 'binary' }, scope: FunctionScope): string {
  const { operator, left, right } = expression;
  if (operator === '=' || operator === '#') return emitComparison(operator, left, right, scope);
  const texts = [left, right].some(({ kind }) => kind === 'text');
  if (texts && operator !== '+') throw new Untranslatable(`texts with ${operator}`);
  const [one, other] = [part(left, scope), part(right, scope)];
  switch (operator) {
    case '&':
    case '|':
      // If the operands are numbers, these operators are bitwise in 4D.
      if (!isBoolean(left) || !isBoolean(right))
        throw new Untranslatable(`${operator} with what may be numbers`);
      return `${one} ${operator}${operator} ${other}`;
    case '\\':
      return `Math.trunc(${one} / ${other})`;
    case '^':
      return `${one} ** ${other}`;
    default:
      return `${one} ${operator} ${other}`;
  }
}

function emitComparison(
  operator: '=' | '#',
  left: Expression,
  right: Expression,
  scope: FunctionScope,
): string {
  const [one, other] = [part(left, scope), part(right, scope)];
  const not = operator === '#';
  // In 4D, Undefined also equals Null.
  if (isNull(left) || isNull(right)) return `${one} ${not ? '!=' : '=='} ${other}`;
  if (isExact(left) || isExact(right)) return `${one} ${not ? '!==' : '==='} ${other}`;
  if ([left, right].some((side) => side.kind === 'text' && side.value.includes('@'))) {
    throw new Untranslatable('a comparison with the wildcard @');
  }
  return `${not ? '!' : ''}${scope.project.help('same')}(${one}, ${other})`;
}

/**
 * Writes an operand. An operand that contains an operator gets parentheses, because operators have a precedence in JavaScript, but not in
 * 4D.
 */
function part(expression: Expression, scope: FunctionScope): string {
  const code = emit(expression, scope);
  const isOperation =
    expression.kind === 'binary' || expression.kind === 'negative' || expression.kind === 'object';
  return isOperation || /^(?:await |!)/.test(code) || code.includes(' = ') ? `(${code})` : code;
}

/** Writes the object before a dot or a bracket. A number needs parentheses, because JavaScript would read the dot as a decimal point. */
function objectOf(expression: Expression, scope: FunctionScope): string {
  const code = part(expression, scope);
  return expression.kind === 'number' || code.startsWith('new ') || code.startsWith('-') ? `(${code})` : code;
}

function quote(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`;
}

/**
 * The functions of this file that emit-commands.ts calls. emit-commands.ts receives the functions as an object, because an import of this
 * file would form a cycle.
 */
export const writer: Writer = { expression: emit, argument: emitArgument, assignment: emitAssignment };
