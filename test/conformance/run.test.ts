/** Tests whole runs of the judge in this process. The judge tests correct and broken peers, over a Duplex and over TCP. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type CaseResult, runClientCases, runServerCases } from '../../conformance/index.ts';
import { acceptOf, parseHead, valuesOf } from '../../conformance/wire/head.ts';
import { duplexPair } from './pair.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const verdicts = (results: readonly CaseResult[]): Record<string, string> =>
  Object.fromEntries(results.map((one) => [one.id, `${one.behavior} ${one.behaviorClose}`]));

function echo(server: WebSocketServer): void {
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
  });
}

/** Starts a server that answers the handshake, and then calls `peer` with the socket. @returns the URL of the server */
async function rawServer(peer: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    let head = '';
    socket.on('error', () => {});
    socket.on('data', function read(chunk: Buffer) {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      const accept = acceptOf(valuesOf(parseHead(head), 'Sec-WebSocket-Key')[0] ?? '');
      const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write(`${[...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n')}`);
      peer(socket);
    });
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Options with short time limits, for peers that reach every time limit. Tests of other peers use the usual limits. */
const hasty = { timeFactor: 0.05, agent: 'test' };

describe('the conformance judge tests a server', () => {
  test('the judge can test a server in this process over a Duplex', async () => {
    const http = createHttpServer();
    echo(new WebSocketServer({ server: http, perMessageDeflate: true }));
    const results = await runServerCases({
      agent: 'ws',
      connect: () => {
        const [mine, yours] = duplexPair();
        http.emit('connection', yours);
        return mine;
      },
      cases: ['1.*', '2.2', '5.15', '7.7.1', '12.1.4', '13.3.4'],
    });
    expect(results.length).toBe(21);
    expect(new Set(Object.values(verdicts(results)))).toEqual(new Set(['OK OK']));
  });

  test('the judge tests a server over TCP, and the name of the agent is the Server field of the answer', async () => {
    const http = createHttpServer();
    const server = new WebSocketServer({ server: http });
    server.on('headers', (headers) => headers.push('Server: some/1.0'));
    echo(server);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    closers.push(() => http.close());
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    const told: string[] = [];
    const results = await runServerCases({
      url,
      cases: ['1.1.1', '12.1.1'],
      onResult: ({ id }) => told.push(id),
    });
    expect(verdicts(results)).toEqual({ '1.1.1': 'OK OK', '12.1.1': 'UNIMPLEMENTED OK' });
    expect(results.map(({ agent, passed }) => [agent, passed])).toEqual([
      ['some/1.0', true],
      ['some/1.0', true],
    ]);
    expect(told.sort()).toEqual(['1.1.1', '12.1.1']);
    const [first] = results;
    expect(first!.timeline.map(({ kind }) => kind)).toContain('frame');
    expect(first!.request).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(first!.answer).toMatch(/^HTTP\/1\.1 101 /);
  });

  test('a server that is silent after the handshake fails all cases, and each timed-out case runs twice', async () => {
    const url = await rawServer((socket) => socket.resume());
    const results = await runServerCases({ ...hasty, url, cases: ['1.1.1', '3.1', '7.9.1', '9.1.1'] });
    expect(results.map(({ passed, rerun }) => [passed, rerun])).toEqual(
      Array.from({ length: 4 }, () => [false, true]),
    );
    expect(verdicts(results)['3.1']).toBe('OK FAILED');
  });

  test('a server that drops TCP passes only the cases that allow a dropped connection', async () => {
    const url = await rawServer((socket) => socket.once('data', () => socket.destroy()));
    const cases = ['1.1.1', '3.1', '6.3.1', '7.7.1', '7.9.1'];
    const results = await runServerCases({ agent: 'test', url, cases });
    expect(verdicts(results)).toEqual({
      '1.1.1': 'FAILED FAILED',
      '3.1': 'OK OK',
      '6.3.1': 'OK OK',
      '7.7.1': 'OK UNCLEAN',
      '7.9.1': 'OK OK',
    });
  });

  test('a server that masks its frames fails, and the judge closes the connection with 1002', async () => {
    const url = await rawServer((socket) =>
      socket.once('data', () => {
        socket.write(Buffer.from('818101020304', 'hex'));
        // The server ends TCP after the Close frame of the judge.
        socket.once('data', () => socket.end());
      }),
    );
    const [result] = await runServerCases({ agent: 'test', url, cases: ['1.1.1'] });
    expect(result).toMatchObject({
      passed: false,
      violation: 'a masked frame of a server',
      close: { first: 'judge', sent: { code: 1002 } },
    });
  });

  test('the judge does not repeat a case that timed out, if an earlier run recorded this timeout', async () => {
    const url = await rawServer((socket) => socket.resume());
    const isKnown = ({ id, passed }: CaseResult): boolean => id === '1.1.1' && !passed;
    const told: string[] = [];
    const results = await runServerCases({
      ...hasty,
      url,
      cases: ['1.1.1', '1.1.2'],
      isKnown,
      onResult: ({ id }) => told.push(id),
    });
    expect(results.map(({ passed, rerun }) => [passed, rerun])).toEqual([
      [false, false],
      [false, true],
    ]);
    expect(told).toEqual(['1.1.1', '1.1.2']);
  });

  test('a case is marked as flaky if it was too slow the first time and passed the second time', async () => {
    let connections = 0;
    const url = await rawServer((socket) => {
      connections += 1;
      if (connections === 1) return socket.resume();
      socket.on('data', (chunk) => {
        if (chunk[0] === 0x81) socket.write(Buffer.from('8100', 'hex'));
        if (chunk[0] === 0x88) socket.end(Buffer.from('880203e8', 'hex'));
      });
    });
    // In the second run, the time limits are three times as long.
    const [result] = await runServerCases({ ...hasty, timeFactor: 0.2, url, cases: ['1.1.1'] });
    expect(result).toMatchObject({ passed: true, rerun: true, flaky: true });
  });

  test('if a case of level MAY was too slow, the judge runs the case a second time', async () => {
    let connections = 0;
    const url = await rawServer((socket) => {
      connections += 1;
      if (connections === 1) return socket.resume();
      socket.once('data', () => socket.end(Buffer.from('810548656c6c6f880203e8', 'hex')));
    });
    const [result] = await runServerCases({ ...hasty, timeFactor: 0.2, url, cases: ['28.3.10'] });
    expect(result).toMatchObject({ behavior: 'OK', rerun: true, flaky: true });
  });

  test('if the server sends wrong data, the judge does not wait longer and does not repeat the case', async () => {
    const url = await rawServer((socket) =>
      socket.on('data', (chunk) => {
        if (chunk[0] === 0x81) socket.write(Buffer.from('810121', 'hex'));
        if (chunk[0] === 0x88) socket.end(Buffer.from('8800', 'hex'));
      }),
    );
    const [result] = await runServerCases({ agent: 'test', url, cases: ['1.1.2'] });
    expect(result).toMatchObject({ passed: false, rerun: false, received: [['message', '!', false]] });
    expect(result!.timeline.map(({ text }) => text)).toContain('the events cannot become the expected ones');
  });

  test('if a case allows a refusal, a server passes if it answers with an HTTP error or closes TCP', async () => {
    const refusals = ['HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', ''];
    for (const answer of refusals) {
      const server = createServer((socket) => socket.once('data', () => socket.end(answer)));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      closers.push(() => server.close());
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const results = await runServerCases({ agent: 'test', url, cases: ['20.11.2', '20.11.8'] });
      expect(verdicts(results)).toEqual({ '20.11.2': 'FAILED FAILED', '20.11.8': 'OK OK' });
    }
  });

  test('the judge reports a server that cannot be reached', async () => {
    const url = await rawServer(() => {});
    await closers.pop()!();
    await expect(runServerCases({ url, cases: ['1.1.1'] })).rejects.toThrow(/ECONNREFUSED/);
    const results = await runServerCases({ ...hasty, url, cases: ['1.1.1', '1.1.2'] });
    expect(results.map(({ passed, result }) => [passed, /No connection could be made/.test(result)])).toEqual(
      [
        [false, true],
        [false, true],
      ],
    );
  });
});

describe('the conformance judge tests a client', () => {
  /** Runs the cases one after the other, as Autobahn's clients do. The client is that of the package ws. */
  const loop = async (url: string, agent: string, only = Number.POSITIVE_INFINITY): Promise<void> => {
    const talk = (
      path: string,
      message: (socket: WebSocket, data: Buffer, isBinary: boolean) => void,
    ): Promise<void> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${url}${path}`);
        socket.on('message', (data, isBinary) => message(socket, data as Buffer, isBinary));
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
    let count = 0;
    await talk('/getCaseCount', (_socket, data) => {
      count = Number(data);
    });
    for (let number = 1; number <= Math.min(count, only); number++) {
      await talk(`/runCase?case=${number}&agent=${agent}`, (socket, data, isBinary) =>
        socket.send(data, { binary: isBinary }),
      );
    }
    await talk(`/updateReports?agent=${agent}`, () => {});
  };

  test('a client that follows the protocol passes', async () => {
    const results = await runClientCases({
      agent: 'ws',
      cases: ['1.*', '2.5', '5.3', '7.7.1', '12.1.4', '13.5.4'],
      start: (url, agent) => loop(url, agent),
    });
    expect(results.length).toBe(21);
    expect(new Set(Object.values(verdicts(results)))).toEqual(new Set(['OK OK']));
    expect(results[0]).toMatchObject({ agent: 'ws', peer: 'client', duration: expect.any(Number) });
  });

  test('a client fails a case if it does not run the case', async () => {
    const start = (url: string, agent: string): Promise<void> => loop(url, agent, 1);
    const results = await runClientCases({ agent: 'ws', cases: ['1.1.1', '1.1.2'], start, parallel: 1 });
    expect(results.map(({ passed }) => passed)).toEqual([true, false]);
    expect(results[1]?.result).toMatch(/did not run/);
  });

  test('if the process of a client ends during a case, the case fails, and the judge starts the client again for the other cases', async () => {
    const starts: string[] = [];
    const start = async (url: string, agent: string): Promise<void> => {
      starts.push(agent);
      await loop(url, agent, 2);
      if (starts.length === 1) throw new Error('it fell over');
    };
    const told: string[] = [];
    const results = await runClientCases({
      agent: 'ws',
      cases: ['1.1.*'],
      exclude: ['1.1.5', '1.1.6', '1.1.7', '1.1.8'],
      start,
      parallel: 1,
      onResult: ({ id }) => told.push(id),
    });
    expect(results.map(({ id, behavior }) => `${id} ${behavior}`)).toEqual([
      '1.1.1 OK',
      '1.1.2 FAILED',
      '1.1.3 OK',
      '1.1.4 OK',
    ]);
    expect(results[1]).toMatchObject({
      passed: false,
      result: 'The client did not go on after this case: it fell over.',
    });
    expect(told).toEqual(['1.1.1', '1.1.2', '1.1.3', '1.1.4']);
    expect(starts).toHaveLength(2);
  });

  test('the judge ends the process of a client that does nothing, and this client fails all cases', async () => {
    const start = (_url: string, _agent: string, signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    const results = await runClientCases({ ...hasty, cases: ['1.1.1'], start });
    expect(results[0]).toMatchObject({ passed: false, result: expect.stringMatching(/did nothing for 1 s/) });
  });
});
