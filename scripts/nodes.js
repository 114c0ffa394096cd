/**
 * `npm run test:nodes [-- 20 22]`: runs "npm ci && npm test && npm run test:programs" in a clean clone of HEAD. It does this with the
 * newest release of each major version of Node that the package supports. The npm registry provides the Node binaries, so the script needs
 * only npm.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lines = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26'];
const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const folder = mkdtempSync(join(tmpdir(), 'nodes-'));

/** The environment without the variables that `npm run` has set. They would affect the npm that this script starts. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_(?:node_)?execpath$|^npm_(?:package|lifecycle)_|^npm_config_(?:local_|global_)?prefix$/.test(
        name,
      ) && !['NODE', 'INIT_CWD', 'NODE_V8_COVERAGE'].includes(name),
  ),
);

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @param {Record<string, string | undefined>} [environment]
 */
function run(command, args, cwd, environment = env) {
  const shell = process.platform === 'win32' && command === 'npm';
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: environment,
    shell,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { status, output: `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}` };
}

/**
 * @param {string} line "22"
 * @returns {{ passed: boolean, version: string, output: string }}
 */
function testOn(line) {
  const place = join(folder, line);
  const clone = join(place, 'clone');
  let output = '';
  /** @param {string[]} command @param {string} cwd @param {Record<string, string | undefined>} [environment] */
  const step = ([command = '', ...args], cwd, environment) => {
    const result = run(command, args, cwd, environment);
    output += `$ ${command} ${args.join(' ')}\n${result.output}`;
    return result;
  };
  /** Runs a step that needs the network. If it fails, tries at most two more times. @type {typeof step} */
  const fetching = (command, cwd, environment) => {
    let result = step(command, cwd, environment);
    for (let attempt = 1; attempt < 3 && result.status !== 0; attempt++)
      result = step(command, cwd, environment);
    return result;
  };
  const failed = (version = '') => ({ passed: false, version, output });

  const name = `node-${platform}`;
  const binaries = ['--prefix', join(place, 'node'), '--no-save', '--no-package-lock', '--ignore-scripts'];
  if (step(['git', 'clone', '--quiet', root, clone], folder).status !== 0) return failed();
  if (fetching(['npm', 'install', ...binaries, `${name}@${line}`], folder).status !== 0) return failed();
  const bin = join(place, 'node', 'node_modules', name, 'bin');
  const path = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const environment = { ...env, [path]: `${bin}${delimiter}${env[path] ?? ''}` };
  const version = step(['node', '-p', 'process.version'], clone, environment).output.trim();
  if (!version.startsWith(`v${line.split('.')[0]}.`)) return failed(version);
  const passed =
    fetching(['npm', 'ci'], clone, environment).status === 0 &&
    step(['npm', 'test'], clone, environment).status === 0 &&
    step(['npm', 'run', 'test:programs'], clone, environment).status === 0;
  return { passed, version, output };
}

let failures = 0;
try {
  if (run('git', ['status', '--porcelain'], root).output.trim() !== '')
    console.log('note: HEAD is what is tested, without the changes that are not committed');
  for (const line of lines) {
    const start = performance.now();
    const { passed, version, output } = testOn(line);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    if (!passed) {
      failures++;
      console.log(output.split('\n').slice(-200).join('\n'));
    }
    console.log(
      `Node ${line} (${version || 'not started'}): ${passed ? 'passed' : 'FAILED'} in ${seconds} s`,
    );
    rmSync(join(folder, line), { recursive: true, force: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
