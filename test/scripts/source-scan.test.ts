/** Tests scripts/source-scan.js: which code, imports and test titles it recognizes. layers.test.ts and scripts/requirements.js use it. */
import { describe, expect, test } from 'vitest';
import { idsOf, importsOf, scan, titlesOf } from '../../scripts/source-scan.js';

describe('the imports of a source', () => {
  const specifiers = (source: string): string[] => importsOf(source).map(({ specifier }) => specifier);

  test.each([
    ["import { a } from './a.ts';", './a.ts'],
    ["import def, { a as b } from './b.ts';", './b.ts'],
    ["import * as all from 'node:net';", 'node:net'],
    ["import {\n  a,\n  b,\n} from './c.ts';", './c.ts'],
    ['import "./d.ts";', './d.ts'],
    ["export * from './e.ts';", './e.ts'],
    ["export * as e from './e.ts';", './e.ts'],
    ["export { a, type B } from './f.ts';", './f.ts'],
    ["const m = await import('node:zlib');", 'node:zlib'],
    ["const m = require('node:tls');", 'node:tls'],
    ["type T = import('node:http').Server;", 'node:http'],
  ])('the import is found in %j', (source, specifier) => {
    expect(specifiers(source)).toEqual([specifier]);
  });

  test('an import counts as an import of types only if all its names are types', () => {
    const kinds = (source: string): boolean[] => importsOf(source).map(({ typeOnly }) => typeOnly);
    expect(kinds("import type { A } from 'a'; export type { B } from 'b'; import type C from 'c';")).toEqual([
      true,
      true,
      true,
    ]);
    expect(kinds("import { type A } from 'a'; import { b, type B } from 'b'; import type from 'c';")).toEqual(
      [false, false, false],
    );
  });

  test('the scanner ignores an import in a comment, string, template or regular expression', () => {
    const source = [
      "// import { a } from 'line'",
      "/* import { a } from 'block' */",
      'const s = "import { a } from \'string\'";',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this text is the input of the test
      "const t = `import { a } from 'template' ${inner ? `import('deep')` : /import '\\/x'/.source}`;",
      "const r = /import 'regexp'[/]/;",
      'const half = a / b; // import "after a division"',
      "import { real } from './real.ts';",
    ].join('\n');
    expect(specifiers(source)).toEqual(['./real.ts']);
    expect(scan(source).code).toHaveLength(source.length);
  });

  test('the scanner reports an import with a computed specifier', () => {
    expect(specifiers('await import(name);')).toEqual(['<computed>']);
  });
});

describe('the titles of tests in a source', () => {
  const titles = (source: string): string[] => titlesOf(source).map(({ title }) => title);

  test('the scanner finds the titles of test, it and describe, with modifiers such as .each', () => {
    const source = `
      describe('a', () => {
        test('b', () => {});
        it.only("c", async () => {});
        test.each([['x']])('d', () => {});
        test.each<Row>([['x']])('e', () => {});
        test.skipIf(major < 22)('f', () => {});
        test('g', { timeout: 1 }, () => {});
      });
      pattern.test('not a title');
      contest('neither');
    `;
    expect(titles(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(titlesOf(source)[0]).toMatchObject({ kind: 'describe', tests: 6 });
  });

  test('the scanner marks the titles of skipped and todo tests, also inside a skipped or todo describe', () => {
    const source = `
      test.skip('a', () => {});
      test.todo('b');
      describe.skip('c', () => { test('d', () => {}); });
      test('e', () => {});
    `;
    expect(titlesOf(source).map(({ skipped }) => skipped)).toEqual([true, true, true, true, false]);
  });

  test('the scanner also finds titles that come from a table', () => {
    expect(titles("test.each([['F6: RSV1', 1], ['other', 2]])('%s', () => {});")).toContain('F6: RSV1');
    expect(titles("for (const [name] of [['F7: opcode 3']]) test(name, () => {});")).toContain(
      'F7: opcode 3',
    );
    expect(titles("test('plain', () => {}); const s = 'F8: no title';")).toEqual(['plain']);
  });
});

test('the scanner finds ids at the start of a title and in brackets', () => {
  expect(idsOf('F16: a fragmented ping')).toEqual(['F16']);
  expect(idsOf('S4, S20: over two lines')).toEqual(['S4', 'S20']);
  expect(idsOf('a fragmented ping [F16, C1]')).toEqual(['F16', 'C1']);
  expect(idsOf('F4 90 80 80 is beyond U+10FFFF')).toEqual([]);
  expect(idsOf('as F16 says')).toEqual([]);
});
