/**
 * Tests that the library stores the timer functions once, when its module is loaded. Also tests that timers do not run in the
 * AsyncLocalStorage context of a connection.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { Connection } from '../../src/api/connection.ts';
import { clientLimits, serverLimits } from '../../src/transport/limits.ts';
import { bindSocket, type ConnectionEvents } from '../../src/transport/socket.ts';
import { FakeSocket } from './fake-socket.ts';
import { closeServers, startServer } from './servers.ts';

const { setImmediate: realImmediate } = globalThis;
const nextTurn = (): Promise<void> => new Promise((resolve) => realImmediate(resolve));

const opened: Connection[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const connection of opened.splice(0)) connection.terminate();
  await closeServers();
});

const nothing = (): void => {};
const silent: ConnectionEvents = {
  onText: nothing,
  onBinary: nothing,
  onFragment: nothing,
  onPing: nothing,
  onPong: nothing,
  onClosing: nothing,
  onError: nothing,
  onDrain: nothing,
  onClose: nothing,
};

test('FAULT-6: a connection still sends while a test runner has replaced the timers by fake timers', async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
  });
  const socket = new FakeSocket();
  const connection = bindSocket(socket, silent, { role: 'client', limits: clientLimits });
  connection.start(Buffer.alloc(0));
  connection.endpoint.sendText('hello');
  await nextTurn();
  await nextTurn();
  expect(socket.writes).toBe(1);
  connection.endpoint.terminate();
  await nextTurn();
});

test('FAULT-6: the deadlines of a connection still fire while a test runner has replaced the timers by fake timers', async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
  });
  const socket = new FakeSocket();
  const closed = new Promise<void>((resolve) => {
    const connection = bindSocket(
      socket,
      { ...silent, onClose: () => resolve() },
      { role: 'client', limits: { ...clientLimits, closeTimeout: 30 } },
    );
    connection.start(Buffer.alloc(0));
    connection.endpoint.close(1000);
  });
  await closed;
  expect(socket.destroyed).toBe(true);
});

const store = new AsyncLocalStorage<string>();

test('FAULT-6: `error` and `pings.payload` do not run in the async context of another connection', async () => {
  const contexts = new Map<string, string | undefined>();
  const first = store.run('first', () => {
    const limits = { ...serverLimits, heartbeatInterval: 20, heartbeatTimeout: 10_000 };
    const connection = bindSocket(new FakeSocket(), silent, { role: 'server', limits });
    connection.start(Buffer.alloc(0));
    return connection;
  });
  await store.run('second', async () => {
    const payload = (): undefined => void contexts.set('payload', store.getStore());
    const limits = {
      ...serverLimits,
      heartbeatInterval: 100,
      heartbeatTimeout: 100,
      pings: { first: 60, interval: 10_000, timeout: 10_000, answerEach: false, payload },
    };
    await new Promise<void>((resolve) => {
      const connection = bindSocket(
        new FakeSocket(),
        {
          ...silent,
          onError: () => contexts.set('error', store.getStore()),
          onClose: () => {
            contexts.set('close', store.getStore());
            resolve();
          },
        },
        { role: 'server', limits },
      );
      connection.start(Buffer.alloc(0));
    });
  });
  first.endpoint.terminate();
  await nextTurn();
  expect([...contexts.keys()]).toEqual(['payload', 'error', 'close']);
  expect([...contexts.values()]).not.toContain('first');
});

test('FAULT-6: with compression, `drain` does not run in the async context of another connection', async () => {
  const { url } = await startServer({ message: nothing }, { compression: true });
  const first = await store.run('first', () => connect(url, { handlers: { message: nothing } }));
  opened.push(first);
  let context: string | undefined = 'not called';
  const drained = new Promise<void>((resolve) => {
    store.run('second', async () => {
      const drain = (): void => {
        context = store.getStore();
        resolve();
      };
      const second = await connect(url, {
        compression: true,
        highWaterMark: 1_000,
        handlers: { message: nothing, drain },
      });
      opened.push(second);
      // Compression cannot make random data smaller. zlib's threads compress this message.
      expect(second.send(randomBytes(60_000))).toBe(false);
    });
  });
  // The first connection writes in each turn of the event loop. So it is the first connection that is handled at the end of a turn.
  let isRunning = true;
  const busy = (): void => {
    if (!isRunning) return;
    first.send('x');
    setImmediate(busy);
  };
  store.run('first', busy);
  await drained;
  isRunning = false;
  expect(context).not.toBe('first');
});
