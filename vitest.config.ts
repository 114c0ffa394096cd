import { existsSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = dirname(fileURLToPath(import.meta.url));
/** Folders of source → where they are compiled to. */
const folders = [
  [resolve(root, 'src') + sep, resolve(root, 'dist')],
  [resolve(root, 'conformance') + sep, resolve(root, 'dist', 'conformance')],
] as const;

/**
 * Tests are written and type-checked against src/ and conformance/, and run against dist/: what is tested is what is published,
 * and coverage is V8's own count over the compiled files, mapped back by the compiler's source maps.
 */
const compiled = {
  name: 'src-to-dist',
  enforce: 'pre' as const,
  resolveId(specifier: string, importer: string | undefined) {
    if (importer === undefined || !specifier.startsWith('.')) return null;
    const path = resolve(dirname(importer), specifier);
    const folder = folders.find(([source]) => path.startsWith(source) && path.endsWith('.ts'));
    if (folder === undefined) return null;
    const built = resolve(folder[1], path.slice(folder[0].length).replace(/\.ts$/, '.js'));
    if (!existsSync(built)) throw new Error(`${built} is missing: run "npm run build" first`);
    return { id: built, external: true };
  },
};

export default defineConfig({
  plugins: [compiled],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/browser/**', 'test/conformance/broken/**'],
    pool: 'forks',
    setupFiles: ['test/leak-check.ts', ...(process.env.NODE_V8_COVERAGE ? ['test/write-coverage.ts'] : [])],
    // Deadlines below are only there so that a hang is reported; no test measures the clock.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
