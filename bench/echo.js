/**
 * `npm run bench`: echo servers side by side, ours, `ws` and raw node:net, all alive at once, rounds interleaved. What
 * counts is the server's CPU time per message, and its ratio within a round: the machine's speed cancels out.
 *
 *   --rounds N      rounds (5)           --seconds S   per server and round (1)
 *   --workloads a,b a selection          --gate        exit 1 where a ratio to `ws` is below its gate
 */
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

const { chosen, rounds, milliseconds, gated } = readCommandLine(workloads);
const servers = await Promise.all(
  ['rfc6455', 'ws', 'raw'].map((name) => startServer(name, `servers/${name}.js`)),
);
let missed = 0;
for (const [name, workload] of chosen) {
  const results = await interleave(name, rounds, servers, (server) =>
    measure(server, 'load.js', {
      ...workload,
      milliseconds,
      replySize: replySize(workload) + (server.name === 'raw' ? 4 : 0),
    }),
  );
  const toWs = ratiosOf(results.ws, results.rfc6455);
  const toRaw = ratiosOf(results.raw, results.rfc6455);
  const passed = workload.gate === null || median(toWs) >= workload.gate;
  if (!passed) missed++;
  const cost = Object.entries(results).map(([server, list]) => `${server} ${costText(list)}`);
  console.log(
    `${name}: ws/ours ${spread(toWs)}${gateText(workload.gate, passed)}, raw/ours ${spread(toRaw)}`,
  );
  console.log(`    ${cost.join(' · ')}`);
}
for (const { child } of servers) child.disconnect();
if (gated && missed > 0) process.exitCode = 1;
