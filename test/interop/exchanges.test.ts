/**
 * Tests this library against implementations in other languages. Each implementation runs in a separate process. test/peers has the tests
 * against implementations for Node.js.
 */

import { fileURLToPath } from 'node:url';
import { describe, expect, inject, test } from 'vitest';
import { engines } from '../deflate/harness.ts';
import { ca, caFile, certificate, certificateFiles } from '../peers/certificates.ts';
import type { OpenOptions, Pair, PeerCompression } from '../peers/end.ts';
import * as exchanges from '../peers/exchanges.ts';
import { connectOurs, type OurEnd, startOurServer } from '../peers/our-end.ts';
import { type RemoteConfig, RemoteEnd } from './remote-end.ts';

const python = ['/usr/bin/python3', fileURLToPath(new URL('python/peer.py', import.meta.url))];
const go = [inject('goPeer')];

function configOf(options: OpenOptions): Omit<RemoteConfig, 'role' | 'subprotocols'> {
  const { headers, maxMessageSize, peerCompression } = options;
  return {
    ...(typeof peerCompression === 'object' ? { compression: peerCompression } : null),
    ...(headers === undefined ? null : { headers }),
    ...(maxMessageSize === undefined ? null : { maxMessageSize }),
  };
}

/** Starts our server and a client of the other implementation, and connects them. */
async function clientOfOurs(
  command: readonly string[],
  options: OpenOptions,
  secure: boolean,
): Promise<Pair<OurEnd>> {
  const server = await startOurServer({
    ...options,
    ...(secure ? { tls: certificate('localhost'), hostname: 'localhost' } : null),
  });
  const peer = new RemoteEnd(command, {
    role: 'client',
    url: server.url,
    subprotocols: options.subprotocols?.offered ?? [],
    ...configOf(options),
    ...(secure ? { ca: caFile } : null),
  });
  async function release(): Promise<void> {
    await peer.release();
    await server.release();
  }
  try {
    await peer.opened;
    const ours = await server.opened;
    return { ours, peer, shutdown: (reason) => void server.server.shutdown({ reason }), release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Starts a server of the other implementation, and connects our client to it. */
async function serverOfOurs(
  command: readonly string[],
  options: OpenOptions,
  secure: boolean,
): Promise<Pair<OurEnd>> {
  const peer = new RemoteEnd(command, {
    role: 'server',
    subprotocols: options.subprotocols?.supported ?? [],
    ...configOf(options),
    ...(secure ? certificateFiles('localhost') : null),
  });
  try {
    const port = await peer.listening;
    const url = secure ? `wss://localhost:${port}/` : `ws://127.0.0.1:${port}/`;
    const ours = await connectOurs(url, { ...options, ...(secure ? { tls: { ca } } : null) });
    await peer.opened;
    return {
      ours,
      peer,
      shutdown: (reason) => peer.shutdown(reason),
      async release() {
        ours.abort();
        await peer.release();
      },
    };
  } catch (error) {
    await peer.release();
    throw error;
  }
}

interface Peer {
  readonly name: string;
  readonly open: exchanges.Open;
  readonly openSecurely: exchanges.Open;
  /** Which of the two ends is the server. */
  readonly server: 'ours' | 'peer';
  readonly isPython: boolean;
}

function bothRoles(name: string, command: readonly string[], isPython: boolean): Peer[] {
  return [
    {
      name: `${name}, client of our server`,
      open: (options = {}) => clientOfOurs(command, options, false),
      openSecurely: (options = {}) => clientOfOurs(command, options, true),
      server: 'ours',
      isPython,
    },
    {
      name: `${name}, server of our client`,
      open: (options = {}) => serverOfOurs(command, options, false),
      openSecurely: (options = {}) => serverOfOurs(command, options, true),
      server: 'peer',
      isPython,
    },
  ];
}

const peers: Peer[] = [
  ...bothRoles(`python3-websockets ${inject('pythonVersion')}`, python, true),
  ...bothRoles(`gorilla/websocket ${inject('goVersion')} (Go)`, go, false),
];

describe.each(peers)(
  'messages between this library and $name',
  ({ open, openSecurely, server, isPython }) => {
    test('F1, F3, F10, F13, F14: text messages of 0, 1, 125, 126, 127, 65535, 65536 bytes and 1 MiB arrive in both directions', () =>
      exchanges.text(open));

    test('F1, F3, F10, F13, F14: binary messages of 0, 1, 125, 126, 127, 65535, 65536 bytes and 1 MiB arrive in both directions', () =>
      exchanges.binary(open));

    test('F10: if both ends have a limit of 16 MiB, text and binary messages of 16 MiB arrive in both directions', () =>
      exchanges.sixteenMiB(open));

    test('F18, F19, F23: our fragmented text and binary messages arrive at the peer, even if a character is divided between fragments', () =>
      exchanges.fragmentsOfOurs(open));

    // gorilla/websocket sends a fragment whenever 4 KiB are full. The caller cannot change this.
    test('F18, F19: fragmented text and binary messages that the peer sends arrive', () =>
      exchanges.fragmentsOfPeer(
        open,
        isPython
          ? undefined
          : [
              [exchanges.textOf(70_000), 5000],
              [exchanges.bytesOf(exchanges.MiB), 5000],
            ],
      ));

    test('F24: 5,000 small messages of random sizes arrive in order, in both directions at the same time', () =>
      exchanges.many(open, 5_000));

    test('C7: the peer answers our pings', () => exchanges.pingsOfOurs(open));

    test("C7: we answer the peer's pings", () => exchanges.pingsOfPeer(open));

    test('C5, C10, C11, C12, C13: if we close with 1000, both ends report 1000', () =>
      exchanges.closing(open, 'ours', 1000, 'done'));

    test('C4, C5, C11, C12, C13: if the peer closes with 1000, both ends report 1000', () =>
      exchanges.closing(open, 'peer', 1000, 'done'));

    test('C5, C10, C13, C24: if we close with 3000, both ends report 3000', () =>
      exchanges.closing(open, 'ours', 3000, 'because €'));

    test('C4, C5, C13, C24: if the peer closes with 3000, both ends report 3000', () =>
      exchanges.closing(open, 'peer', 3000, 'because €'));

    // The Python library sends the code 1001 without a reason.
    test('C13: if the server shuts down, the client reports 1001', () =>
      exchanges.shutdown(open, server, server === 'peer' && isPython ? '' : 'restarting'));

    // The Python library always sends a code in its Close frame.
    if (!isPython)
      test('C13: if the peer closes without a code, both ends report 1005', () =>
        exchanges.closingWithoutCode(open));

    test('C9: messages that we sent before the Close frame arrive at the peer', () =>
      exchanges.closingBehindMessages(open));

    test('C13, C19: if we drop the connection, both ends report 1006', () => exchanges.abortByOurs(open));

    test('C13, C19: if the peer drops the connection, both ends report 1006', () =>
      exchanges.abortByPeer(open));

    test('C16, F25: we refuse a message over our limit, and the peer reports 1009', () =>
      exchanges.overOurLimit(open));

    test('S15: both ends agree on a subprotocol that the client offered and the server supports', () =>
      exchanges.exchange(
        open,
        async ({ ours, peer }) => {
          expect(ours.subprotocol).toBe('chat.v2');
          expect(peer.subprotocol).toBe('chat.v2');
        },
        { subprotocols: { offered: ['chat.v3', 'chat.v2'], supported: ['chat.v1', 'chat.v2'] } },
      ));

    test('H10, S8: header fields of the request arrive at the server', () =>
      exchanges.exchange(
        open,
        async ({ ours, peer }) => {
          const header = (name: string): unknown =>
            server === 'ours' ? ours.request?.header(name) : (peer as RemoteEnd).headers[name.toLowerCase()];
          expect(header('X-Test')).toBe('of the client');
          expect(header('Sec-WebSocket-Version')).toBe('13');
        },
        { headers: { 'X-Test': 'of the client' } },
      ));

    describe('connections over TLS with the test CA', () => {
      test('O7, O9, S9: over TLS, text and binary messages of 0 bytes to 1 MiB arrive in both directions', async () => {
        await exchanges.text(openSecurely);
        await exchanges.binary(openSecurely);
      });

      test('O9: over TLS, binary messages of 16 MiB arrive in both directions at the same time', () =>
        exchanges.sixteenMiBAtOnce(openSecurely));

      test('O9: over TLS, fragmented text and binary messages that we send arrive at the peer', () =>
        exchanges.fragmentsOfOurs(openSecurely));

      test('O9, C5: over TLS, both ends report 1000 if we close with 1000', () =>
        exchanges.closing(openSecurely, 'ours', 1000, 'done'));

      test('O9, C5: over TLS, both ends report 3000 if the peer closes with 3000', () =>
        exchanges.closing(openSecurely, 'peer', 3000, 'because'));

      test('O9: over TLS, the client reports 1001 if the server shuts down', () =>
        exchanges.shutdown(openSecurely, server, server === 'peer' && isPython ? '' : 'restarting'));
    });

    // gorilla/websocket supports compression only without parameters and without context takeover, and its version 1.5 has faults.
    if (isPython)
      describe.each(engines)('messages with permessage-deflate and the compression engine "%s"', (engine) => {
        const wishes: [string, PeerCompression][] = [
          ['no parameter', {}],
          ['no context takeover', { serverNoContextTakeover: true, clientNoContextTakeover: true }],
          ['windows of 9 and 10 bits', { serverMaxWindowBits: 9, clientMaxWindowBits: 10 }],
          // This limits our side, because zlib in the peer refuses to compress with so few bits.
          ['a window of 8 bits', server === 'ours' ? { serverMaxWindowBits: 8 } : { clientMaxWindowBits: 8 }],
        ];
        const ours = { threshold: 0, engine };
        test.each(wishes)(
          'P6, P7, P10, P23, P25, P26, P27: compressed messages arrive in both directions if the peer requests %s',
          (_, wish) =>
            exchanges.compressed(open, {
              ourCompression: { ...ours, clientMaxWindowBits: server === 'peer' ? 12 : 15 },
              // This allows our server to limit the window of the peer. Our client always offers this.
              peerCompression: server === 'ours' ? { clientMaxWindowBits: 15, ...wish } : wish,
              maxMessageSize: 2 * exchanges.MiB,
            }),
        );
        test.each(wishes.slice(1))(
          'P6, P7, P10, P23, P25, P26, P27: compressed messages arrive in both directions if we request %s',
          (_, wish) =>
            exchanges.compressed(open, {
              ourCompression: { ...ours, ...wish },
              peerCompression: server === 'ours' ? { clientMaxWindowBits: 15 } : {},
              maxMessageSize: 2 * exchanges.MiB,
            }),
        );
      });
  },
);
