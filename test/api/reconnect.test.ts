/** Tests `Reconnection`, a client that connects again after a loss: its attempts, its events, its queue of messages, and `stop`. */
import { connect as connectTcp, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Reconnection, reconnect } from '../../src/api/reconnect.ts';
import type { ReconnectCause } from '../../src/api/reconnect-cause.ts';
import type { ReconnectOptions } from '../../src/api/reconnect-options.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { CompressionBudget } from '../../src/deflate/budget.ts';
import { random } from '../frame/harness.ts';
import { atEvent } from '../transport/every-event.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { FakeClock, type FakeConnection, FakeNetwork, refused, settled } from './fake-dial.ts';

afterEach(closeServers);

interface Line {
  readonly clock: FakeClock;
  readonly network: FakeNetwork<undefined>;
  readonly client: Reconnection;
  readonly events: string[];
}

function setUp(options: Partial<ReconnectOptions> = {}): Line {
  const clock = new FakeClock();
  const network = new FakeNetwork<undefined>();
  const events: string[] = [];
  const client = new Reconnection('ws://fake.example/', {
    clock,
    dial: network.dial,
    random: () => 0.5,
    ...options,
    handlers: {
      open: () => void events.push('open'),
      message: (_connection, message) => void events.push(`message ${message}`),
      close: (_connection, code) => void events.push(`close ${code}`),
      failed: (_error, retries, wait) => void events.push(`failed ${retries} ${wait}`),
      ended: (cause) =>
        void events.push(`ended ${cause.kind === 'closed' ? cause.info.code : cause.error.message}`),
      ...options.handlers,
    },
  });
  return { clock, network, client, events };
}

/** Ends the wait for the next attempt, and then ends this attempt. */
async function retry({ clock, network }: Line): Promise<FakeConnection<undefined> | null> {
  expect(clock.next()).toBe(true);
  await settled();
  const connection = network.settle();
  await settled();
  return connection;
}

async function opened(line: Line): Promise<FakeConnection<undefined>> {
  const started = line.client.start();
  await settled();
  const connection = line.network.settle()!;
  expect(await started).toBe(connection);
  return connection;
}

describe('the wait before the next attempt', () => {
  test('C21: after a lost connection the first wait is random, up to 5 s; the later waits grow exponentially', async () => {
    const line = setUp();
    const connection = await opened(line);
    line.network.kill();
    expect(connection.state).toBe('closed');
    expect(line.client.state).toBe('waiting');
    for (let attempt = 0; attempt < 9; attempt++) await retry(line);
    // `random` returns 0.5. So the first wait is half of 5 s. The later waits are three quarters of 1, 2, 4 … 60 s, because only half of
    // each wait is random.
    expect(line.clock.delays).toEqual([
      2_500, 750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000,
    ]);
  });

  test('C21: clients that lose the same server do not reconnect at the same time', async () => {
    const delays: number[] = [];
    for (let client = 0; client < 200; client++) {
      const clock = new FakeClock();
      const network = new FakeNetwork<undefined>();
      const own = new Reconnection('ws://fake.example/', { clock, dial: network.dial });
      const started = own.start();
      await settled();
      network.settle();
      await started;
      network.kill();
      delays.push(...clock.delays);
      await own.stop();
    }
    expect(delays).toHaveLength(200);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThan(5_000);
    expect(new Set(delays).size).toBeGreaterThan(190);
    const early = delays.filter((delay) => delay < 2_500).length;
    expect(early).toBeGreaterThan(60);
    expect(early).toBeLessThan(140);
  });

  test('C21: without jitter the waits are exact, begin with the shortest wait after each connection, and never exceed the maximum of setTimeout', async () => {
    const line = setUp({ backoff: { first: 0, base: 100, max: 1_000, jitter: 0 } });
    await opened(line);
    line.network.kill();
    for (let attempt = 0; attempt < 6; attempt++) await retry(line);
    line.network.isUp = true;
    await retry(line);
    line.network.kill();
    for (let attempt = 0; attempt < 2; attempt++) await retry(line);
    expect(line.clock.delays).toEqual([0, 100, 200, 400, 800, 1_000, 1_000, 0, 100, 200]);
    await line.client.stop();

    const patient = setUp({ backoff: { first: 0, base: 1, max: 1e12, jitter: 0 } });
    patient.network.isUp = false;
    patient.client.start().catch(() => {});
    await settled();
    patient.network.settle();
    await settled();
    for (let attempt = 0; attempt < 34; attempt++) await retry(patient);
    // If a delay is longer than 2 ** 31 - 1 ms, a timer fires immediately.
    expect(patient.clock.delays.at(25)).toBe(2 ** 25);
    expect(patient.clock.delays.at(-1)).toBe(2_147_483_647);
    await patient.client.stop();
  });

  test('C21: if a server closes each connection immediately, the waits grow as after failed attempts', async () => {
    const steady = (line: Line, milliseconds: number): void => {
      line.clock.now += milliseconds;
    };
    const line = setUp({ backoff: { first: 0, base: 100, max: 1_000, jitter: 0 } });
    let connection = await opened(line);
    for (let loss = 0; loss < 7; loss++) {
      steady(line, 4_999);
      connection.end(1013, 'try again later', true);
      connection = (await retry(line))!;
    }
    expect(line.clock.delays.splice(0)).toEqual([0, 100, 200, 400, 800, 1_000, 1_000]);
    // After a connection of at least 5 s, the waits start again. After failed attempts, a short connection also starts the waits again.
    steady(line, 5_000);
    connection.end(1006, '', false);
    connection = (await retry(line))!;
    line.network.kill();
    await retry(line);
    line.network.isUp = true;
    await retry(line);
    line.network.kill();
    expect(line.clock.delays).toEqual([0, 0, 100, 0]);
    expect(line.client.retries).toBe(0);
    await line.client.stop();
  });

  test('`min` is the shortest wait after a failed attempt, and a function as `backoff` is called for each wait', async () => {
    let max = 0;
    const line = setUp({ backoff: () => ({ first: 0, base: 100, max, min: 7, jitter: 0 }) });
    await opened(line);
    line.network.kill();
    await retry(line);
    max = 150;
    await retry(line);
    await retry(line);
    expect(line.clock.delays).toEqual([0, 7, 150, 150]);
  });

  test('an invalid result of a `backoff` function causes a warning, and the default is used', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    const line = setUp({ backoff: () => ({ max: Number.NaN }) });
    await opened(line);
    line.network.kill();
    await settled();
    process.off('warning', listener);
    expect(line.clock.delays).toEqual([2_500]);
    expect(warnings).toEqual(['backoff.max is NaN, not a number of milliseconds']);
  });

  test.each([[{ first: -1 }], [{ base: Number.NaN }], [{ max: '1' }], [{ min: null }], [{ jitter: 1.1 }]])(
    'the constructor refuses invalid options of the back-off: %j',
    (backoff) => {
      expect(() => new Reconnection('ws://a/', { backoff: backoff as never })).toThrow(RangeError);
    },
  );
});

describe('the events', () => {
  test('the client calls `open`, `message`, `close`, `failed` and again `open`, with one `close` for each `open`', async () => {
    const line = setUp();
    const connection = await opened(line);
    connection.receive('one');
    line.network.kill();
    await retry(line);
    await retry(line);
    line.network.isUp = true;
    await retry(line);
    expect(line.events).toEqual([
      'open',
      'message one',
      'close 1006',
      'failed 1 750',
      'failed 2 1500',
      'open',
    ]);
    expect(line.client.retries).toBe(0);
    expect(line.client.state).toBe('open');
  });

  test('after a close by the peer, the client connects again unless shouldReconnect returns false', async () => {
    const causes: [ReconnectCause, number][] = [];
    const line = setUp({
      shouldReconnect(cause, retries) {
        causes.push([cause, retries]);
        return cause.kind === 'failed' || cause.info.code !== 1000;
      },
    });
    let connection = await opened(line);
    connection.closeByPeer(1001, 'restart');
    line.network.settleClosing();
    connection = (await retry(line))!;
    connection.closeByPeer(1000, 'done');
    line.network.settleClosing();
    expect(line.events).toEqual(['open', 'close 1001', 'open', 'close 1000', 'ended 1000']);
    expect(line.client.isActive).toBe(false);
    expect(line.clock.pending).toBe(0);
    const nothingSent = { sentCode: null, sentReason: '', error: null };
    expect(causes[0]).toEqual([
      {
        kind: 'closed',
        info: { code: 1001, reason: 'restart', wasClean: true, byPeer: true, ...nothingSent },
      },
      0,
    ]);
    // The application may start the client again.
    await opened(line);
    expect(line.events.at(-1)).toBe('open');
  });

  test('the client calls shouldReconnect a second time at the end of the wait', async () => {
    let wanted = true;
    const line = setUp({ shouldReconnect: () => wanted });
    await opened(line);
    line.network.kill();
    wanted = false;
    expect(line.clock.next()).toBe(true);
    await settled();
    expect(line.network.dials).toBe(1);
    expect(line.events).toEqual(['open', 'close 1006', 'ended 1006']);
  });

  test('an exception of shouldReconnect is reported, and the client then makes no further attempt', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    const line = setUp({
      shouldReconnect() {
        throw new Error('undecided');
      },
    });
    await opened(line);
    line.network.kill();
    await settled();
    process.off('warning', listener);
    expect(warnings).toEqual(['undecided']);
    expect(line.events.at(-1)).toBe('ended 1006');
  });

  test('if the first attempt fails, `start` waits for a later attempt, but with retryFirst: false `start` rejects', async () => {
    const line = setUp();
    line.network.isUp = false;
    const started = line.client.start();
    await settled();
    line.network.settle();
    await settled();
    await retry(line);
    line.network.isUp = true;
    const connection = await retry(line);
    expect(await started).toBe(connection);
    expect(line.events).toEqual(['failed 1 750', 'failed 2 1500', 'open']);

    const impatient = setUp({ retryFirst: false });
    impatient.network.isUp = false;
    const failing = expect(impatient.client.start()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await settled();
    impatient.network.settle();
    await failing;
    expect(impatient.events).toEqual([]);
    expect(impatient.client.state).toBe('stopped');
  });

  test('if the options are invalid, the client makes no further attempt', async () => {
    const line = setUp();
    line.network.isUp = false;
    const failing = expect(line.client.start()).rejects.toThrow('headers');
    await settled();
    line.network.settle(new TypeError('headers'));
    await failing;
    expect(line.events).toEqual(['ended headers']);
    await expect(new Reconnection('ftp://a.example/').start()).rejects.toMatchObject({ stage: 'url' });
  });

  test('FAULT-10: a Reconnection refuses options of `connect` that have no effect, even if a function returns these options', async () => {
    const signal = new AbortController().signal;
    for (const [name, connect] of Object.entries({
      handlers: { handlers: { message: () => {} } },
      signal: { signal },
    })) {
      expect(() => new Reconnection('ws://a/', { connect: connect as never })).toThrow(`no option "${name}"`);
      const line = setUp({ connect: (() => connect) as never });
      await expect(line.client.start()).rejects.toThrow(`no option "${name}"`);
      expect(line.network.dials).toBe(0);
    }
  });

  test('a second call of `start` rejects, whether the client is connected or waits for the next attempt', async () => {
    const line = setUp();
    await opened(line);
    await expect(line.client.start()).rejects.toThrow(TypeError);
    line.network.kill();
    await expect(line.client.start()).rejects.toThrow('already started');
  });

  test('functions may return the URL and the options of each attempt, and an exception of such a function is a failed attempt', async () => {
    let token = 0;
    const seen: unknown[] = [];
    const line = setUp();
    const client = new Reconnection(async () => 'ws://fake.example/async', {
      clock: line.clock,
      random: () => 0,
      dial: (url, options) => {
        seen.push(options.headers);
        return line.network.dial(url, options);
      },
      connect: async () => {
        if (++token === 2) throw new Error('no token');
        return { headers: { Authorization: `Bearer ${token}` } };
      },
    });
    client.start().catch(() => {});
    await settled();
    expect(line.network.attempts[0]?.url).toBe('ws://fake.example/async');
    line.network.settle();
    line.network.kill();
    line.network.isUp = true;
    line.clock.next();
    await settled();
    expect(client.state).toBe('waiting');
    line.clock.next();
    await settled();
    expect(seen).toEqual([{ Authorization: 'Bearer 1' }, { Authorization: 'Bearer 3' }]);
    await client.stop();
  });

  test('if the `close` handler throws, the client still connects again; if `failed` rejects, a warning is emitted', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    const line = setUp({
      handlers: {
        failed: async () => {
          throw new Error('in failed');
        },
        close() {
          throw new Error('in close');
        },
      },
    });
    const connection = await opened(line);
    line.network.isUp = false;
    expect(() => connection.end(1006, '', false)).toThrow('in close');
    expect(line.client.state).toBe('waiting');
    await retry(line);
    await settled();
    process.off('warning', listener);
    expect(warnings).toEqual(['in failed']);
    expect(line.client.state).toBe('waiting');
  });
});

describe('the queue of messages that wait for a connection', () => {
  test('queued messages are sent on the next connection, after the messages that the `open` handler sends', async () => {
    const line = setUp({ handlers: { open: (connection) => void connection.send('login') } });
    expect(line.client.send('not started')).toBe('refused');
    const started = line.client.start();
    const bytes = Buffer.from('bytes');
    expect(line.client.send('one')).toBe('queued');
    expect(line.client.send(bytes)).toBe('queued');
    bytes.fill(0);
    expect(line.client.queuedAmount).toBe(128 + 3 + 128 + 5);
    await settled();
    const connection = line.network.settle()!;
    await started;
    expect(connection.sent.map(String)).toEqual(['login', 'one', Buffer.from('bytes').join()]);
    expect(line.client.queuedAmount).toBe(0);
    expect(line.client.send('now')).toBe('sent');
    expect(connection.sent.at(-1)).toBe('now');
  });

  test('the queue has a limit, empty messages count towards the limit, and `stop` discards the queue', async () => {
    const line = setUp({ maxQueued: 1_000 });
    await opened(line);
    line.network.kill();
    const outcomes = Array.from({ length: 9 }, () => line.client.send(''));
    expect(outcomes.filter((outcome) => outcome === 'queued')).toHaveLength(7);
    expect(outcomes.at(-1)).toBe('refused');
    await line.client.stop();
    expect(line.client.queuedAmount).toBe(0);
    expect(line.client.send('')).toBe('refused');
  });

  test('FAULT-3: `send` throws for invalid options immediately, with or without a connection', async () => {
    const line = setUp();
    line.client.start().catch(() => {});
    const calls: [options: object, error: RegExp][] = [
      [{ compres: true }, /did you mean "compress"/],
      [{ fragmentSize: 0 }, /fragmentSize is 0/],
      [{ fragmentSize: 1.5 }, /fragmentSize is 1.5/],
      [{ fragmentSize: '4' }, /fragmentSize is '4'/],
      [{ fragmentSize: 4, lastFragmentSize: 3 }, /lastFragmentSize is 3/],
      [[], /not an object/],
    ];
    expect(line.client.send('before')).toBe('queued');
    for (const [options, error] of calls) {
      expect(() => line.client.send('waits', options as never), JSON.stringify(options)).toThrow(error);
    }
    const options = { compress: false };
    expect(line.client.send('after', options)).toBe('queued');
    options.compress = true;
    await settled();
    const connection = line.network.settle()!;
    // Only the messages with valid options are sent, with the options of their calls.
    expect(connection.sent).toEqual(['before', 'after']);
    expect(connection.options).toEqual([undefined, { compress: false }]);
    expect(line.client.queuedAmount).toBe(0);
    line.network.kill();
    await line.client.stop();
  });

  test('FAULT-3: after `send` has thrown for invalid options, the connection stays open, and all queued messages arrive', async () => {
    const received: string[] = [];
    const { port } = await startServer({
      message: (_connection, message) => void received.push(String(message)),
    });
    await using client = reconnect(`ws://127.0.0.1:${port}/`);
    client.send('one');
    expect(() => client.send('two', { fragmentSize: -1 })).toThrow(RangeError);
    client.send('three', { fragmentSize: 2 });
    while (received.length < 2) await settled();
    expect(received).toEqual(['one', 'three']);
    expect(client.state).toBe('open');
  });

  test('FAULT-3: if the connection fails while the queue is sent, the remaining messages wait for the next connection', async () => {
    const line = setUp({
      handlers: {
        open: (connection) => {
          if (line.network.dials > 1) return;
          const send = connection.send.bind(connection);
          connection.send = (message) => {
            send(message);
            if (message === 'two') line.network.kill();
            return true;
          };
        },
      },
    });
    line.client.start().catch(() => {});
    for (const message of ['one', 'two', 'three']) line.client.send(message);
    await settled();
    const first = line.network.settle()!;
    expect(first.sent).toEqual(['one', 'two']);
    expect(line.client.queuedAmount).toBe(128 + 5);
    line.network.isUp = true;
    const second = (await retry(line))!;
    expect(second.sent).toEqual(['three']);
    line.network.kill();
    await line.client.stop();
  });

  test('`send` throws immediately for a value that is not a message', async () => {
    const line = setUp();
    line.client.start().catch(() => {});
    expect(() => line.client.send(7 as never)).toThrow(TypeError);
    await line.client.stop();
  });
});

describe('stop', () => {
  test('`stop` closes the connection with a code and a reason, then the `close` handler is called, and no other event follows', async () => {
    const line = setUp();
    await opened(line);
    const stopping = line.client.stop(3_000, 'enough');
    expect(line.client.state).toBe('closing');
    expect(line.client.stop()).toBe(stopping);
    let isDone = false;
    void stopping.then(() => {
      isDone = true;
    });
    await settled();
    expect(isDone).toBe(false);
    line.network.settleClosing();
    await stopping;
    expect(line.events).toEqual(['open', 'close 3000']);
    expect(line.client.state).toBe('stopped');
    expect(line.clock.pending).toBe(0);
    await line.client.stop();
  });

  test('`stop` ends the wait for the next attempt, and causes no event', async () => {
    const line = setUp();
    await opened(line);
    line.network.kill();
    await line.client.stop();
    expect(line.clock.pending).toBe(0);
    expect(line.events).toEqual(['open', 'close 1006']);
  });

  test('if `stop` is called during an attempt, the attempt ends, and `start` rejects with an AbortError', async () => {
    const line = setUp();
    const started = expect(line.client.start()).rejects.toMatchObject({ name: 'AbortError' });
    await settled();
    await line.client.stop();
    await started;
    expect(line.network.attempts).toEqual([]);
    expect(line.events).toEqual([]);
  });

  test('if a connection opens at the moment of `stop`, the connection is dropped, and no handler is called', async () => {
    const line = setUp();
    line.network.ignoresAborts = () => true;
    line.client.start().catch(() => {});
    await settled();
    const stopping = line.client.stop();
    const connection = line.network.settle()!;
    await stopping;
    line.network.settleClosing();
    expect(connection.state).toBe('closed');
    expect(line.events).toEqual([]);
  });

  test('`stop` does not wait for a URL function that never returns', async () => {
    const client = new Reconnection(() => new Promise<string>(() => {}));
    const started = expect(client.start()).rejects.toMatchObject({ name: 'AbortError' });
    await client.stop();
    await started;
  });

  test('the application may call `stop` in every handler', async () => {
    for (const name of ['open', 'message', 'close', 'failed'] as const) {
      const line: Line = setUp({ handlers: { [name]: () => void line.client.stop() } });
      const started = line.client.start().catch((error: Error) => error.name);
      await settled();
      const connection = line.network.settle()!;
      expect(await started).toEqual(name === 'open' ? 'AbortError' : connection);
      connection.receive('text');
      line.network.settleClosing();
      line.network.kill();
      await settled();
      if (name === 'failed') await retry(line);
      await settled();
      expect([name, line.client.state, line.clock.pending]).toEqual([name, 'stopped', 0]);
    }
  });

  test('`stop` throws for a close code that must not be sent, and the connection stays open', async () => {
    const line = setUp();
    await opened(line);
    expect(() => line.client.stop(1005)).toThrow(RangeError);
    expect(line.client.state).toBe('open');
  });

  test('in 10,000 random sequences of calls, no event follows the last `stop`, and no socket and no timer is left', async () => {
    const pick = random(455);
    for (let round = 0; round < 10_000; round++) {
      const line = setUp({ shouldReconnect: () => pick(8) > 0, retryFirst: pick(2) === 0 });
      line.network.ignoresAborts = () => pick(2) === 0;
      let stopping: Promise<void> = Promise.resolve();
      for (let step = 0; step < 10; step++) {
        switch (pick(8)) {
          case 0:
          case 1:
            line.client.start().catch(() => {});
            break;
          case 2:
            stopping = line.client.stop();
            break;
          case 3:
            line.network.kill();
            break;
          case 4:
            line.network.isUp = true;
            break;
          case 5:
            line.clock.next();
            break;
          case 6:
            line.network.settle();
            break;
          case 7:
            line.network.settleClosing();
        }
        if (pick(2) === 0) await Promise.resolve();
        if (line.network.connections.size > 1) {
          // A connection that is being dropped may still exist. Therefore only open connections count.
          const open = [...line.network.connections].filter(({ state }) => state === 'open');
          if (open.length > 1) expect.fail(`two connections in round ${round}`);
        }
      }
      let isStopped = false;
      stopping = line.client.stop();
      void stopping.then(() => {
        isStopped = true;
      });
      while (!isStopped) {
        line.network.settle();
        line.network.settleClosing();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const before = line.events.length;
      const { dials } = line.network;
      line.network.settleClosing();
      line.network.isUp = true;
      while (line.clock.next() || line.network.settle() !== null) await Promise.resolve();
      line.network.settleClosing();
      await new Promise((resolve) => setImmediate(resolve));
      const opens = line.events.filter((event) => event === 'open').length;
      const closes = line.events.filter((event) => event.startsWith('close')).length;
      if (
        line.events.length !== before ||
        line.network.dials !== dials ||
        line.network.connections.size > 0 ||
        line.clock.pending > 0 ||
        opens !== closes
      ) {
        expect.fail(`round ${round}: ${line.events.join(', ')}`);
      }
    }
  });
});

describe('FAULT-3: each Promise of `start` and `stop` settles, and `start` rejects with an Error if there is no connection', () => {
  const broken = {
    handlers: {
      open(): void {
        throw new Error('in open');
      },
    },
  };

  /** Opens a connection whose `open` handler throws. Then ends the connection, because a real `Connection` fails with 1011 here. */
  async function openedBroken(line: Line): Promise<void> {
    await settled();
    expect(() => line.network.settle()).toThrow('in open');
    line.network.kill();
    await settled();
  }

  test('FAULT-3: if the first call of the `open` handler throws and shouldReconnect returns false, `start` rejects with the exception', async () => {
    const line = setUp({ ...broken, shouldReconnect: () => false });
    const started = line.client.start();
    const failing = expect(started).rejects.toThrow('in open');
    await openedBroken(line);
    await failing;
    expect([line.client.state, line.clock.pending]).toEqual(['stopped', 0]);
    expect(line.events).toEqual(['close 1006', 'ended 1006']);
  });

  test('FAULT-3: if the first call of the `open` handler throws, and shouldReconnect returns false at the end of the wait, `start` rejects with the exception', async () => {
    let wanted = true;
    const line = setUp({ ...broken, shouldReconnect: () => wanted });
    const failing = expect(line.client.start()).rejects.toThrow('in open');
    await openedBroken(line);
    wanted = false;
    line.clock.next();
    await failing;
    expect(line.client.state).toBe('stopped');
  });

  test('FAULT-3: if the `open` handler throws a value that is not an Error, `start` still rejects with an Error', async () => {
    const line = setUp({
      handlers: {
        open() {
          throw { no: 'error' };
        },
      },
      shouldReconnect: () => false,
    });
    const started = line.client.start().catch((error: unknown) => error);
    await settled();
    expect(() => line.network.settle()).toThrow();
    line.network.kill();
    expect(await started).toBeInstanceOf(Error);
  });

  test('FAULT-3: if the `open` handler throws for the first connection and not for the second, `start` resolves with the second connection', async () => {
    let fails = true;
    const line = setUp({
      handlers: {
        open() {
          if (fails) throw new Error('in open');
        },
      },
    });
    const started = line.client.start();
    await openedBroken(line);
    fails = false;
    line.network.isUp = true;
    const connection = await retry(line);
    expect(await started).toBe(connection);
  });

  test('FAULT-3: over real sockets, `start` rejects if the `open` handler throws', async () => {
    const { port } = await startServer();
    const client = new Reconnection(`ws://127.0.0.1:${port}/`, { ...broken, shouldReconnect: () => false });
    await expect(client.start()).rejects.toThrow('in open');
    expect([client.state, client.connection]).toEqual(['stopped', null]);
  });

  test.each(['shouldReconnect', 'backoff', 'failed', 'ended', 'open', 'closing', 'close', 'url', 'connect'])(
    'FAULT-3: if the application calls `stop` in its function `%s`, the Promise of `stop` settles, and no timer and no attempt follows',
    async (place) => {
      for (const stopsAt of [1, 2, 3]) {
        for (const wanted of [true, false]) {
          let calls = 0;
          const stops: Promise<void>[] = [];
          const at = <Result>(name: string, result: Result): Result => {
            if (name === place && ++calls === stopsAt) stops.push(line.client.stop());
            return result;
          };
          const line: Line = setUp({
            shouldReconnect: () => at('shouldReconnect', wanted),
            backoff: () => at('backoff', {}),
            connect: () => at('connect', {}),
            handlers: {
              open: () => at('open', undefined),
              closing: () => at('closing', undefined),
              close: () => at('close', undefined),
              failed: () => at('failed', undefined),
              ended: () => at('ended', undefined),
            },
          });
          const client = new Reconnection(() => at('url', 'ws://fake.example/'), {
            clock: line.clock,
            dial: line.network.dial,
            handlers: { open: () => at('open', undefined), close: () => at('close', undefined) },
            shouldReconnect: () => wanted,
          });
          const target = place === 'url' ? Object.assign(line, { client }) : line;
          let started: unknown = null;
          target.client.start().then(
            (connection) => (started = connection),
            (error: unknown) => (started = error),
          );
          // The steps are a failed attempt, an attempt that succeeds, a close by the peer, a lost connection, and so on.
          for (const step of ['down', 'up', 'bye', 'up', 'kill', 'down', 'up', 'bye']) {
            await settled();
            line.network.isUp = step !== 'down' && step !== 'kill';
            if (step === 'kill') line.network.kill();
            else if (step === 'bye') {
              for (const connection of line.network.connections) connection.closeByPeer(1000, '');
            } else line.network.settle();
            line.network.settleClosing();
            await settled();
            if (target.client.state === 'waiting') line.clock.next();
          }
          await settled();
          if (stops.length === 0) await target.client.stop();
          else {
            line.network.settleClosing();
            await Promise.all(stops);
          }
          const what = `${place} ${stopsAt} ${wanted}`;
          expect([what, target.client.state, line.clock.pending]).toEqual([what, 'stopped', 0]);
          expect(started, what).not.toBeNull();
          const before = line.network.dials;
          await settled();
          expect(line.network.dials, what).toBe(before);
          // The application may start the client again.
          calls = Number.POSITIVE_INFINITY;
          line.network.isUp = true;
          const again = target.client.start();
          await settled();
          line.network.settle();
          await again;
          expect(target.client.state, what).toBe('open');
        }
      }
    },
  );
});

describe('over real sockets', () => {
  test('C21: if the server restarts at the same port, the client reconnects and sends the waiting messages', async () => {
    const heard: string[] = [];
    let onHeard: () => void = () => {};
    const handlers = {
      message: (_connection: unknown, message: string | Buffer) => {
        heard.push(String(message));
        onHeard();
      },
    };
    const until = async (text: string): Promise<void> => {
      while (!heard.includes(text)) await new Promise<void>((resolve) => (onHeard = resolve));
    };
    const first = await startServer(handlers);
    const events: string[] = [];
    let onLost: () => void = () => {};
    const lost = new Promise<void>((resolve) => (onLost = resolve));
    await using client = reconnect(`ws://127.0.0.1:${first.port}/`, {
      backoff: { first: 1, base: 1, max: 20 },
      handlers: {
        open: () => void events.push('open'),
        close: () => {
          events.push('close');
          onLost();
        },
        failed: () => void events.push('failed'),
      },
    });
    expect(client.send('one')).toBe('queued');
    await until('one');
    for (const connection of first.server.connections) connection.terminate();
    await first.server.shutdown();
    await lost;
    expect(client.send('two')).toBe('queued');
    const second = new WebSocketServer(handlers);
    await second.listen({ port: first.port });
    await until('two');
    await client.stop();
    await second.shutdown();
    expect(events.filter((event) => event !== 'failed')).toEqual(['open', 'close', 'open', 'close']);
    expect(client.state).toBe('stopped');
  });

  test('the option `socket` may be a function that opens a socket for each attempt, but it may not be a Duplex', async () => {
    const { server, port } = await startServer({ message() {} });
    const targets: unknown[] = [];
    const made: Socket[] = [];
    await using client = new Reconnection('ws://anywhere.example:1234/', {
      backoff: { first: 1, base: 1 },
      connect: {
        socket(target) {
          targets.push(target);
          made.push(connectTcp(port, '127.0.0.1'));
          return made.at(-1)!;
        },
      },
      handlers: { message() {} },
    });
    const first = await client.start();
    expect(first.socket).toBe(made[0]);
    for (const connection of server.connections) connection.terminate();
    await first.closed;
    while (client.state !== 'open') await new Promise(setImmediate);
    expect(client.connection?.socket).toBe(made[1]);
    const target = { host: 'anywhere.example', port: 1234, secure: false };
    expect(targets).toEqual([target, target]);
    await client.stop();

    const options = { socket: made[1] } as never;
    const message = 'connect.socket has to be a function';
    expect(() => new Reconnection('ws://a/', { connect: options })).toThrow(message);
    await expect(new Reconnection('ws://a/', { connect: () => options }).start()).rejects.toThrow(message);
  });

  test('FAULT-3: whenever the application calls `stop`, the Promise of `stop` settles, and all sockets and all reserved memory are released', async () => {
    const { port } = await startServer(
      { message: (connection, text) => void connection.send(text) },
      { compression: true },
    );
    for (const isBefore of [true, false]) {
      let isTooLate = false;
      for (let moment = 1; !isTooLate; moment++) {
        const budget = new CompressionBudget();
        const counts = { open: 0, close: 0 };
        let stopped: Promise<void> | null = null;
        let onMessage = (): void => {};
        const finished = new Promise<void>((resolve) => (onMessage = resolve));
        const client: Reconnection = new Reconnection(`ws://127.0.0.1:${port}/`, {
          connect: { compression: { budget } },
          backoff: { first: 1, base: 1, max: 1 },
          handlers: {
            open: (connection) => {
              counts.open++;
              connection.send('x');
            },
            close: () => void counts.close++,
            message: () => onMessage(),
          },
        });
        const events = atEvent(moment, isBefore, () => {
          stopped = client.stop();
        });
        const started = client.start().catch((error: Error) => error.name);
        await Promise.race([
          finished,
          started.then((result) => (result === 'AbortError' ? undefined : finished)),
        ]);
        isTooLate = stopped === null;
        events.restore();
        await (stopped ?? client.stop());
        const what = `moment ${moment}`;
        expect([what, client.state, client.connection, budget.used]).toEqual([what, 'stopped', null, 0]);
        expect(counts.open, what).toBe(counts.close);
        while (events.sockets.some((socket) => !socket.destroyed)) await settled();
        if (isTooLate) expect(moment).toBeGreaterThan(15);
      }
    }
  });

  test('with the option `unref`, the timer of a wait does not keep the process alive', async () => {
    const line = setUp({ unref: true });
    const unref = vi.fn();
    const { clock } = line;
    const setTimeout = clock.setTimeout.bind(clock);
    clock.setTimeout = (callback, delay) => Object.assign(setTimeout(callback, delay) as object, { unref });
    await opened(line);
    expect(line.network.dials).toBe(1);
    line.network.kill();
    expect(unref).toHaveBeenCalledOnce();
    await line.client.stop();
  });

  test('if the server refuses all attempts of a client, the client makes no further attempt after `stop`', async () => {
    const { port, server } = await startServer();
    await server.shutdown();
    const failures: Error[] = [];
    const client = reconnect(`ws://127.0.0.1:${port}/`, {
      backoff: { first: 0, base: 1, max: 1 },
      handlers: { failed: (error) => void failures.push(error) },
    });
    while (failures.length < 3) await settled();
    await client.stop();
    const { length } = failures;
    await settled();
    expect(failures).toHaveLength(length);
    expect(failures[0]).toMatchObject({ code: refused().code, stage: 'tcp' });
  });
});
