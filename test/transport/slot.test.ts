/**
 * Tests the slots (places) that maxConnections counts. Each socket has one slot, from the moment when the server accepts the socket until
 * its 'close' event.
 */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { Slots } from '../../src/transport/slot.ts';
import { closeServers, kinds, listenHttp, plainPeer, startServer, tlsPeer } from './servers.ts';
import { type RawPeer, requestHead } from './wire.ts';

afterEach(closeServers);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the slots of a server (maxConnections)', () => {
  test('FAULT-4: a socket takes only one slot, and gives it back when the socket has closed', async () => {
    const slots = new Slots(2);
    const [one, two, three] = [new PassThrough(), new PassThrough(), new PassThrough()];
    expect([slots.take(one), slots.take(one), slots.take(two), slots.take(three)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    one.end();
    one.resume();
    two.destroy();
    expect(slots.size).toBe(2);
    await until(() => slots.size === 0);
    expect(slots.take(three)).toBe(true);
  });

  test('FAULT-4: a socket that is already closed takes no slot, because it would never give the slot back', async () => {
    const slots = new Slots(1);
    const socket = new PassThrough().destroy();
    await until(() => socket.closed);
    expect([slots.take(socket), slots.size]).toEqual([true, 0]);
  });

  test('FAULT-4: if another listener takes over the socket, the server can free the slot before the socket closes', () => {
    const slots = new Slots(1);
    const socket = new PassThrough();
    slots.take(socket);
    slots.give(socket);
    slots.give(socket);
    expect([slots.size, socket.listenerCount('close')]).toEqual([0, 0]);
  });
});

/**
 * Starts a relay between a client and the server at `port`. `half` sends FIN to the server, and then reads nothing more from the server.
 * This works with and without TLS.
 */
async function halfClosing(port: number): Promise<{ port: number; half(): void; close(): Promise<void> }> {
  const sockets: Socket[] = [];
  let upstream: Socket | null = null;
  const server = createServer({ allowHalfOpen: true }, (downstream) => {
    const ours = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
    upstream = ours;
    for (const socket of [downstream, ours]) sockets.push(socket.on('error', () => {}));
    downstream.pipe(ours).pipe(downstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    half() {
      upstream?.unpipe();
      upstream?.pause();
      upstream?.end();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

test.each(kinds)(
  'FAULT-4: %s: the server never has more sockets than maxConnections, even if its peers read nothing and send FIN',
  async (kind) => {
    const message = Buffer.alloc(16_777_216);
    const { port } = await startServer(
      { open: (connection) => void connection.send(message), refused: () => {} },
      { maxConnections: 5 },
      kind,
    );
    const relay = await halfClosing(port);
    const isSecure = kind === 'listen over TLS' || kind === 'attach to https';
    const statuses: number[] = [];
    for (let count = 0; count < 15; count++) {
      const raw = (isSecure ? tlsPeer : plainPeer)(relay.port).write(requestHead());
      await raw.until(() => raw.head !== '');
      statuses.push(raw.status);
      relay.half();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(statuses).toEqual([101, 101, 101, 101, 101, ...new Array(10).fill(503)]);
    await relay.close();
  },
);

describe.each(['a peer that never begins TLS', 'a peer that never sends a request'] as const)(
  'the slot (place in maxConnections) of a silent socket: %s',
  (silent) => {
    test.each(['listen', 'listen over TLS'] as const)(
      'FAULT-4: %s: a socket has its slot from the moment when the server accepts the socket until the socket has closed',
      async (kind) => {
        const { peer, port } = await startServer(
          { refused: () => {} },
          { maxConnections: 2, handshakeTimeout: 60_000 },
          kind,
        );
        const holders = [1, 2].map(() =>
          silent === 'a peer that never begins TLS' ? plainPeer(port) : peer(),
        );
        const connected =
          kind === 'listen' || silent === 'a peer that never begins TLS' ? 'connect' : 'secureConnect';
        await Promise.all(holders.map(({ socket }) => once(socket, connected)));
        const beyond = peer().write(requestHead());
        expect(await beyond.answer()).toMatch(/^HTTP\/1\.1 503 /);
        // A FIN is sufficient to free the slot. The peer has sent no request, so the server has nothing to answer.
        holders[0]!.socket.end();
        const next = async (): Promise<number> => {
          const raw = peer().write(requestHead());
          await raw.until(() => raw.head !== '');
          return raw.status;
        };
        while ((await next()) !== 101) await new Promise((resolve) => setTimeout(resolve, 5));
        // This connection takes the last place that maxConnections allows.
        expect(await next()).toBe(503);
      },
    );
  },
);

test('FAULT-4: a refused peer keeps its slot in maxConnections until its socket is closed', async () => {
  const { peer } = await startServer({ refused: () => {} }, { maxConnections: 2, path: '/chat' });
  const refused = [peer(), peer()].map((raw) => raw.write(requestHead({}, 'GET /else HTTP/1.1')));
  for (const raw of refused) expect(await raw.answer()).toMatch(/^HTTP\/1\.1 404 /);
  const third = peer().write(requestHead({}, 'GET /chat HTTP/1.1'));
  expect(await third.answer()).toMatch(/^HTTP\/1\.1 503 /);
  for (const raw of refused) raw.destroy();
  for (;;) {
    const next = peer().write(requestHead({}, 'GET /chat HTTP/1.1'));
    await next.until(() => next.head !== '');
    if (next.status === 101) break;
  }
});

test('FAULT-4: an upgrade that is left to other listeners counts for maxConnections until it is taken or answered with 404', async () => {
  const http = createHttpServer();
  const { server } = await startServer({ refused: () => {} }, { maxConnections: 2, handshakeTimeout: 200 });
  server.attach(http, { path: '/chat' });
  const taken: Duplex[] = [];
  http.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    if (request.url !== '/theirs') return;
    socket.write('HTTP/1.1 101 theirs\r\n\r\n');
    taken.push(socket);
  });
  const port = await listenHttp(http);
  const ask = (path: string): RawPeer => plainPeer(port).write(requestHead({}, `GET ${path} HTTP/1.1`));
  const theirs = [ask('/theirs'), ask('/theirs'), ask('/theirs')];
  for (const raw of theirs) await raw.until(() => raw.status === 101);
  // A listener answered these upgrades during the 'upgrade' event. Therefore our server does not count them.
  const left = [ask('/left'), ask('/left')];
  const beyond = ask('/left');
  const answers = await Promise.all([...left, beyond].map((raw) => raw.answer()));
  expect(answers.map((answer) => answer.slice(9, 12)).sort()).toEqual(['404', '404', '503']);
  for (const socket of taken) socket.destroy();
});
