/** An echo server in a child process, and peers that flood the server with messages and never read. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { closeServers, plainPeer } from '../transport/servers.ts';
import { frame, Op, type RawPeer } from '../transport/wire.ts';

const MIB = 1_048_576;

interface Report {
  readonly rss: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly external: number;
  readonly connections: number;
  readonly errors: readonly string[];
}

const children: ChildProcess[] = [];

afterEach(async () => {
  await closeServers();
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    await gone;
  }
});

async function start(heartbeat: { interval?: number; timeout?: number } = {}): Promise<{
  port: number;
  report(): Promise<Report>;
  stop(): Promise<number | null>;
}> {
  const child = fork(
    fileURLToPath(new URL('./child/echo-server.mjs', import.meta.url)),
    [JSON.stringify(heartbeat)],
    {
      execArgv: ['--max-old-space-size=64', '--expose-gc'],
    },
  );
  children.push(child);
  let fail: (error: Error) => void = () => {};
  child.once('exit', (code, signal) => fail(new Error(`the server died: ${code} ${signal}`)));
  const answer = (): Promise<never> =>
    new Promise((resolve, reject) => {
      fail = reject;
      child.once('message', (message) => resolve(message as never));
    });
  const { port } = await (answer() as Promise<{ port: number }>);
  return {
    port,
    report: () => {
      child.send('report');
      return answer();
    },
    stop: () => {
      child.send('stop');
      return new Promise((resolve) => child.once('exit', resolve));
    },
  };
}

/**
 * Opens a peer that never reads. The peer writes `bytes` whenever its socket accepts more.
 * @returns the peer, and a function that returns the number of bytes sent
 */
async function flooder(port: number, bytes: Buffer): Promise<{ peer: RawPeer; sent(): number }> {
  const peer = await plainPeer(port).open();
  peer.socket.pause();
  let sent = 0;
  const go = (): void => {
    while (!peer.socket.destroyed && peer.socket.writable) {
      sent += bytes.length;
      if (!peer.socket.write(bytes)) return;
    }
  };
  peer.socket.on('drain', go);
  go();
  return { peer, sent: () => sent - peer.socket.writableLength };
}

/**
 * Returns how much the memory of the server grows during 20 rounds. In each round, the server has to echo a message of another
 * connection.
 */
async function watch(
  server: Awaited<ReturnType<typeof start>>,
  base: Report,
): Promise<{ rss: number; heap: number; buffers: number }> {
  const most = { rss: 0, heap: 0, buffers: 0 };
  const other = await connect(`ws://127.0.0.1:${server.port}/`);
  const messages = other[Symbol.asyncIterator]();
  for (let round = 0; round < 20; round++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    other.send(`served ${round}`);
    expect((await messages.next()).value).toBe(`served ${round}`);
    const now = await server.report();
    most.rss = Math.max(most.rss, now.rss - base.rss);
    most.heap = Math.max(most.heap, now.heapUsed - base.heapUsed);
    most.buffers = Math.max(most.buffers, now.arrayBuffers - base.arrayBuffers);
  }
  await other.close();
  return most;
}

/**
 * Sends messages until V8 has compiled the code and the buffer pools are full. Then returns a first report of the memory. The tests compare
 * later reports with this one.
 */
async function warmUp(server: Awaited<ReturnType<typeof start>>): Promise<Report> {
  const connection = await connect(`ws://127.0.0.1:${server.port}/`);
  const messages = connection[Symbol.asyncIterator]();
  for (let round = 0; round < 200; round++) {
    connection.send(Buffer.alloc(65_536));
    await messages.next();
  }
  await connection.close();
  return server.report();
}

describe('A32: an echo server, and peers that flood it with messages and never read', () => {
  test('if a peer sends messages of 64 KiB and never reads, the memory of the server grows by less than 20 MB', async () => {
    const server = await start();
    const base = await warmUp(server);
    const { peer, sent } = await flooder(server.port, frame(Op.Binary, Buffer.alloc(65_536, 7)));
    const { rss, heap, buffers } = await watch(server, base);
    console.log(
      `64 KiB flood: ${(sent() / MIB).toFixed(1)} MiB left the peer; growth: RSS ${(rss / MIB).toFixed(1)} MiB, heap ${(heap / MIB).toFixed(1)} MiB, buffers ${(buffers / MIB).toFixed(1)} MiB`,
    );
    expect(rss).toBeLessThan(20_000_000);
    expect(heap + buffers).toBeLessThan(4_000_000);
    peer.destroy();
    expect(await server.stop()).toBe(0);
  }, 60_000);

  test('A53: if twenty peers send messages and never read, the memory of the server stays below a limit', async () => {
    const server = await start();
    const base = await warmUp(server);
    const small = Buffer.concat(Array.from({ length: 500 }, () => frame(Op.Text, 'x'.repeat(100))));
    const floods = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        flooder(server.port, index % 2 === 0 ? small : frame(Op.Binary, Buffer.alloc(65_536, index))),
      ),
    );
    const { rss, heap, buffers } = await watch(server, base);
    console.log(
      `20 peers: growth: RSS ${(rss / MIB).toFixed(1)} MiB, heap ${(heap / MIB).toFixed(1)} MiB, buffers ${(buffers / MIB).toFixed(1)} MiB`,
    );
    // For each connection, the limit allows 64 KiB of replies, one more message, the bytes in the socket, and the last chunk that was read.
    expect(heap + buffers).toBeLessThan(20 * 600_000);
    for (const { peer } of floods) peer.destroy();
    expect(await server.stop()).toBe(0);
  }, 60_000);

  test('A14: the heartbeat of the server drops a peer that sends messages and never reads', async () => {
    const server = await start({ interval: 300, timeout: 300 });
    const { peer } = await flooder(server.port, frame(Op.Binary, Buffer.alloc(65_536, 7)));
    let report = await server.report();
    while (report.connections > 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      report = await server.report();
    }
    expect(report.errors).toEqual(['WS_HEARTBEAT_TIMEOUT']);
    peer.socket.resume();
    await peer.gone();
    expect(await server.stop()).toBe(0);
  }, 60_000);
});

test('A26: if a peer sends pings and never reads, the server grows by less than 20 MB, and other peers still get answers', async () => {
  const server = await start();
  const base = await warmUp(server);
  const pings = Buffer.concat(
    Array.from({ length: 500 }, (_, index) => frame(Op.Ping, `ping ${index}`.padEnd(125, '.'))),
  );
  const { peer, sent } = await flooder(server.port, pings);
  const { rss, heap, buffers } = await watch(server, base);
  console.log(
    `ping flood: ${(sent() / MIB).toFixed(1)} MiB left the peer; growth: RSS ${(rss / MIB).toFixed(1)} MiB, heap ${(heap / MIB).toFixed(1)} MiB, buffers ${(buffers / MIB).toFixed(1)} MiB`,
  );
  expect(rss).toBeLessThan(20_000_000);
  expect(heap + buffers).toBeLessThan(4_000_000);
  peer.destroy();
  expect(await server.stop()).toBe(0);
}, 60_000);
