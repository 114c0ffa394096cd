/** Finds a free port for a program that needs a port number as an argument, or for a test that needs a port without a server. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Returns a port at which no server listens. Tests that run at the same time do not get this port, because the operating system chooses
 * free ports above 32,767 (Linux) or 49,151.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
