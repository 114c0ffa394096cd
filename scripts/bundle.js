/**
 * Bundles the compiled modules of dist/ for publication: dist/bundle/ has ES modules, dist/cjs/ has CommonJS. Each entry point of
 * package.json is one file, and what several entry points share is in chunks, so that a process has each class once. To load the entry
 * point `rfc6455` as 173 modules takes twice as long, and 1.1 MB more of V8's heap, most of it for the modules themselves.
 *
 * Tests run the modules, since coverage is counted there; programs that import the package by its name run the bundles.
 */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

/**
 * Bundles the entry points whose modules exist. (test/exports.test.ts checks that all modules of this package exist. A trial of the
 * coverage check compiles only a few modules of its own.)
 * @param {string} root the folder of package.json, whose dist/ is compiled
 */
export async function bundle(root) {
  const dist = join(root, 'dist');
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = Object.values(exports)
    .flatMap((one) => [one.default?.default, one.browser?.default])
    .filter((path) => path !== undefined)
    .map((path) => relative('dist/bundle', path).replace(/\.js$/, ''));
  const library = Object.fromEntries(names.map((name) => [name, join(dist, `${name}.js`)]));
  const programs = {
    rfc6455: join(dist, 'cli', 'main.js'),
    'conformance/cli': join(dist, 'conformance', 'cli.js'),
  };
  await write({ ...library, ...programs }, join(dist, 'bundle'), 'esm');
  await write(library, join(dist, 'cjs'), 'cjs');
  finish(dist);
}

/** @param {string} dist */
function finish(dist) {
  // `require('ws')` is a class, and so is ours. ES modules name it 'module.exports', which Node knows.
  const ws = join(dist, 'cjs', 'ws.js');
  if (existsSync(ws))
    appendFileSync(
      ws,
      "module.exports = Object.defineProperty(exports.default, 'default', { value: exports.default });\n",
    );
  // `sideEffects` as in the package's own: the nearest package.json counts.
  writeFileSync(join(dist, 'cjs', 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
  for (const program of [join(dist, 'cli', 'main.js'), join(dist, 'bundle', 'rfc6455.js')])
    if (existsSync(program)) chmodSync(program, 0o755);
}

/** @param {Record<string, string>} modules name of a bundle → the module that it begins with @param {string} dir @param {'esm' | 'cjs'} format */
async function write(modules, dir, format) {
  const input = Object.fromEntries(Object.entries(modules).filter(([, path]) => existsSync(path)));
  mkdirSync(dir, { recursive: true });
  if (Object.keys(input).length === 0) return;
  const build = await rolldown({
    input,
    platform: 'node',
    external: /^node:/,
    plugins: [{ name: 'source-maps', load: (path) => withMap(path) }],
    experimental: { attachDebugInfo: 'none' },
    onLog(level, log) {
      // A busy machine makes any part of a build slow.
      if (level === 'warn' && !log.code?.endsWith('TIMINGS')) throw new Error(log.message);
    },
  });
  await build.write({
    dir,
    format,
    exports: 'named',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    comments: false,
    // A class or function whose name another module has as well keeps its own `name`.
    keepNames: true,
    sourcemap: format === 'esm',
  });
  await build.close();
}

/** A compiled module with the compiler's map, so that the bundle's map leads to src/. @param {string} path */
function withMap(path) {
  const map = `${path}.map`;
  return existsSync(map) ? { code: readFileSync(path, 'utf8'), map: readFileSync(map, 'utf8') } : null;
}
