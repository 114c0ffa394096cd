import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { type AddressInfo, createServer, connect as netConnect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Connection, connect } from '../../src/index.ts';
import { interrupt, run, serve, start, tlsFixture } from './process.ts';

const key = Buffer.from('the sample nonce').toString('base64');
const ca = readFileSync(tlsFixture('ca-cert.pem'));
const certificate = [
  '--tls-cert',
  tlsFixture('localhost-cert.pem'),
  '--tls-key',
  tlsFixture('localhost-key.pem'),
];

const iterators = new WeakMap<Connection, AsyncIterator<string | Buffer>>();

/** Returns the next `count` messages. */
async function receive(connection: Connection, count: number): Promise<(string | Buffer)[]> {
  const messages: (string | Buffer)[] = [];
  const iterator = iterators.get(connection) ?? connection[Symbol.asyncIterator]();
  iterators.set(connection, iterator);
  while (messages.length < count) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    messages.push(value);
  }
  return messages;
}

/** Sends an opening handshake over a plain socket. @returns all bytes that the server sends before it ends TCP, decoded as latin1 */
async function request(port: number, fields: readonly string[], host = '127.0.0.1'): Promise<string> {
  const socket = netConnect(port, host);
  const head = ['GET / HTTP/1.1', `Host: ${host}:${port}`, ...fields, '', ''];
  socket.end(head.join('\r\n'));
  const chunks: Buffer[] = await socket.toArray();
  return Buffer.concat(chunks).toString('latin1');
}

const upgrade = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Key: ${key}`,
  'Sec-WebSocket-Version: 13',
];

describe('listening', () => {
  test('serve prints one line when it listens, and exits with 0 after SIGINT', async () => {
    const { server, url } = await serve();
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:[1-9]\d*\/$/);
    expect(await interrupt(server)).toBe(0);
    expect(server.stdout).toBe(`listening on ${url}\n`);
    expect(server.stderr).toBe('');
  });

  test('serve with --page prints a second line, in the same write as the first line', async () => {
    const { server, url } = await serve('--page');
    expect(server.stdout).toBe(`listening on ${url}\npage on ${url.replace('ws', 'http')}\n`);
    expect(await interrupt(server)).toBe(0);
  });

  test('serve prints an IPv6 address in brackets', async () => {
    const { server, url } = await serve('--host', '::1');
    expect(url).toMatch(/^ws:\/\/\[::1\]:\d+\/$/);
    const connection = await connect(url);
    expect((await connection.close()).code).toBe(1000);
    await interrupt(server);
  });

  test.each([[[]], [['--page']]])(
    'if its port is in use, serve with the options %j exits with 1 and names the port',
    async (options) => {
      const holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      const { port } = holder.address() as AddressInfo;
      expect(await run(['serve', '--port', String(port), ...options])).toEqual({
        exit: 1,
        stdout: '',
        stderr: `rfc6455: port ${port} on 127.0.0.1 is in use\n`,
      });
      holder.close();
    },
  );

  test.each([[[]], [['--page']]])(
    'if its certificate file contains no certificate, serve with the options %j exits with 1 and reports this',
    async (options) => {
      const file = tlsFixture('README.md');
      const { exit, stdout, stderr } = await run([
        'serve',
        '--port',
        '0',
        '--tls-cert',
        file,
        '--tls-key',
        file,
        ...options,
      ]);
      expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
      expect(stderr).toMatch(/^rfc6455: the TLS certificate or key cannot be used: .*no start line\n$/);
    },
  );
});

describe('echo', () => {
  test('serve echoes text as text and binary as binary, fragmented or not, up to 1 MiB', async () => {
    const { server, url } = await serve();
    const connection = await connect(url);
    const large = Buffer.alloc(1_048_576, 'rfc6455');
    connection.send('héllo');
    connection.send('');
    connection.send(Buffer.from([0, 255]));
    connection.send('in three frames', { fragmentSize: 6 });
    connection.send(large);
    const small = await receive(connection, 4);
    const [back] = await receive(connection, 1);
    expect(small).toEqual(['héllo', '', Buffer.from([0, 255]), 'in three frames']);
    expect(large.equals(back as Buffer)).toBe(true);
    expect(await connection.close(3000, 'done')).toMatchObject({
      code: 3000,
      reason: 'done',
      wasClean: true,
    });
    await interrupt(server);
  });

  test('F25: serve accepts a message of exactly --max-message-size bytes, and closes the connection with 1009 for a longer message', async () => {
    const { server, url } = await serve('--max-message-size', '100');
    const connection = await connect(url);
    connection.send('x'.repeat(100));
    expect(await receive(connection, 1)).toEqual(['x'.repeat(100)]);
    connection.send('x'.repeat(101));
    expect(await connection.closed).toMatchObject({ code: 1009 });
    await interrupt(server);
  });

  test('with a higher --max-message-size serve echoes 16 MiB', async () => {
    const { server, url } = await serve('--max-message-size', '16777216');
    const connection = await connect(url);
    const message = Buffer.alloc(16_777_216, 'sixteen');
    connection.send(message);
    const [back] = await receive(connection, 1);
    expect(message.equals(back as Buffer)).toBe(true);
    await connection.close();
    await interrupt(server);
  });
});

describe('--compression', () => {
  // A long text that becomes much shorter when it is compressed.
  const text = Array.from({ length: 400 }, (_, i) => `line ${i}`).join(', ');

  test.each([
    ['echo', 'ws'],
    ['chat', 'ws'],
    ['echo', 'page'],
  ])(
    'P2, P7: with --compression, serve compresses long messages (--mode %s, server %s)',
    async (mode, where) => {
      const { server, url } = await serve(
        '--compression',
        '--mode',
        mode,
        ...(where === 'page' ? ['--page'] : []),
      );
      const wireSizes: number[] = [];
      const received: unknown[] = [];
      const connection = await connect(url, {
        compression: true,
        handlers: {
          message(peer, message, _isBinary, wireSize) {
            received.push(message);
            wireSizes.push(wireSize);
            if (received.length === 2) peer.close();
          },
        },
      });
      expect(connection.extensions.map(({ name }) => name)).toEqual(['permessage-deflate']);
      connection.send('short');
      connection.send(text);
      await connection.closed;
      expect(received).toEqual(['short', text]);
      expect(wireSizes[0]).toBe(5);
      expect(wireSizes[1]).toBeLessThan(text.length / 2);
      expect(await interrupt(server)).toBe(0);
    },
  );

  test('A36, P3: serve sends messages uncompressed if --compression is missing, or if the client does not offer compression', async () => {
    const without = await serve();
    const compressing = await serve('--compression');
    for (const [url, compression] of [
      [without.url, true],
      [compressing.url, false],
    ] as const) {
      const connection = await connect(url, { compression });
      expect(connection.extensions).toEqual([]);
      await connection.close();
    }
    await Promise.all([interrupt(without.server), interrupt(compressing.server)]);
  });
});

describe('chat', () => {
  test('with --mode chat, each client receives every message, and is notified when another client joins or leaves', async () => {
    const { server, url } = await serve('--mode', 'chat');
    const ann = await connect(url);
    const bob = await connect(url);
    expect(await receive(ann, 1)).toEqual(['* a client joined, 2 here']);
    ann.send('hello');
    bob.send(Buffer.from([1, 2, 3]));
    const both = new Set(await receive(ann, 2));
    expect(both).toEqual(new Set(['hello', Buffer.from([1, 2, 3])]));
    expect(new Set(await receive(bob, 2))).toEqual(both);
    await bob.close();
    expect(await receive(ann, 1)).toEqual(['* a client left, 1 here']);
    await ann.close();
    await interrupt(server);
  });
});

describe('the end of serve', () => {
  test.each([['SIGINT'], ['SIGTERM']] as const)(
    'when serve receives %s [C22], every client receives a Close frame with 1001',
    async (signal) => {
      for (const options of [[], ['--mode', 'chat', '--page']]) {
        const { server, url } = await serve(...options);
        const clients = [await connect(url), await connect(url)];
        server.child.kill(signal);
        for (const { closed } of clients)
          expect(await closed).toMatchObject({ code: 1001, wasClean: true, byPeer: true });
        expect(await server.exit).toBe(0);
        expect(server.stderr).toBe('');
      }
    },
  );

  test('a second Ctrl-C ends serve even if a client does not answer the Close frame', async () => {
    const { server, url } = await serve();
    const socket = netConnect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(['GET / HTTP/1.1', 'Host: a', ...upgrade, '', ''].join('\r\n'));
    await once(socket, 'data');
    server.child.kill('SIGINT');
    // This data is the Close frame. The client does not answer the frame.
    await once(socket, 'data');
    const timer = setInterval(() => server.child.kill('SIGINT'), 50);
    expect(await server.exit).toBe(130);
    clearInterval(timer);
    socket.destroy();
  });
});

describe('the clients that may connect', () => {
  test('S21: serve refuses a page of another origin, and accepts it with --any-origin [A1]', async () => {
    for (const page of [[], ['--page']]) {
      const strict = await serve(...page);
      const open = await serve('--any-origin', ...page);
      const fields = [...upgrade, 'Origin: http://elsewhere.example'];
      expect(await request(Number(new URL(strict.url).port), fields)).toMatch(/^HTTP\/1\.1 403 /);
      expect(await request(Number(new URL(open.url).port), fields)).toMatch(/^HTTP\/1\.1 101 /);
      const own = [...upgrade, `Origin: http://127.0.0.1:${new URL(strict.url).port}`];
      expect(await request(Number(new URL(strict.url).port), own)).toMatch(/^HTTP\/1\.1 101 /);
      await Promise.all([interrupt(strict.server), interrupt(open.server)]);
    }
  });

  test('O9: with a certificate, serve accepts connections over wss, with and without --page', async () => {
    for (const options of [[], ['--page']]) {
      const { server, url } = await serve(...certificate, ...options);
      expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+\/$/);
      const connection = await connect(url, { tls: { ca } });
      connection.send('hello');
      expect(await receive(connection, 1)).toEqual(['hello']);
      if (options.length > 0) {
        const [, page = ''] = await server.output(/page on (https:\S+)\n/);
        const response = await new Promise<IncomingMessage>((resolve, reject) => {
          httpsGet(page, { ca, agent: false }, (answer) => resolve(answer.resume())).on('error', reject);
        });
        expect(response.statusCode).toBe(200);
      }
      await connection.close();
      expect(await interrupt(server)).toBe(0);
    }
  });
});

test('serve answers requests for the page while WebSockets are open, and open HTTP connections do not delay the end of serve', async () => {
  const { server, url } = await serve('--page');
  const connection = await connect(url);
  const idle = netConnect(Number(new URL(url).port), '127.0.0.1');
  idle.on('error', () => {});
  await once(idle, 'connect');
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(idle, 'data');
  const gone = once(idle, 'close');
  expect(await interrupt(server)).toBe(0);
  expect((await connection.closed).code).toBe(1001);
  await gone;
});

test('if the program that reads the output of serve has exited, serve exits without a stack trace', async () => {
  const server = start('serve', '--port', '0');
  server.child.stdout.destroy();
  expect(await server.exit).toBe(1);
  expect(server.stderr).toBe('');
});
