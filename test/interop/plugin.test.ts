/**
 * Tests the functions of the 4D plugins against python3-websockets of Debian, as client and as server. test/api/plugin/peers.test.ts tests
 * the plugins against each other and against `ws`.
 */

import { fileURLToPath } from 'node:url';
import { afterEach, describe, inject, test } from 'vitest';
import { connectPlugin, converse, startPlugin, type Version } from '../api/plugin/plugin-end.ts';
import { clearSurfaces } from '../api/plugin/support.ts';
import { RemoteEnd } from './remote-end.ts';

const python = ['/usr/bin/python3', fileURLToPath(new URL('python/peer.py', import.meta.url))];

afterEach(clearSurfaces);

const versions: readonly Version[] = ['v2', 'v1'];
const both = ['ours', 'peer'] as const;

describe.each(versions)(`the 4D plugin (%s) and python3-websockets ${inject('pythonVersion')}`, (version) => {
  test.each(both.flatMap((by) => [true, false].map((deflate) => [by, deflate] as const)))(
    'our client and the peer exchange messages (closed by: %s, with permessage-deflate: %j)',
    async (by, deflate) => {
      const peer = new RemoteEnd(python, { role: 'server', subprotocols: [] });
      try {
        const client = await connectPlugin(version, `ws://127.0.0.1:${await peer.listening}/`, deflate);
        await converse(client, peer, by);
      } finally {
        await peer.release();
      }
    },
  );

  test.each(both)('our server and the peer exchange messages (closed by: %s)', async (by) => {
    const { url, end } = await startPlugin(version);
    const peer = new RemoteEnd(python, { role: 'client', url, subprotocols: [] });
    try {
      await peer.opened;
      await converse(end, peer, by);
    } finally {
      await peer.release();
    }
  });
});
