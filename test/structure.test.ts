/**
 * Tests the size limits in docs/structure.md, because a long file usually does two jobs. layers.test.ts checks the directions of imports.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const MAX_LINES = 300;
const MAX_FUNCTION = 60;

/** Files that may be longer: tables, algorithms that cannot be divided, and files that will be divided later. */
const longer: Readonly<Record<string, number>> = {
  'handshake/error.ts': 460,
  'deflate/engine/deflate.ts': 400,
  'deflate/engine/inflate.ts': 400,
};

const root = new URL('../src/', import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, lines: readFileSync(new URL(name, root), 'utf8').trimEnd().split('\n') }));

/** Finds functions and methods by their first lines. The formatter puts the closing brace at the same indentation as the first line. */
function functionsOf(lines: readonly string[]): { line: number; length: number }[] {
  const beginning =
    /^(\s*)(?:export )?(?:(?:static|override|protected|private|async|get|set) )*(?:function\b|constructor\(|#?\w+(?:<[^>]*>)?\()/;
  return lines.flatMap((text, at) => {
    const indentation = beginning.exec(text)?.[1];
    if (indentation === undefined || /^\s*(?:if|for|while|switch|return|catch)\b/.test(text)) return [];
    const isBody = text.endsWith('{') || text.endsWith('(');
    const end = lines.findIndex((line, index) => index > at && line.startsWith(`${indentation}}`));
    // If the line contains more than the brace, it is the end of a call that has a function as an argument.
    return isBody && lines[end] === `${indentation}}` ? [{ line: at + 1, length: end - at + 1 }] : [];
  });
}

test('no file is longer than 300 lines, except tables and algorithms', () => {
  const long = files
    .filter(({ name, lines }) => lines.length > (longer[name] ?? MAX_LINES))
    .map(({ name, lines }) => `${name}: ${lines.length}`);
  expect(long).toEqual([]);
});

test('each file with an exception is still longer than 300 lines', () => {
  const short = Object.keys(longer).filter(
    (name) => (files.find((file) => file.name === name)?.lines.length ?? 0) <= MAX_LINES,
  );
  expect(short).toEqual([]);
});

test('no function outside of deflate/engine is longer than 60 lines', () => {
  const found = files.flatMap(({ name, lines }) => functionsOf(lines).map((one) => ({ name, ...one })));
  expect(found.length).toBeGreaterThan(1_000);
  const long = found
    .filter(({ name, length }) => length > MAX_FUNCTION && !name.startsWith('deflate/engine/'))
    .map(({ name, line, length }) => `${name}:${line}: ${length} lines`);
  expect(long).toEqual([]);
});

test('each file starts with a comment of at most 8 lines', () => {
  const wrong = files.filter(({ lines }) => {
    const start = lines.findIndex((line) => line !== '' && !line.startsWith('#!'));
    const end = lines.findIndex((line) => line.includes('*/'));
    return !lines[start]?.startsWith('/**') || end - start > 9;
  });
  expect(wrong.map(({ name }) => name)).toEqual([]);
});
