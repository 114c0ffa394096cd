/**
 * Tests the blocks of docs/scaling.md for nginx and HAProxy with two servers. One server is drained and comes back, or shuts down without
 * being drained. No client is refused. The proxies are packages of Debian.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { Reconnection } from '../../src/api/reconnect.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { until } from '../api/pair.ts';
import { blockOf, haproxy, nginx, nginxConfig, type ProxyKind, RunningProxy } from './proxy.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Case extends ProxyKind {
  /** @param block the block of the page, with the ports of the tested servers */
  config(block: string, port: number, folder: string): string;
  /** Performs the steps on the page. After `drain`, the proxy passes no new connection to the first server until `readmit`. */
  drain(proxy: RunningProxy, target: number): Promise<void>;
  readmit(proxy: RunningProxy): Promise<void>;
  /** True if `readmit` makes the proxy count the connections of each server from 0 again. */
  readonly countsAnew: boolean;
}

/** Sends a command to the runtime API of HAProxy. */
async function command(proxy: RunningProxy, text: string): Promise<void> {
  const socket = connectTcp(join(proxy.folder, 'socket'));
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.end(`${text}\n`);
  await once(socket, 'close');
  expect(answer.trim()).toBe('');
}

const cases: Readonly<Record<string, Case>> = {
  nginx: {
    ...nginx,
    countsAnew: true,
    config: (block, port, folder) =>
      nginxConfig(folder, block.replace('listen 80;', `listen 127.0.0.1:${port};`)),
    async drain(proxy, target) {
      proxy.write((config) =>
        config.replace(`server 127.0.0.1:${target};`, `server 127.0.0.1:${target} down;`),
      );
      proxy.reload();
    },
    async readmit(proxy) {
      proxy.write((config) => config);
      proxy.reload();
    },
  },
  haproxy: {
    ...haproxy,
    countsAnew: false,
    config: (block, port, folder) =>
      block
        .replace('bind :80', `bind 127.0.0.1:${port}`)
        .replace('/run/haproxy.sock', join(folder, 'socket')),
    drain: (proxy) => command(proxy, 'set server chat/one state drain'),
    readmit: (proxy) => command(proxy, 'set server chat/one state ready'),
  },
};

async function startServer(refusals: Error[], port = 0): Promise<WebSocketServer> {
  const server = new WebSocketServer({ message() {}, refused: (error) => void refusals.push(error) });
  await server.listen({ host: '127.0.0.1', port });
  ends.push(() => server.shutdown({ grace: 100 }));
  return server;
}

const portOf = (server: WebSocketServer): number => (server.addresses[0] as AddressInfo).port;

async function startProxy(name: string, ports: readonly number[]): Promise<RunningProxy> {
  const kind = cases[name]!;
  const block = ports.reduce(
    (text, port, at) => text.replace(`10.0.0.${at + 1}:8080`, `127.0.0.1:${port}`),
    blockOf('scaling.md', name),
  );
  const proxy = await RunningProxy.start(kind, (port, folder) => kind.config(block, port, folder));
  ends.push(() => proxy.end());
  return proxy;
}

/** Clients that reconnect, and the errors of their failed attempts. */
class Clients {
  readonly failures: Error[] = [];
  readonly #url: string;
  readonly #all: Reconnection[] = [];

  constructor(proxy: RunningProxy) {
    this.#url = `ws://127.0.0.1:${proxy.port}/chat`;
    ends.push(() => Promise.all(this.#all.map((client) => client.stop())));
  }

  get size(): number {
    return this.#all.length;
  }

  async add(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const client = new Reconnection(this.#url, {
        backoff: { first: 100, base: 50 },
        handlers: { message() {}, failed: (error) => void this.failures.push(error) },
      });
      await client.start();
      this.#all.push(client);
    }
  }

  /** Adds clients until the condition is true, because a proxy needs a moment to notice a change. */
  async addUntil(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await this.add(1);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  get areOpen(): boolean {
    return this.#all.every(({ state }) => state === 'open');
  }
}

describe.each(Object.keys(cases))('two servers behind %s', (name) => {
  const { drain, readmit, countsAnew } = cases[name]!;

  test('the proxy uses both servers, and after one server has shut down, its clients reach the other server without a refusal', async () => {
    const refusals: Error[] = [];
    const one = await startServer(refusals);
    const two = await startServer(refusals);
    const port = portOf(one);
    const proxy = await startProxy(name, [port, portOf(two)]);
    const clients = new Clients(proxy);
    await clients.add(20);
    expect([one.connections.size, two.connections.size]).toEqual([10, 10]);

    // The proxy prefers the server with fewer connections, so these clients come back to the same server.
    for (const connection of one.connections) connection.close(1001);
    await until(() => one.connections.size === 0);
    await until(() => one.connections.size + two.connections.size === 20);
    expect(one.connections.size).toBeGreaterThanOrEqual(8);

    await drain(proxy, port);
    // When the proxy has read its new configuration, the other server gets all new connections, although it already has more.
    await clients.addUntil(() => two.connections.size >= one.connections.size + 5);
    await one.shutdown({ grace: 10_000 });
    await until(() => clients.areOpen && two.connections.size === clients.size);
    expect(clients.failures).toEqual([]);

    const back = await startServer(refusals, port);
    await readmit(proxy);
    await clients.addUntil(() => back.connections.size > 0);
    const before = two.connections.size;
    await clients.add(6);
    if (countsAnew) expect(two.connections.size).toBeGreaterThan(before);
    else expect(two.connections.size).toBe(before);
    expect(clients.failures).toEqual([]);
    expect(refusals).toEqual([]);
  });

  test('if a server shuts down without being drained, its clients reach the other server without a refusal', async () => {
    const one = await startServer([]);
    const two = await startServer([]);
    const proxy = await startProxy(name, [portOf(one), portOf(two)]);
    const clients = new Clients(proxy);
    await clients.add(20);
    await one.shutdown({ grace: 10_000 });
    await until(() => clients.areOpen && two.connections.size === clients.size);
    expect(clients.failures).toEqual([]);
  });

  test('if an attached server answers 503 while it shuts down, the proxy forwards the request to the other server', async () => {
    const refusals: Error[] = [];
    const one = new WebSocketServer({ message() {}, refused: (error) => void refusals.push(error) });
    const http = createServer();
    one.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    ends.push(async () => {
      http.close();
      http.closeAllConnections();
    });
    const { port } = http.address() as AddressInfo;
    const two = await startServer([]);
    const proxy = await startProxy(name, [port, portOf(two)]);
    const clients = new Clients(proxy);
    await clients.add(20);
    // This client does not answer the Close frame, so the shutdown waits for it.
    const silent = await connect(`ws://127.0.0.1:${port}/chat`);
    silent.pause();
    const ended = one.shutdown({ grace: 30_000 });
    await until(() => clients.areOpen && two.connections.size === clients.size);
    expect(clients.failures).toEqual([]);
    expect(refusals.map((error) => 'status' in error && error.status)).toContain(503);
    silent.terminate();
    await ended;
  });
});
