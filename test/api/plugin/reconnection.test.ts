/** Tests that clients of the plugins connect again after the same waits as the original plugins, and never after stop or clear. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { ClientData } from '../../../src/api/plugin/engine-client.ts';
import { random } from '../../frame/harness.ts';
import { freePort } from '../../free-port.ts';
import { closeFrame } from '../../transport/wire.ts';
import { FakeClock, type FakeConnection, FakeNetwork, settled } from '../fake-dial.ts';
import { clearSurfaces, RawServer, turn, V2 } from './support.ts';

afterEach(clearSurfaces);

interface Line {
  readonly v2: V2;
  readonly clock: FakeClock;
  readonly network: FakeNetwork<ClientData>;
  /** Ends the wait for the next attempt, and then ends this attempt. */
  retry(): Promise<FakeConnection<ClientData> | null>;
}

function setUp(): Line {
  const clock = new FakeClock();
  const network = new FakeNetwork<ClientData>();
  const v2 = new V2({ clock, dial: network.dial });
  // The connections are fake, so clearAll has nothing to close.
  v2.clearAll = () => Promise.resolve();
  return {
    v2,
    clock,
    network,
    retry: async () => {
      expect(clock.next()).toBe(true);
      await settled();
      const connection = network.settle();
      await settled();
      return connection;
    },
  };
}

async function opened(
  { v2, network }: Line,
  options: object = {},
): Promise<{ id: number; connection: FakeConnection<ClientData> }> {
  const { id = 0 } = v2.client({ URL: 'ws://fake.example/', ...options });
  const started = v2.clientStart({ id });
  await settled();
  const connection = network.settle()!;
  expect(await started).toMatchObject({ success: true });
  return { id, connection };
}

describe('the back-off', () => {
  test('plugin A0.5-3, A0.5-4, A0.5-5, A0.5-7, A0.5-9, A0.1-7: after a loss a client connects again immediately, and then after 100, 200, 400 … 10,000 ms', async () => {
    const line = setUp();
    const { id } = await opened(line);
    line.network.kill();
    for (let attempt = 0; attempt < 30; attempt++) await line.retry();
    const waits = [100, 200, 400, 800, 1_600, 3_200, 6_400, ...Array.from({ length: 23 }, () => 10_000)];
    expect(line.clock.delays).toEqual([0, ...waits]);
    await line.v2.events.idle();
    expect(line.v2.of(3, id)).toEqual(
      waits.map((wait_time, index) => ({
        retries: index + 1,
        wait_time,
        http_status: 0,
        reason: 'Unable to connect to fake.example on port 80, error: Connect error: Connection refused',
        decompressionError: false,
      })),
    );
  });

  test('plugin A0.5-8: after a successful connection, the client begins again with the shortest wait', async () => {
    const line = setUp();
    await opened(line);
    line.network.kill();
    for (let attempt = 0; attempt < 3; attempt++) await line.retry();
    line.network.isUp = true;
    await line.retry();
    line.network.kill();
    for (let attempt = 0; attempt < 2; attempt++) await line.retry();
    expect(line.clock.delays).toEqual([0, 100, 200, 400, 0, 100, 200]);
  });

  test('plugin A1.2-6, A0.5-6, C12: options set the minimum and the maximum wait of a client, and even with a maximum of 0 the client waits 1 ms between attempts', async () => {
    for (const [options, delays] of [
      [{ maxWaitBetweenReconnectionRetries: 300 }, [0, 100, 200, 300, 300]],
      [{ maxWaitBetweenReconnectionRetries: 0 }, [0, 1, 1, 1, 1]],
      [{ maxWaitBetweenReconnectionRetries: -5 }, [0, 1, 1, 1, 1]],
      [{ minWaitBetweenReconnectionRetries: 150 }, [0, 150, 200, 400, 800]],
    ] as const) {
      const line = setUp();
      await opened(line, options);
      line.network.kill();
      for (let attempt = 0; attempt < 4; attempt++) await line.retry();
      expect(line.clock.delays).toEqual(delays);
    }
  });

  test('plugin A1.3-9: while a client waits to connect again, a call of start may change the maximum wait and switch reconnection off', async () => {
    const line = setUp();
    const { id } = await opened(line);
    line.network.kill();
    await line.retry();
    await line.v2.clientStart({ id, maxWaitBetweenReconnectionRetries: 150 });
    await line.retry();
    expect(line.clock.delays).toEqual([0, 100, 150]);
    await line.v2.clientStart({ id, enableAutomaticReconnection: false });
    expect(line.clock.next()).toBe(true);
    await settled();
    expect([line.network.attempts.length, line.clock.pending]).toEqual([0, 0]);
    // The client has stopped, so this call of start connects again.
    line.network.isUp = true;
    const started = line.v2.clientStart({ id });
    await settled();
    line.network.settle();
    expect(await started).toMatchObject({ success: true });
  });
});

describe('automatic reconnection', () => {
  test('plugin A0.5-1, A0.5-2, C11: by default a client connects again, even after the server has closed with 1000, and an option switches this off', async () => {
    for (const enableAutomaticReconnection of [true, false]) {
      const line = setUp();
      const { connection } = await opened(line, { enableAutomaticReconnection });
      connection.closeByPeer(1000, 'done');
      line.network.settleClosing();
      expect(line.clock.delays).toEqual(enableAutomaticReconnection ? [0] : []);
    }
    const raw = await RawServer.start();
    const v2 = new V2();
    const { id = 0 } = v2.client({ URL: raw.url });
    await v2.clientStart({ id });
    (await raw.peer()).write(closeFrame(1000, 'done', { mask: false })).socket.end();
    await v2.got(1, id, 2);
    expect(v2.heard.map(([type]) => type)).toEqual([1, 2, 1]);
  });

  test('plugin A0.1-1, A0.1-6, A0.1-8, A0.5-7: a client that connects again emits Open, Message*, Close, Error*, Open in this order', async () => {
    const line = setUp();
    const { id, connection } = await opened(line);
    connection.receive('one');
    connection.receive('two');
    line.network.kill();
    await line.retry();
    await line.retry();
    line.network.isUp = true;
    await line.retry();
    await line.v2.events.idle();
    expect(line.v2.heard.map(([type]) => type)).toEqual([1, 0, 0, 2, 3, 3, 1]);
    expect(line.v2.of(2, id)).toEqual([{ code: 1006, reason: 'Abnormal closure', remote: false }]);
  });

  test('plugin A0.5-2, A0.5-3, A0.1-8: if a real server is killed and restarted, the client connects again', async () => {
    const port = await freePort();
    const script = fileURLToPath(new URL('echo-process.js', import.meta.url));
    const start = async (): Promise<ReturnType<typeof fork>> => {
      const child = fork(script, [String(port)]);
      await new Promise((resolve) => child.once('message', resolve));
      return child;
    };
    const first = await start();
    const v2 = new V2();
    const { id = 0 } = v2.client({ URL: `ws://127.0.0.1:${port}/` });
    expect(await v2.clientStart({ id })).toMatchObject({ success: true });
    v2.clientSend({ id, message: 'before' });
    await v2.got(0, id);
    first.kill('SIGKILL');
    await v2.got(3, id, 3);
    const second = await start();
    await v2.got(1, id, 2);
    v2.clientSend({ id, message: 'behind' });
    await v2.got(0, id, 2);
    await v2.clientStop({ id });
    second.kill('SIGKILL');
    await v2.events.idle();
    const { length } = v2.heard;
    const types = v2.heard.map(([type]) => type).join('');
    expect(types).toMatch(/^1023{3,}102$/);
    expect(v2.of(0, id).map(({ str }) => str)).toEqual(['before', 'behind']);
    expect(v2.of(3, id).map(({ retries, wait_time }) => [retries, wait_time])).toEqual(
      v2.of(3, id).map((_event, index) => [index + 1, 100 * 2 ** index]),
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    await turn();
    expect(v2.heard).toHaveLength(length);
  });
});

describe('stop and clear', () => {
  test('plugin A0.5-11, A0.5-12, C10: after 10,000 random sequences of commands, a stopped client emits no event, and no socket is left open', async () => {
    const pick = random(1_986);
    for (let round = 0; round < 10_000; round++) {
      const { v2, clock, network } = setUp();
      network.ignoresAborts = () => pick(2) === 0;
      const { id = 0 } = v2.client({ URL: 'ws://fake.example/', enableAutomaticReconnection: pick(8) > 0 });
      for (let step = 0; step < 12; step++) {
        switch (pick(9)) {
          case 0:
          case 1:
            void v2.clientStart({ id });
            break;
          case 2:
            void v2.clientStop({ id, code: 3_000 });
            break;
          case 3:
            network.kill();
            break;
          case 4:
            network.isUp = true;
            break;
          case 5:
            clock.next();
            break;
          case 6:
            network.settle();
            break;
          case 7:
            network.settleClosing();
            break;
          case 8:
            if (pick(8) === 0) void v2.clientClear({ id });
            else for (const connection of network.connections) connection.receive('text');
        }
        if (pick(2) === 0) await Promise.resolve();
        const open = [...network.connections].filter(({ state }) => state === 'open');
        if (open.length > 1) expect.fail(`two sockets in round ${round}`);
      }
      let isDone = false;
      const ending = pick(2) === 0 ? v2.clientStop({ id }) : v2.clientClear({ id });
      void ending.then(() => {
        isDone = true;
      });
      while (!isDone) {
        network.settle();
        network.settleClosing();
        await new Promise((resolve) => setImmediate(resolve));
      }
      // A client that was cleared earlier may still wait for the end of its connection.
      network.settleClosing();
      await v2.events.idle();
      const before = v2.heard.length;
      const { dials } = network;
      network.isUp = true;
      while (clock.next() || network.settle() !== null) await Promise.resolve();
      network.settleClosing();
      await v2.events.idle();
      const opens = v2.of(1).length;
      const closes = v2.of(2).length;
      const isQuiet = v2.heard.length === before && network.dials === dials && clock.pending === 0;
      if (!isQuiet || network.connections.size > 0 || opens !== closes) {
        expect.fail(`round ${round}: ${v2.heard.map(([type]) => type).join('')}`);
      }
    }
  });
});
