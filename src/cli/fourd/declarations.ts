/** Parses declarations of 4D: `var`, `C_TEXT` and similar commands, `property`, and lists of parameters. */

import { parseExpression } from './expressions.ts';
import { type Expression, type Parameter, Untranslatable } from './syntax.ts';

interface Declared {
  readonly names: readonly Parameter[];
  readonly value: Expression | null;
}

/** The commands that declare variables, such as C_TEXT. The key is the part after `C_`. The value is the type that `var` uses. */
const commands: ReadonlyMap<string, string> = new Map([
  ['text', 'Text'],
  ['longint', 'Integer'],
  ['integer', 'Integer'],
  ['real', 'Real'],
  ['boolean', 'Boolean'],
  ['object', 'Object'],
  ['collection', 'Collection'],
  ['blob', 'Blob'],
  ['variant', 'Variant'],
]);

/** Parses a declaration. Returns null if the statement is not a declaration. @throws {Untranslatable} */
export function parseDeclaration(code: string): Declared | null {
  const command = /^c_(\w+)\s*\(([^()]*)\)$/i.exec(code);
  if (command !== null) {
    const [, kind = '', list = ''] = command;
    const type = commands.get(kind.toLowerCase());
    if (type === undefined) throw new Untranslatable(`C_${kind.toUpperCase()}`);
    return { names: list.split(';').map((name) => ({ name: checkName(name), type })), value: null };
  }
  const variable = /^(?:var|property)\s+([^:]+?)\s*(?::\s*([\w.]+)\s*)?(?::=([\s\S]+))?$/i.exec(code);
  if (variable === null) return null;
  const [, list = '', type = 'Variant', value] = variable;
  return {
    names: list.split(';').map((name) => ({ name: checkName(name), type })),
    value: value === undefined ? null : parseExpression(value),
  };
}

/** Parses a list of parameters such as `$a : Text; $b : Object`. @throws {Untranslatable} if a parameter has no name */
export function parseParameters(list: string): Parameter[] {
  if (list.trim() === '') return [];
  return list.split(';').map((one) => {
    const found = /^\s*(\$[\p{L}\p{N}_]+)\s*(?::\s*([\w.]+)\s*)?$/u.exec(one);
    if (found === null) throw new Untranslatable(`the parameter ${one.trim()}`);
    return { name: found[1]!, type: found[2] ?? 'Variant' };
  });
}

function checkName(text: string): string {
  const name = text.trim();
  if (!/^(?:\$\d+|(?:\$|<>)?[\p{L}_][\p{L}\p{N}_]*)$/u.test(name) || name === 'constructor')
    throw new Untranslatable(`the name ${name}`);
  return name;
}
