/** Tests the 4D classes with a peer of the package `ws`, in this process or in another process. test/browser tests them with a browser. */
import { spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { type ConnectionHandler, WebSocket, WebSocketServer } from '../../../src/4d.ts';
import { connectWs, startWs, type WsServer } from '../../peers/ws-end.ts';
import { closeAll, Journal, serve, startWeb, urlOf } from './harness.ts';

const wsServers: WsServer[] = [];

afterEach(async () => {
  await Promise.all(wsServers.splice(0).map((server) => server.release()));
  await closeAll();
});

async function wsServer(...options: Parameters<typeof startWs>): Promise<WsServer> {
  const server = await startWs(...options);
  wsServers.push(server);
  return server;
}

function echo<T extends 'text' | 'blob'>(): ConnectionHandler<T> {
  return {
    onMessage(ws, { data }) {
      ws.send(data);
    },
  };
}

const large = 'größer '.repeat(20_000);

describe.each([false, true])(
  'our 4D classes and a peer of the package ws, compression: %s',
  (compression) => {
    test('B-ws-send, B-ws-onMessage: texts and bytes of all sizes arrive in both directions between a 4D connection and the package ws', async () => {
      const web = await startWeb();
      new WebSocketServer(
        { onConnection: () => echo<'text'>() },
        { server: web, path: '/text', compression },
      );
      new WebSocketServer<'blob'>(
        { onConnection: () => echo<'blob'>() },
        { server: web, path: '/blob', dataType: 'blob', compression },
      );
      const [text, blob] = [await connectWs(urlOf(web, '/text')), await connectWs(urlOf(web, '/blob'))];
      for (const message of ['', 'é', large]) {
        text.send(message);
        expect(await text.next()).toBe(message);
        const bytes = Buffer.from(message);
        blob.send(bytes);
        expect(await blob.next()).toEqual(bytes);
      }
      text.sendFragments(large, 1_000);
      expect(await text.next()).toBe(large);
      text.abort();
      blob.abort();
    });

    test('B-ws-terminate, B-ws-onTerminate, C61, C76: if a 4D connection or the package ws closes, the other end receives the code and the reason', async () => {
      const journal = new Journal();
      const { web, wss } = await serve(
        { onMessage() {}, onTerminate: (ws, { code, reason }) => journal.note([ws.status, code, reason]) },
        { compression },
      );
      const ours = [[3001, 'bye'], [3000, 'bye'], []] as [number?, string?][];
      for (const call of ours) {
        const peer = await connectWs(urlOf(web));
        wss.connections[0]?.terminate(...call);
        expect(await peer.closed).toEqual(
          call[0] === 3001 ? { code: 3001, reason: 'bye' } : { code: 1000, reason: '' },
        );
      }
      const theirs = [[4001, 'why'], [1000], []] as [number?, string?][];
      for (const call of theirs) (await connectWs(urlOf(web))).close(...call);
      (await connectWs(urlOf(web))).abort();
      await journal.length(7);
      expect(journal.entries.slice(0, 3)).toEqual([
        ['Closed', 3001, 'bye'],
        ['Closed', 1000, undefined],
        ['Closed', 1000, undefined],
      ]);
      expect(journal.entries.slice(3)).toEqual(
        expect.arrayContaining([
          ['Closed', 4001, 'why'],
          ['Closed', 1000, undefined],
          ['Closed', 1005, undefined],
          ['Closed', 1006, undefined],
        ]),
      );
      expect(wss.connections).toEqual([]);
    });

    test('B-client-send, B-client-onMessage, B-client-terminate, C84: our 4D client and a server of ws exchange messages, and each end receives the close code of its peer', async () => {
      const { url, opened } = await wsServer({
        peerCompression: compression,
        subprotocols: { offered: [], supported: ['chat'] },
      });
      const journal = new Journal();
      const client = new WebSocket<'blob'>(
        url,
        {
          dataType: 'blob',
          headers: { 'Sec-WebSocket-Protocol': 'other, chat', 'X-Tag': 'mine' },
          onMessage: (_ws, { data }) => journal.note(data),
          onTerminate: (_ws, event) => journal.note(event),
        },
        { compression },
      );
      const peer = await opened;
      expect([peer.subprotocol, peer.headers['x-tag']]).toEqual(['chat', 'mine']);
      peer.send(large);
      await journal.length(1);
      expect(String(journal.entries[0])).toBe(large);
      for (const message of [large, Buffer.from([0, 255]), { a: [1] }]) client.send(message);
      expect([await peer.next(), await peer.next(), await peer.next()]).toEqual([
        large,
        Buffer.from([0, 255]),
        '{"a":[1]}',
      ]);
      client.terminate(3005, 'done');
      expect(await peer.closed).toEqual({ code: 3005, reason: 'done' });
      await journal.length(2);
      expect(journal.entries[1]).toEqual({ type: 'terminate', code: 3005, reason: 'done', wasClean: true });
    });
  },
);

test.each([
  ['is closed by the server', 3002, 'enough', true],
  ['is dropped by the server', null, '', false],
] as const)(
  'B-client-onTerminate, C76: onTerminate of a client receives the close code if the client %s',
  async (_title, code, reason, wasClean) => {
    const { url, opened } = await wsServer();
    const journal = new Journal();
    new WebSocket(url, { onTerminate: (_ws, event) => journal.note(event) });
    const peer = await opened;
    if (code === null) peer.abort();
    else peer.close(code, reason);
    const [event] = await journal.length(1);
    expect(event).toEqual({
      type: 'terminate',
      code: code ?? 1006,
      reason: reason === '' ? undefined : reason,
      wasClean,
    });
  },
);

test('B-ws-onTerminate, C76, C77: if the process of a client is killed, its connection ends with 1006, and the other clients are notified', async () => {
  const journal = new Journal();
  const { web, wss } = await serve({
    onMessage: (ws, { data }) => journal.note([data, ws.wss.connections.length]),
    onTerminate(ws, { code }) {
      for (const client of ws.wss.connections) client.send('Client disconnected');
      journal.note([code, ws.wss.connections.length]);
    },
  });
  const other = await connectWs(urlOf(web));
  const ws = import.meta.resolve('ws');
  const child = spawn(process.execPath, [
    '--input-type=module',
    '-e',
    `import { WebSocket } from '${ws}';
    const socket = new WebSocket('${urlOf(web)}');
    socket.on('open', () => socket.send('here'));`,
  ]);
  await journal.length(1);
  child.kill('SIGKILL');
  expect(await other.next()).toBe('Client disconnected');
  expect(journal.entries).toEqual([
    ['here', 2],
    [1006, 1],
  ]);
  expect(wss.connections).toHaveLength(1);
  other.abort();
});
