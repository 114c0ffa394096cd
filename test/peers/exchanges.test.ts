/**
 * Tests this library against other implementations for Node.js, in this process. test/interop has the tests against implementations in
 * other languages.
 */

import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type { End, OpenOptions, Pair } from './end.ts';
import * as exchanges from './exchanges.ts';
import { connectOurs, type OurEnd, responseHeaders, startOurServer } from './our-end.ts';
import { BuiltinWebSocket, connectBuiltin, connectUndici, type WhatwgEnd } from './whatwg-end.ts';
import { connectWs, startWs, type WsEnd } from './ws-end.ts';

const require = createRequire(import.meta.url);
const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;

/** Starts our server, and connects a client of another implementation. */
async function clientOfOurs(
  connect: (url: string, options: OpenOptions) => Promise<End>,
  options: OpenOptions,
  attached = false,
): Promise<Pair<OurEnd>> {
  const server = await startOurServer({ ...options, attached });
  try {
    const peer = await connect(server.url, options);
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

/** Starts a server of `ws`, and connects our client. */
async function clientOfWs(options: OpenOptions = {}): Promise<Pair<OurEnd>> {
  const server = await startWs(options);
  try {
    const ours = await connectOurs(server.url, options);
    const peer = await server.opened;
    return {
      ours,
      peer,
      // `ws` has no method that closes all connections of a server with 1001.
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

interface Peer {
  readonly name: string;
  readonly open: exchanges.Open;
  /** True if our end or the peer is the server. */
  readonly server: 'ours' | 'peer';
  readonly kind: 'ws' | 'whatwg';
  /** True if the peer can send pings. The built-in WebSocket of Node.js cannot. */
  readonly canPing: boolean;
}

const peers: Peer[] = [
  {
    name: `ws ${versionOf('ws')}, client of our server`,
    open: (options = {}) => clientOfOurs(connectWs, options),
    server: 'ours',
    kind: 'ws',
    canPing: true,
  },
  {
    name: `ws ${versionOf('ws')}, client of our server on a node:http server`,
    open: (options = {}) => clientOfOurs(connectWs, options, true),
    server: 'ours',
    kind: 'ws',
    canPing: true,
  },
  {
    name: `ws ${versionOf('ws')}, server of our client`,
    open: clientOfWs,
    server: 'peer',
    kind: 'ws',
    canPing: true,
  },
  {
    name: `undici ${versionOf('undici')}, client of our server`,
    open: (options = {}) => clientOfOurs(connectUndici, options),
    server: 'ours',
    kind: 'whatwg',
    canPing: true,
  },
];
if (BuiltinWebSocket !== undefined) {
  peers.push({
    name: `the WebSocket of Node ${process.version}, client of our server`,
    open: (options = {}) => clientOfOurs(connectBuiltin, options),
    server: 'ours',
    kind: 'whatwg',
    canPing: false,
  });
} else {
  const major = Number(process.versions.node.split('.')[0]);
  test(`Node ${major} has no built-in WebSocket, because only Node 22 and later have one`, () => {
    expect(major).toBeLessThan(22);
  });
}

describe.each(peers)(
  'messages between this library and another implementation: $name',
  ({ open, server, kind, canPing }) => {
    // A client with the WHATWG interface cannot do some of the exchanges. These exchanges have no test for such a client.
    const isWs = kind === 'ws';

    test('F1, F3, F10, F13, F14: text messages of 0, 1, 125, 126, 127, 65535, 65536 bytes and 1 MiB arrive in both directions', () =>
      exchanges.text(open));

    test('F1, F3, F10, F13, F14: binary messages of 0, 1, 125, 126, 127, 65535, 65536 bytes and 1 MiB arrive in both directions', () =>
      exchanges.binary(open));

    test('F10: text and binary messages of 16 MiB arrive in both directions if both ends allow this size', () =>
      exchanges.sixteenMiB(open));

    test('F10: binary messages of 16 MiB arrive if both ends send them at the same time', () =>
      exchanges.sixteenMiBAtOnce(open));

    test('F18, F19, F23: fragmented text and binary messages arrive at the peer, even if a character is divided between two fragments', () =>
      exchanges.fragmentsOfOurs(open));

    if (isWs)
      test('F18, F19: fragmented text and binary messages of the peer arrive, even with a character divided between fragments', () =>
        exchanges.fragmentsOfPeer(open));

    if (isWs)
      test('F15: we answer a ping between the fragments of the peer before the message is complete', () =>
        exchanges.exchange(open, async ({ ours, peer }) => {
          const { socket } = peer as WsEnd;
          socket.send('frag', { fin: false });
          expect(await peer.ping!('between')).toBe('between');
          expect(ours.pings).toEqual(['between']);
          socket.send('mented', { fin: true });
          expect(await ours.next()).toBe('fragmented');
        }));

    test('F24: 10,000 small messages of random sizes arrive in order, in both directions at the same time', () =>
      exchanges.many(open, 10_000));

    test('C7: the peer answers our pings', () => exchanges.pingsOfOurs(open));

    if (canPing) test('C7: we answer the pings of the peer', () => exchanges.pingsOfPeer(open));

    test('C5, C10, C11, C12, C13: both ends report 1000 if we close with 1000', () =>
      exchanges.closing(open, 'ours', 1000, 'done'));

    test('C4, C5, C11, C12, C13: both ends report 1000 if the peer closes with 1000', () =>
      exchanges.closing(open, 'peer', 1000, 'done'));

    test('C5, C10, C13, C24: both ends report 3000 if we close with 3000', () =>
      exchanges.closing(open, 'ours', 3000, 'because €'));

    test('C4, C5, C13, C24: both ends report 3000 if the peer closes with 3000', () =>
      exchanges.closing(open, 'peer', 3000, 'because €'));

    test('C9: messages that we send before the Close frame arrive at the peer', () =>
      exchanges.closingBehindMessages(open));

    test('C13: the client receives 1001 and the reason if the server shuts down', () =>
      exchanges.shutdown(open, server, 'restarting'));

    test('C13: both ends report 1005 if the peer closes without a code', () =>
      exchanges.closingWithoutCode(open));

    test('C6, C12: if both ends close at the same time, each end reports the code of the other end', () =>
      exchanges.simultaneousClose(open));

    test('C13, C19: both ends report 1006 if we drop the connection', () => exchanges.abortByOurs(open));

    if (isWs)
      test('C13, C19: both ends report 1006 if the peer drops the connection', () =>
        exchanges.abortByPeer(open));

    test('C16, F25: the peer receives 1009 if its message is over our limit', () =>
      exchanges.overOurLimit(open));

    test('S15: the server chooses a subprotocol that the client offered and the server supports', () =>
      exchanges.exchange(
        open,
        async ({ ours, peer }) => {
          expect(ours.subprotocol).toBe('chat.v2');
          expect(peer.subprotocol).toBe('chat.v2');
        },
        { subprotocols: { offered: ['chat.v3', 'chat.v2', 'chat.v1'], supported: ['chat.v1', 'chat.v2'] } },
      ));

    test('S15: the server chooses no subprotocol if the client offers none', () =>
      exchanges.exchange(
        open,
        async ({ ours, peer }) => {
          expect(ours.subprotocol).toBe('');
          expect(peer.subprotocol).toBe('');
        },
        { subprotocols: { offered: [], supported: ['chat.v1'] } },
      ));

    test('H10, S8: the header fields of the request arrive at the server', () =>
      exchanges.exchange(
        open,
        async ({ ours, peer }) => {
          const header = (name: string): unknown =>
            server === 'ours' ? ours.request?.header(name) : (peer as WsEnd).headers[name.toLowerCase()];
          expect(header('X-Test')).toBe('of the client');
          expect(header('Cookie')).toBe('session=1; other=2');
          expect(header('Sec-WebSocket-Version')).toBe('13');
        },
        { headers: { 'X-Test': 'of the client', Cookie: 'session=1; other=2' } },
      ));

    if (isWs && server === 'ours')
      test('S17: the header fields of our 101 response arrive at the client', () =>
        exchanges.exchange(open, async ({ peer }) => {
          const { headers } = peer as WsEnd;
          expect(headers).toMatchObject({
            upgrade: 'websocket',
            connection: 'Upgrade',
            'x-answer': responseHeaders['X-Answer'],
            'set-cookie': [responseHeaders['Set-Cookie']],
          });
          // `ws` offers permessage-deflate, and our server does not accept the offer.
          expect(headers).not.toHaveProperty('sec-websocket-extensions');
        }));

    test('if our end stops reading, the peer has to wait, and no message is lost', () =>
      exchanges.pausedByUs(open, (peer) => (peer as WsEnd | WhatwgEnd).socket.bufferedAmount));

    if (isWs)
      test('if the peer stops reading, our `send` returns false, and `drain` follows when the peer reads again', () =>
        exchanges.pausedByPeer(open, (peer) => {
          const { socket } = peer as WsEnd;
          socket.pause();
          return () => socket.resume();
        }));
  },
);
