/**
 * `npm run bench:cmp -- REV`: compares the working tree with the git revision REV, with echo workloads. The two servers take turns in each
 * round. Each result is the CPU time per message of REV, divided by the CPU time per message of the working tree. A result above 1 means
 * that the working tree is faster.
 *
 *   --rounds N        number of rounds (default 5)
 *   --seconds S       seconds per server and round (default 1)
 *   --workloads a,b   only workloads with `a` or `b` in their names
 *   --gate 0.95       exit 1 if the median of a workload is below 0.95
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readArguments, readNumber, refuseArguments } from '../scripts/command-line.js';
import {
  chooseWorkloads,
  costText,
  interleave,
  measure,
  median,
  ratiosOf,
  spread,
  startServer,
} from './side-by-side.js';
import { replySize, workloads } from './workloads.js';

const { values, positionals } = readArguments({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    workloads: { type: 'string' },
    gate: { type: 'string' },
  },
});
const [revision] = positionals;
if (revision === undefined) refuseArguments('a revision is missing, such as main');
const chosen = chooseWorkloads(workloads, values.workloads);
const rounds = readNumber(values, 'rounds');
const milliseconds = readNumber(values, 'seconds', { min: 0.05, whole: false }) * 1000;
const gate = values.gate === undefined ? null : readNumber(values, 'gate', { min: 0, whole: false });
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
const other = join(folder, 'tree');

/** @param {string} command @param {string[]} args @param {string} cwd */
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });

try {
  console.error(`building ${revision}`);
  run('git', ['worktree', 'add', '--detach', other, revision], root);
  run('npm', ['ci'], other);
  // Both revisions of the library run in the server program of the working tree, because an old server program may not know all workloads.
  rmSync(join(other, 'bench'), { recursive: true });
  cpSync(join(root, 'bench'), join(other, 'bench'), { recursive: true });
  await compare();
} finally {
  run('git', ['worktree', 'remove', '--force', other], root);
  rmSync(folder, { recursive: true, force: true });
}

async function compare() {
  const path = 'bench/servers/rfc6455.js';
  const servers = await Promise.all([
    startServer('here', pathToFileURL(join(root, path)).href),
    startServer('there', pathToFileURL(join(other, path)).href),
  ]);
  console.log(`node ${process.version}, ${rounds} rounds, CPU µs per message: ${revision} ÷ this tree`);
  for (const [name, workload] of chosen) {
    const results = await interleave(name, rounds, servers, (server) =>
      measure(server, 'load.js', { ...workload, milliseconds, replySize: replySize(workload) }),
    );
    const ratios = ratiosOf(results.there, results.here);
    const missed = gate !== null && median(ratios) < gate;
    if (missed) process.exitCode = 1;
    const cost = Object.entries(results).map(([server, list]) => `${server} ${costText(list)}`);
    console.log(`${name}: ${spread(ratios)}${missed ? ' MISSED' : ''}\n    ${cost.join(' · ')}`);
  }
  for (const { child } of servers) child.disconnect();
}
