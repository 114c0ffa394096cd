/** FAULT-5: the library inflates messages of a peer only in a part of each turn of the event loop. These tests use real sockets. */
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { closeScripted, scripted } from '../transport/scripted.ts';
import { closeServers, kinds, startServer } from '../transport/servers.ts';
import { frame, Op, requestHead } from '../transport/wire.ts';

afterEach(async () => {
  await closeServers();
  await closeScripted();
});

const KIB = 1024;
const SIZE = 128 * KIB;
const COUNT = 300;

/** Returns many messages. Each message has 128 KiB and is compressed to 150 bytes, so one read of a socket can contain all of them. */
function bombs(mask: boolean): Buffer {
  const compressed = deflateRawSync(Buffer.alloc(SIZE), { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
  const bomb = frame(Op.Binary, compressed, { mask });
  // Sets RSV1, which marks a compressed message (RFC 7692 §6).
  bomb[0]! |= 0x40;
  return Buffer.concat(new Array<Buffer>(COUNT).fill(bomb));
}

/** Counts the bytes that the connection delivers in each turn of the event loop. */
class Turns {
  most = 0;
  messages = 0;
  #bytes = 0;
  #isAsked = false;

  message({ length }: { length: number }): void {
    this.messages++;
    this.#bytes += length;
    this.most = Math.max(this.most, this.#bytes);
    if (this.#isAsked) return;
    this.#isAsked = true;
    setImmediate(() => {
      this.#bytes = 0;
      this.#isAsked = false;
    });
  }

  async check(): Promise<void> {
    while (this.messages < COUNT) await new Promise((resolve) => setTimeout(resolve, 5));
    // One turn of the event loop inflates 1 MiB, plus the rest of the message that crosses this limit. Between two calls of setImmediate
    // there may be two such turns: one for socket reads and one for waiting messages.
    expect(this.most).toBeLessThanOrEqual(2 * (1024 * KIB + SIZE));
  }
}

test.each(kinds)(
  'FAULT-5: if a client sends many compression bombs at once, the server inflates them in many turns of the event loop: %s',
  async (kind) => {
    const turns = new Turns();
    const { peer } = await startServer(
      { message: (_connection, message) => turns.message(message as Buffer) },
      { compression: true },
      kind,
    );
    const raw = peer().write(requestHead({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
    await raw.until(() => raw.head !== '');
    raw.write(bombs(true));
    await turns.check();
  },
);

test('FAULT-5: if a server sends many compression bombs at once, the client inflates them in many turns of the event loop', async () => {
  const turns = new Turns();
  const { port } = await scripted(({ socket, accept }) => {
    socket.write(accept('Sec-WebSocket-Extensions: permessage-deflate\r\n'));
    socket.write(bombs(false));
  });
  const connection = await connect(`ws://127.0.0.1:${port}/`, {
    compression: true,
    handlers: { message: (_connection, message) => turns.message(message as Buffer) },
  });
  await turns.check();
  connection.terminate();
});
