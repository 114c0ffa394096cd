/** Helpers for the tests of both plugins: objects that record events, and a server that sends whatever a test wants. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { V1Surface, type WebsocketContext, type WebsocketEventType } from '../../../src/api/plugin/v1.ts';
import type { SurfaceBase } from '../../../src/api/plugin/v2.ts';
import { V2Surface, type WebsocketEvent } from '../../../src/api/plugin/v2.ts';
import { acceptOf, RawPeer } from '../../transport/wire.ts';

interface Waiter {
  readonly condition: () => boolean;
  resolve(): void;
}

/** Waits until a callback has made a condition true. */
class Arrivals {
  #waiters: Waiter[] = [];

  arrived(): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.condition()) return true;
      waiter.resolve();
      return false;
    });
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ condition, resolve }));
  }
}

const surfaces: { clearAll(): Promise<void> }[] = [];

/** Version 2 of the plugin. It records the arguments of each callback as `[type, id, event]`. */
export class V2 extends V2Surface {
  readonly heard: [type: number, id: number, event: WebsocketEvent & Record<string, unknown>][] = [];
  readonly #arrivals = new Arrivals();
  readonly record = (type: number, id: number, event: WebsocketEvent & Record<string, unknown>): void => {
    this.heard.push([type, id, event]);
    this.#arrivals.arrived();
  };

  /** @param listens if false, no method is set, so events are not recorded */
  constructor(base: SurfaceBase = {}, listens = true) {
    super(base);
    surfaces.push(this);
    if (listens) this.setMethod(this.record);
  }

  until(condition: () => boolean): Promise<void> {
    return this.#arrivals.until(condition);
  }

  /** Returns the events of one type, or of one socket, or both. A type of null means all types. */
  of(type: number | null, id?: number): (WebsocketEvent & Record<string, unknown>)[] {
    return this.heard
      .filter((one) => (type === null || one[0] === type) && (id === undefined || one[1] === id))
      .map(([, , event]) => event);
  }

  /** Waits until there are `count` events of a type. @returns these events */
  async got(type: number, id: number, count = 1): Promise<(WebsocketEvent & Record<string, unknown>)[]> {
    await this.until(() => this.of(type, id).length >= count);
    return this.of(type, id);
  }

  /** Creates a server and starts it on a free port. */
  async startedServer(options: object = {}): Promise<{ id: number; port: number; url: string }> {
    const server: { id?: number } = { port: 0, ...options } as object;
    this.server(server);
    const status = await this.serverStart(server);
    if (!status.success) throw new Error(status.errorStr);
    return { id: server.id!, port: status.port!, url: `ws://127.0.0.1:${status.port}/` };
  }

  /** Creates a client and connects it. */
  async startedClient(URL: string, options: object = {}): Promise<{ id: number }> {
    const client: { id?: number } = { URL, enableAutomaticReconnection: false, ...options } as object;
    this.client(client);
    const status = await this.clientStart(client);
    if (!status.success) throw new Error(status.errorStr);
    return { id: client.id! };
  }
}

export type V1Heard = [
  server: number,
  client: number,
  type: WebsocketEventType,
  context: WebsocketContext & Record<string, unknown>,
  worker: string,
  window: number,
  process: number,
];

/** Version 1 of the plugin. It records the seven arguments of each callback. */
export class V1 extends V1Surface {
  readonly heard: V1Heard[] = [];
  readonly #arrivals = new Arrivals();
  readonly record = (...parameters: V1Heard): void => {
    this.heard.push(parameters);
    this.#arrivals.arrived();
  };

  constructor(base: SurfaceBase = {}) {
    super(base);
    surfaces.push(this);
  }

  until(condition: () => boolean): Promise<void> {
    return this.#arrivals.until(condition);
  }

  of(type: WebsocketEventType, server: number, client?: number): V1Heard[] {
    return this.heard.filter(
      (one) => one[2] === type && one[0] === server && (client === undefined || one[1] === client),
    );
  }

  async got(type: WebsocketEventType, server: number, client?: number, count = 1): Promise<V1Heard[]> {
    await this.until(() => this.of(type, server, client).length >= count);
    return this.of(type, server, client);
  }

  async startedServer(options: object = {}): Promise<{ ref: number; port: number; url: string }> {
    const { ref } = this.server({ port: 0, method: this.record, ...options });
    const status = await this.serverStart({ ref });
    if (!status.success) throw new Error(status.message);
    return { ref, port: status.port!, url: `ws://127.0.0.1:${status.port}/` };
  }

  async startedClient(url: string, options: object = {}): Promise<{ ref: number }> {
    const { ref } = this.client({ url, method: this.record, enableAutomaticReconnection: false, ...options });
    const status = await this.clientStart({ ref });
    if (!status.success) throw new Error(status.errorStr);
    return { ref };
  }
}

/** A TCP server. It answers an opening handshake with the bytes that the test chooses. The test then writes frames itself. */
export class RawServer {
  readonly peers: RawPeer[] = [];
  readonly #server: Server;
  readonly #arrivals = new Arrivals();
  url = '';
  port = 0;

  /** @param respond returns the whole answer to a request; '' sends no answer, and null sends a valid 101 response */
  static async start(
    respond: (request: string, key: string) => string | null = () => null,
    where: { host?: string; port?: number } = {},
  ): Promise<RawServer> {
    const server = new RawServer(respond);
    const { host = '127.0.0.1', port = 0 } = where;
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(port, host, resolve);
    });
    server.port = (server.#server.address() as AddressInfo).port;
    server.url = `ws://127.0.0.1:${server.port}/`;
    rawServers.push(server);
    return server;
  }

  constructor(respond: (request: string, key: string) => string | null) {
    this.#server = createServer((socket) => {
      const peer = new RawPeer(socket);
      peer
        .until(() => peer.head !== '')
        .then(() => {
          const key = /^sec-websocket-key: *(\S+)/im.exec(peer.head)?.[1] ?? '';
          const answer = respond(peer.head, key) ?? switching(key);
          if (answer !== '') peer.write(answer);
          this.peers.push(peer);
          this.#arrivals.arrived();
        })
        .catch(() => {});
    });
  }

  /** Waits until the handshake of the peer with this index is answered. The index begins at 0. */
  async peer(index = 0): Promise<RawPeer> {
    await this.#arrivals.until(() => this.peers.length > index);
    return this.peers[index]!;
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const rawServers: RawServer[] = [];

/** Returns a 101 response for a key, with additional header lines. */
export function switching(key: string, ...lines: string[]): string {
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...lines,
    '',
    '',
  ].join('\r\n');
}

/** Stops all clients and servers that the tests of a file have started. */
export async function clearSurfaces(): Promise<void> {
  const cleared = surfaces.splice(0).map((surface) => surface.clearAll());
  // The raw servers close at once, so that `clearAll` does not wait for peers that never answer a Close frame.
  await Promise.all(rawServers.splice(0).map((server) => server.close()));
  await Promise.all(cleared);
}

/** Waits until the next turn of the event loop is over. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
