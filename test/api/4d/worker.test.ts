/**
 * The worker runs the callbacks of 4D's classes one after the other, in the order of the events. While an event of a connection waits, the
 * connection does not read.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type ConnectionHandler, WebSocket, WebSocketServer } from '../../../src/4d.ts';
import { Worker } from '../../../src/api/4d/worker.ts';
import { frame, Op, requestHead } from '../../transport/wire.ts';
import { closeAll, defer, Journal, openPeer, peerOf, request, serve, startWeb, urlOf } from './harness.ts';

afterEach(closeAll);

describe('Worker', () => {
  test('C87: if no task runs, `post` runs a task immediately; otherwise the worker runs the task later, in order', async () => {
    const worker = new Worker(true);
    const journal = new Journal();
    const first = defer();
    expect(worker.post(() => journal.note('now'))).toBe(true);
    expect(journal.entries).toEqual(['now']);
    expect(worker.post(() => first.promise.then(() => journal.note('first')))).toBe(true);
    expect(worker.post(() => journal.note('second'))).toBe(false);
    expect(worker.post(async () => journal.note('third'))).toBe(false);
    expect(journal.entries).toEqual(['now']);
    first.resolve();
    expect(await journal.length(4)).toEqual(['now', 'first', 'second', 'third']);
    expect(worker.post(() => journal.note('again'))).toBe(true);
  });

  test('C87: if a task posts a second task, the second task runs after the end of the first task', () => {
    const worker = new Worker(true);
    const journal = new Journal();
    worker.post(() => {
      expect(worker.post(() => journal.note('inner'))).toBe(false);
      journal.note('outer');
    });
    expect(journal.entries).toEqual(['outer', 'inner']);
  });

  test('C87: the worker waits for any thenable until the thenable resolves or rejects', async () => {
    const worker = new Worker(true);
    const journal = new Journal();
    let finish: (() => void) | null = null;
    worker.post(() => ({
      // biome-ignore lint/suspicious/noThenProperty: it is like a Promise of another library.
      then(resolve: () => void) {
        finish = resolve;
      },
    }));
    worker.post(() => Promise.reject(new Error('never happens')));
    worker.post(() => journal.note('after'));
    await Promise.resolve();
    expect(journal.entries).toEqual([]);
    (finish as (() => void) | null)?.();
    await journal.length(1);
  });

  test('the worker does not run a task that was dropped', async () => {
    const worker = new Worker(true);
    const journal = new Journal();
    const first = defer();
    worker.post(() => first.promise);
    const dropped = () => journal.note('dropped');
    worker.post(dropped);
    worker.post(() => journal.note('last'));
    worker.drop(dropped);
    first.resolve();
    expect(await journal.length(1)).toEqual(['last']);
  });

  test('C70: postLater runs a task after the running code, and before tasks that are posted later', async () => {
    const worker = new Worker(true);
    const journal = new Journal();
    worker.postLater(() => journal.note('open'));
    expect(worker.post(() => journal.note('posted'))).toBe(false);
    journal.note('code');
    expect(await journal.length(3)).toEqual(['code', 'open', 'posted']);
  });

  test('C87: postApart never runs a task during the call, and keeps the order of tasks', async () => {
    const journal = new Journal();
    for (const serialize of [true, false]) {
      const worker = new Worker(serialize);
      const first = defer();
      worker.postApart(() => journal.note('apart'));
      journal.note('code');
      await journal.length(2);
      worker.post(() => first.promise);
      worker.postApart(() => journal.note('behind'));
      worker.postApart(() => journal.note('last'));
      await Promise.resolve();
      if (serialize) expect(journal.entries).toEqual(['code', 'apart']);
      first.resolve();
      expect(await journal.length(4)).toEqual(['code', 'apart', 'behind', 'last']);
      journal.entries.length = 0;
    }
  });

  test('C87: with serialize: false, no task of a worker waits for another task', async () => {
    const worker = new Worker(false);
    const journal = new Journal();
    expect(worker.post(() => defer().promise)).toBe(true);
    expect(worker.post(() => journal.note('now'))).toBe(true);
    worker.postLater(() => journal.note('later'));
    expect(journal.entries).toEqual(['now']);
    await journal.length(2);
  });
});

/** Counts how many callbacks run at the same time. */
class Overlap {
  most = 0;
  #running = 0;

  async during(work: () => Promise<void>): Promise<void> {
    this.most = Math.max(this.most, ++this.#running);
    await work();
    this.#running--;
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('the callbacks of a server and its connections', () => {
  /** Starts a server with slow callbacks, sends messages to it and terminates it. Each callback takes several turns of the event loop. */
  async function busy(serialize: boolean) {
    const overlap = new Overlap();
    const journal = new Journal();
    const work = (name: string) => (): Promise<void> =>
      overlap.during(async () => {
        await turns(3);
        journal.note(name);
      });
    const handler: ConnectionHandler = {
      onOpen: work('open'),
      onMessage: work('message'),
      onTerminate: work('terminate'),
    };
    const { web, wss } = await serve(
      handler,
      { serialize },
      {
        onOpen: work('server open'),
        async onConnection() {
          await work('connection')();
          return handler;
        },
        onTerminate: work('server terminate'),
      },
    );
    const peers = await Promise.all([1, 2, 3].map(() => openPeer(web)));
    for (const peer of peers) {
      peer.write(Buffer.concat([1, 2, 3, 4].map((n) => frame(Op.Text, String(n)))));
    }
    await journal.until(() => journal.entries.filter((one) => one === 'message').length === 12);
    wss.terminate(0);
    await journal.has('server terminate');
    return { overlap, entries: journal.entries };
  }

  test('C87: by default, the callbacks of a server and its connections run one after the other', async () => {
    const { overlap, entries } = await busy(true);
    expect(overlap.most).toBe(1);
    expect(entries[0]).toBe('server open');
    expect(entries.at(-1)).toBe('server terminate');
    expect(entries).toHaveLength(1 + 3 + 3 + 12 + 3 + 1);
  });

  test('C87: with serialize: false, the callbacks of a server and its connections may run at the same time', async () => {
    const { overlap } = await busy(false);
    expect(overlap.most).toBeGreaterThan(1);
  });

  test('C87: the messages of one connection are delivered in order, and a message of another connection can come between them', async () => {
    const journal = new Journal();
    const { web } = await serve({
      async onMessage(_ws, { data }) {
        journal.note(data);
        await turns(1);
      },
    });
    const [a, b] = [await openPeer(web), await openPeer(web)];
    a.write(Buffer.concat(Array.from({ length: 500 }, (_, n) => frame(Op.Text, `a${n}`))));
    b.write(frame(Op.Text, 'b0'));
    await journal.length(501);
    expect(journal.entries.filter((one) => one !== 'b0')).toEqual(
      Array.from({ length: 500 }, (_, n) => `a${n}`),
    );
    expect(journal.entries.indexOf('b0')).toBeLessThan(500);
  });

  test('C87: a callback may call terminate() of the server and await the result', async () => {
    const { web, wss } = await serve({
      async onMessage(ws) {
        await ws.wss.terminate(0);
      },
    });
    const peer = await openPeer(web);
    peer.write(frame(Op.Text, 'stop'));
    await peer.gone();
    await wss.terminate();
    expect(wss.terminated).toBe(true);
  });

  test('C87: the callbacks of two servers do not wait for each other', async () => {
    const web = await startWeb();
    const never = defer();
    const asked = defer();
    const heard = defer<string>();
    const make = (path: string, onMessage: ConnectionHandler['onMessage']) =>
      new WebSocketServer({ onConnection: () => ({ onMessage }) }, { server: web, path });
    make('/slow', () => {
      asked.resolve();
      return never.promise;
    });
    make('/quick', (_ws, { data }) => heard.resolve(data));
    const slow = await openPeer(web, '/slow');
    slow.write(frame(Op.Text, 'x'));
    await asked.promise;
    const quick = await openPeer(web, '/quick');
    quick.write(frame(Op.Text, 'y'));
    expect(await heard.promise).toBe('y');
    never.resolve();
  });
});

describe('backpressure', () => {
  test('C87: if an event of a connection waits for a slow callback, the connection stops reading, so memory does not grow', async () => {
    const goOn = defer();
    const started = defer();
    let delivered = 0;
    const done = defer();
    const size = 262_144;
    const count = 256;
    const { web } = await serve(
      {
        async onMessage() {
          started.resolve();
          await goOn.promise;
          if (++delivered === count) done.resolve();
        },
      },
      { maxMessageSize: size },
    );
    const peer = await openPeer(web);
    const message = frame(Op.Binary, Buffer.alloc(size, 'x'));
    // The kernel's buffers accept a part of the 64 MiB, and the socket of the peer keeps the rest.
    let taken = 0;
    for (let sent = 0; sent < count; sent++) peer.socket.write(message, () => taken++);
    await started.promise;
    let before = -1;
    while (before !== taken) {
      before = taken;
      await turns(200);
    }
    expect(taken).toBeLessThan(count / 2);
    expect(delivered).toBe(0);
    goOn.resolve();
    await done.promise;
    expect(taken).toBe(count);
  });

  test.each(['refuse', 'close'] as const)(
    'C87: frames in the same chunk as the request are delivered after onConnection and onOpen have run (cancel: %s)',
    async (cancel) => {
      const journal = new Journal();
      const web = await startWeb();
      new WebSocketServer(
        {
          async onConnection() {
            await turns(3);
            return {
              async onOpen() {
                await turns(3);
                journal.note('open');
              },
              onMessage: (_ws, { data }) => journal.note(data),
            };
          },
        },
        { server: web, cancel },
      );
      const peer = peerOf(web);
      const frames = ['one', 'two', 'three'].map((text) => frame(Op.Text, text).toString('latin1'));
      peer.write([requestHead(), ...frames].join(''));
      expect(await journal.length(4)).toEqual(['open', 'one', 'two', 'three']);
    },
  );

  test('C87: if a server is terminated, a connection closes even if one of its messages still waits for a callback', async () => {
    const goOn = defer();
    const started = defer();
    const journal = new Journal();
    const { web, wss } = await serve({
      async onMessage(_ws, { data }) {
        started.resolve();
        await goOn.promise;
        journal.note(data);
      },
      onTerminate: (_ws, { code }) => journal.note(code),
    });
    const client = WebSocket.new(urlOf(web), {
      onOpen(ws) {
        for (const message of ['one', 'two', 'three', 'four']) ws.send(message);
      },
      onTerminate: (_ws, { code }) => journal.note(`client ${code}`),
    });
    await started.promise;
    const over = wss.terminate();
    while (!wss.terminated) await new Promise((resolve) => setImmediate(resolve));
    expect(client.status).not.toBe('Connected');
    goOn.resolve();
    await over;
    await journal.length(4);
    // Messages that had arrived before the end are delivered. Messages that waited in the socket are not delivered.
    expect(journal.entries.filter((entry) => entry !== 'client 1001')).toEqual(['one', 'two', 1001]);
  });

  test('C87: if the peer leaves before onConnection is called for its request, onConnection is not called for this request', async () => {
    const accepted: Socket[] = [];
    const onAccepted = (message: unknown): void => void accepted.push((message as { socket: Socket }).socket);
    subscribe('net.server.socket', onAccepted);
    onTestFinished(() => void unsubscribe('net.server.socket', onAccepted));
    const goOn = defer();
    const asked = new Journal();
    const web = await startWeb();
    const wss = new WebSocketServer(
      {
        async onConnection(_wss, { request: { url } }) {
          asked.note(url);
          await goOn.promise;
          return { onMessage() {} };
        },
      },
      { server: web, handshakeTimeout: 60_000 },
    );
    const first = peerOf(web);
    const opened = request(first, '/first');
    await asked.length(1);
    const second = peerOf(web);
    const refused = request(second, '/second').catch(() => 0);
    const third = peerOf(web);
    const answered = request(third, '/third');
    let atServer: Socket | undefined;
    while ((atServer?.bytesRead ?? 0) === 0) {
      await turns(1);
      atServer = accepted.find(({ remotePort }) => remotePort === second.socket.localPort);
    }
    second.destroy();
    await refused;
    while (!atServer!.closed) await turns(1);
    goOn.resolve();
    expect(await opened).toBe(101);
    expect(await answered).toBe(101);
    expect(asked.entries).toEqual(['/first', '/third']);
    expect(wss.connections).toHaveLength(2);
  });

  test('C87: if a request waits longer than handshakeTimeout, because onConnection of an earlier request still runs, the answer is 408', async () => {
    const goOn = defer();
    const asked = new Journal();
    const web = await startWeb();
    new WebSocketServer(
      {
        async onConnection(_wss, { request: { url } }) {
          asked.note(url);
          await goOn.promise;
          return { onMessage() {} };
        },
      },
      { server: web, handshakeTimeout: 100 },
    );
    const first = request(peerOf(web), '/first');
    await asked.length(1);
    const second = request(peerOf(web), '/second');
    expect(await Promise.all([first, second])).toEqual([408, 408]);
    goOn.resolve();
    await turns(5);
    expect(asked.entries).toEqual(['/first']);
  });
});
