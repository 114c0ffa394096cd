/** Tests a connection that stops reading while memory is scarce. Node may still read data from its socket. */
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { serverLimits } from '../../src/transport/limits.ts';
import { bindSocket, type SocketConnection } from '../../src/transport/socket.ts';
import { frame, Op } from './wire.ts';

const MARK = 4096;
const LIMIT = 1_000_000;

let server: Server | null = null;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  server = null;
});

/** Opens a connection and its peer. The application of the connection pauses reading at the first message. */
async function open(highWaterMark: number, handlers: { onSecond?: (socket: Socket) => void } = {}) {
  const memoryBudget = new MemoryBudget(LIMIT);
  const received: number[] = [];
  const accepted = new Promise<{ socket: Socket; connection: SocketConnection }>((resolve) => {
    server = createServer({ highWaterMark, allowHalfOpen: true }, (socket) => {
      const connection = bindSocket(
        socket,
        {
          onText() {},
          onBinary(payload) {
            received.push(payload.length);
            if (received.length === 1) connection.pause();
            if (received.length === 2) handlers.onSecond?.(socket);
          },
          onFragment() {},
          onPing() {},
          onPong() {},
          onClosing() {},
          onClose() {},
          onError() {},
          onDrain() {},
        },
        { role: 'server', limits: { ...serverLimits, memoryBudget } },
      );
      connection.start(Buffer.alloc(0));
      sockets.push(socket);
      resolve({ socket, connection });
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  const { port } = server!.address() as { port: number };
  const peer = connectTcp(port, '127.0.0.1');
  sockets.push(peer);
  peer.on('error', () => {});
  return { ...(await accepted), peer, memoryBudget, received };
}

/** Waits until the value no longer changes. */
async function settled(read: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    same = read() === before ? same + 1 : 0;
    before = read();
  }
}

const messages = (count: number, size: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => frame(Op.Binary, Buffer.alloc(size, 7), { mask: true })));

describe('FAULT-4: data that Node reads for a stopped socket', () => {
  test('while memory is scarce, a stopped socket keeps data up to its high-water mark, and delivers it after resume', async () => {
    const { socket, connection, peer, memoryBudget, received } = await open(MARK);
    memoryBudget.count(LIMIT * 0.8);
    peer.write(messages(200, 5000));
    await settled(() => socket.bytesRead);
    expect(received.length).toBe(1);
    expect(socket.readableLength).toBe(MARK);
    expect(memoryBudget.used).toBeGreaterThan(LIMIT * 0.8 + MARK);
    const { bytesRead } = socket;
    // Node has read only one chunk of 64 KiB.
    expect(bytesRead).toBeLessThanOrEqual(65_536);
    connection.resume();
    memoryBudget.count(-LIMIT * 0.8);
    await settled(() => received.length);
    expect(received).toEqual(Array(200).fill(5000));
    expect(memoryBudget.used).toBe(0);
  });

  test('data that was held back no longer counts in the memory budget after the socket is closed', async () => {
    const { socket, connection, peer, memoryBudget } = await open(MARK);
    memoryBudget.count(LIMIT * 0.8);
    peer.write(messages(200, 5000));
    await settled(() => socket.bytesRead);
    connection.endpoint.terminate();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(memoryBudget.used).toBe(LIMIT * 0.8);
  });

  test('if the socket has another listener for data, no data is held back, so that data does not arrive twice', async () => {
    const { socket, connection, peer, memoryBudget, received } = await open(MARK);
    let heard = 0;
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.length;
    });
    memoryBudget.count(LIMIT * 0.8);
    const sent = messages(200, 5000);
    peer.write(sent);
    await settled(() => socket.bytesRead);
    connection.resume();
    memoryBudget.count(-LIMIT * 0.8);
    await settled(() => received.length);
    expect(received.length).toBe(200);
    expect(heard).toBe(sent.length);
  });
});
