/**
 * `npm run bench:client`: compares our client with the client of `ws`. Both clients use the same echo server, and take turns in each round.
 * Prints the CPU time of each client per message. Each message is sent and echoed.
 *
 * The options --rounds, --seconds, --quick, --workloads and --json are the same as in bench/echo.js.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import {
  ask,
  costText,
  interleave,
  median,
  pin,
  ratiosOf,
  readCommandLine,
  spread,
  start,
  startServer,
} from './side-by-side.js';
import { clientWorkloads } from './workloads.js';

const { chosen, rounds, milliseconds, json } = readCommandLine(clientWorkloads, ['json']);
const server = await startServer('echo', 'servers/rfc6455.js');
pin(server.child.pid, 1);
/** @type {string[]} */
const table = ['| row | ws ÷ ours | ours, µs |', '|---|---|---|'];
/** @type {Record<string, unknown>} */
const figures = {};
for (const [name, workload] of chosen) {
  const results = await interleave(name, rounds, [{ name: 'rfc6455' }, { name: 'ws' }], async (client) => {
    const child = start(`clients/${client.name}.js`);
    await once(child, 'message');
    pin(child.pid, 0);
    const result = await ask(child, { ...workload, port: server.port, milliseconds });
    child.disconnect();
    await once(child, 'exit');
    return result;
  });
  figures[name] = results;
  const ratios = ratiosOf(results.ws, results.rfc6455);
  console.log(`${name}: ws/ours ${spread(ratios)}`);
  console.log(`    rfc6455 ${costText(results.rfc6455 ?? [])} · ws ${costText(results.ws ?? [])}`);
  table.push(
    `| ${name} | ${spread(ratios)} | ${median((results.rfc6455 ?? []).map(({ cpu }) => cpu)).toFixed(3)} |`,
  );
}
server.child.disconnect();
console.log(`\n${table.join('\n')}`);
if (json !== undefined) {
  writeFileSync(
    json,
    `${JSON.stringify({ node: process.version, rounds, milliseconds, figures }, null, 1)}\n`,
  );
}
