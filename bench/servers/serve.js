/** The code of every measured server: it reports its ports to the bench, and on request its CPU time or its memory. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Returns the certificate and the key for the workloads over TLS. */
export function certificate() {
  const read = (/** @type {string} */ name) =>
    readFileSync(new URL(`../../test/fixtures/tls/${name}.pem`, import.meta.url), 'utf8');
  return { cert: read('localhost-cert'), key: read('localhost-key') };
}

/** The number of messages that arrived on `/sink`. */
let received = 0;

/** Call this for each message on `/sink`. */
export function countReceived() {
  received++;
}

/** @param {number} port @param {number} [securePort] */
export function serve(port, securePort) {
  process.on('message', (question) => {
    if (question === 'memory') {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc');
      // The collection runs twice, because objects that the first run removes may have kept other memory in use.
      collect();
      collect();
      // V8 returns memory to the operating system in a separate thread, so we wait before we measure.
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
