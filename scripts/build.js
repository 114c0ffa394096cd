// Builds dist/ from src/ and dist/conformance/ from conformance/: a clean folder, types and JavaScript of each, and the
// executable bit on the command. The JavaScript has no comments: V8 keeps the text of each module on its heap, where they would
// take a third of a megabyte in every process. They are in the types, and in src/, which the source maps show.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const project of ['tsconfig.build.json', join('conformance', 'tsconfig.json')]) {
  compile(project, '--emitDeclarationOnly', '--sourceMap', 'false');
  const withoutTypes = [
    '--declaration',
    'false',
    '--declarationMap',
    'false',
    '--isolatedDeclarations',
    'false',
  ];
  compile(project, '--removeComments', '--noCheck', ...withoutTypes);
}

/** @param {string} project @param {string[]} options */
function compile(project, ...options) {
  const args = [join(typescript, 'bin', 'tsc'), '-p', project, ...options];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const command = join(root, 'dist', 'cli', 'main.js');
if (existsSync(command)) chmodSync(command, 0o755);
