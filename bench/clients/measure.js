/**
 * The code of every measured client. It keeps a number of messages in flight to an echo server, and reports the client's CPU time to the
 * bench.
 */

// The load runs for this number of milliseconds before the measurement. Each client is a new process, so V8 must first compile its code.
const WARM_UP = 1000;

/** @typedef {{ port: number, connections: number, inFlight: number, size: number, binary: boolean, milliseconds: number }} Order */
/** @typedef {{ send(message: string | Buffer): void, close(): void }} Client */

/** @param {(url: string, onMessage: (client: Client) => void) => Promise<Client>} open */
export function measureClient(open) {
  /** @param {Order} order */
  async function run({ port, connections, inFlight, size, binary, milliseconds }) {
    const message = binary ? Buffer.alloc(size, 'x') : 'x'.repeat(size);
    let replies = 0;
    let isMeasuring = true;
    /** @param {Client} client */
    const onMessage = (client) => {
      replies++;
      if (isMeasuring) client.send(message);
    };
    const url = `ws://127.0.0.1:${port}/`;
    const clients = await Promise.all(Array.from({ length: connections }, () => open(url, onMessage)));
    for (const client of clients) for (let index = 0; index < inFlight; index++) client.send(message);
    await new Promise((resolve) => setTimeout(resolve, WARM_UP));
    replies = 0;
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    const { user, system } = process.cpuUsage(before);
    isMeasuring = false;
    process.send?.({ cpu: (user + system) / replies, rate: (replies / milliseconds) * 1000 });
    for (const client of clients) client.close();
  }

  process.on('message', (order) => void run(/** @type {Order} */ (order)));
  process.on('disconnect', () => process.exit());
  process.send?.({ ready: true });
}
