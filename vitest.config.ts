import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
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
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});

/** Tests of code that is pure: no socket, no timer, no state that one file could leave to the next. */
const pure = [
  'test/{frame,handshake,deflate/engine,scripts}/**/*.test.ts',
  'test/deflate/params.test.ts',
  'test/conformance/{autobahn,beyond,report,verdict,wire}.test.ts',
];

/** What other packages, other languages, a browser, or minutes of time are needed for: each has a script and a configuration of its own. */
export const apart: Record<
  'memory' | 'interop' | 'consumers' | 'ecosystem' | 'bus' | 'browser' | 'selftest',
  string[]
> = {
  // Resident memory of child processes, and floods.
  memory: ['test/api/{flood,resident-memory,stream-memory}.test.ts', 'test/deflate/bomb.test.ts'],
  interop: ['test/interop/**/*.test.ts'],
  consumers: ['test/consumers/**/*.test.ts'],
  ecosystem: ['test/ecosystem/**/*.test.ts'],
  bus: ['test/bus/**/*.test.ts'],
  browser: ['test/browser/**/*.test.ts'],
  selftest: ['test/conformance/broken/**/*.test.ts'],
};

/**
 * Whole programs: the command line, the judge, the examples, the README's code, peers written by others, and processes that are stopped.
 * And what takes seconds for one file: floods, long random runs, and comparisons with another implementation.
 */
const programs = [
  'test/api/{busy,plugin/flood,ws/differential}.test.ts',
  'test/api/topics/{limits,presence-chaos,topic-history}.test.ts',
  'test/cli/{connect,main,serve}.test.ts',
  'test/cli/fourd/check.test.ts',
  'test/conformance/{cli,expected,run}.test.ts',
  'test/peers/**/*.test.ts',
  'test/api/{4d,plugin}/peers.test.ts',
  'test/api/plugin/reconnection.test.ts',
  'test/api/topics/cluster-processes.test.ts',
  'test/api/chaos.test.ts',
  'test/transport/standstill.test.ts',
  'test/api/ws/program.test.ts',
  'test/scripts/{command-line,fuzz,soak-deflate}.test.ts',
  'test/{examples,readme}.test.ts',
];

const elsewhere = [...programs, ...Object.values(apart).flat()];

/**
 * Files that replace something the whole process has, or measure it: the clock, the timers, listeners for warnings, memory.
 * Each needs a process of its own. All others share theirs: to start one takes longer than most files do.
 */
const alone = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name.replaceAll(sep, '/')}`)
  .filter((name) =>
    /Fake(?:Clock|Timers)|\b(?:turnClock|flushBeforeLateWork)\b|\bvi\.(?!fn\b|waitFor|waitUntil)|\bprocess\.(?:on|once|emit|memoryUsage)\b|\b[bB]udget\.|\bgc\b|setDefault/.test(
      readFileSync(join(root, name), 'utf8'),
    ),
  );

/** Files that take longest, for a clone where the runner has not yet measured any: begun last, one would be waited for alone. */
const longest = [
  'conformance/run',
  'conformance/cli',
  'peers/deflate',
  'cli/serve',
  'peers/exchanges',
  'deflate/codec',
  'api/connection',
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
    // `npm run test:programs` runs the last one, `npm test` the others, `npm run coverage` all of them.
    projects: [
      { extends: true, test: { name: 'pure', include: pure, exclude: programs, isolate: false } },
      {
        extends: true,
        test: {
          name: 'sockets',
          include: ['test/**/*.test.ts'],
          exclude: [...pure, ...alone, ...elsewhere],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: alone, exclude: [...pure, ...elsewhere] } },
      { extends: true, test: { name: 'programs', include: programs } },
    ],
  },
}) as ViteUserConfig;
