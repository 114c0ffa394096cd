/**
 * Tests opening handshakes in the form that IXWebSocket sends. Both 4D plugins use this library. Its keys have stray bits, which RFC 6455
 * §4.2.1 (5) allows. From version 11.4.3 on, its Origin is the URL of the connection.
 */
import { afterEach, expect, test } from 'vitest';
import { WebServer, WebSocketServer } from '../../src/4d.ts';
import { V1Surface } from '../../src/api/plugin/v1.ts';
import { V2Surface } from '../../src/api/plugin/v2.ts';
import { closeServers, type Kind, kinds, startServer } from '../transport/servers.ts';
import { requestHead } from '../transport/wire.ts';
import { expectAllKeysOpen } from './ixwebsocket.ts';

afterEach(closeServers);

test.each<Kind>(['listen', 'attach'])(
  "FAULT-0, S5: a server with %s accepts 2,000 keys of IXWebSocket 11.0.8, and answers with the accept value of the key's text",
  async (kind) => {
    const { port } = await startServer({}, {}, kind);
    await expectAllKeysOpen(port);
  },
);

// The APIs for 4D developers. Their clients use IXWebSocket. The default backlog of the plugins, 5, is too small for 100 simultaneous
// attempts.
const surfaces: readonly [name: string, start: () => Promise<{ port: number; stop(): Promise<unknown> }>][] =
  [
    [
      'rfc6455/plugin',
      async () => {
        const surface = new V2Surface();
        surface.setMethod(() => {});
        const server = { port: 0, maxConnections: 10_000, backlog: 511 };
        surface.server(server);
        const { port } = await surface.serverStart(server);
        return { port: port!, stop: () => surface.clearAll() };
      },
    ],
    [
      'rfc6455/plugin-v1',
      async () => {
        const surface = new V1Surface();
        const server = surface.server({ port: 0, maxConnections: 10_000, backlog: 511 });
        const { port } = await surface.serverStart(server);
        return { port: port!, stop: () => surface.clearAll() };
      },
    ],
    [
      'rfc6455/4d',
      async () => {
        const web = new WebServer({ port: 0 });
        await web.start();
        new WebSocketServer({ onConnection: () => ({ onMessage() {} }) }, { server: web });
        return { port: web.port, stop: () => web.stop(0) };
      },
    ],
  ];

test.each(surfaces)(
  "FAULT-0, S5: a server of %s accepts 2,000 keys of IXWebSocket 11.0.8, and answers with the accept value of the key's text",
  async (_name, start) => {
    const { port, stop } = await start();
    try {
      await expectAllKeysOpen(port);
    } finally {
      await stop();
    }
  },
);

test.each(kinds)(
  'FAULT-0, S21: a server with %s accepts an Origin that is the URL of the connection',
  async (kind) => {
    const { peer, port } = await startServer({}, {}, kind);
    const scheme = kind.includes('TLS') || kind.includes('https') ? 'wss' : 'ws';
    const host = `localhost:${port}`;
    await peer().open({ Host: host, Origin: `${scheme}://${host}` });
    const foreign = requestHead({ Host: host, Origin: `${scheme}://localhost:${port === 1 ? 2 : 1}` });
    expect(await peer().write(foreign).answer()).toMatch(/^HTTP\/1\.1 403 /);
  },
);
