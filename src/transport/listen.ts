/**
 * A listener of our own on net or TLS: connections in, opening handshakes out. RFC 6455 §4.2, §10.6 (TLS).
 * The head is parsed by handshake/http-head.ts, the rest is upgrade.ts. No HTTP server is involved.
 */

import { lookup } from 'node:dns/promises';
import {
  type AddressInfo,
  createServer,
  type ListenOptions as NetListenOptions,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { type HttpHead, HttpHeadParser } from '../handshake/http-head.ts';
import { answerUnavailable } from './lingering.ts';
import { ServerHandshake, type UpgradeHost } from './upgrade.ts';

/** Where to listen. */
export interface ListenOptions extends Pick<NetListenOptions, 'backlog' | 'signal'> {
  /** @default 0, any free port */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** Which of a name's addresses. @default the first one */
  readonly family?: 4 | 6;
  /** True: the process may end while the listener is open; its connections keep it alive. @default false */
  readonly unref?: boolean;
  /** A Unix domain socket or Windows pipe in place of host and port. */
  readonly path?: string;
  /** Certificate and key (see `tls.createServer`): the listener then speaks wss. */
  readonly tls?: TlsOptions;
}

/** A listener that is ready. */
export interface Listener {
  /** The bound address, or the path of the Unix socket. */
  readonly address: AddressInfo | string;
  /** Whether it speaks TLS. */
  readonly secure: boolean;
  /** Accepts no more; resolves when handshakes and connections are gone as well. */
  close(): Promise<void>;
  /** Drops what still keeps `close` waiting: peers that read the answer to a refused handshake, mostly. */
  terminate(): void;
}

// TLS handshakes that are carried on over the connection limit, only to answer 503; further ones are dropped.
const MAX_UNAVAILABLE_ANSWERS = 64;

/**
 * Listens.
 * @returns when ready; rejects with the system's error, such as EADDRINUSE.
 */
export async function listen<Context>(options: ListenOptions, host: UpgradeHost<Context>): Promise<Listener> {
  const address = await resolveHost(options);
  const server = options.tls === undefined ? listenPlain(host) : listenSecurely(options.tls, host);
  const sockets = new Set<Socket>();
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', forget);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const where: NetListenOptions =
      options.path === undefined ? { port: options.port ?? 0, host: address } : { path: options.path };
    if (options.backlog !== undefined) where.backlog = options.backlog;
    if (options.signal !== undefined) where.signal = options.signal;
    server.listen(where, () => {
      server.off('error', reject);
      if (options.unref === true) server.unref();
      // Accepting can fail for a while (no file descriptors left): the listener stays.
      server.on('error', () => {});
      resolve({
        address: server.address()!,
        secure: options.tls !== undefined,
        close: () => new Promise((done) => server.close(() => done())),
        terminate: () => {
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

/** @throws the system's error, such as ENOTFOUND, where the name has no address of that family; EAFNOSUPPORT for another's address */
async function resolveHost({ host = '127.0.0.1', family }: ListenOptions): Promise<string> {
  if (family === undefined) return host;
  const found = await lookup(host, { family });
  // An address, not a name: it is what it is.
  if (found.family !== family) {
    throw Object.assign(new Error(`${host} is no IPv${family} address`), { code: 'EAFNOSUPPORT' });
  }
  return found.address;
}

function listenPlain<Context>(host: UpgradeHost<Context>): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (!host.admit()) {
      answerUnavailable(socket);
      return;
    }
    readRequest(socket, new ServerHandshake(socket, host), false);
  });
}

function listenSecurely<Context>(tls: TlsOptions, host: UpgradeHost<Context>): Server {
  // A handshake begins with the TCP connection; TLS hands it on under another socket with the same remote end.
  const pending = new Map<string, ServerHandshake<Context>>();
  let unavailable = 0;
  const server = createTlsServer({
    // No other protocol may be negotiated on this port (RFC 7301): attacks that cross protocols end here.
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: Math.min(host.handshakeTimeout, 2_147_483_647),
    ...tls,
    // Half-open from secureConnection on: before it, nobody would be told of a peer that leaves.
    allowHalfOpen: false,
  });
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    const key = connectionKey(socket);
    if (key === null) return;
    if (!host.admit()) {
      if (++unavailable > MAX_UNAVAILABLE_ANSWERS) socket.destroy();
      socket.once('close', () => unavailable--);
      return;
    }
    const handshake = new ServerHandshake(socket, host, false);
    pending.set(key, handshake);
    socket.once('close', () => {
      if (pending.get(key) === handshake) pending.delete(key);
    });
  });
  // §4.2.2 (1): a failed TLS handshake closes the connection; nothing can be answered.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
    const key = connectionKey(socket);
    if (key === null) {
      // A Unix domain socket: TLS had its own deadline, the same as ours.
      if (host.admit()) readRequest(socket, new ServerHandshake(socket, host), true);
      else answerUnavailable(socket);
      return;
    }
    const handshake = pending.get(key);
    pending.delete(key);
    if (handshake === undefined || handshake.isSettled) {
      answerUnavailable(socket);
      return;
    }
    // §7.1.1: a half-closed connection has still a Close frame to carry. Not so during the TLS handshake: there, a client
    // that gives up would hold its socket until the deadline.
    socket.allowHalfOpen = true;
    handshake.moveTo(socket);
    readRequest(socket, handshake, true);
  });
  return server;
}

/** Two ends have one connection between them. Null where ends have no address: those of Unix domain sockets. */
function connectionKey(socket: Socket): string | null {
  if (socket.remoteAddress === undefined) return null;
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}

/** Reads the request's head; what follows it goes along. */
function readRequest<Context>(socket: Socket, handshake: ServerHandshake<Context>, secure: boolean): void {
  const parser = new HttpHeadParser('request');
  const remote = { address: socket.remoteAddress, port: socket.remotePort, secure };
  function onData(chunk: Buffer): void {
    let head: (HttpHead & { kind: 'request' }) | null;
    try {
      head = parser.push(chunk);
    } catch (error) {
      handshake.refuse(error);
      return;
    }
    if (head === null) return;
    socket.off('data', onData);
    socket.pause();
    const { method, target, httpVersion, headers } = head;
    handshake.receive({ method, target, httpVersion, headers, remote }, parser.rest());
  }
  socket.on('data', onData);
}
