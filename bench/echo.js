/**
 * `npm run bench`: compares our server, `ws` and other servers. The servers take turns in each round. Prints the CPU time of each server
 * per message. Also prints the ratio of the CPU times of two servers in the same round. This ratio depends little on the speed of the
 * machine.
 *
 *   --rounds N           number of rounds (default 5)
 *   --seconds S          seconds per server and round (default 1)
 *   --quick              2 rounds of 0.25 s
 *   --workloads a,b      only workloads with `a` or `b` in their names
 *   --gate               exit 1 if the ratio of `ws` to our server is below the gate of a workload
 *   --peers ws,raw,bun   the other servers (default ws,raw). `raw` only copies bytes. For `bun`, set BUN to the path of Bun
 *   --json FILE          write all results to a file
 *   --svg FILE           write a chart to a file
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { chart } from './chart.js';
import {
  costText,
  gateText,
  interleave,
  measure,
  median,
  ratiosOf,
  readCommandLine,
  spread,
  startServer,
} from './side-by-side.js';
import { replySize, workloads } from './workloads.js';

const { chosen, rounds, milliseconds, gated, peers, json, svg } = readCommandLine(workloads, [
  'gate',
  'peers',
  'json',
  'svg',
]);
const others = await Promise.all(
  peers.map((name) =>
    startServer(name, `servers/${name}.js`, [], name === 'bun' ? (process.env.BUN ?? 'bun') : undefined),
  ),
);
const servers = [await startServer('rfc6455', 'servers/rfc6455.js'), ...others];
let missed = 0;
/** @type {string[]} */
const table = [
  `| row | ${peers.map((peer) => `${peer} ÷ ours`).join(' | ')} | ours, µs |`,
  `|---|${peers.map(() => '---').join('|')}|---|`,
];
/** @type {Record<string, Record<string, { cpu: number }[]>>} */
const figures = {};
for (const [name, workload] of chosen) {
  // The server `raw` only echoes bytes. It does not support TLS or broadcasts.
  const able = servers.filter(
    (server) => server.name !== 'raw' || (workload.kind === 'echo' && !workload.secure),
  );
  const results = await interleave(name, rounds, able, (server) =>
    measure(server, 'load.js', {
      ...workload,
      milliseconds,
      replySize: replySize(workload) + (server.name === 'raw' ? 4 : 0),
    }),
  );
  figures[name] = results;
  const ratios = Object.fromEntries(
    peers.map((peer) => [peer, ratiosOf(results[peer] ?? [], results.rfc6455)]),
  );
  const passed = workload.gate === null || ratios.ws === undefined || median(ratios.ws) >= workload.gate;
  if (!passed) missed++;
  const texts = peers.map((peer) => (ratios[peer]?.length ? spread(ratios[peer]) : '–'));
  console.log(
    `${name}: ${peers.map((peer, at) => `${peer}/ours ${texts[at]}`).join(', ')}${gateText(workload.gate, passed)}`,
  );
  const cost = Object.entries(results).map(([server, list]) => `${server} ${costText(list)}`);
  console.log(`    ${cost.join(' · ')}`);
  const ours = median((results.rfc6455 ?? []).map(({ cpu }) => cpu));
  table.push(`| ${name} | ${texts.join(' | ')} | ${ours.toFixed(ours < 10 ? 3 : 0)} |`);
}
for (const { child } of servers) child.disconnect();
console.log(`\n${table.join('\n')}`);
if (json !== undefined) {
  writeFileSync(
    json,
    `${JSON.stringify({ node: process.version, rounds, milliseconds, figures }, null, 1)}\n`,
  );
}
if (svg !== undefined) {
  const caption = `How many times the CPU time of each server ws takes. Node ${process.version}, ${cpus()[0]?.model ?? 'one core'}, ${rounds} rounds`;
  writeFileSync(svg, chart(figures, caption));
}
if (gated && missed > 0) process.exitCode = 1;
