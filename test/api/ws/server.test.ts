/**
 * Tests differences between `WebSocketServer` of `rfc6455/ws` and the class of `ws`: requests and options that we refuse, and mistakes of
 * peers and listeners.
 */

import { createServer as createHttps } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { warned } from '../../../src/api/callback.ts';
import { processCompressionBudget } from '../../../src/deflate/budget.ts';
import { processTimers } from '../../../src/transport/timers.ts';
import { WebSocket, WebSocketServer } from '../../../src/ws.ts';
import { ca, tls } from '../../transport/servers.ts';
import { warningsOf } from '../pair.ts';
import { closed, nothingReserved, once, serveHttp } from './oracle.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const fields = [
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Key: ${KEY}`,
  'Sec-WebSocket-Version: 13',
];

async function listening(
  options: object = {},
): Promise<{ server: WebSocketServer; port: number; url: string }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  onTestFinished(() => {
    for (const one of server.clients) one.terminate();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { server, port, url: `ws://127.0.0.1:${port}` };
}

/** Sends a request with these lines to a server. @returns the answer */
async function answerTo(port: number, lines: readonly string[]): Promise<string> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    if (text.startsWith('HTTP/1.1 101')) socket.destroy();
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

describe('requests that ws accepts and that our server refuses', () => {
  test.each([
    ['two Host fields', [...fields, 'Host: other']],
    ['a body', [...fields, 'Content-Length: 5']],
    ['two keys', [...fields, `Sec-WebSocket-Key: ${KEY}`]],
    ['version 8', fields.with(4, 'Sec-WebSocket-Version: 8')],
    ['a repeated subprotocol', [...fields, 'Sec-WebSocket-Protocol: a, a']],
    ['a malformed extension', [...fields, 'Sec-WebSocket-Extensions: a;=']],
  ])(
    'a request with %s gets 400, or the answer that a listener of wsClientError sends',
    async (_name, lines) => {
      const { server, port } = await listening();
      const request = ['GET / HTTP/1.1', ...lines];
      expect(await answerTo(port, request)).toMatch(/^HTTP\/1\.1 400 /);
      const seen: unknown[] = [];
      server.on('wsClientError', (error, socket, { url }) => {
        seen.push(error instanceof Error, url);
        socket.end('HTTP/1.1 418 Own\r\nConnection: close\r\n\r\n');
      });
      expect(await answerTo(port, request)).toMatch(
        /^HTTP\/1\.1 (?:418 Own|400 Bad Request\r\nConnection: close\r\n\r\n)/,
      );
      // node:http itself answers a request with two Host fields or with a body. Our server does not receive such a request.
      expect(seen).toEqual(/Host|body/.test(_name) ? seen : [true, '/']);
    },
  );
  test('the answer to a refused request is plain text, offers only version 13, and contains no text of the request', async () => {
    const { port } = await listening();
    const answer = await answerTo(port, [
      'GET /<script> HTTP/1.1',
      ...fields.with(4, 'Sec-WebSocket-Version: 12'),
    ]);
    expect(answer).toContain('Sec-WebSocket-Version: 13\r\n');
    expect(answer).toContain('text/plain');
    expect(answer).not.toContain('<script>');
  });
});

test('the constructor throws for invalid compression options, before there is any request', () => {
  const perMessageDeflate = { serverMaxWindowBits: 99 };
  expect(() => new WebSocketServer({ noServer: true, perMessageDeflate })).toThrow(RangeError);
});

describe('verifyClient', () => {
  test('if verifyClient gives an invalid status, the answer is 401, and for an invalid header field the answer is 500', async () => {
    warned.forget();
    const answers: [number, string, object?][] = [
      [4401, 'not a status'],
      [200, 'not a refusal'],
      [403, 'fields', { 'X-Own': 'a\r\nInjected: yes' }],
    ];
    const { server, port } = await listening();
    const seen: string[] = [];
    const warnings = await warningsOf(async () => {
      for (const [code, message, headers] of answers) {
        server.options.verifyClient = (_info, answer) => answer(false, code, message, headers as never);
        seen.push(await answerTo(port, ['GET / HTTP/1.1', ...fields]));
      }
    });
    expect(seen.map((text) => text.slice(9, 12))).toEqual(['401', '401', '500']);
    expect(seen.join()).not.toContain('Injected');
    expect(warnings.length).toBe(1);
  });
  test('if verifyClient answers twice, or after the client has disconnected, no additional connection is opened', async () => {
    const { server, port } = await listening();
    const opened: unknown[] = [];
    server.on('connection', (webSocket) => opened.push(webSocket));
    let answer: ((result: boolean) => void) | undefined;
    server.options.verifyClient = (_info, later) => {
      answer = later;
    };
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`${['GET / HTTP/1.1', ...fields].join('\r\n')}\r\n\r\n`);
    await vi.waitFor(() => expect(answer).toBeDefined());
    socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer!(true);
    expect(opened).toEqual([]);
    server.options.verifyClient = (_info, later) => {
      later(true);
      later(false);
      later(true);
    };
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(client, 'open');
    expect(opened.length).toBe(1);
    client.close();
    await closed(client as never);
  });
  test('if the client disconnects before verifyClient answers, the server stops waiting and opens no connection', async () => {
    const { server, port } = await listening();
    const completed = vi.spyOn(server, 'completeUpgrade');
    let answer: ((result: boolean) => void) | undefined;
    let left = false;
    server.options.verifyClient = ({ req }, later) => {
      answer = later;
      req.socket.on('close', () => {
        left = true;
      });
    };
    const waits = vi.spyOn(processTimers, 'remove');
    onTestFinished(() => waits.mockRestore());
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`${['GET / HTTP/1.1', ...fields].join('\r\n')}\r\n\r\n`);
    await vi.waitFor(() => expect(answer).toBeDefined());
    socket.resetAndDestroy();
    await vi.waitFor(() => expect(left).toBe(true));
    expect(waits.mock.calls.map(([timer]) => timer.delay)).toContain(60_000);
    answer!(true);
    expect(completed).not.toHaveBeenCalled();
  });
  test('verifyClient may pass null for each missing part of its answer', async () => {
    const { server, port } = await listening();
    server.options.verifyClient = (_info, answer) => answer(false, 403, null as never, null as never);
    const text = await answerTo(port, ['GET / HTTP/1.1', ...fields]);
    expect(text.slice(9)).toMatch(/^403 Forbidden\r\n(?:.*\r\n)*\r\nForbidden$/);
  });
  test('for a request with WebSocket version 8, the server calls verifyClient as ws does, and then refuses the request', async () => {
    const asked: unknown[] = [];
    const { port } = await listening({
      verifyClient: ({ origin }: { origin: string }) => {
        asked.push(origin);
        return true;
      },
    });
    const lines = [
      'GET / HTTP/1.1',
      ...fields.with(4, 'Sec-WebSocket-Version: 8'),
      'Origin: http://a.example',
    ];
    expect(await answerTo(port, lines)).toMatch(/^HTTP\/1\.1 400 /);
    expect(asked).toEqual(['http://a.example']);
  });
  test('the property `secure`, which verifyClient gets, is true if the request arrived over TLS', async () => {
    const https = createHttps(tls);
    const server = new WebSocketServer({ server: https, verifyClient: ({ secure }) => secure });
    onTestFinished(() => {
      for (const one of server.clients) one.terminate();
      https.close();
    });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const { port } = https.address() as { port: number };
    const client = new WebSocket(`wss://127.0.0.1:${port}`, { ca, servername: 'localhost' });
    await once(client, 'open');
    client.close();
    await closed(client as never);
  });
});

describe('the event headers', () => {
  test.each(['X-Own: a\r\nInjected: yes', 'X-Own: a\nInjected: yes', 'X-Own: \u0100', ''])(
    'if a listener of the event headers adds the invalid line %j, the line is not sent, and the answer is 500',
    async (line) => {
      warned.forget();
      const { server, port } = await listening({ perMessageDeflate: true });
      server.on('headers', (lines) => lines.push(line));
      let answer = '';
      const warnings = await warningsOf(async () => {
        answer = await answerTo(port, ['GET / HTTP/1.1', ...fields]);
      });
      expect(answer).not.toContain('Injected');
      expect(answer).toMatch(/^HTTP\/1\.1 500 /);
      expect(String(warnings)).toContain('headers');
    },
  );
});

describe('handleUpgrade', () => {
  test('handleUpgrade accepts a request object without a socket and without rawHeaders', async () => {
    const server = new WebSocketServer({ noServer: true });
    const socket = new PassThrough();
    const request = {
      method: 'GET',
      url: '/injected',
      headers: {
        host: 'localhost',
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-key': KEY,
        'sec-websocket-version': '13',
      },
    };
    const opened = new Promise<unknown[]>((resolve) => {
      server.handleUpgrade(request as never, socket, Buffer.alloc(0), (...values) => resolve(values));
    });
    const [webSocket, same] = (await opened) as [WebSocket, unknown];
    expect(same).toBe(request);
    expect(server.clients.has(webSocket)).toBe(true);
    webSocket.terminate();
    await closed(webSocket as never);
    expect(server.clients.size).toBe(0);
  });
  test('a second call of handleUpgrade for the same socket throws, and the connection of the first call continues', async () => {
    const { http, url } = await serveHttp();
    const server = new WebSocketServer({ noServer: true });
    const thrown: unknown[] = [];
    http.on('upgrade', (request, socket, head) => {
      server.handleUpgrade(request, socket, head, (webSocket) => webSocket.send('here'));
      try {
        server.handleUpgrade(request, socket, head, () => {});
      } catch (error) {
        thrown.push(String(error));
      }
    });
    const client = new WebSocket(url);
    expect(String((await once(client, 'message'))[0])).toBe('here');
    expect(thrown.join()).toContain('more than once');
    client.close();
    await closed(client as never);
  });
  test('if handleUpgrade is called twice before verifyClient answers, only one connection is opened, and memory is reserved once', async () => {
    const { url } = await listening({ perMessageDeflate: true });
    const { http, url: shared } = await serveHttp();
    const answers: ((result: boolean) => void)[] = [];
    const server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: true,
      verifyClient: (_info, answer) => answers.push(answer),
    });
    const opened: WebSocket[] = [];
    http.on('upgrade', (request, socket, head) => {
      for (let time = 0; time < 2; time++)
        server.handleUpgrade(request, socket, head, (webSocket) => opened.push(webSocket));
    });
    // The test measures how much memory one connection reserves for compression.
    await nothingReserved();
    const single = new WebSocket(url);
    await once(single, 'open');
    const each = processCompressionBudget.used;
    const client = new WebSocket(shared);
    await vi.waitFor(() => expect(answers.length).toBe(2));
    answers[0]!(true);
    expect(() => answers[1]!(true)).toThrow(/more than once/);
    await once(client, 'open');
    expect(opened.length).toBe(1);
    expect(processCompressionBudget.used).toBe(2 * each);
    for (const one of [single, client]) one.terminate();
    await closed(client as never, single as never, opened[0] as never);
  });
  test('a program may replace completeUpgrade with a function that calls the original function', async () => {
    const { server, url } = await listening();
    const seen: string[][] = [];
    const complete = server.completeUpgrade.bind(server);
    server.completeUpgrade = (...values) => {
      seen.push([...values[2]]);
      complete(...values);
    };
    const client = new WebSocket(url, ['a', 'b']);
    await once(client, 'open');
    expect(seen).toEqual([['a', 'b']]);
    client.close();
    await closed(client as never);
  });
  test('with the option WebSocket, a server creates instances of a subclass of WebSocket', async () => {
    class Own extends WebSocket {
      readonly greeting = 'hello';
    }
    const { server, url } = await listening({ WebSocket: Own });
    server.on('connection', (webSocket) => webSocket.send((webSocket as Own).greeting));
    const client = new WebSocket(url);
    expect(String((await once(client, 'message'))[0])).toBe('hello');
    client.close();
    await closed(client as never);
  });
});
