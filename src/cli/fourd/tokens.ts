/** Splits a 4D expression into tokens. Names of 4D may contain spaces, so words that follow each other form one name. */

import { endOfText } from './lines.ts';
import { Untranslatable } from './syntax.ts';

export interface Token {
  readonly kind: 'name' | 'variable' | 'number' | 'text' | 'operator' | 'end';
  /**
   * The value of a text is the characters between the quotes, with escapes such as `
   * ` replaced. The value of a name is all words of the name, with single spaces between them.
   */
  readonly value: string;
}

// Longer operators are tried first. `:` and `?` are the operators of `condition ? one : other`.
const operators = [
  ':=',
  '+=',
  '-=',
  '*=',
  '/=',
  '<=',
  '>=',
  '&&',
  '||',
  '->',
  '[[',
  ']]',
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
  '&',
  '|',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ';',
  '.',
  ':',
  '?',
  ',',
] as const;

const escapes: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['"', '"'],
  ['\\', '\\'],
]);

const word = /[\p{L}_][\p{L}\p{N}_]*/uy;
// Matches words with single spaces between them.
const name = /[\p{L}_][\p{L}\p{N}_]*(?: [\p{L}_][\p{L}\p{N}_]*)*/uy;
const variable = /\$(?:\d+|[\p{L}_][\p{L}\p{N}_]*)|<>[\p{L}_][\p{L}\p{N}_]*/uy;
const number = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// If a program is exported "with tokens", 4D adds this suffix to each name of a command or a constant: ALERT:C41
const suffix = /:[CKP]\d+(?::\d+)?/y;

/**
 * Splits an expression into tokens.
 * @throws {Untranslatable} for a character that is not allowed in expressions, and for a text without a closing quote
 */
export function tokenize(code: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(code)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < code.length) {
    if (/\s/.test(code[at]!)) {
      at++;
      continue;
    }
    if (code[at] === '"') {
      const end = endOfText(code, at);
      tokens.push({ kind: 'text', value: textOf(code.slice(at, end)) });
      at = end;
      continue;
    }
    // `4D` names the store of 4D's own classes. No other name begins with a digit.
    if (/^4D\b/i.test(code.slice(at, at + 3))) {
      tokens.push({ kind: 'name', value: '4D' });
      at += 2;
      continue;
    }
    const found = match(variable);
    if (found !== null) {
      tokens.push({ kind: 'variable', value: found });
      continue;
    }
    const digits = match(number);
    if (digits !== null) {
      tokens.push({ kind: 'number', value: digits });
      continue;
    }
    // After a dot comes the name of a property, which is a single word.
    const words = match(tokens.at(-1)?.value === '.' ? word : name);
    if (words !== null) {
      match(suffix);
      tokens.push({ kind: 'name', value: words });
      continue;
    }
    const operator = operators.find((one) => code.startsWith(one, at));
    if (operator === undefined) throw new Untranslatable(`the character ${JSON.stringify(code[at])}`);
    tokens.push({ kind: 'operator', value: operator });
    at += operator.length;
  }
  tokens.push({ kind: 'end', value: '' });
  return tokens;
}

function textOf(quoted: string): string {
  if (quoted.length < 2 || !quoted.endsWith('"')) throw new Untranslatable('a text without an end');
  return quoted.slice(1, -1).replace(/\\(.)/gs, (_, escaped: string) => {
    const character = escapes.get(escaped);
    if (character === undefined) throw new Untranslatable(`the escape \\${escaped}`);
    return character;
  });
}
