/** Clients that disconnect before the server calls `onConnection` for them. docs/4d.md explains the ids. */
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type ConnectionHandler, WebServer, WebSocketServer } from '../../../src/4d.ts';
import { until } from '../pair.ts';
import { closeAll, defer, keep, openPeer, peerOf } from './harness.ts';

afterEach(closeAll);

test.each(['refuse', 'close'] as const)(
  'C64: onConnection is not called for a client that has left while onConnection worked for another client (cancel: %s)',
  async (cancel) => {
    const sockets: Socket[] = [];
    const http = createServer();
    http.on('connection', (socket) => sockets.push(socket));
    const web = keep(WebServer.of(http));
    await web.start({ port: 0, host: '127.0.0.1' });
    const decision = defer<ConnectionHandler | null>();
    const paths: string[] = [];
    const wss = new WebSocketServer(
      {
        onConnection(_wss, { request }) {
          paths.push(request.url);
          return decision.promise;
        },
      },
      { server: web, cancel },
    );
    peerOf(web).write(head('/first'));
    await until(() => paths.length === 1);
    for (let count = 0; count < 5; count++) {
      const peer = cancel === 'close' ? await openPeer(web, '/left') : peerOf(web).write(head('/left'));
      await until(() => sockets.length === count + 2);
      peer.socket.resetAndDestroy();
    }
    await until(() => sockets.slice(1).every((socket) => socket.closed));
    peerOf(web).write(head('/last'));
    await until(() => sockets.length === 7);
    decision.resolve(null);
    await until(() => paths.length === 2);
    await wss.idle();
    expect(paths).toEqual(['/first', '/last']);
  },
);

function head(target: string): string {
  return [
    `GET ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '',
    '',
  ].join('\r\n');
}
