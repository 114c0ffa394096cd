/** What every server under measurement tells the bench: its ports, and its CPU time or memory whenever it is asked. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Certificate and key for the rows over TLS. */
export function certificate() {
  const read = (/** @type {string} */ name) =>
    readFileSync(new URL(`../../test/fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
  return { cert: read('localhost-cert'), key: read('localhost-key') };
}

/** Messages that came to `/sink`. */
let received = 0;

/** A message came to `/sink`. */
export function countReceived() {
  received++;
}

/** @param {number} port @param {number} [securePort] */
export function serve(port, securePort) {
  process.on('message', (question) => {
    if (question === 'memory') {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc');
      // Twice: what the first one finds dead may have kept other memory alive until then.
      collect();
      collect();
      // V8 gives memory back to the system in a thread of its own, and takes its time.
      setTimeout(() => {
        const { rss, heapUsed: heap } = process.memoryUsage();
        process.send?.({ rss, heap });
      }, 500);
      return;
    }
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system, received });
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port, securePort });
}
