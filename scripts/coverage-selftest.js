/**
 * Tests the coverage check itself, in a small project with the same settings. The check must pass if all code is covered. The tests and the
 * processes that they start both cover code. The check must fail if one function or one branch is not covered.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const project = mkdtempSync(join(tmpdir(), 'coverage-selftest-'));

/** @param {string} path @param {string} text */
function write(path, text) {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

/** In each folder, one more function is a few percent of the lines. So one uncovered function is enough to fail the check. */
const folders = [
  ...['frame', 'handshake', 'deflate', 'deflate/engine', 'transport', 'api', 'cli'].map(
    (one) => `src/${one}`,
  ),
  'conformance',
];
const body = Array.from({ length: 20 }, (_, i) => `  sum += n * ${i};`).join('\n');
const part = `/** A comment that is long,\n * and counts for nothing. */
export interface Unused {\n  readonly a: number;\n}
export function half(n: number): number {\n  let sum = 0;\n${body}\n  return sum / 2;\n}\n`;
const test = `import { expect, test } from 'vitest';
import { half } from '../../FOLDER/part.ts';
test('half', () => expect(half(2)).toBe(190));\n`;
const childTest = `import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
test('half, in a process of its own', () => {
  const module = new URL('../../dist/cli/part.js', import.meta.url).href;
  const script = \`import { half } from '\${module}'; process.exitCode = half(2);\`;
  expect(spawnSync(process.execPath, ['--input-type=module', '-e', script]).status).toBe(190);
});\n`;

function plain() {
  for (const folder of folders) {
    write(`${folder}/part.ts`, part);
    const place = folder.replaceAll('/', '-');
    write(`test/${place}/part.test.ts`, folder === 'src/cli' ? childTest : test.replace('FOLDER', folder));
  }
  write('src/index.ts', "export { half } from './api/part.ts';\n");
  write('conformance/index.ts', "export { half } from './part.ts';\n");
}

/** @type {[string, () => void, RegExp | null][]} */
const cases = [
  ['everything covered', () => {}, null],
  [
    'one function in frame not covered',
    () => write('src/frame/part.ts', `${part}\nexport function never(): number {\n  return 1;\n}\n`),
    /src\/frame: [\d.]+ % of lines is below 98 %/,
  ],
  [
    'one branch in handshake not covered',
    () => write('src/handshake/part.ts', part.replace('  return', '  if (n < 0) return 0;\n  return')),
    /src\/handshake: [\d.]+ % of branches is below 98 %/,
  ],
  [
    'a file in transport that no test loads',
    () => write('src/transport/other.ts', part),
    /src\/transport: [\d.]+ % of lines is below 90 %/,
  ],
];

let failed = 0;
try {
  for (const path of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'vitest.config.ts', 'scripts'])
    cpSync(join(root, path), join(project, path), { recursive: true });
  for (const file of ['leak-check.ts', 'write-coverage.ts'])
    cpSync(join(root, 'test', file), join(project, 'test', file));
  cpSync(join(root, 'conformance', 'tsconfig.json'), join(project, 'conformance', 'tsconfig.json'));
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'), 'junction');
  const env = { ...process.env };
  delete env.NODE_V8_COVERAGE;
  for (const [name, change, expected] of cases) {
    rmSync(join(project, 'src'), { recursive: true, force: true });
    plain();
    change();
    const run = spawnSync(process.execPath, [join(project, 'scripts', 'coverage.js')], {
      cwd: project,
      env,
      encoding: 'utf8',
    });
    const output = run.stdout + run.stderr;
    const right = expected === null ? run.status === 0 : run.status === 1 && expected.test(output);
    console.log(`${right ? 'ok' : 'WRONG'}: ${name}: ${run.status === 0 ? 'green' : 'red'}`);
    if (!right) {
      failed++;
      console.error(output);
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
