/** Starts servers for tests, in every way in which a server can accept handshakes. `closeServers` closes all of them. */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { WebSocketServer } from '../../src/api/server.ts';
import type { ServerHandlers } from '../../src/api/server-handlers.ts';
import type { ServerOptions } from '../../src/api/server-options.ts';
import { RawPeer } from './wire.ts';

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
}

export const ca: string = fixture('ca-cert.pem');

export const tls: { cert: string; key: string } = {
  cert: fixture('localhost-cert.pem'),
  key: fixture('localhost-key.pem'),
};

/** Reads a certificate and its key from test/fixtures/tls. */
export function certificate(name: string): { cert: string; key: string } {
  return { cert: fixture(`${name}-cert.pem`), key: fixture(`${name}-key.pem`) };
}

export type Kind = 'listen' | 'listen over TLS' | 'attach' | 'attach to https';

export const kinds: readonly Kind[] = ['listen', 'listen over TLS', 'attach', 'attach to https'];

export interface TestServer<Data> {
  readonly server: WebSocketServer<Data>;
  readonly port: number;
  readonly url: string;
  /** Connects a raw peer over TCP, or over TLS with trust in the test CA. */
  peer(): RawPeer;
}

interface Open {
  /** Drops the connections and closes the server. */
  close(): Promise<void>;
  readonly http: HttpServer | null;
}

const open: Open[] = [];
const peers: RawPeer[] = [];

/** Connects a raw peer over TLS. */
export function tlsPeer(port: number): RawPeer {
  const options = { port, host: '127.0.0.1', allowHalfOpen: true };
  return track(new RawPeer(tlsConnect({ ...options, ca, servername: 'localhost' })));
}

export function plainPeer(port: number): RawPeer {
  return track(RawPeer.to(port));
}

function track(peer: RawPeer): RawPeer {
  peers.push(peer);
  return peer;
}

/** Starts our server on a free port. */
export async function startServer<Data = undefined>(
  handlers: ServerHandlers<Data> = {} as ServerHandlers<Data>,
  options: ServerOptions & { readonly path?: string } = {},
  kind: Kind = 'listen',
): Promise<TestServer<Data>> {
  const { path, ...rest } = options;
  const server = new WebSocketServer<Data>(handlers, rest);
  const where = path === undefined ? {} : { path };
  const secure = kind === 'listen over TLS' || kind === 'attach to https';
  let http: HttpServer | null = null;
  let port: number;
  if (kind === 'listen' || kind === 'listen over TLS') {
    ({ port } = await server.listen({ ...where, ...(secure ? { tls } : null) }));
  } else {
    http = secure ? (createHttpsServer(tls) as unknown as HttpServer) : createHttpServer();
    server.attach(http, where);
    port = await listenHttp(http);
  }
  const close = (): Promise<void> => {
    for (const connection of server.connections) connection.terminate();
    return server.shutdown({ grace: 1 });
  };
  open.push({ close, http });
  return {
    server,
    port,
    url: `${secure ? 'wss' : 'ws'}://localhost:${port}/`,
    peer: () => (secure ? tlsPeer(port) : plainPeer(port)),
  };
}

/** Makes an HTTP server listen on a free port. `closeServers` closes it. */
export async function listenHttp(http: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => Promise.resolve(), http });
  return (http.address() as AddressInfo).port;
}

export async function closeServers(): Promise<void> {
  for (const peer of peers.splice(0)) peer.destroy();
  for (const { close, http } of open.splice(0)) {
    await close();
    if (http === null || !http.listening) continue;
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  }
}
