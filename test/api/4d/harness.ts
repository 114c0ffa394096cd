/** Functions for the tests of the 4D classes. `closeAll` closes the servers and peers that a test left open. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import {
  type ConnectionHandler,
  type DataType,
  WebServer,
  type WebServerSettings,
  WebSocketServer,
  type WebSocketServerOptions,
  type WSSHandler,
} from '../../../src/4d.ts';
import { warned } from '../../../src/api/callback.ts';
import { RawPeer, requestHead } from '../../transport/wire.ts';

const webServers: WebServer[] = [];
const folders: string[] = [];
const peers: RawPeer[] = [];

/** Closes all servers and peers, and removes temporary folders. Call it in `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const peer of peers.splice(0)) peer.destroy();
  await Promise.all(webServers.splice(0).map((web) => web.stop(0)));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}

/** A list of values in the order in which they were noted. A test can wait until the list has certain values. */
export class Journal {
  readonly entries: unknown[] = [];
  #waiting: (() => void)[] = [];

  note(...entries: unknown[]): void {
    this.entries.push(...entries);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(condition: () => boolean): Promise<this> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this;
  }

  /** Waits until the list has `count` values. @returns the list */
  async length(count: number): Promise<unknown[]> {
    await this.until(() => this.entries.length >= count);
    return this.entries;
  }

  /** Waits until the list contains `entry`. */
  async has(entry: unknown): Promise<this> {
    return await this.until(() => this.entries.includes(entry));
  }
}

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

export function defer<Value = void>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<Value>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  return { promise, resolve, reject };
}

/** Starts a web server on a free port. */
export async function startWeb(settings: WebServerSettings = {}): Promise<WebServer> {
  const web = new WebServer({ port: 0, ...settings });
  webServers.push(web);
  await web.start();
  return web;
}

/** Registers a web server that the test has created, so that `closeAll` also stops it. */
export function keep(web: WebServer): WebServer {
  webServers.push(web);
  return web;
}

/** Connects to a web server, and does not send a request. */
export function peerOf(web: WebServer): RawPeer {
  const peer = RawPeer.to(web.port);
  peers.push(peer);
  return peer;
}

const ca = readFileSync(new URL('../../fixtures/tls/ca-cert.pem', import.meta.url));

export function tlsPeerOf(web: WebServer): RawPeer {
  const options = { port: web.port, host: '127.0.0.1', allowHalfOpen: true, ca, servername: 'localhost' };
  const peer = new RawPeer(tlsConnect(options));
  peers.push(peer);
  return peer;
}

/** Creates a folder that `closeAll` removes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
  folders.push(folder);
  return folder;
}

/** Creates a folder with cert.pem and key.pem, which are valid for localhost. */
export function certificateFolder(): string {
  const folder = temporaryFolder();
  for (const [from, to] of [
    ['localhost-cert.pem', 'cert.pem'],
    ['localhost-key.pem', 'key.pem'],
  ] as const) {
    copyFileSync(fileURLToPath(new URL(`../../fixtures/tls/${from}`, import.meta.url)), join(folder, to));
  }
  return folder;
}

/** Sends an upgrade request. @returns the status of the answer, which is 101 if the server accepts */
export async function request(
  peer: RawPeer,
  target = '/',
  changes: Parameters<typeof requestHead>[0] = {},
): Promise<number> {
  peer.write(requestHead(changes, `GET ${target} HTTP/1.1`));
  await peer.until(() => peer.head !== '');
  return peer.status;
}

/** Connects to a web server and completes the opening handshake. */
export async function openPeer(
  web: WebServer,
  target = '/',
  changes: Parameters<typeof requestHead>[0] = {},
): Promise<RawPeer> {
  const peer = peerOf(web);
  const status = await request(peer, target, changes);
  if (status !== 101) throw new Error(`not opened: ${peer.text}`);
  return peer;
}

/** Returns the `ws:` URL of a web server. */
export function urlOf(web: WebServer, target = '/'): string {
  return `ws://${web.host}:${web.port}${target}`;
}

/** Starts a WebSocket server that gives the same handler to all its connections. */
export async function serve<T extends DataType = 'text'>(
  handler: ConnectionHandler<T>,
  options: WebSocketServerOptions<T> = {},
  others: Partial<WSSHandler<T>> = {},
): Promise<{ readonly web: WebServer; readonly wss: WebSocketServer<T> }> {
  const web = await startWeb();
  const wss = new WebSocketServer<T>({ onConnection: () => handler, ...others }, { server: web, ...options });
  return { web, wss };
}

/** Returns the warnings that the process emits while `action` runs. An error becomes a warning if there is no `onError`. */
export async function warningsOf(action: () => Promise<void> | void): Promise<string[]> {
  // Without this call, a warning that was emitted earlier would not be emitted again.
  warned.forget();
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', note);
  try {
    await action();
    // Node emits a warning only in the next tick.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('warning', note);
  }
  return warnings;
}
