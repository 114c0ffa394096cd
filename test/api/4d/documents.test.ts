/**
 * Tests the first parameter of each callback in 4D's documents, and the properties of its event. An id such as [D3-26] names a line of
 * docs/4d-sentences.md.
 */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ConnectionHandler,
  FourDError,
  WebSocketConnection,
  WebSocketServer,
  type WSSHandler,
} from '../../../src/4d.ts';
import { closeFrame, frame, Op } from '../../transport/wire.ts';
import { closeAll, Journal, openPeer, peerOf, request, serve, startWeb } from './harness.ts';

afterEach(closeAll);

/** Checks that the error has the properties that 4D's page describes. */
function expectError(error: unknown): void {
  expect(error).toBeInstanceOf(FourDError);
  const { errCode, message, componentSignature } = error as FourDError;
  expect([typeof errCode, typeof message, typeof componentSignature]).toEqual(['number', 'string', 'string']);
}

describe('the callbacks of a WSSHandler', () => {
  test('the four callbacks of a WSSHandler receive the server as first parameter, and then an event with its type [D3-26, D3-28 to D3-34, D3-40 to D3-52]', async () => {
    const web = await startWeb();
    const journal = new Journal();
    const note = (self: unknown, wss: unknown, { type }: { type: string }): void =>
      journal.note([type, wss === server, self === handler]);
    class Handler implements WSSHandler {
      onConnection(...[wss, event]: Parameters<WSSHandler['onConnection']>): never {
        note(this, wss, event);
        expect(Object.keys(event.request).sort()).toEqual(['headers', 'query', 'remoteAddress', 'url']);
        throw new Error('oops');
      }
      onOpen(...[wss, event]: Parameters<NonNullable<WSSHandler['onOpen']>>): void {
        note(this, wss, event);
      }
      onError(...[wss, event]: Parameters<NonNullable<WSSHandler['onError']>>): void {
        note(this, wss, event);
        expect(Array.isArray(event.errors)).toBe(true);
        expect(event.errors).toHaveLength(1);
        for (const error of event.errors) expectError(error);
      }
      onTerminate(...[wss, event]: Parameters<NonNullable<WSSHandler['onTerminate']>>): void {
        note(this, wss, event);
      }
    }
    const handler = new Handler();
    const server: WebSocketServer = WebSocketServer.new(handler, { server: web });
    expect(server).toBeInstanceOf(WebSocketServer);
    expect(await request(peerOf(web))).toBe(500);
    await journal.length(3);
    await server.terminate();
    expect(journal.entries).toEqual(
      ['open', 'connection', 'error', 'terminate'].map((type) => [type, true, true]),
    );
  });

  test('a WSSHandler needs only onConnection, and the constructor of WebSocketServer needs only the option `server` [D3-20, D3-21, D3-27]', async () => {
    const web = await startWeb();
    const connections: WebSocketConnection[] = [];
    const onMessage: ConnectionHandler['onMessage'] = (ws) => void connections.push(ws);
    const wss = new WebSocketServer({ onConnection: () => ({ onMessage }) }, { server: web });
    await openPeer(web);
    // The connection exists and `connections` contains it as soon as onConnection has returned a handler.
    expect(wss.connections).toHaveLength(1);
    expect(wss.connections[0]).toBeInstanceOf(WebSocketConnection);
    expect([wss.path, wss.dataType]).toEqual([undefined, 'text']);
  });
});

describe('the callbacks of a connectionHandler', () => {
  test('the four callbacks of a connectionHandler receive the connection, and then an event with its type and data [D3-35, D3-36, D3-62, D3-64 to D3-77, D3-80, D3-82 to D3-89]', async () => {
    const journal = new Journal();
    const handler: ConnectionHandler = {
      onOpen(ws, event) {
        journal.note(['onOpen', ws === connection(), ws.status, event]);
      },
      onMessage(ws, event) {
        journal.note(['onMessage', ws === connection(), ws.status, event]);
        if (event.data === 'fail') throw new Error('oops');
      },
      onError(ws, event) {
        for (const error of event.errors) expectError(error);
        journal.note(['onError', ws === connection(), ws.status, { type: event.type }]);
      },
      onTerminate(ws, event) {
        journal.note(['onTerminate', ws === one, ws.status, event]);
      },
    };
    const { web, wss } = await serve(handler);
    const connection = (): WebSocketConnection | undefined => wss.connections[0];
    const peer = await openPeer(web);
    const one = connection();
    peer.write(Buffer.concat([frame(Op.Text, 'first'), frame(Op.Text, 'fail'), closeFrame(3001, 'bye')]));
    await peer.until(() => peer.ended);
    peer.socket.end();
    await journal.length(5);
    expect(journal.entries).toEqual([
      ['onOpen', true, 'Connected', { type: 'open' }],
      ['onMessage', true, 'Connected', { type: 'message', data: 'first' }],
      ['onMessage', true, 'Connected', { type: 'message', data: 'fail' }],
      ['onError', true, 'Connected', { type: 'error' }],
      ['onTerminate', true, 'Closed', { type: 'terminate', code: 3001, reason: 'bye' }],
    ]);
    expect(wss.connections).toEqual([]);
  });
});
