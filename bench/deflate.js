/**
 * `npm run bench:deflate`: compares our server and `ws` (level 6, threshold 0). The servers echo compressed JSON messages on 64
 * connections, and take turns in each round. Prints two ratios: the server's CPU time per message, including zlib's threads, and the number
 * of sent bytes.
 *
 * The options --rounds, --seconds, --quick, --workloads and --gate are the same as in bench/echo.js.
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
 * `gate`: the minimum of the CPU time of `ws` divided by our CPU time. `bytes`: the maximum of our sent bytes divided by the sent bytes of
 * `ws`. `corpus`: the kind of messages. 'trades' are mostly digits; the default is records of users.
 * @typedef {{ size: number, context: boolean, gate: number | null, bytes: number | null, corpus?: 'trades' }} Workload
 * @type {Record<string, Workload>}
 */
const workloads = {
  'takeover 256': { size: 256, context: true, gate: 3.1, bytes: 1.1 },
  'takeover 1K': { size: 1024, context: true, gate: null, bytes: 1.1 },
  'takeover 4K': { size: 4096, context: true, gate: 1.25, bytes: 1.16 },
  'takeover 64K': { size: 65_536, context: true, gate: 1.2, bytes: 1.03 },
  'alone 256': { size: 256, context: false, gate: 1.5, bytes: null },
  'alone 1K': { size: 1024, context: false, gate: null, bytes: null },
  'alone 4K': { size: 4096, context: false, gate: 0.95, bytes: null },
  'alone 64K': { size: 65_536, context: false, gate: 1.05, bytes: null },
  'trades takeover 256': { size: 256, context: true, gate: null, bytes: 1.1, corpus: 'trades' },
  'trades takeover 4K': { size: 4096, context: true, gate: null, bytes: 1.16, corpus: 'trades' },
  'trades takeover 64K': { size: 65_536, context: true, gate: null, bytes: 1.1, corpus: 'trades' },
  'trades alone 256': { size: 256, context: false, gate: null, bytes: null, corpus: 'trades' },
  'trades alone 4K': { size: 4096, context: false, gate: null, bytes: null, corpus: 'trades' },
  'trades alone 64K': { size: 65_536, context: false, gate: null, bytes: null, corpus: 'trades' },
};

const { chosen, rounds, milliseconds, gated } = readCommandLine(workloads, ['gate']);
let missed = 0;
for (const context of [true, false]) {
  const args = context ? [] : ['no-context'];
  const servers = await Promise.all(
    ['rfc6455', 'ws'].map((name) => startServer(name, `servers/${name}-deflate.js`, args)),
  );
  for (const [name, { size, corpus = 'users', gate, bytes: most }] of chosen.filter(
    ([, one]) => one.context === context,
  )) {
    const order = { connections: 64, size, corpus, context, milliseconds };
    const results = await interleave(name, rounds, servers, (server) =>
      measure(server, 'load-deflate.js', order),
    );
    const ratios = ratiosOf(results.ws, results.rfc6455);
    const [ours = Number.NaN, theirs = Number.NaN] = [results.rfc6455, results.ws].map((list = []) =>
      median(list.map((one) => one.bytes)),
    );
    const isFast = gate === null || median(ratios) >= gate;
    const isSmall = most === null || ours / theirs <= most;
    if (!isFast || !isSmall) missed++;
    const figures = [
      `ws/ours ${spread(ratios)}${gateText(gate, isFast)}`,
      `bytes ours/ws ${(ours / theirs).toFixed(3)}${gateText(most, isSmall)}`,
    ];
    console.log(`${name}: ${figures.join(', ')}`);
    for (const [server, list] of Object.entries(results)) {
      console.log(`    ${server} ${costText(list)} ${median(list.map((one) => one.bytes)).toFixed(1)} bytes`);
    }
  }
  for (const { child } of servers) child.disconnect();
}
if (gated && missed > 0) process.exitCode = 1;
