/** Tests SOCKS5 proxies (RFC 1928, RFC 1929): the messages that the client sends, and the possible answers of a proxy. */

import { once } from 'node:events';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import type { ServerHandlers } from '../../src/api/server-handlers.ts';
import { parseTarget } from '../../src/handshake/client.ts';
import { HandshakeError } from '../../src/handshake/error.ts';
import { chooseProxy, formatProxy } from '../../src/transport/proxy.ts';
import { formatSocksRequest } from '../../src/transport/socks.ts';
import { ca, closeServers, startServer } from './servers.ts';

const proxies: { server: Server; sockets: Set<Socket> }[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await closeServers();
  for (const { server, sockets } of proxies.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

/**
 * Returns the answer of the proxy to a message of the client. null means that the proxy ends the connection. After a `reply`, the proxy
 * opens a tunnel to the port `tunnel`.
 */
type Script = (message: Buffer, index: number) => Buffer | null | { reply: Buffer; tunnel: number };

interface Proxy {
  readonly port: number;
  /** The messages that the client has sent before the tunnel opened, in hexadecimal. */
  readonly messages: string[];
  readonly open: ReadonlySet<Socket>;
}

async function proxying(script: Script, cut = false): Promise<Proxy> {
  const messages: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    let index = 0;
    const write = (bytes: Buffer): void => {
      // If `cut` is true, the proxy sends each byte in a separate segment.
      socket.setNoDelay(true);
      if (cut) for (const byte of bytes) socket.write(Buffer.from([byte]));
      else socket.write(bytes);
    };
    socket.on('data', function onData(message) {
      messages.push(message.toString('hex'));
      const answer = script(message, index++);
      if (answer === null) socket.end();
      else if (Buffer.isBuffer(answer)) write(answer);
      else {
        socket.off('data', onData);
        const to = netConnect(answer.tunnel, '127.0.0.1').on('error', () => socket.destroy());
        socket.on('close', () => to.destroy());
        write(answer.reply);
        socket.pipe(to).pipe(socket);
      }
    });
  });
  proxies.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as { port: number }).port, messages, open: sockets };
}

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const echo: ServerHandlers = { message: (connection, message) => void connection.send(message) };
const OPENED = bytes('05 00 00 01 7f000001 1f90');

/** Returns the script of a proxy that requires no authentication, and that connects the tunnel to this port. */
const opens =
  (tunnel: number, reply = OPENED): Script =>
  (_, index) =>
    index === 0 ? bytes('05 00') : { reply, tunnel };

async function echoed(url: string, options: ConnectOptions): Promise<unknown> {
  const connection = await connect(url, options);
  connection.send('through');
  for await (const message of connection) return message;
  return null;
}

async function failure(proxy: string, options: ConnectOptions = {}): Promise<HandshakeError> {
  const error = await connect('ws://origin.example/', { ...options, proxy }).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HandshakeError);
  return error as HandshakeError;
}

describe('the option proxy with a SOCKS5 URL', () => {
  const target = parseTarget('ws://origin.example/');

  test.each([
    ['socks5://proxy.example', 'proxy.example', 1080],
    ['socks5h://proxy.example:9050/', 'proxy.example', 9050],
    ['socks5://[::1]:1081', '::1', 1081],
  ])('O4: chooseProxy returns a SOCKS5 proxy for the option %s', (url, hostname, port) => {
    expect(chooseProxy(url, target)).toEqual({ kind: 'socks5', hostname, port, credentials: null });
  });

  test('the credentials of a SOCKS5 URL are decoded, and the text that names the proxy omits them', () => {
    const proxy = chooseProxy('socks5://us%40er:p%C3%A9@proxy.example', target)!;
    expect(proxy).toMatchObject({
      credentials: { username: Buffer.from('us@er'), password: Buffer.from('pé') },
    });
    expect(formatProxy(proxy)).toBe('proxy socks5://proxy.example:1080');
    expect(formatProxy(chooseProxy('socks5h://[::1]', target)!)).toBe('proxy socks5://[::1]:1080');
  });

  test('O4: the variable all_proxy may name a SOCKS5 proxy', () => {
    const environment = { all_proxy: 'socks5h://proxy.example', no_proxy: 'inside.example' };
    expect(chooseProxy('env', target, environment)?.kind).toBe('socks5');
    expect(chooseProxy('env', parseTarget('ws://inside.example/'), environment)).toBeNull();
  });
});

describe('the request to a SOCKS5 proxy', () => {
  test.each([
    ['ws://origin.example/', '05 01 00 03 0e 6f726967696e2e6578616d706c65 0050'],
    ['wss://192.0.2.1/', '05 01 00 01 c0000201 01bb'],
    ['ws://[2001:db8::ff00:42:8329]:8080/', '05 01 00 04 20010db8000000000000ff0000428329 1f90'],
    ['ws://[::1]/', '05 01 00 04 00000000000000000000000000000001 0050'],
    ['ws://[::]/', '05 01 00 04 00000000000000000000000000000000 0050'],
    ['ws://[::ffff:192.0.2.1]/', '05 01 00 04 00000000000000000000ffffc0000201 0050'],
  ])('the request to the proxy has the host and the port of %s', (url, hex) => {
    expect(formatSocksRequest(parseTarget(url)).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  test('the request to the proxy has the 16 bytes of an IPv6 address, however the address is written', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
        const { hostname } = parseTarget(`ws://[${groups.map((group) => group.toString(16)).join(':')}]/`);
        const request = formatSocksRequest({ ...parseTarget('ws://a/'), hostname });
        expect(groups.map((_, index) => request.readUInt16BE(4 + 2 * index))).toEqual(groups);
      }),
    );
  });

  test('a client refuses a host name that is too long for the request to a SOCKS5 proxy', () => {
    const target = { ...parseTarget('ws://a/'), hostname: 'a'.repeat(256) };
    expect(() => formatSocksRequest(target)).toThrow(/longer than 255 bytes/);
  });
});

describe('the tunnel through a SOCKS5 proxy', () => {
  test.each([false, true])(
    'O4: a connection works through the tunnel of a SOCKS5 proxy; the proxy sends its answers byte by byte: %s',
    async (cut) => {
      const { port } = await startServer(echo);
      const proxy = await proxying(opens(port), cut);
      const url = `socks5://127.0.0.1:${proxy.port}`;
      expect(await echoed('ws://origin.example:81/', { proxy: url })).toBe('through');
      // The proxy looks up the host name, and the client does not.
      expect(proxy.messages).toEqual([
        '050100',
        formatSocksRequest(parseTarget('ws://origin.example:81/')).toString('hex'),
      ]);
    },
  );

  test.each(['05 00 00 03 04 61626364 0050', '05 00 00 04 00000000000000000000000000000001 0050'])(
    'a client accepts any kind of address in the reply of a SOCKS5 proxy: %s',
    async (reply) => {
      const { port } = await startServer(echo);
      const proxy = await proxying(opens(port, bytes(reply)), true);
      expect(await echoed('ws://origin.example/', { proxy: `socks5h://127.0.0.1:${proxy.port}` })).toBe(
        'through',
      );
    },
  );

  test('for a wss URL, a client starts TLS with the server through the tunnel of a SOCKS5 proxy', async () => {
    const { port } = await startServer(echo, {}, 'listen over TLS');
    const proxy = await proxying(opens(port));
    vi.stubEnv('all_proxy', `socks5://127.0.0.1:${proxy.port}`);
    vi.stubEnv('no_proxy', '');
    vi.stubEnv('https_proxy', '');
    expect(await echoed(`wss://localhost:${port}/`, { proxy: 'env', tls: { ca } })).toBe('through');
    expect(proxy.messages).toHaveLength(2);
  });

  test('bytes of the server that arrive together with the reply of the SOCKS5 proxy are not lost', async () => {
    const proxy = await proxying((_, index) =>
      index === 0
        ? bytes('05 00')
        : Buffer.concat([OPENED, Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')]),
    );
    const error = await failure(`socks5://127.0.0.1:${proxy.port}`);
    expect([error.stage, error.status, error.body.toString()]).toEqual(['http', 403, 'no']);
    expect(error.message).toMatch(/\[ws:\/\/origin\.example\/\]$/);
  });

  test('A43: a client sends the credentials only if the SOCKS5 proxy asks for them, and never to the server', async () => {
    let head = '';
    const server = await startServer({
      upgrade(request) {
        head = request.headers.join();
      },
      message: (connection, message) => void connection.send(message),
    });
    const withPassword: Script = (_, index) =>
      index === 0 ? bytes('05 02') : index === 1 ? bytes('01 00') : { reply: OPENED, tunnel: server.port };
    for (const [script, sent] of [
      [withPassword, ['05020002', '0102', '050100']],
      [opens(server.port), ['05020002', '050100']],
    ] as const) {
      const proxy = await proxying(script);
      const url = `socks5://me:secret@127.0.0.1:${proxy.port}`;
      expect(await echoed('ws://origin.example/', { proxy: url })).toBe('through');
      expect(proxy.messages.map((message, index) => message.slice(0, sent[index]!.length))).toEqual(sent);
      if (sent.length === 3) expect(proxy.messages[1]).toBe('01026d6506736563726574');
      expect(head).not.toMatch(/secret|Authorization/i);
    }
  });
});

describe('A43, O6: answers of a SOCKS5 proxy that make the attempt fail', () => {
  const chosen = bytes('05 00');
  test.each<[string, Buffer | null, Buffer | null, string, RegExp]>([
    ['no authentication method is acceptable', bytes('05 ff'), null, 'WS_SOCKS_AUTHENTICATION', /user name/],
    [
      'an authentication method that was not offered',
      bytes('05 01'),
      null,
      'WS_SOCKS_AUTHENTICATION',
      /user name/,
    ],
    ['credentials are required', bytes('05 02'), null, 'WS_SOCKS_AUTHENTICATION', /requires a user name/],
    ['another version', bytes('04 00'), null, 'WS_SOCKS_REPLY', /not valid in SOCKS5/],
    [
      'an HTTP response',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      null,
      'WS_SOCKS_REPLY',
      /not valid/,
    ],
    ['the end of TCP instead of an answer', null, null, 'WS_DIAL_CLOSED', /closed/],
    ['half of the choice of a method', bytes('05'), null, 'WS_DIAL_TIMEOUT', /no tunnel through the proxy/],
    [
      'another version in the reply',
      chosen,
      bytes('04 00 00 01 00000000 0000'),
      'WS_SOCKS_REPLY',
      /not valid/,
    ],
    ['an unknown type of address', chosen, bytes('05 00 00 02 00000000 0000'), 'WS_SOCKS_REPLY', /not valid/],
    ['the end of TCP instead of the reply', chosen, null, 'WS_DIAL_CLOSED', /closed/],
    ['half of the reply', chosen, bytes('05 00 00 01'), 'WS_DIAL_TIMEOUT', /no tunnel through the proxy/],
    ['a refusal', chosen, bytes('05 05 00 01 00000000 0000'), 'WS_SOCKS_REFUSED', /connection refused/],
    ['a refusal without an address', chosen, bytes('05 02'), 'WS_SOCKS_REFUSED', /not allowed by its rules/],
    ['an unknown refusal', chosen, bytes('05 63 00 01 00000000 0000'), 'WS_SOCKS_REFUSED', /reply 99/],
  ])('the attempt fails if the SOCKS5 proxy answers like this: %s', async (_, choice, reply, code, text) => {
    const proxy = await proxying((_message, index) => (index === 0 ? choice : reply));
    const timeout = code === 'WS_DIAL_TIMEOUT' ? { handshakeTimeout: 200 } : {};
    const error = await failure(`socks5://127.0.0.1:${proxy.port}`, timeout);
    expect(error.code).toBe(code);
    expect(error.stage).toBe(code === 'WS_DIAL_TIMEOUT' ? 'timeout' : 'proxy');
    expect(error.message).toMatch(text);
    expect(error.message).toContain(`[proxy socks5://127.0.0.1:${proxy.port}]`);
    while (proxy.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('if a SOCKS5 proxy refuses the credentials, the attempt fails, and the error does not contain the credentials', async () => {
    const proxy = await proxying((_, index) => (index === 0 ? bytes('05 02') : bytes('01 01')));
    const error = await failure(`socks5://me:secret@127.0.0.1:${proxy.port}`);
    expect([error.stage, error.code]).toEqual(['proxy', 'WS_SOCKS_AUTHENTICATION']);
    expect(error.message).not.toContain('secret');
  });

  test('for any answer of a SOCKS5 proxy, a client opens a tunnel or fails, and releases its sockets', async () => {
    const answer = fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc.uint8Array({ maxLength: 24 }).map((rest) => Uint8Array.from([5, 0, ...rest])),
      fc.uint8Array({ maxLength: 24 }).map((rest) => Uint8Array.from([5, 0, 5, 0, 0, ...rest])),
    );
    await fc.assert(
      fc.asyncProperty(answer, fc.boolean(), async (bytesOfProxy, cut) => {
        let answered = false;
        const proxy = await proxying(() => {
          if (answered) return null;
          answered = true;
          return Buffer.from(bytesOfProxy);
        }, cut);
        const error = await failure(`socks5://127.0.0.1:${proxy.port}`, { handshakeTimeout: 100 });
        expect(['proxy', 'timeout', 'http']).toContain(error.stage);
        while (proxy.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }),
      { numRuns: 40 },
    );
  });
});
