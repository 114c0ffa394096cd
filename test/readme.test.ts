/**
 * Tests that the code in README.md and docs/ runs. A block that begins with "```js run" or "```ts run" runs in a separate process. The
 * block imports the package by its name. It passes if the process ends by itself with status 0. A comment directly after the block may
 * change the block, and add code that ends it. Readers of the page do not see this comment:
 *
 *     <!-- test
 *     replace: 8080 → 0
 *     append:
 *     await server.shutdown();
 *     -->
 *
 * `prepend:` adds code before the block. `<!-- test: name -->` reads the comment from test/pages/name.txt. This keeps README.md short.
 *
 * In README.md and in docs/guides/, every block of code must run, or the comment `<!-- not run: reason -->` must follow the block. The
 * other pages of docs/ may show fragments.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Block {
  readonly line: number;
  readonly language: string;
  readonly runs: boolean;
  /** The reason why the block does not run. It is '' if the block runs, or if the page states no reason. */
  readonly reason: string;
  /** The code of the block after the changes of the comment. */
  readonly code: string;
}

/** Returns the changes in the comment of a block. The comment may name a file in test/pages/ that contains them. */
function changesOf(comment: string): string {
  const [, name] = /^test: ([\w-]+) $/.exec(comment) ?? [];
  if (name !== undefined) return readFileSync(join(root, 'test', 'pages', `${name}.txt`), 'utf8');
  return comment.startsWith('test\n') ? comment.slice('test\n'.length) : '';
}

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const fence = /^```(\w*)([^\n]*)\n([\s\S]*?)^```[^\n]*\n?(?:\s*<!-- ((?:test\b|not run: )[\s\S]*?)-->)?/gm;
  for (const match of markdown.matchAll(fence)) {
    const [, language = '', flags = '', shown = '', comment = ''] = match;
    const hidden = changesOf(comment);
    const [, reason = ''] = /^not run: (.+) $/.exec(comment) ?? [];
    const [changes = '', ...added] = hidden.split(/^(append|prepend):\n/m);
    const addedAs = (what: string): string => added[added.indexOf(what) + 1] ?? '';
    const appended = added.includes('append') ? addedAs('append') : '';
    const prepended = added.includes('prepend') ? addedAs('prepend') : '';
    let code = shown;
    for (const change of changes.split('\n').filter((text) => text.trim() !== '')) {
      const [, from = '', to = ''] = /^replace: (.+) → (.*)$/.exec(change) ?? [];
      if (from === '' || !code.includes(from))
        throw new Error(`"${change}" does not fit the block:\n${shown}`);
      code = code.replaceAll(from, to);
    }
    blocks.push({
      line: markdown.slice(0, match.index).split('\n').length,
      language,
      runs: flags.trim() === 'run',
      reason,
      code: `${prepended}${code}${appended}`,
    });
  }
  return blocks;
}

/** The folder is inside the package, so that a block can import the package by its name. git ignores reports/. */
mkdirSync(join(root, 'reports'), { recursive: true });
const folder = mkdtempSync(join(root, 'reports', 'readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function execute(args: readonly string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

async function run(
  { language, code }: Block,
  name: string,
): Promise<{ status: number | null; output: string }> {
  const source = join(folder, `${name}.${language === 'ts' ? 'mts' : 'mjs'}`);
  writeFileSync(source, code);
  if (language === 'ts') {
    const compilerOptions = { noEmit: false, noEmitOnError: true };
    const settings = { extends: '../../tsconfig.json', compilerOptions, files: [`${name}.mts`], include: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const compiled = await execute([tsc, '-p', join(folder, 'tsconfig.json')]);
    if (compiled.status !== 0) return compiled;
  }
  return execute([join(folder, `${name}.mjs`)]);
}

const markdownIn = (path: string): string[] =>
  readdirSync(join(root, path))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `${path}/${name}`);
/** On these pages, each block must run, or the page must state why it does not run. */
const strict = ['README.md', ...markdownIn('docs/guides')];
const pages = [...strict, ...markdownIn('docs')];

test('each file of test/pages/ is used by a block on a page', () => {
  const text = pages.map((page) => readFileSync(join(root, page), 'utf8')).join('\n');
  const files = readdirSync(join(root, 'test', 'pages')).map((name) => name.replace(/\.txt$/, ''));
  expect(files.filter((name) => !text.includes(`<!-- test: ${name} -->`))).toEqual([]);
});

describe.each(pages.map((page) => ({ page, blocks: blocksOf(readFileSync(join(root, page), 'utf8')) })))(
  'the code on $page',
  ({ page, blocks }) => {
    test.runIf(strict.includes(page))(
      'every block runs, or a comment says why the block does not run',
      () => {
        const code = blocks.filter(({ language }) => !/^(?:sh|console|text|)$/.test(language));
        expect(
          code
            .filter(({ runs, reason }) => runs === (reason !== ''))
            .map(({ line, language }) => `${language}, line ${line}`),
        ).toEqual([]);
      },
    );

    for (const block of blocks.filter(({ runs }) => runs)) {
      test(`the block in line ${block.line} runs and ends with status 0`, async () => {
        const { status, output } = await run(block, `${page.replace(/\W/g, '-')}-${block.line}`);
        expect(status, output).toBe(0);
      });
    }
  },
);

describe('the check of the code blocks in the documentation', () => {
  const page = [
    'Text',
    '```js run',
    'const port = 8080;',
    '```',
    '',
    '<!-- test',
    'replace: 8080 → 0',
    'append:',
    "if (port !== 0) throw new Error('not replaced');",
    '-->',
    '```sh',
    'npm start',
    '```',
    '<!-- another comment -->',
    '```ts run',
    'const n: number = 1;',
    '```',
    '```yaml',
    'kind: Pod',
    '```',
    '',
    '<!-- not run: needs a cluster -->',
  ].join('\n');

  test('the parser returns each block with its line and its language, and obeys the comment after the block', () => {
    expect(blocksOf(page)).toEqual([
      {
        line: 2,
        language: 'js',
        runs: true,
        reason: '',
        code: "const port = 0;\nif (port !== 0) throw new Error('not replaced');\n",
      },
      { line: 11, language: 'sh', runs: false, reason: '', code: 'npm start\n' },
      { line: 15, language: 'ts', runs: true, reason: '', code: 'const n: number = 1;\n' },
      { line: 18, language: 'yaml', runs: false, reason: 'needs a cluster', code: 'kind: Pod\n' },
    ]);
    expect(() => blocksOf(page.replace('8080;', '80;'))).toThrow('does not fit');
  });

  const block = (language: string, code: string): Block => ({
    line: 1,
    language,
    runs: true,
    reason: '',
    code,
  });

  test('a block can import the package by its name', async () => {
    const { status, output } = await run(block('js', "console.log(import.meta.resolve('rfc6455'));"), 'name');
    expect({ status, output: output.trim() }).toEqual({
      status: 0,
      output: new URL('../dist/bundle/index.js', import.meta.url).href,
    });
  });

  test('a block that throws or has type errors fails the check', async () => {
    expect((await run(block('js', "throw new Error('no');"), 'throws')).status).not.toBe(0);
    expect((await run(block('ts', 'const n: number = 1;\nconsole.log(n);'), 'typed')).status).toBe(0);
    expect((await run(block('ts', "const n: number = 'one';"), 'mistyped')).status).not.toBe(0);
  });
});
