/**
 * `npm run conformance`: the judge (our conformance test program) tests our server and our client. With the argument `others`, it tests ws
 * and undici. For each implementation, a file in conformance/expected/ lists the expected verdicts. The script fails if a verdict is
 * different, even if it is better. With --write, the files are written again. All other arguments are passed to the judge.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'dist', 'cli', 'main.js');
const compressed = ['serve', '--port', '0', '--compression', '--max-message-size', '67108864'];

/**
 * @typedef {{ agent: string, server?: string[] }} Peer server: the arguments of node that start the server. If it is absent, the peer is a
 *   client
 */

/** @type {Record<string, Peer[]>} */
const peers = {
  ours: [{ agent: 'rfc6455', server: [main, ...compressed] }, { agent: 'rfc6455' }],
  others: [
    { agent: 'ws', server: [join(root, 'conformance', 'servers', 'ws.js')] },
    { agent: 'ws' },
    { agent: 'undici' },
  ],
};

/**
 * Starts a server.
 * @param {string[]} args
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>} the URL of the server, and a function that stops the server. The Promise
 *   resolves when the server listens
 */
async function startServer(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), exit.then(() => [''])]);
  const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
  if (url === undefined) {
    child.kill();
    throw new Error(`${args.join(' ')} did not start`);
  }
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await exit;
    },
  };
}

/** @param {string[]} args @returns {Promise<boolean>} whether the exit code of the judge is 0 */
async function judge(args) {
  const child = spawn(process.execPath, [main, 'conform', ...args], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return code === 0;
}

/**
 * @param {Peer} peer
 * @param {{ write: boolean, more: string[] }} options
 */
async function check({ agent, server }, { write, more }) {
  const role = server === undefined ? 'client' : 'server';
  console.log(`\n== ${agent} as a ${role}`);
  const file = join('conformance', 'expected', `${agent}-${role}.json`);
  const args = [
    '--agent',
    agent,
    '--time-factor',
    '2',
    write ? '--write-baseline' : '--baseline',
    file,
    ...more,
  ];
  if (server === undefined) {
    return judge(['client', '--run', `node conformance/clients/${agent}.js {url} {agent}`, ...args]);
  }
  const { url, stop } = await startServer(server);
  try {
    return await judge(['server', url, ...args]);
  } finally {
    await stop();
  }
}

const [first = 'ours', ...rest] = process.argv.slice(2);
const named = first in peers;
const more = named ? rest : process.argv.slice(2);
const options = { write: more.includes('--write'), more: more.filter((one) => one !== '--write') };
let content = true;
for (const peer of peers[named ? first : 'ours'] ?? []) content = (await check(peer, options)) && content;
// With --write, the exit code is 0 even after failures: a person must read the new files before they are committed.
process.exitCode = content || options.write ? 0 : 1;
