/** Compares the `wireSize` of a status with the number of bytes that a peer has received. */
import { inflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { framesOf, RawPeer } from '../../transport/wire.ts';
import { clearSurfaces, RawServer, switching, V1, V2 } from './support.ts';

const peers: RawPeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.destroy();
  await clearSurfaces();
});

/** Returns a text of `size` bytes. Compression reduces it to about half. */
function textOf(size: number): string {
  let state = 7;
  let text = '';
  while (text.length < size) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, size);
}

const sizes = [
  ['10 B', 10],
  ['10 KB', 10_000],
  ['1 MB', 1_000_000],
] as const;

interface Sent {
  readonly payload: Buffer;
  readonly compressed: boolean;
}

/** Waits for the first message, and joins the payloads of its frames. */
async function messageAt(peer: RawPeer): Promise<Sent> {
  await peer.until(() => peer.frames.some(({ fin, opcode }) => fin && opcode < 8));
  const bytes = peer.received.subarray(peer.head.length);
  const frames = framesOf(bytes).filter(({ opcode }) => opcode < 8);
  return {
    payload: Buffer.concat(frames.map(({ payload }) => payload)),
    compressed: (bytes[0]! & 0x40) !== 0,
  };
}

function textIn({ payload, compressed }: Sent): string {
  if (!compressed) return payload.toString();
  return inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: 2,
  }).toString();
}

const extension = 'Sec-WebSocket-Extensions: permessage-deflate';

describe.each([true, false])('permessage-deflate %j', (deflate) => {
  test.each(sizes)(
    'plugin A1.5-1, A0.1-2, A0.8-7, C40: when a client of version 2 sends %s, wireSize is the size of the payload that the peer receives',
    async (_name, size) => {
      const v2 = new V2();
      const raw = await RawServer.start((_request, key) => (deflate ? switching(key, extension) : null));
      const { id } = await v2.startedClient(raw.url, { enablePerMessageDeflate: deflate });
      const message = textOf(size);
      const status = v2.clientSend({ id, message });
      const seen = await messageAt(await raw.peer());
      expect(status).toEqual({
        success: true,
        compressionError: false,
        payloadSize: size,
        wireSize: seen.payload.length,
      });
      expect(textIn(seen)).toBe(message);
      // The plugins have no threshold for compression. A message that would not become smaller is sent uncompressed.
      expect(seen.compressed).toBe(deflate && seen.payload.length < size);
      if (deflate && size > 10) expect(seen.payload.length).toBeLessThan(size * 0.9);
    },
  );

  test.each(sizes)(
    'plugin A1.10-4, A0.8-6, A0.8-7, C40: when a server of version 2 sends %s, wireSize is the size of the payload that the peer receives',
    async (_name, size) => {
      const v2 = new V2();
      const { id, port } = await v2.startedServer();
      const peer = RawPeer.to(port);
      peers.push(peer);
      await peer.open(deflate ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {});
      const message = textOf(size);
      const { statuses } = v2.serverSend({ id, message });
      const seen = await messageAt(peer);
      expect(statuses).toMatchObject([{ success: true, payloadSize: size, wireSize: seen.payload.length }]);
      expect(textIn(seen)).toBe(message);
      expect(seen.compressed).toBe(deflate && seen.payload.length < size);
    },
  );

  test.each(sizes)(
    'plugin A2.3-5, A2.3-6: when version 1 sends %s, wireSize is the size of the payload that the peer receives',
    async (_name, size) => {
      const v1 = new V1();
      const raw = await RawServer.start((_request, key) => (deflate ? switching(key, extension) : null));
      const { ref } = await v1.startedClient(raw.url, { perMessageDeflate: { enabled: deflate } });
      const data = Buffer.from(textOf(size));
      const status = v1.clientSend({ ref }, data);
      const seen = await messageAt(await raw.peer());
      expect(status).toMatchObject({ success: true, payloadSize: size, wireSize: seen.payload.length });

      const server = await v1.startedServer();
      const peer = RawPeer.to(server.port);
      peers.push(peer);
      await peer.open(deflate ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {});
      const statuses = v1.serverSend({ ref: server.ref }, data);
      const received = await messageAt(peer);
      expect(statuses).toMatchObject([
        { success: true, payloadSize: size, wireSize: received.payload.length },
      ]);
      expect(textIn(received)).toBe(data.toString());
    },
  );
});

test('plugin A0.1-2: the wireSize of a received message is the size of its payload on the wire, without frame headers', async () => {
  const v2 = new V2();
  const { id, url } = await v2.startedServer();
  const client = await v2.startedClient(url, { enablePerMessageDeflate: true });
  const { wireSize } = v2.clientSend({ ...client, message: textOf(10_000) });
  expect(await v2.got(0, id)).toMatchObject([{ wireSize }]);
  expect(wireSize).toBeLessThan(9_000);
});

test('plugin A0.8-7: a message of 1,000 equal bytes is compressed to at most 11 bytes', async () => {
  const v2 = new V2();
  const { url } = await v2.startedServer();
  const client = await v2.startedClient(url, { enablePerMessageDeflate: true });
  const status = v2.clientSend({ ...client, message: 'x'.repeat(1_000) });
  expect(status.wireSize).toBeLessThanOrEqual(11);
});
