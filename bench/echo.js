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

/**
 * `gate`: how many times the CPU of ours `ws` must need at least; null where nothing is promised.
 * @typedef {{ connections: number, inFlight: number, size: number, binary: boolean, gate: number | null }} Workload
 * @type {Record<string, Workload>}
 */
const workloads = {
  // size x messages in flight x connections
  'ping-pong 64x1x64': { connections: 64, inFlight: 1, size: 64, binary: false, gate: null },
  'text 16x16x32': { connections: 32, inFlight: 16, size: 16, binary: false, gate: null },
  'text 64x64x32': { connections: 32, inFlight: 64, size: 64, binary: false, gate: 8 },
  'text 125x4x64': { connections: 64, inFlight: 4, size: 125, binary: false, gate: null },
  'binary 1Kx4x32': { connections: 32, inFlight: 4, size: 1024, binary: true, gate: null },
  'binary 64Kx2x8': { connections: 8, inFlight: 2, size: 65_536, binary: true, gate: null },
  'binary 1Mx1x4': { connections: 4, inFlight: 1, size: 1_048_576, binary: true, gate: null },
};

const { chosen, rounds, milliseconds, gated } = readCommandLine(workloads);
const servers = await Promise.all(
  ['rfc6455', 'ws', 'raw'].map((name) => startServer(name, `servers/${name}.js`)),
);
let missed = 0;
for (const [name, workload] of chosen) {
  const header = workload.size < 126 ? 2 : workload.size < 65_536 ? 4 : 10;
  const results = await interleave(name, rounds, servers, (server) =>
    measure(server, 'load.js', {
      ...workload,
      milliseconds,
      replySize: header + workload.size + (server.name === 'raw' ? 4 : 0),
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
