// Builds dist/ from src/ and dist/conformance/ from conformance/: a clean folder, types and JavaScript of each, and the
// executable bit on the command. The JavaScript has no comments: V8 keeps the text of each module on its heap, where they would
// take a third of a megabyte in every process. They are in the types, and in src/, which the source maps show.
//
// dist/bundle/ is what the package's entry points are: bundle.js makes it. dist/cjs/ is the same as CommonJS, for what cannot `require`
// an ES module: Jest, and TypeScript's `module: commonjs`. Node itself is given the ES modules for `require` too (the condition
// `module-sync` in package.json), so that a process has each class once.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(dist, { recursive: true, force: true });
const withoutTypes = [
  '--declaration',
  'false',
  '--declarationMap',
  'false',
  '--isolatedDeclarations',
  'false',
];
for (const folder of ['.', 'conformance']) {
  const project = folder === '.' ? 'tsconfig.build.json' : join(folder, 'tsconfig.json');
  compile(project, '--emitDeclarationOnly', '--sourceMap', 'false');
  compile(project, '--removeComments', '--noCheck', ...withoutTypes);
}
finishDeclarations();
await bundle(root);

/** @param {string} project @param {string[]} options */
function compile(project, ...options) {
  const args = [join(typescript, 'bin', 'tsc'), '-p', project, ...options];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Declarations name the files that exist, './x.js', not './x.ts'; and those of CommonJS are copies in its folder. */
function finishDeclarations() {
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((one) => one.endsWith('.d.ts'))) {
    const path = join(dist, name);
    // As long as before: the declaration maps stay true.
    const text = readFileSync(path, 'utf8')
      .replace(/(from |import\()'(\.[^']*)\.ts'/g, "$1'$2.js'")
      // A name that is a string is a syntax error before TypeScript 5.6.
      .replace(/, WebSocket as 'module\.exports'/, '');
    writeFileSync(path, text);
    if (name.startsWith('cli')) continue;
    const copy = join(dist, 'cjs', name);
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, text.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  }
}
