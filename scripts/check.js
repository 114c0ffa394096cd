/**
 * `npm run check`: runs all checks of the repository except the test suite. If a step fails, the next steps still run. Prints the duration
 * of each step, and at the end a list of the failed steps.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {string} command @param {string[]} args */
function run(command, args) {
  // On Windows, npm is a script, so a shell must start it.
  const shell = process.platform === 'win32' && command === 'npm';
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', shell }).status === 0;
}

/** @param {string} file @param {string[]} args */
const script = (file, ...args) => run(process.execPath, [join(root, 'scripts', file), ...args]);

/** @param {string} name the package @param {string} path its command */
const tool = (name, path) => join(root, 'node_modules', name, path);

/** Checks the packed file, because the packed file is published, not the folder. */
function packed() {
  const folder = mkdtempSync(join(tmpdir(), 'packed-'));
  try {
    // The build has already run. --ignore-scripts prevents npm from running it again.
    if (!run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])) return false;
    const [file = ''] = readdirSync(folder);
    return run(process.execPath, [tool('publint', 'src/cli.js'), 'run', join(folder, file), '--strict']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Checks the length of README.md: it should take five minutes to read. Longer texts belong in docs/guides/. */
function readmeIsShort() {
  const lines = readFileSync(join(root, 'README.md'), 'utf8').split('\n').length - 1;
  if (lines >= 300) console.error(`README.md has ${lines} lines; it has to have fewer than 300`);
  return lines < 300;
}

/** @type {[string, () => boolean][]} */
const steps = [
  ['lint and format', () => run(process.execPath, [tool('@biomejs/biome', 'bin/biome'), 'check', '.'])],
  // The build is before the type check, because the types of the package are in dist/. Examples and benches need these types: they import
  // the package by its name.
  ['build', () => script('build.js')],
  ['types', () => run(process.execPath, [tool('typescript', 'bin/tsc'), '-p', 'tsconfig.json', '--noEmit'])],
  ['packed package', packed],
  ['plain English', () => script('words.js')],
  ['the length of README.md', readmeIsShort],
  ['llms.txt and llms-full.txt', () => script('llms.js', '--check')],
  ['the WebAssembly kernels', () => script('kernel.js', '--check')],
  ['docs/structure.md', () => script('structure.js', '--check')],
  ['docs/errors.md', () => script('errors.js', '--check')],
  ['docs/limits.md and the tables of docs/api.md', () => script('limits.js', '--check')],
  ['SECURITY.md', () => script('attacks.js', '--check')],
  ['docs/4d.md', () => script('fourd.js', '--check')],
  ['docs/plugin.md', () => script('plugin.js', '--check')],
  ['docs/4d-sentences.md', () => script('sentences.js', '--check')],
  ['requirements', () => script('requirements.js', '--check')],
  ['docs/conformance.md', () => script('conformance-docs.js', '--check')],
];

/** @type {string[]} */
const failed = [];
for (const [name, step] of steps) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const passed = step();
  if (!passed) failed.push(name);
  console.log(`${passed ? 'ok' : 'FAILED'} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}
console.log(
  `\n${failed.length === 0 ? `all ${steps.length} checks passed` : `failed: ${failed.join(', ')}`}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
