/** What every server under measurement tells the bench: its port, and its CPU time or memory whenever it is asked. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @param {number} port */
export function serve(port) {
  process.on('message', (question) => {
    if (question === 'memory') {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc');
      // Twice: what the first one finds dead may have kept other memory alive until then.
      collect();
      collect();
      process.send?.({ rss: process.memoryUsage.rss() });
      return;
    }
    const { user, system } = process.cpuUsage();
    process.send?.({ cpu: user + system });
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port });
}
