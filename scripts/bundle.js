/**
 * Bundles the compiled modules of dist/ for publication: dist/bundle/ has ES modules, dist/cjs/ has CommonJS. Each entry point of
 * package.json is one file, and what several entry points share is in chunks, so that a process has each class once. Without bundles, the
 * entry point `rfc6455` would consist of 173 modules. Loading them takes twice as long, and needs 1.1 MB more of V8's heap, mostly for the
 * modules themselves.
 *
 * Tests run the modules, since coverage is measured there. Programs that import the package by its name run the bundles.
 */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

/**
 * Bundles the entry points whose modules exist. (test/exports.test.ts checks that all modules of this package exist. The self-test of the
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
  // `require('ws')` returns a class, so our entry point for ws has to return its class too. ES modules export the class under the name
  // 'module.exports', which Node treats in this way.
  const ws = join(dist, 'cjs', 'ws.js');
  if (existsSync(ws))
    appendFileSync(
      ws,
      "module.exports = Object.defineProperty(exports.default, 'default', { value: exports.default });\n",
    );
  // `sideEffects` has to be repeated here, since bundlers read the nearest package.json.
  writeFileSync(join(dist, 'cjs', 'package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
  for (const program of [join(dist, 'cli', 'main.js'), join(dist, 'bundle', 'rfc6455.js')])
    if (existsSync(program)) chmodSync(program, 0o755);
}

/**
 * @param {Record<string, string>} modules name of a bundle → the module that it begins with @param {string} dir @param {'esm' | 'cjs'}
 * format
 */
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
      // The warnings about timings are ignored, since any part of a build can be slow on a busy machine.
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
    // If two modules have a class or function of the same name, the bundler renames one, and this option keeps its property `name`.
    keepNames: true,
    sourcemap: format === 'esm',
  });
  await build.close();
  // The source maps stay as they are: they are exact except for the columns after an escape.
  for (const { type, fileName } of output) {
    if (type !== 'chunk') continue;
    const path = join(dir, fileName);
    writeFileSync(path, toAscii(readFileSync(path, 'utf8')));
  }
}

/**
 * Writes each character beyond ASCII as an escape. V8 keeps the text of each module on its heap, and uses two bytes for every character if
 * one of them is not in Latin-1: for the entry point `rfc6455`, this is 0.3 MB more.
 * @param {string} code
 */
function toAscii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * Returns a compiled module with the source map of the compiler, so that the source map of the bundle leads to src/.
 * @param {string} path
 */
function withMap(path) {
  const map = `${path}.map`;
  return existsSync(map) ? { code: readFileSync(path, 'utf8'), map: readFileSync(map, 'utf8') } : null;
}
