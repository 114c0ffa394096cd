import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { connect } from '../../src/cli/connect.ts';
import { computeAccept } from '../../src/handshake/key.ts';
import {
  type Connection,
  type ListenOptions,
  reject,
  type ServerHandlers,
  type ServerOptions,
  WebSocketServer,
} from '../../src/index.ts';
import { readFixture, run, start, tlsFixture } from './process.ts';

/** A server in this process. @returns its port */
async function listen(
  handlers: ServerHandlers,
  options: ServerOptions & { readonly listen?: ListenOptions } = {},
): Promise<number> {
  const { listen: where = {}, ...rest } = options;
  const server = new WebSocketServer(handlers, rest);
  onTestFinished(() => server.shutdown({ grace: 100 }));
  return (await server.listen({ port: 0, ...where })).port;
}

const echo: ServerHandlers = {
  message(connection, message) {
    connection.send(message);
  },
};

/** Echoes one message and then closes. A program that waits for the end of the connection then exits soon. */
const echoOnce: ServerHandlers = {
  message(connection, message) {
    connection.send(message);
    connection.close(1000);
  },
};
const untilClosed = ['--linger', 'Infinity'];

/** Answers each message, and closes after `count` messages. */
function echoOf(count: number): ServerHandlers {
  let received = 0;
  return {
    message(connection, message) {
      connection.send(message);
      if (++received === count) connection.close(1000);
    },
  };
}

/**
 * Runs the command `connect` in this process. `run(['connect', …])` does the same in a new process. Rejects with the error that `main.ts`
 * would print.
 */
async function runHere(
  args: readonly string[],
  input = '',
): Promise<{ exit: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const said = [stdout, stderr].map((stream) => text(stream));
  const exit = await connect(args, { stdin, stdout, stderr }).finally(() => {
    stdout.end();
    stderr.end();
  });
  return { exit, stdout: await said[0]!, stderr: await said[1]! };
}

/** Returns the lines of stderr without the first line. The first line says that the connection is open. */
const notes = (stderr: string): string[] => stderr.trimEnd().split('\n').slice(1);

describe('the command connect with a pipe as input', () => {
  test('connect sends each line of the input as a message, and prints each received message as a line', async () => {
    const url = `ws://127.0.0.1:${await listen(echoOf(4))}/`;
    const input = 'hello\r\n\n  two words\t\nno line break at the end';
    expect(await run(['connect', ...untilClosed, url], input)).toEqual({
      exit: 0,
      stdout: 'hello\n\n  two words\\t\nno line break at the end\n',
      stderr: `connected to ${url}\nclosed by the server: 1000 (normal closure)\n`,
    });
  });

  test('a slash at the beginning of a line from a pipe has no special meaning', async () => {
    const url = `ws://127.0.0.1:${await listen(echoOf(3))}/`;
    const input = '/close\n/ping\n//x\n';
    expect((await runHere([...untilClosed, url], input)).stdout).toBe(input);
  });

  test('connect sends all of its input, even if the connection cannot accept the input in one piece', async () => {
    const url = `ws://127.0.0.1:${await listen(echoOf(2000))}/`;
    const input = Array.from({ length: 2000 }, (_, i) => `${i} ${'x'.repeat(200)}\n`).join('');
    const { exit, stdout } = await run(['connect', ...untilClosed, url], input);
    expect(exit).toBe(0);
    expect(stdout === input).toBe(true);
  });

  test('connect reads its input only as fast as the server reads the messages', async () => {
    const total = 1024;
    let received = 0;
    let server: Connection | undefined;
    const port = await listen({
      open(connection) {
        server = connection;
        connection.pause();
      },
      message(connection) {
        if (++received === total) connection.close(1000);
      },
    });
    let read = 0;
    function* lines(): Generator<string> {
      for (; read < total; read++) yield `${'x'.repeat(65_535)}\n`;
    }
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const stdin = Readable.from(lines(), { objectMode: false });
    const exit = connect([...untilClosed, `ws://127.0.0.1:${port}/`], { stdin, stdout, stderr });
    // Waits until the system buffers between the program and the server are full.
    let before = -1;
    await vi.waitUntil(
      () => {
        const stands = read > 0 && read === before;
        before = read;
        return stands;
      },
      { interval: 100, timeout: 20_000 },
    );
    expect(read).toBeLessThan(total);
    server?.resume();
    expect(await exit).toBe(0);
    expect(received).toBe(total);
  });

  test('if the server does not answer, connect closes the connection one second after the end of the input', async () => {
    const received: unknown[] = [];
    const port = await listen({
      message(_connection, message) {
        received.push(message);
      },
    });
    const { exit, stderr } = await run(['connect', `ws://127.0.0.1:${port}/`], 'a\nb\n');
    expect({ exit, notes: notes(stderr) }).toEqual({ exit: 0, notes: ['closed: 1000 (normal closure)'] });
    expect(received).toEqual(['a', 'b']);
  });

  test('connect prints a message that arrives in fragments as one line', async () => {
    const port = await listen({
      message(connection) {
        connection.send(Buffer.alloc(100), { fragmentSize: 10 });
        connection.close(1000);
      },
    });
    const { stdout } = await runHere([...untilClosed, `ws://127.0.0.1:${port}/`], 'go\n');
    expect(stdout).toMatch(/^binary, 100 bytes: 00 /);
  });

  test('with --linger 0, the command closes the connection as soon as its input ends, and all messages are still sent', async () => {
    const received: unknown[] = [];
    const port = await listen({
      message(_connection, message) {
        received.push(message);
      },
    });
    expect((await runHere(['--linger', '0', `ws://127.0.0.1:${port}/`], 'a\nb\n')).exit).toBe(0);
    expect(received).toEqual(['a', 'b']);
  });

  test('with --linger Infinity connect waits until the server closes the connection', async () => {
    const port = await listen({
      message(connection) {
        setTimeout(() => connection.close(1000, 'enough'), 200);
      },
    });
    const { exit, stderr } = await runHere([`ws://127.0.0.1:${port}/`, '--linger', 'Infinity'], 'a\n');
    expect(exit).toBe(0);
    expect(notes(stderr)).toEqual(['closed by the server: 1000 (normal closure): enough']);
  });

  test('connect exits when the connection ends, even if its input stays open', async () => {
    const port = await listen({
      open(connection) {
        connection.close(1000);
      },
    });
    expect(await start('connect', `ws://127.0.0.1:${port}/`).exit).toBe(0);
  });

  test('connect closes the connection if its input is empty', async () => {
    const url = `ws://127.0.0.1:${await listen({})}/`;
    const { exit, stderr } = await run(['connect', '--linger', '0', url]);
    expect({ exit, notes: notes(stderr) }).toEqual({ exit: 0, notes: ['closed: 1000 (normal closure)'] });
  });

  test('connect closes the connection if reading the input fails', async () => {
    const received: unknown[] = [];
    const port = await listen({
      message(connection, message) {
        received.push(message);
        broken.destroy(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
        connection.send(message);
      },
    });
    const broken = new PassThrough();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    let said = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    broken.write('a\nb');
    expect(await connect([`ws://127.0.0.1:${port}/`], { stdin: broken, stdout, stderr })).toBe(1);
    stderr.end();
    await once(stderr, 'end');
    expect(notes(said)).toEqual([
      'cannot read standard input: EIO: i/o error',
      'closed: 1000 (normal closure)',
    ]);
    expect(received).toEqual(['a']);
  });
});

describe('escaping of text before connect prints it', () => {
  const nasty = '\x1b]0;title\x07\x9b31m\r\nclosed: 1000\u202e';
  const escaped = '\\x1b]0;title\\x07\\x9b31m\\r\\nclosed: 1000\\u202e';

  test('connect escapes messages, pings, pongs and the reason of a Close frame before it prints them [A50]', async () => {
    const port = await listen({
      open(connection) {
        connection.send(nasty);
        connection.send(Buffer.from('\x1b[2J'));
        connection.ping('\x1b[2J');
        connection.pong('\x1b[2J');
        connection.close(4000, nasty);
      },
    });
    const { exit, stdout, stderr } = await runHere([...untilClosed, `ws://127.0.0.1:${port}/`]);
    expect(exit).toBe(1);
    expect(stdout).toBe(`${escaped}\nbinary, 4 bytes: 1b 5b 32 4a\n`);
    expect(notes(stderr)).toEqual([
      'ping, 4 bytes: 1b 5b 32 4a',
      'pong, 4 bytes: 1b 5b 32 4a',
      `closed by the server: 4000: ${escaped}`,
    ]);
  });

  test('connect prints the body of a refusal escaped [A50]', async () => {
    const port = await listen({ upgrade: () => reject(401, 'who\x1b[31m\nare you?') });
    expect(await run(['connect', `ws://127.0.0.1:${port}/`])).toEqual({
      exit: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^rfc6455: cannot connect, http: .* \(status 401: who\\x1b\[31m\\nare you\?\)\n$/,
      ),
    });
  });

  test('connect escapes its own arguments before it prints them', async () => {
    const { exit, stderr } = await run(['connect', 'ws://127.0.0.1:1/\x1b[31m#x']);
    expect(exit).toBe(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test checks that it is absent.
    expect(stderr).not.toMatch(/\x1b/);
  });
});

describe('the request of connect', () => {
  test('connect sends header fields and subprotocols to the server, and its first line shows the chosen subprotocol', async () => {
    let seen: readonly string[] = [];
    const port = await listen(
      {
        upgrade({ headers }) {
          seen = headers as readonly string[];
        },
      },
      { subprotocols: ['v1.chat', 'v2.chat'] },
    );
    const url = `ws://127.0.0.1:${port}/path?query`;
    const options = [
      '--header',
      'X-One: 1',
      '--header',
      'Cookie: a=b',
      '--subprotocol',
      'v2.chat',
      '--subprotocol',
      'v1.chat',
    ];
    const { exit, stderr } = await runHere([...options, '--linger', '0', url]);
    expect({ exit, first: stderr.split('\n')[0] }).toEqual({
      exit: 0,
      first: `connected to ${url}, subprotocol v2.chat`,
    });
    const fields = new Map<string, string>();
    for (let i = 0; i < seen.length; i += 2) fields.set(seen[i]?.toLowerCase() ?? '', seen[i + 1] ?? '');
    expect(fields.get('x-one')).toBe('1');
    expect(fields.get('cookie')).toBe('a=b');
    expect(fields.get('sec-websocket-protocol')).toBe('v2.chat, v1.chat');
  });

  test('P1: --compression offers permessage-deflate, and the first line shows the negotiated parameters', async () => {
    const offers: (string | null)[] = [];
    const wireSizes: number[] = [];
    const port = await listen(
      {
        upgrade(request) {
          offers.push(request.header('Sec-WebSocket-Extensions'));
        },
        message(connection, message, _isBinary, wireSize) {
          wireSizes.push(wireSize);
          connection.send(message);
          connection.close(1000);
        },
      },
      { subprotocols: ['chat'], compression: { clientMaxWindowBits: 12 } },
    );
    const url = `ws://127.0.0.1:${port}/`;
    const line = 'the same again. '.repeat(200);
    const options = [...untilClosed, '--subprotocol', 'chat', url];
    const plain = await runHere(options, `${line}\n`);
    const compressed = await runHere(['--compression', ...options], `${line}\n`);
    expect(offers).toEqual([null, 'permessage-deflate; client_max_window_bits']);
    expect([plain, compressed].map(({ exit, stdout }) => ({ exit, stdout }))).toEqual([
      { exit: 0, stdout: `${line}\n` },
      { exit: 0, stdout: `${line}\n` },
    ]);
    const [first = '', second = ''] = [plain, compressed].map(({ stderr }) => stderr.split('\n')[0]);
    expect(first).toBe(`connected to ${url}, subprotocol chat`);
    expect(second).toBe(`${first}, extension permessage-deflate; client_max_window_bits=12`);
    expect(wireSizes[0]).toBe(line.length);
    expect(wireSizes[1]).toBeLessThan(line.length / 10);
  });

  test('P3: connect works without compression if the server declines the offer of --compression', async () => {
    const url = `ws://127.0.0.1:${await listen(echoOnce)}/`;
    const { exit, stdout, stderr } = await runHere([...untilClosed, '--compression', url], 'hello\n');
    expect({ exit, stdout, first: stderr.split('\n')[0] }).toEqual({
      exit: 0,
      stdout: 'hello\n',
      first: `connected to ${url}`,
    });
  });

  test('connect sends the credentials of the URL, but does not print them', async () => {
    let authorization: unknown;
    const port = await listen({
      upgrade({ headers }) {
        const flat = headers as readonly string[];
        authorization = flat[flat.findIndex((name) => name.toLowerCase() === 'authorization') + 1];
      },
    });
    const { stderr } = await runHere(['--linger', '0', `ws://ann:secret@127.0.0.1:${port}/`]);
    expect(authorization).toBe(`Basic ${Buffer.from('ann:secret').toString('base64')}`);
    expect(stderr).not.toContain('secret');
  });

  test.each([
    ['--header', 'X-One: a\r\nX-Two: b'],
    ['--header', 'Sec-WebSocket-Key: mine'],
    ['--subprotocol', 'not a token'],
  ])('connect refuses %s %j before it sends anything', async (...option) => {
    await expect(runHere([...option, 'ws://127.0.0.1:1/'])).rejects.toMatchObject({
      name: 'CommandFailure',
      exitCode: 2,
    });
  });
});

describe('exit codes of connect', () => {
  test.each([
    [1000, 'bye', 0, 'closed by the server: 1000 (normal closure): bye'],
    [1001, '', 1, 'closed by the server: 1001 (going away)'],
    [1011, '', 1, 'closed by the server: 1011 (internal error)'],
    [3000, 'own', 1, 'closed by the server: 3000: own'],
  ])(
    'if the server closes with %i, connect prints the code and the reason, and exits with the right code',
    async (code, reason, exit, line) => {
      const port = await listen({
        open(connection) {
          connection.close(code, reason);
        },
      });
      const ended = await runHere([...untilClosed, `ws://127.0.0.1:${port}/`]);
      expect({ exit: ended.exit, notes: notes(ended.stderr) }).toEqual({ exit, notes: [line] });
    },
  );

  test('connect exits with 1 if the connection is lost', async () => {
    const port = await listen({
      open(connection) {
        connection.terminate();
      },
    });
    const { exit, stderr } = await runHere([...untilClosed, `ws://127.0.0.1:${port}/`]);
    expect(exit).toBe(1);
    expect(notes(stderr).at(-1)).toBe('closed: 1006 (abnormal closure)');
  });

  test('F4: if the server masks its frames, connect fails the connection and exits with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    server.on('upgrade', ({ headers }, socket) => {
      const accept = computeAccept(String(headers['sec-websocket-key']));
      const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
      socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
      socket.on('error', () => {}).resume();
      socket.on('end', () => socket.end());
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { exit, stdout, stderr } = await runHere([...untilClosed, `ws://127.0.0.1:${port}/`]);
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(notes(stderr)).toEqual([
      expect.stringMatching(/^the connection failed: .*mask/),
      'closed: 1006 (abnormal closure)',
    ]);
  });

  test('[C22] Ctrl-C closes the connection of connect with 1001', async () => {
    let code: Promise<number> | undefined;
    const port = await listen({
      open(connection) {
        code = connection.closed.then((info) => info.code);
      },
    });
    const client = start('connect', `ws://127.0.0.1:${port}/`);
    await client.output(/connected/, 'stderr');
    client.child.kill('SIGINT');
    expect(await client.exit).toBe(1);
    expect(await code).toBe(1001);
  });

  test('Ctrl-C ends connect while the server does not answer the handshake', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = start('connect', `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => {});
    client.child.kill('SIGINT');
    expect(await client.exit).toBe(1);
    expect(client.stdout + client.stderr).toBe('');
    socket.destroy();
    server.close();
  });

  test.each([
    ['nonsense', 'Not a valid absolute WebSocket URL'],
    ['ftp://127.0.0.1/', 'The scheme of a WebSocket URL is ws or wss'],
    ['ws://127.0.0.1/#fragment', 'A WebSocket URL has no fragment'],
  ])('connect refuses %s as a URL and exits with 1', async (url, text) => {
    await expect(runHere([url])).rejects.toMatchObject({
      name: 'CommandFailure',
      exitCode: 1,
      message: expect.stringContaining(text),
    });
  });

  test('O6: if the server refuses the connection, connect exits with 1 and prints the reason in one line', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await run(['connect', `ws://127.0.0.1:${port}/`])).toEqual({
      exit: 1,
      stdout: '',
      stderr: `rfc6455: the connection was refused: connect ECONNREFUSED 127.0.0.1:${port} [ws://127.0.0.1:${port}/]\n`,
    });
  });

  test('if the server does not support WebSocket, connect exits with 1 and prints one line with the status', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end('nothing here')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { exit, stderr } = await run([
      'connect',
      `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ]);
    server.close();
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^rfc6455: cannot connect, http: [^\n]*\(status 404: nothing here\)\n$/);
  });

  test('if the reader of its output has exited, connect exits with 1 and prints no stack trace', async () => {
    const port = await listen(echo);
    const client = start('connect', `ws://127.0.0.1:${port}/`);
    await client.output(/connected/, 'stderr');
    client.child.stdout.destroy();
    client.child.stdin.write('a\n');
    expect(await client.exit).toBe(1);
    expect(client.stderr).not.toContain('at ');
  });
});

describe('TLS', () => {
  const ca = ['--ca', tlsFixture('ca-cert.pem')];
  const url = (port: number, host = 'localhost'): string => `wss://${host}:${port}/`;
  const listenTls = (name: string): Promise<number> =>
    listen(echoOnce, {
      listen: {
        host: '127.0.0.1',
        tls: { cert: readFixture(`${name}-cert.pem`), key: readFixture(`${name}-key.pem`) },
      },
    });

  test('connect accepts a certificate of a trusted CA for a host name and for an IP address', async () => {
    const port = await listenTls('localhost');
    for (const host of ['localhost', '127.0.0.1']) {
      const { exit, stdout, stderr } = await runHere([...untilClosed, ...ca, url(port, host)], 'hello\n');
      expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'hello\n' });
      expect(stderr).not.toContain('insecure');
    }
  });

  test.each([
    ['localhost', [], /; --ca FILE trusts its issuer \[wss:.*\] \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)$/],
    ['wrong-host', ca, 'ERR_TLS_CERT_ALTNAME_INVALID)'],
    ['expired', ca, 'CERT_HAS_EXPIRED)'],
    ['self-signed', ca, /; --ca FILE trusts its issuer \[wss:.*\] \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/],
  ])('O7: connect refuses the certificate %s with the options %j [A41]', async (name, options, text) => {
    const port = await listenTls(name);
    await expect(runHere([...options, url(port)], 'secret\n')).rejects.toMatchObject({
      name: 'CommandFailure',
      exitCode: 1,
      message: expect.stringMatching(/^cannot connect, tls: .*$/),
    });
    await expect(runHere([...options, url(port)])).rejects.toThrow(text);
  });

  test.each([['localhost'], ['wrong-host'], ['expired'], ['self-signed']])(
    'with --insecure connect accepts the certificate %s, and prints a warning',
    async (name) => {
      const port = await listenTls(name);
      const { exit, stdout, stderr } = await runHere([...untilClosed, '--insecure', url(port)], 'hello\n');
      expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'hello\n' });
      expect(stderr).toMatch(/^WARNING: --insecure: the certificate is NOT verified/);
    },
  );

  test('connect refuses a file for --ca that contains no certificate', async () => {
    const { exit, stderr } = await run([
      'connect',
      '--ca',
      tlsFixture('make.sh'),
      url(await listenTls('localhost')),
    ]);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^rfc6455: [^\n]*\n$/);
  });
});
