/** Clients and servers of both plugin versions exchange messages with each other and with `ws`. test/interop adds a Python library. */
import { afterEach, describe, expect, test } from 'vitest';
import { connectWs, startWs } from '../../peers/ws-end.ts';
import { connectPlugin, converse, startPlugin, type Version } from './plugin-end.ts';
import { clearSurfaces, V1 } from './support.ts';

afterEach(clearSurfaces);

const versions: readonly Version[] = ['v2', 'v1'];
const both = ['ours', 'peer'] as const;

describe.each(versions)('a client of the plugin, version %s', (version) => {
  test.each(versions.flatMap((server) => [true, false].map((deflate) => [server, deflate] as const)))(
    'the client and a server of version %s exchange messages and close the connection, with permessage-deflate %j',
    async (server, deflate) => {
      for (const by of both) {
        const { url, end } = await startPlugin(server);
        const client = await connectPlugin(version, url, deflate);
        if (by === 'ours') {
          await converse(client, end, 'ours');
          continue;
        }
        // The server closes the connection first, with the code 1000 and the reason "Normal closure".
        await converse(end, client, 'ours');
      }
    },
  );

  test.each([true, false])(
    'the client and a server of the package ws exchange messages and close the connection, with permessage-deflate %j',
    async (deflate) => {
      for (const by of both) {
        const server = await startWs();
        const client = await connectPlugin(version, server.url, deflate);
        await converse(client, await server.opened, by);
        await server.release();
      }
    },
  );
});

describe('permessage-deflate of a client of version 1', () => {
  test.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])(
    'plugin A0.8-2, A0.8-4, C17: a client and the package ws use the negotiated compression, with clientNoContextTakeover %j and serverNoContextTakeover %j',
    async (clientNoContextTakeover, serverNoContextTakeover) => {
      const server = await startWs({ peerCompression: { threshold: 0 } });
      const v1 = new V1();
      const perMessageDeflate = {
        enabled: true,
        clientNoContextTakeover,
        serverNoContextTakeover,
        serverMaxWindowBits: 9,
        clientMaxWindowBits: 10,
      };
      const { ref } = await v1.startedClient(server.url, { perMessageDeflate });
      const [open] = await v1.got('open', 0, ref);
      const extensions = String(open?.[3]['Sec-WebSocket-Extensions']);
      expect(extensions).toContain('server_max_window_bits=9');
      expect(extensions).toContain('client_max_window_bits=10');
      const peer = await server.opened;
      const message = 'the same text twice is short the second time';
      const sizes = [0, 1].map(() => {
        peer.send(message);
        return v1.clientSend({ ref }, Buffer.from(message)).wireSize ?? 0;
      }) as [number, number];
      expect([await peer.next(), await peer.next()]).toEqual([message, message]);
      // The second message is much shorter only if the compressor has kept its window from the first message.
      expect(sizes[1] < sizes[0] / 2).toBe(!clientNoContextTakeover);
      const heard = await v1.got('message', 0, ref, 2);
      expect(heard.map(([, , , context]) => context.data)).toEqual([message, message]);
      const [first, second] = heard.map(([, , , context]) => Number(context.wireSize)) as [number, number];
      expect(second < first / 2).toBe(!serverNoContextTakeover);
      await server.release();
    },
  );
});

describe.each(versions)('a server of the plugin, version %s', (version) => {
  test('the server and a client of the package ws exchange messages and close the connection, and the client offers permessage-deflate', async () => {
    for (const by of both) {
      const { url, end } = await startPlugin(version);
      const client = await connectWs(url);
      await converse(end, client, by);
      expect(client.errors).toEqual([]);
    }
  });
});
