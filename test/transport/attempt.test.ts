/** Tests an attempt of a client that is aborted at any step. The attempt rejects with the reason of the abort, and releases everything. */
import { getEventListeners } from 'node:events';
import { connect as netConnect } from 'node:net';
import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import type { Connection } from '../../src/api/connection.ts';
import { CompressionBudget } from '../../src/deflate/budget.ts';
import { atEvent } from './every-event.ts';
import { closeScripted, type ScriptedRequest, scripted } from './scripted.ts';
import { ca, tls } from './servers.ts';
import { acceptOf } from './wire.ts';

afterEach(closeScripted);

const deflate = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';

function accepts({ socket, accept }: ScriptedRequest): void {
  socket.write(accept(deflate));
}

/** Starts an HTTP proxy that connects every tunnel to `port`. */
function proxyTo(port: number, options: Parameters<typeof scripted>[1] = {}) {
  return scripted(({ socket, rest }) => {
    const upstream = netConnect(port, '127.0.0.1');
    upstream.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (rest.length > 0) upstream.write(rest);
    socket.pipe(upstream);
    upstream.pipe(socket);
  }, options);
}

/** The result of one attempt, and the resources that it left open. */
interface Outcome {
  readonly connection: Connection | null;
  readonly error: unknown;
  /** True if the test has reached the moment of the abort. */
  readonly isAborted: boolean;
}

/**
 * Starts an attempt, and aborts it at the `moment`-th event of any stream, before or after the listeners of this event.
 * @returns a promise that resolves when the attempt has settled and its connection, if there is one, is closed
 */
async function dialAborted(
  moment: number,
  isBefore: boolean,
  url: string,
  options: ConnectOptions,
  reason: unknown,
): Promise<Outcome> {
  const controller = new AbortController();
  const events = atEvent(moment, isBefore, () => controller.abort(reason));
  let connection: Connection | null = null;
  let error: unknown = null;
  try {
    connection = await connect(url, { ...options, signal: controller.signal });
  } catch (thrown) {
    error = thrown;
  } finally {
    events.restore();
  }
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  if (connection === null) {
    // All sockets of the attempt must be destroyed. Then their other ends close as well.
    while (events.sockets.some((socket) => !socket.destroyed)) await new Promise(setImmediate);
  } else {
    connection.terminate();
    await connection.closed;
  }
  return { connection, error, isAborted: controller.signal.aborted };
}

type Route = { readonly url: string; readonly options: ConnectOptions };

const routes: Record<string, () => Promise<Route>> = {
  'TCP and compression': async () => {
    const { port } = await scripted(accepts);
    const lookup = ((_name: string, _options: unknown, callback: (error: null, addresses: unknown) => void) =>
      process.nextTick(callback, null, [{ address: '127.0.0.1', family: 4 }])) as never;
    return { url: `ws://name.example:${port}/`, options: { tcp: { lookup } } };
  },
  'a redirect': async () => {
    const { port } = await scripted(accepts);
    const first = await scripted(({ socket }) =>
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${port}/\r\nContent-Length: 0\r\n\r\n`),
    );
    return { url: `ws://127.0.0.1:${first.port}/`, options: { redirects: 1 } };
  },
  'an https proxy and TLS to the server': async () => {
    const { port } = await scripted(accepts, { tls });
    const proxy = await proxyTo(port, { tls });
    return {
      url: 'wss://localhost/',
      options: { proxy: `https://localhost:${proxy.port}`, tls: { ca }, tcp: { family: 4 } },
    };
  },
};

describe('FAULT-3: an abort at any event of any socket', () => {
  test.each(Object.entries(routes))(
    'FAULT-3: the aborted attempt through %s rejects with the reason, leaves no socket and releases the compression budget',
    async (_name, make) => {
      const { url, options } = await make();
      for (const isBefore of [true, false]) {
        let rejected = 0;
        for (let moment = 1; ; moment++) {
          const budget = new CompressionBudget();
          const reason = { moment };
          const compression = { budget };
          const outcome = await dialAborted(moment, isBefore, url, { ...options, compression }, reason);
          expect([moment, budget.used]).toEqual([moment, 0]);
          if (outcome.connection === null) {
            expect(outcome.error).toBe(reason);
            rejected++;
          } else if (!outcome.isAborted) break;
        }
        // Every step has its own events: the look-up of the name, TCP, TLS, the request and the answer.
        expect(rejected).toBeGreaterThan(10);
      }
    },
  );
});

describe('FAULT-3: an abort between the 101 and the end of dial', () => {
  /** Starts an attempt over a Duplex in memory. The response arrives in one piece. Aborts after this number of microtasks. */
  async function abortAfter(
    microtasks: number,
  ): Promise<{ opened: boolean; used: number; destroyed: boolean }> {
    const [ours, theirs] = duplexPair();
    const budget = new CompressionBudget();
    const controller = new AbortController();
    let request = '';
    theirs.on('data', (chunk: Buffer) => {
      request += chunk.toString('latin1');
      const key = /Sec-WebSocket-Key: (\S+)/.exec(request)?.[1];
      if (key === undefined || !request.endsWith('\r\n\r\n')) return;
      ours.once('data', () => {
        let left = microtasks;
        const step = (): void => {
          if (left-- === 0) controller.abort(new Error('now'));
          else queueMicrotask(step);
        };
        step();
      });
      theirs.write(
        `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${deflate}\r\n`,
      );
    });
    const result = await connect('ws://memory.example/', {
      socket: ours,
      compression: { budget },
      signal: controller.signal,
    }).catch((error: Error) => error.message);
    const opened = typeof result !== 'string';
    if (!opened) expect(result).toBe('now');
    const { used } = budget;
    const { destroyed } = ours;
    if (opened) {
      result.terminate();
      await result.closed;
      expect(budget.used).toBe(0);
    }
    return { opened, used, destroyed };
  }

  test('FAULT-3: an abort after any number of microtasks either comes too late or releases the 36,864 bytes of the compression budget', async () => {
    const outcomes = [];
    for (let microtasks = 0; microtasks < 30; microtasks++) outcomes.push(await abortAfter(microtasks));
    for (const { opened, used, destroyed } of outcomes) {
      expect({ used, destroyed }).toEqual(
        opened ? { used: 36_864, destroyed: false } : { used: 0, destroyed: true },
      );
    }
    // Some aborts happen before the end of the attempt, and some happen after it.
    expect(new Set(outcomes.map(({ opened }) => opened)).size).toBe(2);
    expect(outcomes.filter(({ opened }) => !opened).length).toBeGreaterThan(1);
  });
});

test('FAULT-3: if the application passes a socket that has already ended, the attempt fails immediately, even without a deadline', async () => {
  const [ours, theirs] = duplexPair();
  theirs.end();
  ours.resume();
  await new Promise((resolve) => ours.once('end', resolve));
  await expect(
    connect('ws://memory.example/', { socket: ours, handshakeTimeout: Number.POSITIVE_INFINITY }),
  ).rejects.toMatchObject({ code: 'WS_DIAL_CLOSED', stage: 'http' });
  expect(ours.destroyed).toBe(true);
});
