// Builds dist/ from src/, and dist/conformance/ from conformance/: JavaScript and type declarations. The JavaScript has no comments: V8
// keeps the text of each module in memory, and comments would need 0.3 MB in every process. The declarations have the comments.
//
// bundle.js builds the entry points of the package: dist/bundle/ (ES modules) and dist/cjs/ (CommonJS). CommonJS is for tools that cannot
// `require` an ES module: Jest, and TypeScript with `module: commonjs`. Node uses the ES modules for `require` too (the condition
// `module-sync` in package.json), so that a process loads each class only once.
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
 * Changes imports in the declarations from './x.ts' to './x.js', because dist/ has no .ts files. Also copies the declarations to dist/cjs/.
 */
function finishDeclarations() {
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  for (const name of names.filter((one) => one.endsWith('.d.ts'))) {
    const path = join(dist, name);
    // The new text has the same length, so the declaration maps stay correct.
    const text = readFileSync(path, 'utf8')
      .replace(/(from |import\()'(\.[^']*)\.ts'/g, "$1'$2.js'")
      // TypeScript before 5.6 reports a syntax error for an export whose name is a string.
      .replace(/, WebSocket as 'module\.exports'/, '');
    writeFileSync(path, text);
    if (name.startsWith('cli')) continue;
    const copy = join(dist, 'cjs', name);
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, text.replace(/^\/\/# sourceMappingURL=.*\n?/m, ''));
  }
}
