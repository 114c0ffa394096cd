/** Tests wss between this library and other implementations. Also tests how our client verifies the certificate of a server. */

import { once } from 'node:events';
import {
  type AddressInfo,
  createServer as createPlainServer,
  isIP,
  connect as netConnect,
  type Socket,
} from 'node:net';
import {
  type ConnectionOptions,
  createServer,
  type TLSSocket,
  type TlsOptions,
  connect as tlsConnect,
} from 'node:tls';
import { describe, expect, test } from 'vitest';
import { connect, HandshakeError, WebSocketServer } from '../../src/index.ts';
import { ca, certificate } from './certificates.ts';
import type { End, OpenOptions, Pair } from './end.ts';
import * as exchanges from './exchanges.ts';
import { connectOurs, type OurEnd, startOurServer } from './our-end.ts';
import { connectUndici } from './whatwg-end.ts';
import { connectWs, startWs } from './ws-end.ts';

const good = certificate('localhost');

/** Starts our TLS server, and connects a client of another implementation by host name. */
async function clientOfOurs(
  connectPeer: (url: string, options: OpenOptions) => Promise<End>,
  options: OpenOptions = {},
  tls: TlsOptions = {},
): Promise<Pair<OurEnd>> {
  const server = await startOurServer({ ...options, tls: { ...good, ...tls }, hostname: 'localhost' });
  try {
    const peer = await connectPeer(server.url, options);
    return {
      ours: await server.opened,
      peer,
      shutdown: (reason) => void server.server.shutdown({ reason }),
      release: () => server.release(),
    };
  } catch (error) {
    await server.release();
    throw error;
  }
}

async function clientOfWs(options: OpenOptions = {}): Promise<Pair<OurEnd>> {
  const server = await startWs({ ...options, tls: good });
  try {
    const ours = await connectOurs(server.url, { ...options, tls: { ca } });
    const peer = await server.opened;
    return {
      ours,
      peer,
      shutdown: (reason) => peer.close(1001, reason),
      async release() {
        ours.abort();
        await server.release();
      },
    };
  } catch (error) {
    await server.release();
    throw error;
  }
}

const pairs: { name: string; open: exchanges.Open; server: 'ours' | 'peer' }[] = [
  {
    name: 'our client, our server, TLS 1.2',
    open: (options) =>
      clientOfOurs((url, more) => connectOurs(url, { ...more, tls: { ca } }), options, {
        maxVersion: 'TLSv1.2',
      }),
    server: 'ours',
  },
  {
    name: 'our client, our server, TLS 1.3',
    open: (options) =>
      clientOfOurs((url, more) => connectOurs(url, { ...more, tls: { ca } }), options, {
        minVersion: 'TLSv1.3',
      }),
    server: 'ours',
  },
  {
    name: "ws's client, our server",
    open: (options) => clientOfOurs((url, more) => connectWs(url, { ...more, ca }), options),
    server: 'ours',
  },
  {
    name: "undici's client, our server",
    open: (options) => clientOfOurs((url, more) => connectUndici(url, { ...more, ca }), options),
    server: 'ours',
  },
  { name: "our client, ws's server", open: clientOfWs, server: 'peer' },
];

describe.each(pairs)('wss with a certificate of the test CA: $name', ({ open, server }) => {
  test('O7, O9, S9, F1: over wss, text messages of 0 bytes to 1 MiB arrive in both directions', () =>
    exchanges.text(open));

  test('O9: over wss, binary messages of 16 MiB arrive if both ends allow this size and send at the same time', () =>
    exchanges.sixteenMiBAtOnce(open));

  test('O9: over wss, fragmented text and binary messages arrive at the peer', () =>
    exchanges.fragmentsOfOurs(open));

  test('O9: over wss, 2,000 small messages of each end arrive in order', () => exchanges.many(open, 2_000));

  test('O9, C5: over wss, both ends report 1000 if we close with 1000', () =>
    exchanges.closing(open, 'ours', 1000, 'done'));

  test('O9, C5: over wss, both ends report 1000 if the peer closes with 1000', () =>
    exchanges.closing(open, 'peer', 1000, 'done'));

  test('O9, C5: over wss, both ends report 3000 if we close with 3000', () =>
    exchanges.closing(open, 'ours', 3000, 'because'));

  test('O9, C5: over wss, both ends report 3000 if the peer closes with 3000', () =>
    exchanges.closing(open, 'peer', 3000, 'because'));

  test('O9: over wss, the client receives 1001 and the reason if the server shuts down', () =>
    exchanges.shutdown(open, server, 'restarting'));

  test('O9, C9: over wss, messages that we send before the Close frame arrive at the peer', () =>
    exchanges.closingBehindMessages(open));

  test('O9, C19: over wss, both ends report 1006 if we drop the connection', () =>
    exchanges.abortByOurs(open));
});

/** Starts a TLS server that never answers a request, and that records the data of the clients. */
async function startListening(options: TlsOptions): Promise<{
  readonly port: number;
  /** Returns the decrypted bytes that have arrived. */
  readonly received: () => string;
  /**
   * These lists have one entry for each client that completed the TLS handshake. `names` has the requested server name or false, and
   * `protocols` has the ALPN protocol.
   */
  readonly names: (string | false | null)[];
  readonly protocols: (string | false | null)[];
  release(): Promise<void>;
}> {
  const chunks: Buffer[] = [];
  const names: (string | false | null)[] = [];
  const protocols: (string | false | null)[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer({ ALPNProtocols: ['http/1.1'], ...options }, (socket) => {
    sockets.add(socket);
    names.push((socket as TLSSocket & { servername: string | false | null }).servername);
    protocols.push(socket.alpnProtocol);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      socket.destroy();
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(chunks).toString('latin1'),
    names,
    protocols,
    async release() {
      // Handshakes that are still in progress may finish first.
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.end();
      await closed;
    },
  };
}

/** Resolves every host name to this machine, without a real look-up. */
const lookup: NonNullable<NonNullable<Parameters<typeof connect>[1]>['tcp']>['lookup'] = (
  _name,
  options,
  callback,
) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

async function failure(port: number, host: string, tls: ConnectionOptions): Promise<HandshakeError> {
  const attempt = connect(`wss://${host}:${port}/`, {
    tls,
    ...(isIP(host) === 0 ? { tcp: { lookup } } : null),
  });
  const error = await attempt.then(
    () => new Error('connected'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(HandshakeError);
  return error as HandshakeError;
}

describe('how our client verifies the certificate of the server by default', () => {
  test.each([
    [
      'O7: a certificate for another host is refused [A41]',
      'wrong-host',
      'localhost',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'O7: a certificate for another host is refused for an IP address as well [A41]',
      'wrong-host',
      '127.0.0.1',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'O7: a certificate for localhost is refused under another name [A41]',
      'localhost',
      'elsewhere.example',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['O7: an expired certificate is refused [A41]', 'expired', 'localhost', 'CERT_HAS_EXPIRED'],
    [
      'O7: a self-signed certificate is refused [A41]',
      'self-signed',
      'localhost',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    ],
  ] as const)('%s', async (_title, name, host, code) => {
    const server = await startListening(certificate(name));
    try {
      const error = await failure(server.port, host, { ca });
      expect(error).toMatchObject({ stage: 'tls', cause: { code } });
      expect(error.message).not.toBe('');
    } finally {
      await server.release();
    }
    // §4.1: our client has sent no byte of the opening handshake to that server.
    expect(server.received()).toBe('');
  });

  test('O7: our client refuses a certificate of a CA that was not passed [A41]', async () => {
    const server = await startListening(good);
    try {
      const error = await failure(server.port, 'localhost', {});
      expect(error).toMatchObject({ stage: 'tls', cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
    } finally {
      await server.release();
    }
    expect(server.received()).toBe('');
  });

  test('O7: our client rejects if the server disconnects during the TLS handshake', async () => {
    const server = createPlainServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      expect(await failure(port, '127.0.0.1', { ca })).toMatchObject({ stage: 'tls' });
    } finally {
      server.close();
      await once(server, 'close');
    }
  });

  test('O7: our client rejects if the server has no TLS, and sends this server no plain request', async () => {
    const server = await startOurServer();
    try {
      const port = Number(new URL(server.url).port);
      expect(await failure(port, '127.0.0.1', { ca })).toMatchObject({ stage: 'tls' });
    } finally {
      await server.release();
    }
  });

  test('our client accepts a certificate that lists the IP address of the server [A41]', async () => {
    const server = await startOurServer({ tls: good, hostname: '127.0.0.1' });
    try {
      const client = await connectOurs(server.url, { tls: { ca } });
      client.close(1000);
      expect(await client.closed).toMatchObject({ code: 1000, wasClean: true });
    } finally {
      await server.release();
    }
  });

  test('our client accepts a self-signed certificate that the application passed as a CA, and any certificate if verification is disabled', async () => {
    const certificates = certificate('self-signed');
    const server = await startOurServer({ tls: certificates, hostname: 'localhost' });
    try {
      for (const tls of [{ ca: certificates.cert }, { rejectUnauthorized: false }]) {
        const client = await connectOurs(server.url, { tls });
        client.close(1000);
        expect(await client.closed).toMatchObject({ code: 1000, wasClean: true });
      }
    } finally {
      await server.release();
    }
  });
});

describe("our client's messages to a TLS server", () => {
  const told: [string, string, string | false][] = [
    ['O8: our client sends the host of the URL as SNI [A41]', 'elsewhere.example', 'elsewhere.example'],
    ['O8: our client sends SNI in lower case', 'ELSEWHERE.example', 'elsewhere.example'],
    ['O8: our client sends no SNI for an IP address [A41]', '127.0.0.1', false],
  ];
  test.each(told)('%s', async (_title, host, name) => {
    const server = await startListening(certificate(isIP(host) === 0 ? 'wrong-host' : 'localhost'));
    try {
      // The TLS handshake succeeds. Then the server drops the connection instead of answering.
      expect(await failure(server.port, host, { ca })).toMatchObject({ stage: 'http' });
    } finally {
      await server.release();
    }
    expect(server.names).toEqual([name]);
    expect(server.received()).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
  });

  test('our client offers only http/1.1 by ALPN [A41]', async () => {
    const server = await startListening({ ...good, ALPNProtocols: ['h2', 'http/1.1'] });
    try {
      await failure(server.port, 'localhost', { ca });
    } finally {
      await server.release();
    }
    expect(server.protocols).toEqual(['http/1.1']);
  });
});

describe("our TLS server's messages to a client", () => {
  test.each([
    ['the server chooses http/1.1 by ALPN', ['h2', 'http/1.1'], 'http/1.1'],
    ['the server accepts a client without ALPN', [], false],
  ])('%s', async (_title, ALPNProtocols, agreed) => {
    const server = await startOurServer({ tls: good });
    try {
      const socket = tlsConnect({
        ...address(server.url),
        ca,
        ...(ALPNProtocols.length > 0 && { ALPNProtocols }),
      });
      await once(socket, 'secureConnect');
      expect(socket.alpnProtocol).toBe(agreed);
      socket.destroy();
    } finally {
      await server.release();
    }
  });

  test('S9: our server ends the connection if the TLS handshake fails, such as for a client without http/1.1 in ALPN', async () => {
    const server = await startOurServer({ tls: good });
    try {
      const socket = tlsConnect({ ...address(server.url), ca, ALPNProtocols: ['h2'] });
      const [error] = (await once(socket, 'error')) as [Error];
      expect(error.message).toMatch(/no application protocol/i);
      await closed(socket);
    } finally {
      await server.release();
    }
  });

  test('S9: if a client disconnects during the TLS handshake, our server frees all resources of this client immediately', async () => {
    const refused: string[] = [];
    const server = new WebSocketServer({ refused: (error) => refused.push(error.code) });
    const { port } = await server.listen({ tls: good });
    const socket = netConnect(port, '127.0.0.1');
    // These bytes are the beginning of a ClientHello.
    socket.end(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    socket.resume();
    await closed(socket);
    // If the server still waited for the client, the shutdown would last until the deadline, and the server would answer 408.
    await server.shutdown();
    expect(refused).toEqual([]);
  });

  test('S9: if a client sends plain HTTP to a TLS port, our server sends no answer in plain text', async () => {
    const server = await startOurServer({ tls: good });
    try {
      const socket = netConnect(address(server.url));
      socket.on('error', () => {});
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
      });
      socket.end('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await closed(socket);
      expect(answer).not.toMatch(/HTTP/);
    } finally {
      await server.release();
    }
  });
});

function address(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

function closed(socket: Socket): Promise<unknown> {
  return socket.closed ? Promise.resolve() : once(socket, 'close');
}
