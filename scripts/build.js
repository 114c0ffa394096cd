// Builds dist/ from src/, and dist/conformance/ from conformance/: types and JavaScript, in a clean folder, with the executable bit on the
// command. The JavaScript has no comments, since V8 keeps the text of each module on its heap, and comments would need a third of a
// megabyte in every process. The types have the comments, and so does src/, to which the source maps lead.
//
// bundle.js makes dist/bundle/, which has the entry points of the package. dist/cjs/ has the same code as CommonJS, for tools that cannot
// `require` an ES module: Jest, and TypeScript with `module: commonjs`. Node gets the ES modules for `require` too (the condition
// `module-sync` in package.json), so that a process has each class only once.
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

/**
 * Changes imports in declarations from './x.ts' to './x.js', since only the latter files exist. Copies the declarations to the folder
 * of CommonJS.
 */
function finishDeclarations() {
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((one) => one.endsWith('.d.ts'))) {
    const path = join(dist, name);
    // The replacement has the same length, so the declaration maps stay correct.
    const text = readFileSync(path, 'utf8')
      .replace(/(from |import\()'(\.[^']*)\.ts'/g, "$1'$2.js'")
      // In TypeScript before 5.6, an export name that is a string is a syntax error.
      .replace(/, WebSocket as 'module\.exports'/, '');
    writeFileSync(path, text);
    if (name.startsWith('cli')) continue;
    const copy = join(dist, 'cjs', name);
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, text.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  }
}
