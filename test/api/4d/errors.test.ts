/** If a callback throws, onError of the same handler receives the exception. Other connections are not affected. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type ConnectionHandler,
  type FourDError as ErrorType,
  FourDError,
  fourDErrors,
  WebSocket,
  type WebSocketHandler,
  WebSocketServer,
  type WSSHandler,
} from '../../../src/4d.ts';
import { frame, Op } from '../../transport/wire.ts';
import {
  closeAll,
  defer,
  Journal,
  openPeer,
  peerOf,
  request,
  serve,
  startWeb,
  urlOf,
  warningsOf,
} from './harness.ts';

afterEach(closeAll);

const ways = ['throws', 'rejects'] as const;

function failing(way: (typeof ways)[number]): () => never {
  return (way === 'throws'
    ? () => {
        throw new Error('oops');
      }
    : () => Promise.reject(new Error('oops'))) as unknown as () => never;
}

function expectErrors(errors: readonly ErrorType[], errCode: number, message = 'oops'): void {
  expect(errors).toHaveLength(1);
  const [error] = errors as readonly [ErrorType];
  expect(error).toBeInstanceOf(FourDError);
  expect(error).toMatchObject({ errCode, message, componentSignature: 'wsjs' });
  expect((error.cause as Error).message).toBe(message);
}

describe.each(ways)('a callback of a connection that %s', (way) => {
  test.each(['onOpen', 'onMessage', 'onTerminate'] as const)(
    'B-ws-onError, C71: %s: onError receives the exception, and all connections stay open',
    async (name) => {
      const { promise, resolve } = defer<readonly ErrorType[]>();
      const journal = new Journal();
      const broken: ConnectionHandler = {
        onMessage: (_ws, { data }) => journal.note(data),
        onError(ws, event) {
          expect([this === broken, event.type, ws.handler === broken]).toEqual([true, 'error', true]);
          resolve(event.errors);
        },
        [name]: failing(way),
      };
      const echo: ConnectionHandler = {
        onMessage(ws, { data }) {
          ws.send(data);
        },
      };
      const web = await startWeb();
      const handlers = [echo, broken];
      const wss = new WebSocketServer({ onConnection: () => handlers.shift() ?? null }, { server: web });
      const other = await openPeer(web);
      const peer = await openPeer(web);
      peer.write(frame(Op.Text, 'one'));
      if (name === 'onTerminate') peer.destroy();
      expectErrors(await promise, fourDErrors.CALLBACK);
      if (name !== 'onTerminate') {
        expect(wss.connections.map(({ status }) => status)).toEqual(['Connected', 'Connected']);
      }
      if (name === 'onOpen') await journal.has('one');
      other.write(frame(Op.Text, 'still here'));
      await other.until(() => other.frames.length === 1);
      expect(String(other.frames[0]?.payload)).toBe('still here');
      expect(peer.frames).toEqual([]);
    },
  );
});

describe.each(ways)('a callback of a server that %s', (way) => {
  test.each(['onOpen', 'onConnection', 'onTerminate'] as const)(
    'B-wss-onError, C71: %s: onError receives the exception, and the server continues',
    async (name) => {
      const { promise, resolve } = defer<readonly ErrorType[]>();
      const web = await startWeb();
      let calls = 0;
      const fail = failing(way);
      const handler: WSSHandler = {
        onConnection: () => ({ onMessage() {} }),
        onError(wss, event) {
          expect([this === handler, event.type, wss === server]).toEqual([true, 'error', true]);
          resolve(event.errors);
        },
        // Only the first call fails.
        [name]: () => (calls++ === 0 ? fail() : { onMessage() {} }),
      };
      const server = new WebSocketServer(handler, { server: web });
      const status = await request(peerOf(web));
      expect(status).toBe(name === 'onConnection' ? 500 : 101);
      expect(await request(peerOf(web))).toBe(101);
      if (name === 'onTerminate') await server.terminate(0);
      expectErrors(await promise, fourDErrors.CALLBACK);
    },
  );
});

describe.each(ways)('a callback of a client that %s', (way) => {
  test.each(['onOpen', 'onMessage', 'onTerminate'] as const)(
    'B-client-onError, C71, C85: %s: onError receives the exception, and the connection stays open',
    async (name) => {
      const { web } = await serve({
        onOpen: (ws) => void ws.send('hello'),
        onMessage(ws, { data }) {
          ws.send(data);
        },
      });
      const { promise, resolve } = defer<readonly ErrorType[]>();
      const journal = new Journal();
      const handler: WebSocketHandler = {
        onMessage: (_ws, { data }) => journal.note(data),
        onTerminate: (_ws, { code }) => journal.note(code),
        onError(ws, event) {
          expect([this === handler, event.type, ws === client]).toEqual([true, 'error', true]);
          journal.note('error');
          resolve(event.errors);
        },
        [name]: failing(way),
      };
      const client: WebSocket = new WebSocket(urlOf(web), handler);
      if (name === 'onTerminate') {
        await journal.has('hello');
        client.terminate();
        expectErrors(await promise, fourDErrors.CALLBACK);
        expect(client.status).toBe('Closed');
        return;
      }
      expectErrors(await promise, fourDErrors.CALLBACK);
      expect(client.status).toBe('Connected');
      client.send('again');
      if (name === 'onOpen') await journal.has('again');
      client.terminate();
      await journal.has(1000);
    },
  );
});

test('C71: onError receives a thrown FourDError unchanged, and any other thrown value as an error with the text of this value', async () => {
  const journal = new Journal();
  const own = new FourDError('CALLBACK', 'my own');
  const values: unknown[] = [own, 'text', undefined, { toString: null }, Object.create(null)];
  const { web } = await serve({
    onMessage() {
      throw values.shift();
    },
    onError: (_ws, { errors }) => journal.note(errors[0] === own || errors[0]?.message),
  });
  const peer = await openPeer(web);
  for (const _ of [...values]) peer.write(frame(Op.Text, 'x'));
  const noText = 'something was thrown that has no text';
  expect(await journal.length(5)).toEqual([true, 'text', 'undefined', noText, noText]);
});

describe('an exception of a callback if onError is missing or fails', () => {
  /** Makes the first onMessage throw, and then checks that the second message is echoed. */
  async function fail(handler: Partial<ConnectionHandler>): Promise<void> {
    let calls = 0;
    const { web } = await serve({
      ...handler,
      onMessage(ws, { data }) {
        if (calls++ === 0) throw new Error('oops');
        ws.send(data);
      },
    });
    const peer = await openPeer(web);
    peer.write(frame(Op.Text, 'one')).write(frame(Op.Text, 'two'));
    await peer.until(() => peer.frames.length === 1);
    expect(String(peer.frames[0]?.payload)).toBe('two');
  }

  test('C71: without onError, an exception of a callback becomes a process warning', async () => {
    expect(await warningsOf(() => fail({}))).toEqual(['oops']);
    expect(await warningsOf(() => fail({ onError: null as unknown as () => void }))).toEqual(['oops']);
  });

  test.each([
    [
      'that throws',
      () => {
        throw new Error('worse');
      },
    ],
    ['that rejects', () => Promise.reject(new Error('worse'))],
  ])('C71: the exception of an onError %s becomes a process warning', async (_title, onError) => {
    expect(await warningsOf(() => fail({ onError }))).toEqual(['worse']);
  });

  test('C71: an onError that is not a function causes a process warning', async () => {
    expect(await warningsOf(() => fail({ onError: 1 as unknown as () => void }))).toEqual([
      'onError is no function',
    ]);
  });

  test('C71: a callback that is not a function is reported like an exception of a callback', async () => {
    const warnings = await warningsOf(async () => {
      const { web } = await serve({ onMessage() {}, onOpen: 'open' as unknown as () => void });
      await openPeer(web);
    });
    expect(warnings).toEqual(['onOpen is no function']);
  });

  test('C71: without onError, a process warning reports an exception of onConnection, or a result of onConnection that has no onMessage', async () => {
    const results: (() => unknown)[] = [failing('throws'), () => ({})];
    const warnings = await warningsOf(async () => {
      const web = await startWeb();
      new WebSocketServer({ onConnection: () => results.shift()?.() as null }, { server: web });
      expect(await request(peerOf(web))).toBe(500);
      expect(await request(peerOf(web))).toBe(403);
    });
    expect(warnings).toEqual(['oops', 'onConnection returned no object with a function onMessage']);
  });
});
