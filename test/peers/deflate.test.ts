/** Tests permessage-deflate against other implementations for Node: `ws` as client and as server, and undici as client. */

import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { engines } from '../deflate/harness.ts';
import type { End, OpenOptions, Pair, PeerCompression } from './end.ts';
import * as exchanges from './exchanges.ts';
import { connectOurs, type OurEnd, startOurServer } from './our-end.ts';
import { connectUndici } from './whatwg-end.ts';
import { connectWs, startWs } from './ws-end.ts';

const require = createRequire(import.meta.url);
const versionOf = (name: string): string => (require(`${name}/package.json`) as { version: string }).version;

async function clientOfOurs(
  connect: (url: string, options: OpenOptions) => Promise<End>,
  options: OpenOptions,
): Promise<Pair<OurEnd>> {
  const server = await startOurServer(options);
  const peer = await connect(server.url, options);
  return { ours: await server.opened, peer, shutdown: () => {}, release: () => server.release() };
}

async function serverOfOurs(options: OpenOptions = {}): Promise<Pair<OurEnd>> {
  const server = await startWs(options);
  const ours = await connectOurs(server.url, options);
  return {
    ours,
    peer: await server.opened,
    shutdown: () => {},
    async release() {
      ours.abort();
      await server.release();
    },
  };
}

/** The parameters that each side may request. */
const wishes: [string, PeerCompression][] = [
  ['no parameter', {}],
  ['server_no_context_takeover', { serverNoContextTakeover: true }],
  ['client_no_context_takeover', { clientNoContextTakeover: true }],
  [
    'no context takeover in both directions',
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
  ],
  ['windows of 9 and 10 bits', { serverMaxWindowBits: 9, clientMaxWindowBits: 10 }],
  ['windows of 8 bits', { serverMaxWindowBits: 8, clientMaxWindowBits: 8 }],
  [
    'all parameters',
    {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 9,
    },
  ],
];

describe.each(engines)('with the compression engine "%s"', (engine) => {
  const ours = { threshold: 0, engine };
  const peers = { threshold: 0 };
  /**
   * Returns the maximum size of a message in the exchange. If the client requests no parameter, it is 1 MiB, the default limit of a server.
   */
  const largest = (wish: PeerCompression): number | undefined =>
    Object.keys(wish).length === 0 ? exchanges.MiB : undefined;

  describe(`a client of ws ${versionOf('ws')} and our server`, () => {
    const open: exchanges.Open = (options = {}) => clientOfOurs(connectWs, options);
    test.each(wishes)(
      'P6, P7, P10, P23, P26, P27: compressed messages arrive at both ends if the client requests %s',
      (_, wish) =>
        exchanges.compressed(
          open,
          { ourCompression: ours, peerCompression: { ...peers, ...wish } },
          largest(wish),
        ),
    );
    test.each(wishes.slice(1))(
      'P6, P7, P10, P23, P26, P27: messages arrive if the server requests %s',
      (_, wish) =>
        exchanges.compressed(open, { ourCompression: { ...ours, ...wish }, peerCompression: peers }),
    );
  });

  describe(`a server of ws ${versionOf('ws')} and our client`, () => {
    test.each(wishes)(
      'P6, P7, P10, P14, P23, P26, P27: compressed messages arrive at both ends if our client requests %s',
      (_, wish) =>
        exchanges.compressed(
          serverOfOurs,
          { ourCompression: { ...ours, ...wish }, peerCompression: peers },
          largest(wish),
        ),
    );
    // A server may limit the client's window only if the client has offered this.
    test.each(wishes.slice(1))(
      'P6, P7, P10, P14, P16, P23, P26, P27: messages arrive if the server requests %s',
      (_, wish) =>
        exchanges.compressed(serverOfOurs, {
          ourCompression: { ...ours, clientMaxWindowBits: 15 },
          peerCompression: { ...peers, ...wish },
        }),
    );
  });

  // undici does not compress the messages that it sends.
  describe(`a client of undici ${versionOf('undici')} and our server`, () => {
    const open: exchanges.Open = (options = {}) => clientOfOurs(connectUndici, options);
    test('P6, P7, P10, P23, P26: compressed messages of undici and of our server arrive if no parameter is negotiated', () =>
      exchanges.compressed(open, { ourCompression: ours }));
    test('P6, P13, P26: compressed messages of undici and of our server arrive if "no context takeover" is negotiated', () =>
      exchanges.compressed(open, { ourCompression: { ...ours, serverNoContextTakeover: true } }));
    test('P6, P19, P25: compressed messages of undici and of our server arrive if a window of 9 bits is negotiated', () =>
      exchanges.compressed(open, { ourCompression: { ...ours, serverMaxWindowBits: 9 } }));
  });
});

test('P3, A36: our server without compression accepts a client that offers compression, and both ends send uncompressed messages', () =>
  exchanges.exchange(
    (options = {}) => clientOfOurs(connectWs, options),
    async ({ ours, peer }) => {
      expect(ours.connection.extensions).toEqual([]);
      peer.send('x'.repeat(5000));
      expect((await ours.next()).length).toBe(5000);
      expect(ours.wireSize).toBe(5000);
    },
    { peerCompression: { threshold: 0 } },
  ));
