/**
 * Opens the connection to the server on which a client performs the opening handshake: RFC 6455 §4.1 (2) to (5). The steps are the name
 * lookup, TCP, a tunnel if there is a proxy, and TLS. proxy.ts chooses the proxy. proxy.ts and socks.ts make the request to the proxy.
 * dial.ts performs the opening handshake.
 */

import { isIP, connect as netConnect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type ConnectionOptions as TlsConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { WebSocketTarget } from '../handshake/client.ts';
import type { HandshakeStage } from '../handshake/error.ts';
import type { Attempt } from './attempt.ts';
import { dialFailure } from './dial-failure.ts';
import { type ConnectProxy, chooseProxy, formatConnect, formatProxy } from './proxy.ts';
import { readResponse } from './response.ts';
import { connectShared } from './shared-reading.ts';
import { openSocksTunnel, type SocksProxy } from './socks.ts';

/** The server to which a connection is needed. The function of the option `socket` receives this object. */
export interface SocketTarget {
  /** A host name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** True if the URL is a wss URL. */
  readonly secure: boolean;
}

/** The options that say how to reach a server. */
export interface TunnelOptions {
  /** Options for `tls.connect`: `ca`, `cert`, `key`, `servername` and others. The certificate and the host name are verified by default. */
  readonly tls?: TlsConnectionOptions | undefined;
  /** Options for `net.connect`: `lookup`, `family`, `localAddress` and others. */
  readonly tcp?: Omit<TcpNetConnectOpts, 'host' | 'port' | 'onread'> | undefined;
  /** The path of a Unix domain socket or Windows pipe. It is used instead of the host and the port of the URL. */
  readonly socketPath?: string | undefined;
  /**
   * A stream to the server, or a function that returns a stream for each hop (one request to one server). The stream may still be
   * connecting. For `wss:`, the client starts TLS on the stream. If the stream is already a TLS socket, the client does not start TLS. The
   * type allows null and undefined, because `createConnection` of an `http.Agent` may return them. In this case, `connect` rejects with a
   * TypeError.
   */
  readonly socket?:
    | Duplex
    | ((target: SocketTarget) => Duplex | null | undefined | PromiseLike<Duplex | null | undefined>)
    | undefined;
  /**
   * The URL of a proxy. Use `http:` or `https:` for a proxy with HTTP CONNECT, and `socks5:` or `socks5h:` for a SOCKS5 proxy. A SOCKS5
   * proxy also resolves the name of the server. With 'env', the proxy comes from the environment variables `http_proxy`, `https_proxy`,
   * `all_proxy` and `no_proxy`. The URL of a proxy cannot be combined with `socket` or `socketPath`.
   * @default none
   */
  readonly proxy?: string | URL | undefined;
}

/**
 * Connects to the target by TCP. Uses a tunnel if there is a proxy, and TLS if the URL is wss.
 * @param tls the TLS options for this target. After a redirect to another origin, they do not include all options of `options.tls`
 * @throws HandshakeError of stage 'dns', 'tcp', 'proxy', 'tls' or 'timeout'
 * @throws the reason of the signal, if the signal aborts the attempt
 */
export async function openTransport(
  attempt: Attempt,
  target: WebSocketTarget,
  options: TunnelOptions,
  tls: TlsConnectionOptions,
): Promise<Duplex> {
  const given = options.socket;
  if (given !== undefined) {
    const { hostname: host, port, secure } = target;
    const socket =
      typeof given === 'function' ? await attempt.make(() => given({ host, port, secure })) : given;
    attempt.use(socket);
    const isReady = !secure || socket instanceof TLSSocket;
    return isReady ? socket : startTls(attempt, socket, host, tls, 'tls');
  }
  const proxy = options.socketPath === undefined ? chooseProxy(options.proxy, target) : null;
  const socket =
    proxy === null
      ? await connectTcp(attempt, target.hostname, target.port, options, 'tcp', !target.secure)
      : await openTunnel(attempt, proxy, target, options, tls);
  // §4.1 (5): the TLS handshake comes first. All later bytes go through TLS.
  return target.secure ? startTls(attempt, socket, target.hostname, tls, 'tls') : socket;
}

function connectTcp(
  attempt: Attempt,
  host: string,
  port: number,
  options: TunnelOptions,
  stage: HandshakeStage,
  isDirect: boolean,
): Promise<Socket> {
  const where = options.socketPath === undefined ? { host, port } : { path: options.socketPath };
  const connect = isDirect ? connectShared : netConnect;
  const socket = connect({ ...options.tcp, ...where, allowHalfOpen: true, noDelay: true });
  return attempt.step(socket, stage, (done) => {
    const onConnect = () => done(socket);
    socket.once('connect', onConnect);
    return () => socket.off('connect', onConnect);
  });
}

async function openTunnel(
  attempt: Attempt,
  proxy: ConnectProxy | SocksProxy,
  target: WebSocketTarget,
  options: TunnelOptions,
  tls: TlsConnectionOptions,
): Promise<Duplex> {
  const { place } = attempt;
  attempt.place = formatProxy(proxy);
  const tcp = await connectTcp(attempt, proxy.hostname, proxy.port, options, 'proxy', false);
  const socket =
    proxy.kind === 'socks5'
      ? await openSocksTunnel(attempt, tcp, proxy, target)
      : await openConnectTunnel(attempt, tcp, proxy, target, tls);
  attempt.place = place;
  return socket;
}

async function openConnectTunnel(
  attempt: Attempt,
  tcp: Socket,
  proxy: ConnectProxy,
  target: WebSocketTarget,
  tls: TlsConnectionOptions,
): Promise<Duplex> {
  // We use only the TLS option `ca` for the proxy. The other TLS options of the application are for the server.
  const { ca } = tls;
  const socket = proxy.secure
    ? await startTls(attempt, tcp, proxy.hostname, ca === undefined ? {} : { ca }, 'proxy')
    : tcp;
  socket.write(formatConnect(proxy, target), 'latin1');
  const { response, rest } = await readResponse(attempt, socket, 'proxy');
  const { status, headers } = response;
  // 9110 §9.3.6: any 2xx opens the tunnel. The client ignores Content-Length and Transfer-Encoding in this response.
  if (status < 200 || status > 299) throw dialFailure('WS_PROXY_STATUS', { status, headers });
  // The bytes after the head of the proxy's response come from the server. We put them back into the socket, so that the next step reads
  // them.
  if (rest.length > 0) socket.unshift(rest);
  return socket;
}

function startTls(
  attempt: Attempt,
  socket: Duplex,
  host: string,
  options: TlsConnectionOptions,
  stage: HandshakeStage,
): Promise<TLSSocket> {
  const secured = tlsConnect({
    // §4.1 (5): SNI contains the host name. RFC 6066 §3 forbids IP addresses in SNI.
    ...(isIP(host) === 0 ? { servername: host } : null),
    ALPNProtocols: ['http/1.1'],
    ...options,
    host,
    socket,
  });
  return attempt.step(secured, stage, (done) => {
    const onSecure = () => done(secured);
    secured.once('secureConnect', onSecure);
    return () => secured.off('secureConnect', onSecure);
  });
}
