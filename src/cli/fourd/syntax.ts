/** Defines the syntax tree of a 4D method or class, which the parser passes to the emitter. */

import type { SourceLine } from './lines.ts';

/** Thrown if a part of a program has no translation. The statement that contains this part becomes a comment. */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable';
}

export type Expression =
  | { readonly kind: 'number'; readonly value: string }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'constant'; readonly value: 'true' | 'false' | 'null' | 'this' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Argument[] }
  | { readonly kind: 'member'; readonly object: Expression; readonly name: string }
  | {
      readonly kind: 'method';
      readonly object: Expression;
      readonly name: string;
      readonly args: readonly Argument[];
    }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'negative'; readonly value: Expression }
  | {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [name: string, value: Expression])[] }
  | { readonly kind: 'collection'; readonly items: readonly Expression[] };

/** One argument of a call: an expression, an assignment (only in a Formula), or the `*` that some commands accept. */
export type Argument = Expression | Assignment | '*';

export interface Assignment {
  readonly kind: 'assignment';
  readonly target: Expression;
  readonly operator: string;
  readonly value: Expression;
}

export interface Parameter {
  readonly name: string;
  readonly type: string;
}

export type Statement = { readonly line: SourceLine } & (
  | { readonly kind: 'comment' }
  | { readonly kind: 'declaration'; readonly names: readonly Parameter[]; readonly value: Expression | null }
  | { readonly kind: 'assignment'; readonly assignment: Assignment }
  | { readonly kind: 'call'; readonly call: Expression }
  | { readonly kind: 'return'; readonly value: Expression | null }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'block'; readonly block: Block }
  | { readonly kind: 'untranslated'; readonly lines: readonly SourceLine[]; readonly reason: string }
);

/** A statement that contains other statements, such as If or For each. */
export type Block = {
  /**
   * The lines that begin, divide and end the block, such as `If`, `Else`, `:` and `End if`. The statements inside the block do not
   * include these lines.
   */
  readonly marks: readonly SourceLine[];
} & (
  | {
      readonly kind: 'if';
      readonly branches: readonly Branch[];
      readonly otherwise: readonly Statement[] | null;
    }
  | { readonly kind: 'while'; readonly condition: Expression; readonly body: readonly Statement[] }
  | { readonly kind: 'repeat'; readonly until: Expression; readonly body: readonly Statement[] }
  | {
      readonly kind: 'for';
      readonly variable: Expression;
      readonly from: Expression;
      readonly to: Expression;
      readonly step: Expression | null;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: 'each';
      readonly variable: Expression;
      readonly of: Expression;
      readonly body: readonly Statement[];
    }
);

export interface Branch {
  readonly condition: Expression;
  readonly body: readonly Statement[];
}

export interface FunctionSource {
  /** '' for the constructor of a class. */
  readonly name: string;
  readonly kind: 'function' | 'get' | 'set' | 'constructor';
  readonly line: SourceLine | null;
  readonly parameters: readonly Parameter[];
  /** The variable that contains the return value of the function; '' without such a variable. */
  readonly result: string;
  readonly resultType: string;
  readonly body: readonly Statement[];
}

/** One file. */
export interface Unit {
  readonly name: string;
  readonly isClass: boolean;
  readonly extends: string;
  /** The statements before the first function, including `Class extends`. */
  readonly head: readonly Statement[];
  readonly functions: readonly FunctionSource[];
}
