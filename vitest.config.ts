import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

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

/** What all configurations of the suite have in common. */
export const common: ViteUserConfig = defineConfig({
  plugins: [compiled],
  test: {
    pool: 'forks',
    // A fifth of the suite's time it waits for deadlines and processes: one worker more than there are cores.
    maxWorkers: availableParallelism() + 1,
    setupFiles: ['test/leak-check.ts', ...(process.env.NODE_V8_COVERAGE ? ['test/write-coverage.ts'] : [])],
    // Deadlines below are only there so that a hang is reported; no test measures the clock.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});

/** Tests of code that is pure: no socket, no timer, no state that one file could leave to the next. */
const pure = [
  'test/{frame,handshake,deflate/engine,scripts}/**/*.test.ts',
  'test/deflate/params.test.ts',
  'test/conformance/{autobahn,beyond,report,verdict,wire}.test.ts',
];

/** Resident memory of child processes, and floods: `npm run test:memory`. */
export const memory: string[] = [
  'test/api/{flood,resident-memory,stream-memory}.test.ts',
  'test/deflate/bomb.test.ts',
];

/** Files that take longest, for a clone where the runner has not yet measured any: begun last, one would be waited for alone. */
const longest = [
  'conformance/run',
  'conformance/cli',
  'peers/deflate',
  'cli/serve',
  'peers/exchanges',
  'transport/upgrade',
  'readme',
  'examples',
].map((name) => `/test/${name}.test.ts`);

class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification): number =>
      longest.some((name) => moduleId.endsWith(name)) ? 0 : project.name === 'pure' ? 1 : 2;
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default mergeConfig(common, {
  test: {
    sequence: { sequencer: Sequencer },
    projects: [
      // One process for many files: to start it, and to load what they share, takes longer than most of them do.
      { extends: true, test: { name: 'pure', include: pure, isolate: false } },
      {
        extends: true,
        test: {
          name: 'sockets',
          include: ['test/**/*.test.ts'],
          // The judge's own self-test (`npm run conformance:selftest`) takes as long as a third of the rest.
          exclude: [
            ...pure,
            ...memory,
            'test/interop/**',
            'test/consumers/**',
            'test/browser/**',
            'test/conformance/broken/**',
          ],
        },
      },
    ],
  },
}) as ViteUserConfig;
