/**
 * Listens on TCP or TLS without an HTTP server. Accepts sockets, and begins an opening handshake on each socket (RFC 6455 §4.2, §10.6).
 * handshake/http-head.ts parses the head of the request. upgrade.ts performs the handshake.
 */

import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { refuse } from '../handshake/error.ts';
import { HttpHeadParser } from '../handshake/http-head.ts';
import { answerUnavailable } from './lingering.ts';
import { type PlaceOptions, toPlace } from './listen-place.ts';
import type { PathPattern } from './path-pattern.ts';
import { ReceivedRequest } from './received-request.ts';
import type { Slots } from './slot.ts';
import { type HeadReader, ServerHandshake } from './upgrade.ts';
import type { UpgradeHost, UpgradeOrigin } from './upgrade-host.ts';

/** The options of `listen`. */
export interface ListenOptions extends PlaceOptions {
  /** The TCP port. @default 0, any free port */
  readonly port?: number | undefined;
  /** The address to listen on. '0.0.0.0' stands for every IPv4 interface, and '::' for every interface. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** The kind of address (IPv4 or IPv6) to listen on, if `host` is a name with both kinds. @default the first address */
  readonly family?: 4 | 6 | undefined;
  /** If true, the process may end while the listener is open. Open connections still keep the process alive. @default false */
  readonly unref?: boolean | undefined;
  /** A signal that stops the listener, before or after it is ready. Open connections stay open. */
  readonly signal?: AbortSignal | undefined;
  /** The path of a Unix domain socket or Windows pipe. It is used instead of `host` and `port`. */
  readonly path?: string | undefined;
  /** The options for `tls.createServer`, with a certificate and its key. With this option, the listener accepts only `wss:` connections. */
  readonly tls?: TlsOptions | undefined;
}

/** A listener that is ready. */
export interface Listener {
  /** The address of the listener, or the path of its Unix domain socket. */
  readonly address: AddressInfo | string;
  /** True if the listener uses TLS. */
  readonly secure: boolean;
  /** Stops accepting connections. The promise resolves when all handshakes and connections have ended. */
  close(): Promise<void>;
  /** Destroys all open sockets that this listener accepted, so that the promise of `close` can resolve. */
  terminate(): void;
}

// If a TLS server has its maximum number of sockets, it answers 503 to a further client. The answer needs a TLS handshake. At most this
// many such TLS handshakes run at a time. If there are more clients, we destroy their sockets.
const MAX_UNAVAILABLE_ANSWERS = 64;

/**
 * Starts a listener. The listener passes each accepted socket to `host`.
 * @param path the path that is served; requests for other paths get 404
 * @param onStopped called if `signal` stops a listener that is already ready
 * @returns a promise that resolves when the listener is ready. It rejects with an error of the system, such as EADDRINUSE, or with the
 *   reason of `signal`
 */
export async function listen<Context, Result>(
  options: ListenOptions,
  host: UpgradeHost<Context, Result>,
  path: PathPattern,
  onStopped: (listener: Listener) => void,
): Promise<Listener> {
  const { signal } = options;
  signal?.throwIfAborted();
  const address = await resolveHost(options);
  signal?.throwIfAborted();
  const acceptor = new Acceptor(host, path);
  const server = options.tls === undefined ? acceptor.listenPlain() : acceptor.listenSecurely(options.tls);
  await bind(server, options, address);
  if (options.unref === true) server.unref();
  // If no file descriptor is free, for example, Node cannot accept a connection and emits an error. The listener then continues.
  server.on('error', () => {});
  const listener: Listener = {
    address: server.address()!,
    secure: options.tls !== undefined,
    close: () =>
      new Promise((done) => {
        signal?.removeEventListener('abort', stop);
        server.close(() => done());
      }),
    terminate: () => {
      acceptor.terminate();
    },
  };
  function stop(): void {
    server.close();
    onStopped(listener);
  }
  signal?.addEventListener('abort', stop, { once: true });
  return listener;
}

/** Binds a server. The promise rejects with an error of the system, or with the reason of `signal`. */
function bind(server: Server, options: ListenOptions, host: string): Promise<void> {
  const { port = 0, path, signal } = options;
  return new Promise((resolve, reject) => {
    const where = toPlace(path === undefined ? { port, host } : { path }, options);
    function onAbort(): void {
      settle();
      // If Node still looks up the host name, it binds the port later, in spite of this `close`. So we call `close` again at 'listening'.
      server.on('error', () => {});
      server.on('listening', () => server.close());
      server.close();
      reject(signal?.reason);
    }
    function onError(error: Error): void {
      settle();
      reject(error);
    }
    function settle(): void {
      server.off('error', onError);
      server.off('listening', onListening);
      signal?.removeEventListener('abort', onAbort);
    }
    function onListening(): void {
      settle();
      resolve();
    }
    server.on('error', onError);
    server.on('listening', onListening);
    signal?.addEventListener('abort', onAbort);
    try {
      server.listen(where);
    } catch (error) {
      // `listen` throws if the port or the path is invalid.
      settle();
      reject(error);
    }
  });
}

/**
 * Returns the address to bind.
 * @throws an error of the system, such as ENOTFOUND, if the name `host` has no address of `family`
 * @throws an error with the code EAFNOSUPPORT if `host` is an address of another family
 */
async function resolveHost({ host = '127.0.0.1', family }: ListenOptions): Promise<string> {
  if (family === undefined) return host;
  const found = await lookup(host, { family });
  // If `host` is an IP address and not a name, `lookup` ignores `family`.
  if (found.family !== family) {
    throw Object.assign(new Error(`${host} is not an IPv${family} address`), { code: 'EAFNOSUPPORT' });
  }
  return found.address;
}

/**
 * Accepts sockets for a server. For each socket, the acceptor takes a slot (slot.ts limits the number of sockets). Then it establishes TLS
 * if the listener uses TLS, and reads the head of the request.
 */
class Acceptor<Context, Result> {
  readonly #host: UpgradeHost<Context, Result>;
  readonly #origin: UpgradeOrigin<Result>;
  readonly #slots: Slots;
  /** The open sockets that were refused, because the server is closing or has its maximum number of sockets. */
  readonly #refused = new Set<Socket>();

  constructor(host: UpgradeHost<Context, Result>, path: PathPattern) {
    this.#host = host;
    this.#origin = { path };
    this.#slots = host.slots.part();
  }

  listenPlain(): Server {
    // The small `highWaterMark` limits the memory of a connection that is not read (see `HeldBack`).
    return createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 4096 }, (socket) => {
      if (this.#admit(socket)) this.#readRequest(socket, this.#handshake(socket, true), false);
      else this.#answerUnavailable(socket);
    });
  }

  /** Destroys every socket that this listener accepted. */
  terminate(): void {
    for (const socket of this.#slots.sockets) socket.destroy();
    for (const socket of this.#refused) socket.destroy();
  }

  listenSecurely(tls: TlsOptions): Server {
    // Node first reports the TCP socket, and we begin the opening handshake. When TLS is established, Node reports a TLS socket for the
    // same connection. The `connectionKey` is equal for both sockets, so we use it as the key of this map.
    const pending = new Map<string, ServerHandshake<Context, Result>>();
    let unavailable = 0;
    const server = createTlsServer({
      // A TLS client cannot negotiate another protocol on this port (RFC 7301). This prevents cross-protocol attacks.
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: Math.min(this.#host.handshakeTimeout, 2_147_483_647),
      ...tls,
      // We set `allowHalfOpen` to true at 'secureConnection'. If it were true earlier, we would not notice that a peer leaves.
      allowHalfOpen: false,
    });
    server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      const key = connectionKey(socket);
      if (!this.#admit(socket)) {
        this.#watchRefused(socket);
        // Without a key, the 'secureConnection' listener could not know that this socket was refused. So we destroy it here.
        if (key === null || ++unavailable > MAX_UNAVAILABLE_ANSWERS) socket.destroy();
        if (key !== null) socket.once('close', () => unavailable--);
        return;
      }
      if (key === null) return;
      const handshake = this.#handshake(socket, false);
      pending.set(key, handshake);
      socket.once('close', () => {
        if (pending.get(key) === handshake) pending.delete(key);
      });
    });
    // §4.2.2 (1): if the TLS handshake fails, the server closes the connection. No answer can be sent.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('secureConnection', (socket: TLSSocket) => {
      // §7.1.1: we may have to send a Close frame after the peer's FIN has arrived, so we set `allowHalfOpen` now. If it were true during
      // the TLS handshake, a client that leaves would hold its socket until the deadline.
      socket.allowHalfOpen = true;
      const key = connectionKey(socket);
      if (key === null) {
        // This is a Unix domain socket. Its opening handshake was not started at 'connection', so we start it now, with a new deadline.
        this.#readRequest(socket, this.#handshake(socket, true), true);
        return;
      }
      const handshake = pending.get(key);
      pending.delete(key);
      if (handshake === undefined || handshake.isSettled) {
        this.#answerUnavailable(socket);
        return;
      }
      handshake.moveTo(socket);
      this.#readRequest(socket, handshake, true);
    });
    return server;
  }

  /** Takes a slot (slot.ts) for a new socket. @returns false if the server is closing or has its maximum number of sockets */
  #admit(socket: Socket): boolean {
    if (!this.#host.isClosing && this.#slots.take(socket)) return true;
    this.#host.refused(refuse('WS_HANDSHAKE_UNAVAILABLE'), null);
    return false;
  }

  #handshake(socket: Socket, speaksHttp: boolean): ServerHandshake<Context, Result> {
    return new ServerHandshake(socket, this.#host, this.#origin, speaksHttp);
  }

  #answerUnavailable(socket: Socket): void {
    this.#watchRefused(socket);
    answerUnavailable(socket);
  }

  #watchRefused(socket: Socket): void {
    this.#refused.add(socket);
    socket.on('close', () => this.#refused.delete(socket));
  }

  /** Reads the head of the request, and passes the request and the bytes after it to the handshake. */
  #readRequest(socket: Socket, handshake: ServerHandshake<Context, Result>, secure: boolean): void {
    handshake.readHead(new RequestReader(socket, handshake, secure));
  }
}

/** The handshake that the request belongs to. */
type Requested = Pick<ServerHandshake<unknown, unknown>, 'receive' | 'refuse'>;

/** Reads the head of one request. The head may arrive in chunks of any size. */
class RequestReader implements HeadReader {
  readonly #parser = new HttpHeadParser('request');
  readonly #socket: Socket;
  readonly #handshake: Requested;
  readonly #secure: boolean;

  constructor(socket: Socket, handshake: Requested, secure: boolean) {
    this.#socket = socket;
    this.#handshake = handshake;
    this.#secure = secure;
  }

  push(chunk: Buffer): void {
    const parser = this.#parser;
    let request: ReceivedRequest;
    try {
      const head = parser.push(chunk);
      if (head === null) return;
      request = new ReceivedRequest(head, this.#socket, this.#secure);
    } catch (error) {
      this.#handshake.refuse(error);
      return;
    }
    this.#handshake.receive(request, parser.rest());
  }
}

/**
 * Returns a text that identifies a TCP connection. It contains the addresses and ports of both ends. No other open connection has the same
 * addresses and ports. Returns null for a Unix domain socket, because it has no address.
 */
function connectionKey(socket: Socket): string | null {
  if (socket.remoteAddress === undefined) return null;
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}
