/**
 * Bundles the compiled modules of dist/ for publication: dist/bundle/ has ES modules, dist/cjs/ has CommonJS. Each entry point of
 * package.json becomes one file. Code that several entry points use is in shared chunks, so that a process loads each class only once.
 * Without bundles, the entry point `rfc6455` would have 173 modules. They would take twice as long to load, and would need 1.1 MB more of
 * V8's heap.
 *
 * Most tests load the separate modules, because we measure coverage there. Programs that import the package by its name load the bundles.
 */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

/**
 * Bundles all entry points whose compiled modules exist. (Some are missing only in scripts/coverage-selftest.js, which compiles a small
 * project. test/exports.test.ts checks that this package has all of them.)
 * @param {string} root the folder with package.json and a compiled dist/
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
  // `require('ws')` returns a class, so `require('rfc6455/ws')` must return a class too. For this, our ES module exports the class under
  // the name 'module.exports', which Node supports.
  const ws = join(dist, 'cjs', 'ws.js');
  if (existsSync(ws))
    appendFileSync(
      ws,
      "module.exports = Object.defineProperty(exports.default, 'default', { value: exports.default });\n",
    );
  // `sideEffects` is repeated here, because bundlers read the nearest package.json.
  writeFileSync(join(dist, 'cjs', 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
  for (const program of [join(dist, 'cli', 'main.js'), join(dist, 'bundle', 'rfc6455.js')])
    if (existsSync(program)) chmodSync(program, 0o755);
}

/** @param {Record<string, string>} modules name of a bundle → its entry module @param {string} dir @param {'esm' | 'cjs'} format */
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
      // Warnings about slow parts of the build are ignored, because a busy machine causes them too.
      if (level === 'warn' && !log.code?.endsWith('TIMINGS')) throw new Error(log.message);
    },
  });
  const { output } = await build.write({
    dir,
    format,
    exports: 'named',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    comments: false,
    // If two modules have a class or function with the same name, the bundler renames one of them. This option keeps the value of its
    // property `name`.
    keepNames: true,
    sourcemap: format === 'esm',
  });
  await build.close();
  // The source maps are not changed. So they are exact, except for the columns after an escape.
  for (const { type, fileName } of output) {
    if (type !== 'chunk') continue;
    const path = join(dir, fileName);
    writeFileSync(path, toAscii(readFileSync(path, 'utf8')));
  }
}

/**
 * Replaces each non-ASCII character with an escape. V8 keeps the text of each module in memory. If one character of a text is outside
 * Latin-1, V8 uses two bytes for each character. For the entry point `rfc6455`, this would be 0.3 MB more.
 * @param {string} code
 */
function toAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * Returns a compiled module with the compiler's source map, so that the source map of the bundle refers to src/.
 * @param {string} path
 */
function withMap(path) {
  const map = `${path}.map`;
  return existsSync(map) ? { code: readFileSync(path, 'utf8'), map: readFileSync(map, 'utf8') } : null;
}
