/**
 * The client's way to an open connection: RFC 6455 §4.1. Name, proxy, TCP, TLS, request, response; redirects; one
 * deadline and one AbortSignal over all of it. What goes into the request, and what the response must say, is
 * handshake/client.ts; what comes after is socket.ts.
 */

import { isIP, connect as netConnect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type ConnectionOptions as TlsConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { DeflateCodec } from '../deflate/codec.ts';
import {
  buildRequest,
  parseTarget,
  type RequestOptions,
  verifyResponse,
  type WebSocketTarget,
} from '../handshake/client.ts';
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';
import type { ExtensionOffer } from '../handshake/extension.ts';
import { flattenHeaders, HeaderFields } from '../handshake/header-fields.ts';
import { HttpHeadParser, type HttpResponseHead } from '../handshake/http-head.ts';
import type { Compression, CompressionOffer } from './compression.ts';
import { dialFailure, systemFailure, timeoutFailure } from './dial-failure.ts';
import { basicAuthorization, type ConnectProxy, chooseProxy, formatConnect } from './proxy.ts';
import { followRedirect, isRedirect, isSameOrigin, MAX_REDIRECTS, withoutCredentials } from './redirect.ts';
import { ResponseBody } from './response-body.ts';
import { processTimers, type Timer } from './timers.ts';

/** How to reach a server, and what to ask it for. */
export interface DialOptions extends Omit<RequestOptions, 'offers'> {
  /** Fail where subprotocols were offered and the server chose none. @default false */
  readonly requireSubprotocol?: boolean;
  /** Milliseconds until the connection is open, everything included; `Infinity` waits forever. @default 10000 */
  readonly handshakeTimeout?: number;
  /** Ends the attempt: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** For `tls.connect`: `ca`, `cert`, `servername` … The certificate and the host name are verified unless you say otherwise. */
  readonly tls?: TlsConnectionOptions;
  /** For `net.connect`: `lookup`, `family`, `localAddress` … */
  readonly tcp?: Omit<TcpNetConnectOpts, 'host' | 'port' | 'onread'>;
  /** A Unix domain socket or Windows pipe in place of the URL's host and port. */
  readonly socketPath?: string;
  /** An established connection to use. For a wss URL TLS is started on it, unless it is a TLS socket already. */
  readonly socket?: Duplex;
  /** An HTTP CONNECT proxy, http or https; 'env' reads http_proxy, https_proxy, all_proxy and no_proxy. @default none */
  readonly proxy?: string | URL;
  /** Redirects to follow, at most 5; credentials stay with their origin, wss never becomes ws. @default 0 */
  readonly redirects?: number;
}

/** A connection whose 101 was verified. */
export interface DialedConnection {
  readonly socket: Duplex;
  /** Bytes that came behind the response: frames already. */
  readonly head: Buffer;
  readonly subprotocol: string;
  readonly extensions: readonly ExtensionOffer[];
  /** Of the negotiated compression, or null. */
  readonly codec: DeflateCodec | null;
  /** Header fields of the response, flat. */
  readonly headers: readonly string[];
  /** The URL that was reached, after redirects. */
  readonly url: string;
}

// 9110 §15.2: any number of 1xx may come; nobody needs more than a few.
const MAX_INFORMATIONAL = 8;

/**
 * Connects and performs the opening handshake.
 * @throws HandshakeError naming the stage that failed; the signal's reason when aborted
 * @throws TypeError | RangeError for options that can't be, before any network activity
 */
export async function dial(
  url: string | URL,
  options: DialOptions = {},
  compression: Compression | null = null,
): Promise<DialedConnection> {
  const { redirects = 0 } = options;
  if (!Number.isInteger(redirects) || redirects < 0 || redirects > MAX_REDIRECTS) {
    throw new RangeError(`redirects is ${String(redirects)}, not 0 to ${MAX_REDIRECTS}`);
  }
  checkObjects(options);
  let target = parseTarget(url);
  let hop = requestFor(target, options);
  // §4.1 (1): what is invalid fails before any network activity.
  buildRequest(target, hop.request);
  options.signal?.throwIfAborted();
  const attempt = new Attempt(options.handshakeTimeout ?? 10_000, options.signal);
  try {
    for (let followed = 0; ; followed++) {
      const reached = await dialOnce(attempt, target, hop, compression);
      if ('socket' in reached) return attempt.finish(reached);
      if (followed === redirects) {
        const { status, headers } = reached;
        throw dialFailure('WS_REDIRECT_LIMIT', { status, headers });
      }
      if (options.socket !== undefined || options.socketPath !== undefined) {
        throw dialFailure('WS_REDIRECT_SOCKET', { status: reached.status, headers: reached.headers });
      }
      const next = followRedirect(target, reached);
      if (!isSameOrigin(target, next)) hop = crossOrigin(hop);
      target = next;
    }
  } catch (error) {
    throw attempt.fail(error);
  }
}

/** @throws TypeError for what would fail, or be ignored, somewhere inside */
function checkObjects({ signal, socket, tls, tcp }: DialOptions): void {
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new TypeError('signal is not an AbortSignal');
  }
  if (socket !== undefined && typeof socket?.pipe !== 'function') {
    throw new TypeError('socket is not a Duplex, such as a net.Socket');
  }
  for (const [name, value] of Object.entries({ tls, tcp })) {
    if (value === undefined || (typeof value === 'object' && value !== null)) continue;
    throw new TypeError(`${name} is ${String(value)}, not an object of options`);
  }
}

/** What one hop uses; a redirect to another origin takes some of it away. */
interface Hop {
  readonly options: DialOptions;
  readonly request: RequestOptions & { readonly headers: readonly string[] };
  readonly tls: TlsConnectionOptions;
}

function requestFor(target: WebSocketTarget, options: DialOptions): Hop {
  const headers = flattenHeaders(options.headers ?? []);
  const fields = new HeaderFields(headers);
  if ((target.username !== '' || target.password !== '') && !fields.has('Authorization')) {
    headers.push('Authorization', basicAuthorization(target.username, target.password));
  }
  const { subprotocols, origin } = options;
  return {
    options,
    tls: options.tls ?? {},
    request: {
      headers,
      ...(subprotocols === undefined ? null : { subprotocols }),
      ...(origin === undefined ? null : { origin }),
    },
  };
}

function crossOrigin(hop: Hop): Hop {
  // What identifies us, in whichever form; a context may hold a certificate of ours.
  const { cert, key, pfx, passphrase, servername, secureContext, session, pskCallback, ...tls } = hop.tls;
  return { ...hop, tls, request: { ...hop.request, headers: withoutCredentials(hop.request.headers) } };
}

/** One request and its answer: a connection, or the response that redirects. */
async function dialOnce(
  attempt: Attempt,
  target: WebSocketTarget,
  hop: Hop,
  compression: Compression | null,
): Promise<DialedConnection | HttpResponseHead> {
  const socket = await connect(attempt, target, hop);
  const offer = compression?.offer() ?? null;
  try {
    return await shakeHands(attempt, socket, target, hop, offer);
  } catch (error) {
    offer?.abandon();
    throw error;
  }
}

/** The request, and what its answer means. */
async function shakeHands(
  attempt: Attempt,
  socket: Duplex,
  target: WebSocketTarget,
  hop: Hop,
  offer: CompressionOffer | null,
): Promise<DialedConnection | HttpResponseHead> {
  const offers = offer === null ? [] : offer.offers;
  const { head, key } = buildRequest(target, { ...hop.request, offers });
  socket.write(head, 'latin1');
  const { response, rest } = await readResponse(attempt, socket, 'http');
  if (isRedirect(response.status)) {
    socket.destroy();
    offer?.abandon();
    return response;
  }
  const { subprotocols = [], requireSubprotocol = false } = hop.options;
  try {
    const verified = verifyResponse(response, {
      key,
      subprotocols,
      requireSubprotocol,
      offers,
      ...(offer === null ? null : { confirm: (answers) => offer.confirm(answers) }),
    });
    const codec = offer === null ? null : offer.codec;
    // Declined: what was set aside for it is free again.
    if (codec === null) offer?.abandon();
    return { socket, head: rest, headers: response.headers, url: target.href, codec, ...verified };
  } catch (error) {
    if (response.status === 101 || !(error instanceof HandshakeError)) throw error;
    throw error.withBody(await readBody(attempt, socket, response, rest));
  }
}

/** TCP, a tunnel where there is a proxy, and TLS where the URL says so. */
async function connect(attempt: Attempt, target: WebSocketTarget, hop: Hop): Promise<Duplex> {
  const { options } = hop;
  if (options.socket !== undefined) {
    attempt.use(options.socket);
    const secure = !target.secure || options.socket instanceof TLSSocket;
    return secure ? options.socket : startTls(attempt, options.socket, target.hostname, hop.tls, 'tls');
  }
  const proxy = options.socketPath === undefined ? chooseProxy(options.proxy, target) : null;
  const socket =
    proxy === null
      ? await connectTcp(attempt, target.hostname, target.port, options, 'tcp')
      : await openTunnel(attempt, proxy, target, hop);
  // §4.1 (5): TLS comes first, and carries everything after.
  return target.secure ? startTls(attempt, socket, target.hostname, hop.tls, 'tls') : socket;
}

function connectTcp(
  attempt: Attempt,
  host: string,
  port: number,
  options: DialOptions,
  stage: HandshakeStage,
): Promise<Socket> {
  const where = options.socketPath === undefined ? { host, port } : { path: options.socketPath };
  const socket = netConnect({ ...options.tcp, ...where, allowHalfOpen: true, noDelay: true });
  return attempt.step(socket, stage, (done) => {
    const onConnect = () => done(socket);
    socket.once('connect', onConnect);
    return () => socket.off('connect', onConnect);
  });
}

async function openTunnel(
  attempt: Attempt,
  proxy: ConnectProxy,
  target: WebSocketTarget,
  hop: Hop,
): Promise<Duplex> {
  const tcp = await connectTcp(attempt, proxy.hostname, proxy.port, hop.options, 'proxy');
  // The proxy's certificate is checked like any other; the application's own TLS options are for the server behind it.
  const { ca } = hop.tls;
  const socket = proxy.secure
    ? await startTls(attempt, tcp, proxy.hostname, ca === undefined ? {} : { ca }, 'proxy')
    : tcp;
  socket.write(formatConnect(proxy, target), 'latin1');
  const { response, rest } = await readResponse(attempt, socket, 'proxy');
  const { status, headers } = response;
  // 9110 §9.3.6: any 2xx opens the tunnel; its Content-Length or Transfer-Encoding, if any, is ignored.
  if (status < 200 || status > 299) throw dialFailure('WS_PROXY_STATUS', { status, headers });
  // What came behind the head is the server's: TLS, or the response, begins with it.
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
    // §4.1 (5): SNI names the host; RFC 6066 §3 forbids addresses there.
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

/** The final response's head, and what came behind it. */
function readResponse(
  attempt: Attempt,
  socket: Duplex,
  stage: HandshakeStage,
): Promise<{ response: HttpResponseHead; rest: Buffer }> {
  return attempt.step(socket, stage, (done, fail) => {
    let parser = new HttpHeadParser('response');
    let informational = 0;
    const onData = (chunk: Buffer) => {
      try {
        let response = parser.push(chunk);
        // 9110 §15.2: a client MUST be able to parse 1xx before the final response. 101 is final here.
        while (response !== null && response.status < 200 && response.status !== 101) {
          if (++informational > MAX_INFORMATIONAL) throw dialFailure('WS_DIAL_INFORMATIONAL');
          const rest = parser.rest();
          parser = new HttpHeadParser('response');
          response = parser.push(rest);
        }
        if (response === null) return;
        socket.pause();
        done({ response, rest: parser.rest() });
      } catch (error) {
        fail(atStage(error, stage));
      }
    };
    return readFrom(socket, onData, () => fail(dialFailure('WS_DIAL_CLOSED', { stage })));
  });
}

/** @returns how to stop reading */
function readFrom(socket: Duplex, onData: (chunk: Buffer) => void, onEnd: () => void): () => void {
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.resume();
  return () => {
    socket.off('data', onData);
    socket.off('end', onEnd);
  };
}

/** A head is malformed wherever it came from; who sent it makes the difference for who reads the error. */
function atStage(error: unknown, stage: HandshakeStage): unknown {
  if (!(error instanceof HandshakeError) || error.stage === stage) return error;
  const { code, message, status, headers, value } = error;
  return new HandshakeError(code, message, { stage, status, headers, value });
}

/** The body of a refusal, as much of it as comes before the end or the deadline. */
async function readBody(
  attempt: Attempt,
  socket: Duplex,
  response: HttpResponseHead,
  rest: Buffer,
): Promise<Buffer> {
  const body = new ResponseBody(response);
  if (!body.push(rest)) {
    const whole = attempt.step<void>(socket, 'http', (done) => {
      const onData = (chunk: Buffer) => {
        if (body.push(chunk)) done();
      };
      return readFrom(socket, onData, () => done());
    });
    // The status is what matters: a body that does not end, or breaks off, is shown as far as it came.
    await whole.catch(() => {});
  }
  return body.bytes;
}

/** The deadline and the signal over all steps, and the socket that goes when one of them fails. */
class Attempt {
  readonly #timer: Timer;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#interrupt(this.#signal!.reason, true);
  #sockets: Duplex[] = [];
  #failStep: ((error: unknown) => void) | null = null;
  /** Of the last step that began. */
  #stage: HandshakeStage | null = null;
  #interruption: { readonly reason: unknown; readonly aborted: boolean } | null = null;

  constructor(timeout: number, signal: AbortSignal | undefined) {
    this.#timer = processTimers.timer({
      onTimer: () => this.#interrupt(timeoutFailure(this.#stage), false),
    });
    this.#timer.set(timeout);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort);
  }

  /** This socket is ours now: it is destroyed when the attempt fails. */
  use(socket: Duplex): void {
    this.#sockets.push(socket);
    // Errors between two steps are seen by the next one, through `destroyed`.
    socket.on('error', ignore);
  }

  /** Waits for `done` to be called; fails with the socket, the deadline or the signal. `arrange` returns its own undoing. */
  step<T>(
    socket: Duplex,
    stage: HandshakeStage,
    arrange: (done: (value: T) => void, fail: (error: unknown) => void) => () => void,
  ): Promise<T> {
    if (!this.#sockets.includes(socket)) this.use(socket);
    this.#stage = stage;
    return new Promise<T>((resolve, reject) => {
      let settled = false;
      const settle = () => {
        settled = true;
        this.#failStep = null;
        undo?.();
        socket.off('error', onError);
        socket.off('close', onClose);
      };
      const fail = (error: unknown) => {
        if (settled) return;
        settle();
        reject(error);
      };
      const onError = (error: Error) => fail(systemFailure(error, stage));
      const onClose = () => fail(dialFailure('WS_DIAL_CLOSED', { stage }));
      const done = (value: T) => {
        if (settled) return;
        settle();
        resolve(value);
      };
      let undo: (() => void) | null = null;
      socket.on('error', onError);
      socket.on('close', onClose);
      this.#failStep = fail;
      if (this.#interruption !== null) fail(this.#interruption.reason);
      else if (socket.destroyed) onClose();
      else undo = arrange(done, fail);
      if (settled) undo?.();
    });
  }

  /** The connection is open: it is left alone. What it runs on, under TLS, keeps somebody to hear its errors. */
  finish(connection: DialedConnection): DialedConnection {
    if (this.#interruption !== null) throw this.#interruption.reason;
    this.#release();
    connection.socket.off('error', ignore);
    return connection;
  }

  /** @returns what to throw */
  fail(error: unknown): unknown {
    this.#release();
    for (const socket of this.#sockets) socket.destroy();
    // A deadline that passes while the body of a refusal comes in does not make the refusal unsaid.
    return this.#interruption?.aborted ? this.#interruption.reason : error;
  }

  #interrupt(reason: unknown, aborted: boolean): void {
    this.#interruption ??= { reason, aborted };
    this.#failStep?.(reason);
  }

  #release(): void {
    this.#timer.cancel();
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

function ignore(): void {}
