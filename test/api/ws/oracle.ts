/**
 * Compares our classes with the package `ws`. Each program runs four times, with a server and a client of either package. The events have
 * to be the same each time.
 */
import { createServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, vi } from 'vitest';
import type Oracle from 'ws';
import type { WebSocket as OracleSocket, ServerOptions, WebSocketServer } from 'ws';
import { processCompressionBudget } from '../../../src/deflate/budget.ts';
import { WebSocket } from '../../../src/ws.ts';

/** The types of `ws`. The tests use them for both packages. */
export type Package = typeof Oracle & {
  readonly WebSocketServer: typeof WebSocketServer;
  readonly Server: typeof WebSocketServer;
};
export const ours = WebSocket as unknown as Package;
// The ES module of `ws` lacks the static members, so the test loads the CommonJS module.
export const oracle: Package = createRequire(import.meta.url)('ws');

/** The events of both ends, in order. */
export interface Sides {
  readonly client: string[];
  readonly server: string[];
}

/**
 * A program with a server and a client. `Server` and `Client` may come from different packages. The Promise resolves when the program has
 * ended.
 */
export type Program = (context: {
  readonly Server: Package;
  readonly Client: Package;
  readonly sides: Sides;
}) => Promise<void>;

const pairs: readonly (readonly [name: string, server: Package, client: Package])[] = [
  ['our server, our client', ours, ours],
  ['our server, the client of ws', ours, oracle],
  ['the server of ws, our client', oracle, ours],
];

/**
 * Runs a program with each pair of packages. The events have to be the same as in the run in which the server and the client come from
 * `ws`.
 */
export async function compare(program: Program): Promise<void> {
  const expected = await run(program, oracle, oracle);
  expect(expected.client.length + expected.server.length).toBeGreaterThan(0);
  for (const [name, Server, Client] of pairs) {
    const sides = await run(program, Server, Client);
    expect({ name, ...sides }).toEqual({ name, ...expected });
  }
}

async function run(program: Program, Server: Package, Client: Package): Promise<Sides> {
  const sides: Sides = { client: [], server: [] };
  await program({ Server, Client, sides });
  return sides;
}

/** Starts a WebSocket server at a free port. The server stops at the end of the test. */
export async function serve(
  Server: Package,
  options: ServerOptions = {},
): Promise<{ server: WebSocketServer; url: string }> {
  const server = new Server.WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  onTestFinished(() => {
    for (const client of server.clients ?? []) client.terminate();
    server.close();
  });
  await once(server, 'listening');
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Starts an HTTP server at a free port. The server stops at the end of the test. */
export async function serveHttp(
  listener: RequestListener = (_request, response) => response.writeHead(404).end(),
): Promise<{ http: HttpServer; url: string }> {
  const http = createServer(listener);
  const sockets = new Set<import('node:net').Socket>();
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    http.close();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { http, url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

/** Waits until connections of earlier tests have released the memory that they had reserved for compression. */
export async function nothingReserved(): Promise<void> {
  await vi.waitFor(() => expect(processCompressionBudget.used).toBe(0));
}

/** Waits for an event. @returns the values that its listener receives */
export function once(
  emitter: { once(event: string, listener: (...values: never[]) => void): unknown },
  event: string,
): Promise<unknown[]> {
  return new Promise((resolve) => {
    emitter.once(event, (...values: unknown[]) => resolve(values));
  });
}

const shown = (value: unknown): string => {
  if (Buffer.isBuffer(value))
    return `Buffer ${value.length > 40 ? value.length : JSON.stringify(value.toString())}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${value.byteLength}`;
  if (value instanceof Blob) return `Blob ${value.size}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value instanceof Error) {
    const { code = '' } = value as { code?: string };
    return `${value.constructor.name} ${code || value.message}`;
  }
  if (typeof value === 'object' && value !== null) return value.constructor.name;
  return String(value);
};

/** Records every event of a WebSocket as a line of `log`. */
export function watch(webSocket: OracleSocket, log: string[], ...ignored: string[]): void {
  const events = ['open', 'message', 'ping', 'pong', 'upgrade', 'error', 'close'];
  for (const event of events.filter((one) => !ignored.includes(one))) {
    webSocket.on(event, (...values: unknown[]) => {
      log.push([event, ...values.map(shown), `state ${webSocket.readyState}`].join(' '));
    });
  }
}

/** Waits until all these WebSockets are closed. */
export async function closed(...webSockets: OracleSocket[]): Promise<void> {
  await Promise.all(webSockets.map((one) => (one.readyState === 3 ? undefined : once(one, 'close'))));
}
