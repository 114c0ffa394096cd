/**
 * The size of the rooms: no file of the core has two jobs (over 300 lines), no function is longer than a screen (60 lines), and no
 * file of frame/ or api/ is, by its imports, in a circle, types included. Tables may be long.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { groupEnd, importsOf, lineOf, scan } from '../scripts/source-scan.js';

const MAX_FILE = 300;
const MAX_FUNCTION = 60;

/** Files that are tables: a row more is no second job. */
const tables: ReadonlySet<string> = new Set(['handshake/error.ts']);

const root = new URL('../src/', import.meta.url);
const files = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => [name, readFileSync(new URL(name, root), 'utf8')] as const),
);

/** Bodies of functions, methods and arrow functions: how many lines each has, and where it begins. */
function functionsOf(source: string): { line: number; lines: number }[] {
  const { code } = scan(source);
  // A parameter list, maybe a return type, maybe an arrow, then the body. Blocks of `if` and `for` match too: one that is too
  // long is in a function that is too long.
  const start = /\)\s*(?::\s*[^;{}=()]+(?:\([^()]*\)[^;{}=()]*)?)?\s*(?:=>\s*)?\{/g;
  return [...code.matchAll(start)].map((match) => {
    const open = match.index + match[0].length - 1;
    const line = lineOf(source, match.index);
    return { line, lines: lineOf(source, groupEnd(code, open) - 1) - line + 1 };
  });
}

/** The first circle of imports, types included, among the files of a folder. */
function circleIn(folder: string, sources: ReadonlyMap<string, string>): string | null {
  const graph = new Map(
    [...sources]
      .filter(([file]) => file.startsWith(folder))
      .map(([file, source]) => [
        file,
        importsOf(source)
          .filter(({ specifier }) => specifier.startsWith('.'))
          .map(({ specifier }) => posix.join(posix.dirname(file), specifier)),
      ]),
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' → ');
    if (done.has(file)) return null;
    for (const target of graph.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle !== null) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle !== null) return circle;
  }
  return null;
}

test(`no file of the core is over ${MAX_FILE} lines, but for tables`, () => {
  const long = [...files]
    .filter(([file]) => /^(?:frame|handshake|transport|api)\//.test(file) && !tables.has(file))
    .map(([file, source]) => ({ file, lines: source.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_FILE);
  expect(long).toEqual([]);
});

test(`no function is over ${MAX_FUNCTION} lines, but for the inner loops of the DEFLATE engine`, () => {
  const long = [...files]
    .filter(([file]) => !file.startsWith('deflate/engine/'))
    .flatMap(([file, source]) =>
      functionsOf(source)
        .filter(({ lines }) => lines > MAX_FUNCTION)
        .map(({ line, lines }) => `${file}:${line} has ${lines} lines`),
    );
  expect(long).toEqual([]);
});

test.each(['frame/', 'handshake/', 'deflate/', 'transport/', 'api/', 'cli/'])(
  'no circle of imports inside %s, types included',
  (folder) => {
    expect([...files.keys()].some((file) => file.startsWith(folder))).toBe(true);
    expect(circleIn(folder, files)).toBeNull();
  },
);

describe('what these tests must catch', () => {
  test('a function of 61 lines, of each form', () => {
    const body = 'x();\n'.repeat(59);
    for (const head of [
      'function f() {',
      'class A { m(a: string): void {',
      'const f = (a: number) => {',
      'function f(): Map<string, number> {',
    ]) {
      const tail = head.startsWith('class') ? '} }' : '}';
      expect(Math.max(...functionsOf(`${head}\n${body}${tail}`).map(({ lines }) => lines)), head).toBe(61);
    }
  });

  test('a circle of types', () => {
    const circle = new Map([
      ['api/a.ts', "import type { B } from './b.ts';"],
      ['api/b.ts', "import type { C } from './c.ts';"],
      ['api/c.ts', "import type { A } from './a.ts';"],
    ]);
    expect(circleIn('api/', circle)).toBe('api/a.ts → api/b.ts → api/c.ts → api/a.ts');
    expect(circleIn('frame/', circle)).toBeNull();
  });
});
