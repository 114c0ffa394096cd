/** Clients and servers of both surfaces with each other, and with `ws`. Python's websockets is in test/interop. */
import { afterEach, describe, expect, test } from 'vitest';
import { connectWs, startWs } from '../../peers/ws-end.ts';
import { connectPlugin, converse, startPlugin, type Version } from './plugin-end.ts';
import { clearSurfaces } from './support.ts';

afterEach(clearSurfaces);

const versions: readonly Version[] = ['v2', 'v1'];
const both = ['ours', 'peer'] as const;

describe.each(versions)('a client of %s', (version) => {
  test.each(versions.flatMap((server) => [true, false].map((deflate) => [server, deflate] as const)))(
    'and a server of %s, permessage-deflate %j',
    async (server, deflate) => {
      for (const by of both) {
        const { url, end } = await startPlugin(server);
        const client = await connectPlugin(version, url, deflate);
        if (by === 'ours') {
          await converse(client, end, 'ours');
          continue;
        }
        // Which of both ends first is the same thing seen from the other side; a server says 1000 Normal closure.
        await converse(end, client, 'ours');
      }
    },
  );

  test.each([true, false])('and a server of ws, permessage-deflate asked for: %j', async (deflate) => {
    for (const by of both) {
      const server = await startWs();
      const client = await connectPlugin(version, server.url, deflate);
      await converse(client, await server.opened, by);
      await server.release();
    }
  });
});

describe.each(versions)('a server of %s', (version) => {
  test('and a client of ws, which offers permessage-deflate', async () => {
    for (const by of both) {
      const { url, end } = await startPlugin(version);
      const client = await connectWs(url);
      await converse(end, client, by);
      expect(client.errors).toEqual([]);
    }
  });
});
