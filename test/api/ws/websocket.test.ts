/**
 * Tests intended differences between our `WebSocket` and the class of `ws`. Also tests cases in which the behaviour of `ws` depends on
 * chance.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type ClientRequest } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { processCompressionBudget } from '../../../src/deflate/budget.ts';
import { MemoryBudget } from '../../../src/frame/memory-budget.ts';
import { printed } from '../../../src/transport/log.ts';
import { WebSocket, WebSocketServer } from '../../../src/ws.ts';
import { ca, tls } from '../../transport/servers.ts';
import { closed, nothingReserved, once, ours, serve, serveHttp } from './oracle.ts';

async function pair(
  options: object = {},
  clientOptions: object = {},
): Promise<{ client: WebSocket; accepted: WebSocket; server: WebSocketServer; url: string }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options });
  onTestFinished(() => {
    for (const one of server.clients) one.terminate();
    server.close();
  });
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
  const connection = once(server, 'connection');
  const client = new WebSocket(url, clientOptions);
  await once(client, 'open');
  const [accepted] = (await connection) as [WebSocket];
  return { client, accepted, server, url };
}

/** Runs `step`. @returns the uncaught exceptions that occur during this time */
async function uncaughtIn(step: () => Promise<void>): Promise<unknown[]> {
  const caught: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => caught.push(error));
  try {
    await step();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  }
  return caught;
}

describe('an exception of a listener', () => {
  test.each(['message', 'ping', 'pong', 'close'])(
    'if a listener of the event %s throws, the exception is an uncaught exception, and the connection stays open',
    async (event) => {
      const { client, accepted } = await pair();
      const seen: string[] = [];
      client.on(event as 'close', () => {
        throw new Error(`thrown in ${event}`);
      });
      client.on('message', (data) => seen.push(String(data)));
      const caught = await uncaughtIn(async () => {
        accepted.send('first');
        accepted.ping();
        accepted.pong();
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(client.readyState).toBe(1);
        accepted.send('second');
        accepted.close();
        await vi.waitFor(() => expect([client.readyState, accepted.readyState]).toEqual([3, 3]));
        await new Promise(setImmediate);
      });
      expect(caught.map(String)).toContain(`Error: thrown in ${event}`);
      // If the first listener of `message` throws, the second listener is not called. In any case, the connection continues.
      expect(seen).toEqual(event === 'message' ? [] : ['first', 'second']);
    },
  );

  test.each(['redirect', 'upgrade'])(
    'if a listener of the event %s throws, the exception is an uncaught exception, and the handshake continues',
    async (event) => {
      const { url } = await pair();
      const { http, url: first } = await serveHttp();
      http.on('upgrade', (_request, socket) => {
        socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}/\r\n\r\n`);
      });
      const caught = await uncaughtIn(async () => {
        const client = new WebSocket(first, { followRedirects: true });
        client.on(event as 'upgrade', () => {
          throw new Error(`thrown in ${event}`);
        });
        await once(client, 'open');
        client.close();
        await closed(client as never);
      });
      expect(caught.map(String)).toEqual([`Error: thrown in ${event}`]);
    },
  );

  test('if a listener of open throws, the client is still open, and the server still emits the event connection', async () => {
    const thrown = (side: string) => () => {
      throw new Error(`thrown in open of ${side}`);
    };
    class Throwing extends WebSocket {
      constructor(...values: ConstructorParameters<typeof WebSocket>) {
        super(...values);
        this.on('open', thrown('the server'));
      }
    }
    const { server, url } = await serve(ours, { WebSocket: Throwing as never });
    const caught = await uncaughtIn(async () => {
      const connected = once(server, 'connection');
      const client = new WebSocket(url);
      client.on('open', thrown('the client'));
      const [accepted] = (await connected) as [WebSocket];
      expect(server.clients.size).toBe(1);
      accepted.on('message', (data) => accepted.send(data));
      await vi.waitFor(() => expect(client.readyState).toBe(1));
      client.send('hello');
      expect(String((await once(client, 'message'))[0])).toBe('hello');
      client.close();
      await closed(client as never);
    });
    expect(caught.map(String).sort()).toEqual([
      'Error: thrown in open of the client',
      'Error: thrown in open of the server',
    ]);
  });

  test('if a listener of unexpected-response throws, the exception is an uncaught exception, and no memory stays reserved', async () => {
    const { http, url } = await serveHttp();
    http.on('upgrade', (_request, socket) => void socket.end('HTTP/1.1 500 No\r\n\r\n'));
    await nothingReserved();
    const client = new WebSocket(url);
    client.on('error', () => {});
    const caught = await uncaughtIn(async () => {
      const answered = once(client, 'unexpected-response');
      client.on('unexpected-response', () => {
        throw new Error('thrown in unexpected-response');
      });
      await answered;
      await new Promise(setImmediate);
    });
    expect(caught.map(String)).toEqual(['Error: thrown in unexpected-response']);
    expect(processCompressionBudget.used).toBe(0);
    client.terminate();
    await closed(client as never);
  });

  test('if the constructor throws, it reserves no memory and sends no request', async () => {
    const { http, url } = await serveHttp();
    await nothingReserved();
    expect(() => new WebSocket(url, { headers: { 'X-Own': 'a\r\nb' } })).toThrow(/header/);
    let request: ClientRequest | undefined;
    const finishRequest = (made: ClientRequest): void => {
      request = made;
      throw new Error('thrown in finishRequest');
    };
    expect(() => new WebSocket(url, { finishRequest })).toThrow('finishRequest');
    expect(processCompressionBudget.used).toBe(0);
    expect(request!.destroyed).toBe(true);
    http.close();
  });

  test('if a callback of send throws, the exception is an uncaught exception, and the connection stays open', async () => {
    const { client, accepted } = await pair();
    const caught = await uncaughtIn(async () => {
      client.send('x', () => {
        throw new Error('thrown in done');
      });
      await once(accepted, 'message');
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(client.readyState).toBe(1);
      client.close();
      await closed(client as never);
    });
    expect(caught.map(String)).toEqual(['Error: thrown in done']);
  });

  test('without a listener of error, a broken rule prints a line on stderr, and the process continues', async () => {
    printed.forget();
    const line = vi.spyOn(console, 'error').mockImplementation(() => {});
    onTestFinished(() => line.mockRestore());
    const { client, accepted } = await pair();
    const caught = await uncaughtIn(async () => {
      (client._socket as Socket).write(Buffer.from('858000000000', 'hex'));
      await closed(client as never, accepted as never);
    });
    expect(caught).toEqual([]);
    expect(line.mock.calls.join()).toContain('WS_ERR_INVALID_OPCODE');
  });
});

describe('options that would break RFC 6455', () => {
  test.each([
    [{ protocolVersion: 8 }, /supported versions: 13/],
    [{ skipUTF8Validation: true }, /§8\.1/],
    [{ generateMask() {} }, /§10\.3/],
  ])('both constructors refuse the options %j', (options, reason) => {
    expect(() => new WebSocket('ws://127.0.0.1:1', options)).toThrow(reason);
    expect(() => new WebSocketServer({ noServer: true, ...options } as object)).toThrow(reason);
  });
  test('the option mask is refused if its value is forbidden for this end of the connection', async () => {
    const { client, accepted } = await pair();
    expect(() => client.send('x', { mask: false })).toThrow(/MUST mask/);
    expect(() => client.ping('x', false)).toThrow(/MUST mask/);
    expect(() => accepted.send('x', { mask: true })).toThrow(/MUST NOT mask/);
    client.send('yes', { mask: true });
    expect(await once(accepted, 'message')).toEqual([Buffer.from('yes'), false]);
    accepted.send('no', { mask: false });
    expect(await once(client, 'message')).toEqual([Buffer.from('no'), false]);
  });
  test('the package does not export the private classes of ws', () => {
    for (const name of ['Receiver', 'Sender', 'PerMessageDeflate', 'extension', 'subprotocol']) {
      expect(name in WebSocket).toBe(false);
    }
  });
});

describe('Blobs', () => {
  test('while a Blob is read, all later messages and the Close frame wait', async () => {
    const { client, accepted } = await pair();
    const order: string[] = [];
    accepted.on('message', (data) => order.push(String(data)));
    accepted.on('ping', (data) => order.push(`ping ${data}`));
    client.send(new Blob(['a'.repeat(3)]));
    client.send('b');
    client.ping('c');
    client.send(new Blob(['d']), { binary: false });
    client.send('e');
    expect(client.bufferedAmount).toBe(7);
    client.close(4000);
    expect(client.readyState).toBe(2);
    const [code] = await once(accepted, 'close');
    expect(order).toEqual(['aaa', 'b', 'ping c', 'd', 'e']);
    expect(code).toBe(4000);
    await closed(client as never);
    expect(client.bufferedAmount).toBe(0);
  });
  test('if a Blob cannot be read, the connection ends, and the callback of every waiting message gets the reason', async () => {
    const { client } = await pair();
    const unreadable = new Blob(['x']);
    unreadable.arrayBuffer = () => Promise.reject(new Error('no such file'));
    const results: string[] = [];
    client.on('error', (error) => results.push(`error ${error.message}`));
    client.send(unreadable, (error) => results.push(`blob ${error?.message}`));
    client.send('after', (error) => results.push(`after ${error?.message}`));
    const [code] = await once(client, 'close');
    expect(code).toBe(1006);
    expect(results).toEqual(['blob no such file', 'after no such file', 'error no such file']);
  });
  test('the timeout of the closing handshake also applies while a Blob is read', async () => {
    const { client } = await pair({}, { closeTimeout: 50 });
    const endless = new Blob(['x']);
    endless.arrayBuffer = () => new Promise(() => {});
    client.send(endless);
    client.close();
    expect(await once(client, 'close')).toEqual([1006, Buffer.alloc(0)]);
  });
  test('if the peer closes while a ping waits for a Blob, the callback of the ping gets an error', async () => {
    const { client, accepted } = await pair();
    const pings: unknown[] = [];
    accepted.on('ping', (data) => pings.push(data));
    const blob = new Blob(['x']);
    let read: (bytes: ArrayBuffer) => void = () => {};
    blob.arrayBuffer = () => {
      return new Promise((resolve) => {
        read = resolve;
      });
    };
    const results: unknown[] = [];
    client.send(blob, (error) => results.push(error));
    client.ping('late', true, (error) => results.push(error));
    // The peer sends a Close frame and does not read the answer. So the connection stays in the closing handshake.
    accepted.pause();
    (accepted._socket as Socket).write(Buffer.from('8800', 'hex'));
    await vi.waitFor(() => expect(client.readyState).toBe(2));
    read(new ArrayBuffer(1));
    await vi.waitFor(() => expect(results.length).toBe(2));
    expect(results.every((result) => result instanceof Error)).toBe(true);
    expect(client.readyState).toBe(2);
    accepted.terminate();
    await closed(client as never, accepted as never);
    expect(pings).toEqual([]);
  });
  test('a Blob can be the payload of a ping', async () => {
    const { client, accepted } = await pair();
    client.ping(new Blob(['blob']));
    expect(String((await once(accepted, 'ping'))[0])).toBe('blob');
    expect(() => client.ping(new Blob(['x'.repeat(126)]))).toThrow(RangeError);
  });
});

describe('the option `limits`', () => {
  test('the option `limits` accepts the limits of the native API, and throws for invalid values', async () => {
    expect(() => new WebSocketServer({ noServer: true, limits: { sendCap: 0 } })).toThrow(/limits|sendCap/);
    expect(() => new WebSocket('ws://127.0.0.1:1', { limits: { nothing: 1 } as object })).toThrow(/nothing/);
    const memoryBudget = new MemoryBudget(1_000_000);
    const { client, accepted } = await pair({ limits: { memoryBudget } });
    const failed = once(accepted, 'error');
    client.on('error', () => {});
    // `maxPayload` is 100 MiB by default, but the memory budget is smaller than this message.
    client.send(Buffer.alloc(1_000_001));
    expect((await failed)[0]).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
    await closed(client as never, accepted as never);
  });
  test('if a peer does not answer a ping, the connection is dropped with 1006, and no error is emitted', async () => {
    const limits = { heartbeat: { interval: 30, timeout: 30 } };
    const { client, accepted } = await pair({ limits }, { autoPong: false });
    const errors: unknown[] = [];
    accepted.on('error', (error) => errors.push(error));
    expect((await once(accepted, 'close'))[0]).toBe(1006);
    expect(errors).toEqual([]);
    await closed(client as never);
  });
  test('if the peer does not answer the Close frame, the connection ends after closeTimeout', async () => {
    const { client, accepted } = await pair({ closeTimeout: 50 });
    client.pause();
    accepted.close();
    expect((await once(accepted, 'close'))[0]).toBe(1006);
    client.terminate();
    await closed(client as never);
  });
});

describe('pause and resume', () => {
  test('messages that arrive during a pause are delivered after resume, even if the program calls close before resume', async () => {
    const { client, accepted } = await pair();
    const seen: string[] = [];
    client.pause();
    expect(client.isPaused).toBe(true);
    client.on('message', (data) => seen.push(String(data)));
    for (const text of ['a', 'b', 'c']) accepted.send(text);
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual([]);
    client.resume();
    await closed(client as never, accepted as never);
    expect(seen).toEqual(['a', 'b', 'c']);
  });
  test('if a listener calls pause, messages that have already been read are delivered only after resume', async () => {
    const { client, accepted } = await pair();
    const seen: string[] = [];
    client.on('message', (data) => {
      seen.push(String(data));
      client.pause();
    });
    for (const text of ['a', 'b', 'c']) accepted.send(text);
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      await vi.waitFor(() => expect(seen).toEqual(expected));
      await new Promise(setImmediate);
      expect(seen).toEqual(expected);
      client.resume();
    }
  });
  test('with allowSynchronousEvents: false, each task emits only one event, even if a listener calls resume', async () => {
    const { client, accepted } = await pair({}, { allowSynchronousEvents: false });
    const tasks: number[] = [];
    let task = 0;
    client.on('message', () => {
      tasks.push(task);
      client.pause();
      client.resume();
      setImmediate(() => task++);
    });
    for (let at = 0; at < 5; at++) accepted.send('x');
    await vi.waitFor(() => expect(tasks.length).toBe(5));
    expect(new Set(tasks).size).toBe(5);
  });
});

describe('setSocket', () => {
  test('setSocket opens a WebSocket on both ends of a Duplex pair, and applies maxPayload', async () => {
    const [left, right] = duplexPair();
    const server = new WebSocket(null);
    const client = new WebSocket(null);
    client._isServer = false;
    server.setSocket(left, Buffer.alloc(0), { maxPayload: 10 });
    client.setSocket(right, Buffer.alloc(0), { maxPayload: 0 });
    expect([client.readyState, server.readyState]).toEqual([1, 1]);
    expect(client.url).toBe(undefined);
    client.send('hello');
    expect(await once(server, 'message')).toEqual([Buffer.from('hello'), false]);
    const failed = once(server, 'error');
    client.on('error', () => {});
    client.send('x'.repeat(11));
    expect((await failed)[0]).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
    await closed(client as never, server as never);
  });
  test('if setSocket gets frames that arrived with the handshake, they are delivered first', async () => {
    const [left] = duplexPair();
    const client = new WebSocket(null);
    client._isServer = false;
    client.setSocket(left, Buffer.from('8102686981026f6b', 'hex'));
    const seen: string[] = [];
    client.on('message', (data) => seen.push(String(data)));
    await vi.waitFor(() => expect(seen).toEqual(['hi', 'ok']));
    client.terminate();
    await closed(client as never);
  });
  test('if setSocket gets a closed socket, the WebSocket opens and then closes', async () => {
    const [left] = duplexPair();
    left.destroy();
    await once(left, 'close');
    const client = new WebSocket(null);
    const events: string[] = [];
    client.on('open', () => events.push('open'));
    client.on('close', (code) => events.push(`close ${code}`));
    client.setSocket(left, Buffer.alloc(0));
    await closed(client as never);
    expect(events).toEqual(['open', 'close 1006']);
  });
});

describe('a hostile server', () => {
  const answering = async (head: string): Promise<{ error: Error; code: unknown }> => {
    const { http, url } = await serveHttp();
    http.on('upgrade', (_request, socket) => void socket.end(head));
    const client = new WebSocket(url, { followRedirects: true });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const [code] = await once(client, 'close');
    return { error: errors[0]!, code };
  };
  test.each([
    'HTTP/1.1 302 Found\r\nLocation: ws://%zz:x@127.0.0.1/\r\n\r\n',
    'HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\n\r\n',
    'HTTP/1.1 302 Found\r\nLocation: ws+unix:\r\n\r\n',
    // If a URL has no slashes after the scheme, its path is not encoded. Then http.request throws because of the space.
    'HTTP/1.1 302 Found\r\nLocation: ws+unix:a:/b c\r\n\r\n',
    'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 4\r\n\r\nfour',
  ])('if the server answers with %j, the client emits one error and closes with 1006', async (head) => {
    const { error, code } = await answering(head);
    expect(error).toBeInstanceOf(Error);
    expect(code).toBe(1006);
  });
  test('if a server redirects to wss and the agent is for http, the WebSocket emits an error', async () => {
    const { http, url } = await serveHttp();
    http.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 302 Found\r\nLocation: wss://127.0.0.1:1/\r\n\r\n');
    });
    await nothingReserved();
    const client = new WebSocket(url, { followRedirects: true, agent: new Agent() });
    const error = once(client, 'error');
    await once(client, 'close');
    expect((await error)[0]).toMatchObject({ code: 'ERR_INVALID_PROTOCOL' });
    expect(processCompressionBudget.used).toBe(0);
  });
  test('a listener of redirect can refuse a redirect to a Unix socket before any byte is sent to this socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rfc6455-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, 'local');
    const received: Buffer[] = [];
    const local = createServer((socket) => {
      socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => {});
    });
    onTestFinished(() => void local.close());
    await new Promise<void>((resolve) => local.listen(path, resolve));
    const { http, url } = await serveHttp();
    http.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ws+unix://${path}:/\r\n\r\n`);
    });
    const client = new WebSocket(url, { followRedirects: true });
    client.on('redirect', (to) => {
      if (to.startsWith('ws+unix:')) client.terminate();
    });
    client.on('error', () => {});
    await once(client, 'close');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(received).toEqual([]);
  });
  test('the constructor throws a SyntaxError for a URL if no request to it is possible', () => {
    for (const url of ['ws+unix::/', 'ws+unix:', 'ws://%zz@localhost/']) {
      expect(() => new WebSocket(url), url).toThrow(SyntaxError);
    }
  });
  test('after a redirect to another host, the client does not use its certificate', async () => {
    const seen: unknown[] = [];
    const https = createHttps({ ...tls, requestCert: true, rejectUnauthorized: false });
    https.on('upgrade', (_request, socket) => {
      const { servername } = socket as TLSSocket;
      seen.push(Object.keys((socket as TLSSocket).getPeerCertificate()), servername);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    onTestFinished(() => void https.close());
    await new Promise<void>((resolve) => https.listen(0, resolve));
    const { port } = https.address() as { port: number };
    const { http, url } = await serveHttp();
    http.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: wss://localhost:${port}/\r\n\r\n`);
    });
    const options = { followRedirects: true, ca, ...tls, servername: 'first.test' };
    const client = new WebSocket(url, options);
    const error = once(client, 'error');
    await once(client, 'close');
    expect(String((await error)[0])).toContain('400');
    expect(seen).toEqual([[], 'localhost']);
  });
  test('after a redirect to another host, the client does not send credentials', async () => {
    const { server, url } = await pair();
    const { http, url: first } = await serveHttp();
    http.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}/\r\n\r\n`);
    });
    const seen: unknown[] = [];
    server.on('connection', (webSocket, { headers }) => {
      seen.push(headers.authorization, headers['proxy-authorization'], headers.cookie, headers['x-own']);
      webSocket.close();
    });
    const secrets = { Authorization: 'Basic secret', 'Proxy-Authorization': 'Basic secret' };
    const headers = { Cookie: 'secret', ...secrets, 'X-Own': 'kept' };
    const client = new WebSocket(first, { followRedirects: true, headers, auth: 'a:b' });
    await closed(client as never);
    expect(seen).toEqual([undefined, undefined, undefined, 'kept']);
  });
});

/** Returns two connected streams. Bytes that are written to one stream can be read from the other stream in small pieces. */
function duplexPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        for (let at = 0; at < chunk.length; at += 3) other().push(chunk.subarray(at, at + 3));
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
      destroy(error, done) {
        if (!other().readableEnded) other().push(null);
        done(error);
      },
    });
  const left: Duplex = make(() => right);
  const right: Duplex = make(() => left);
  return [left, right];
}
