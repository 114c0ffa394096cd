/** What every measured client does: it keeps a number of messages in flight to an echo server, and reports its CPU time to the bench. */

// Milliseconds of load before the measurement, in which the compilers warm up: each client is a new process.
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
