/**
 * Parses 4D expressions. Operators have no precedence in 4D. They are applied from left to right, so `2+3*4` is 20. Semicolons separate
 * arguments.
 */

import { type Argument, type Assignment, type Expression, Untranslatable } from './syntax.ts';
import { type Token, tokenize } from './tokens.ts';

const binary: ReadonlySet<string> = new Set([
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '\\',
  '=',
  '#',
  '<',
  '>',
  '<=',
  '>=',
  '&',
  '|',
  '&&',
  '||',
]);

const assigning: ReadonlySet<string> = new Set([':=', '+=', '-=', '*=', '/=']);

// The parser calls itself for nested expressions, so a deeper expression could overflow the stack.
const MAX_DEPTH = 100;

// The maximum number of operators, dots and brackets in one statement.
const MAX_PARTS = 500;

export class ExpressionParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #parts = 0;

  /** @throws {Untranslatable} */
  constructor(code: string) {
    this.#tokens = tokenize(code);
  }

  get isAtEnd(): boolean {
    return this.#peek.kind === 'end';
  }

  get #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  takes(operator: string): boolean {
    if (this.#peek.kind !== 'operator' || this.#peek.value !== operator) return false;
    this.#at++;
    return true;
  }

  expect(operator: string): void {
    if (!this.takes(operator))
      throw new Untranslatable(`${operator} is expected before ${shown(this.#peek)}`);
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw new Untranslatable(`${shown(this.#peek)} is not expected`);
  }

  /** Parses an expression or an assignment. */
  assignmentOrExpression(): Expression | Assignment {
    const target = this.expression();
    const { kind, value: operator } = this.#peek;
    if (kind !== 'operator' || !assigning.has(operator)) return target;
    this.#at++;
    return { kind: 'assignment', target, operator, value: this.expression() };
  }

  expression(): Expression {
    if (++this.#depth > MAX_DEPTH) throw new Untranslatable('an expression that is nested too deeply');
    let left = this.#unary();
    for (;;) {
      const { kind, value: operator } = this.#peek;
      if (kind !== 'operator' || !binary.has(operator)) break;
      this.#at++;
      this.#count();
      left = { kind: 'binary', operator, left, right: this.#unary() };
    }
    if (this.takes('?')) {
      const yes = this.expression();
      this.expect(':');
      left = { kind: 'choice', condition: left, yes, no: this.expression() };
    }
    this.#depth--;
    return left;
  }

  /**
   * Counts an operator, a dot or a bracket. Each of these makes the tree deeper, because its left operand is the whole expression before
   * it.
   */
  #count(): void {
    if (++this.#parts > MAX_PARTS) throw new Untranslatable('an expression that is too long');
  }

  #unary(): Expression {
    let minuses = 0;
    while (this.takes('-')) minuses++;
    const value = this.#postfix(this.#primary());
    return minuses % 2 === 1 ? { kind: 'negative', value } : value;
  }

  #primary(): Expression {
    const token = this.#peek;
    this.#at++;
    if (token.kind === 'number' || token.kind === 'text') return { kind: token.kind, value: token.value };
    if (token.kind === 'variable') return { kind: 'variable', name: token.value };
    if (token.kind === 'name') return this.#named(token.value);
    if (token.value === '(') {
      const inner = this.expression();
      this.expect(')');
      return inner;
    }
    if (token.value === '{') return this.#object();
    if (token.value === '[') return this.#collection();
    this.#at--;
    throw new Untranslatable(`${shown(token)} is not expected`);
  }

  #named(name: string): Expression {
    switch (name.toLowerCase()) {
      case 'true':
      case 'false':
      case 'null':
      case 'this':
        return { kind: 'constant', value: name.toLowerCase() as 'true' | 'false' | 'null' | 'this' };
    }
    if (!this.takes('(')) return { kind: 'name', name };
    return { kind: 'call', name, args: this.#arguments() };
  }

  #postfix(start: Expression): Expression {
    let object = start;
    for (;;) {
      this.#count();
      if (this.takes('.')) {
        const { kind, value: name } = this.#peek;
        if (kind !== 'name') throw new Untranslatable(`${shown(this.#peek)} after a dot`);
        this.#at++;
        if (this.takes('(')) object = { kind: 'method', object, name, args: this.#arguments() };
        else object = { kind: 'member', object, name };
      } else if (this.takes('[')) {
        const index = this.expression();
        this.expect(']');
        object = { kind: 'index', object, index };
      } else {
        return object;
      }
    }
  }

  /** Parses the arguments after the opening parenthesis. */
  #arguments(): Argument[] {
    const args: Argument[] = [];
    if (this.takes(')')) return args;
    do {
      const next = this.#tokens[this.#at + 1]?.value;
      if (this.#peek.value === '*' && this.#peek.kind === 'operator' && (next === ')' || next === ';')) {
        this.#at++;
        args.push('*');
      } else {
        args.push(this.assignmentOrExpression());
      }
    } while (this.takes(';'));
    this.expect(')');
    return args;
  }

  #object(): Expression {
    const entries: [string, Expression][] = [];
    if (this.takes('}')) return { kind: 'object', entries };
    do {
      const { kind, value: name } = this.#peek;
      if (kind !== 'name' && kind !== 'text') throw new Untranslatable(`${shown(this.#peek)} in an object`);
      this.#at++;
      this.expect(':');
      entries.push([name, this.expression()]);
    } while (this.takes(';'));
    this.expect('}');
    return { kind: 'object', entries };
  }

  #collection(): Expression {
    const items: Expression[] = [];
    if (this.takes(']')) return { kind: 'collection', items };
    do items.push(this.expression());
    while (this.takes(';'));
    this.expect(']');
    return { kind: 'collection', items };
  }
}

/** Parses code that has to be exactly one expression. @throws {Untranslatable} */
export function parseExpression(code: string): Expression {
  const parser = new ExpressionParser(code);
  const expression = parser.expression();
  parser.expectEnd();
  return expression;
}

function shown({ kind, value }: Token): string {
  return kind === 'end' ? 'the end of the line' : JSON.stringify(value);
}
