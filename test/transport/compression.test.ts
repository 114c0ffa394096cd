/** Tests permessage-deflate on connections: the negotiation, the memory of many connections, and the bytes on the wire. */
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { CompressionBudget } from '../../src/deflate/budget.ts';
import { HandshakeError } from '../../src/handshake/error.ts';
import { type ExtensionOffer, formatExtensions, parseExtensions } from '../../src/handshake/extension.ts';
import {
  type Connection,
  type ConnectionHandlers,
  connect,
  MemoryBudget,
  reject,
  type ServerOptions,
  WebSocketServer,
} from '../../src/index.ts';
import { Compression } from '../../src/transport/compression.ts';
import { engines, jsonOf, noiseOf } from '../deflate/harness.ts';
import { StrictInflate } from '../deflate/strict-inflate.ts';
import { frame as anyFrame, type ReadFrame, readFrames, rfcKey } from '../frame/harness.ts';
import { acceptOf, closeFrame, framesOf, Op, RawPeer, requestHead, sampleKey } from './wire.ts';

const header = 'Sec-WebSocket-Extensions';
const deflated = (message: Uint8Array, options: object = {}): Buffer =>
  deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH, ...options }).subarray(0, -4);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Opened {
  readonly port: number;
  readonly server: WebSocketServer;
  readonly connections: Connection[];
  readonly log: unknown[][];
}

async function serve(options: ServerOptions = {}, more: ConnectionHandlers = {}): Promise<Opened> {
  const connections: Connection[] = [];
  const log: unknown[][] = [];
  const server = new WebSocketServer(
    {
      open: (connection) => void connections.push(connection),
      message: (_, message, isBinary, wireSize) => void log.push(['message', message, isBinary, wireSize]),
      ping: (_, payload) => void log.push(['ping', payload.toString()]),
      closing: (_, byPeer) => void log.push(['closing', byPeer]),
      error: (_, error) => void log.push(['error', 'code' in error ? error.code : error.message]),
      close: (_, code) => void log.push(['close', code]),
      ...more,
    },
    options,
  );
  const { port } = await server.listen();
  closing.push(() => {
    for (const connection of [...server.connections]) connection.terminate();
    return server.shutdown();
  });
  return { port, server, connections, log };
}

/** Opens a connection with a raw client, and waits until the server has accepted the handshake. */
async function peerOf(port: number, offer: string | null = 'permessage-deflate'): Promise<RawPeer> {
  const peer = RawPeer.to(port);
  closing.push(() => peer.destroy());
  await peer.open(offer === null ? {} : { [header]: offer });
  return peer;
}

/** Returns the extension field of the 101 response, or null. */
function answerOf(peer: RawPeer): string | null {
  return /^Sec-WebSocket-Extensions: (.*)\r$/im.exec(peer.head)?.[1] ?? null;
}

function masked(opcode: number, payload: Uint8Array, rest: object = {}): Buffer {
  return anyFrame({ opcode, payload, key: rfcKey, rsv: 4, ...rest });
}

function sentTo(peer: RawPeer): ReadFrame[] {
  return readFrames(peer.received.subarray(peer.head.length));
}

/** Starts a scripted server that answers every request with this value of Sec-WebSocket-Extensions. */
async function answering(
  answer: string | null,
  status = '101 Switching Protocols',
): Promise<{ url: string; peers: RawPeer[] }> {
  const peers: RawPeer[] = [];
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    const peer = new RawPeer(socket);
    peers.push(peer);
    void peer
      .until(() => peer.text.includes('\r\n\r\n'))
      .then(() => {
        const key = /^Sec-WebSocket-Key: (.*)\r$/im.exec(peer.text)?.[1] ?? sampleKey;
        const fields = [
          `Upgrade: websocket`,
          `Connection: Upgrade`,
          `Sec-WebSocket-Accept: ${acceptOf(key)}`,
        ];
        if (answer !== null) fields.push(`${header}: ${answer}`);
        peer.write([`HTTP/1.1 ${status}`, ...fields, '', ''].join('\r\n'));
        if (!status.startsWith('101')) socket.end();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: `ws://127.0.0.1:${port}/`, peers };
}

/** Waits until the condition is true. Use it if no event of a test socket reports the condition. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

const offersOf = (text: string): readonly ExtensionOffer[] => parseExtensions([text]);

describe('the options of compression', () => {
  test('A35: with invalid options of compression, the constructor of a server throws, and a client fails before it connects', async () => {
    const wrong: [object, typeof TypeError | typeof RangeError][] = [
      [{ threshold: -1 }, RangeError],
      [{ threshold: Number.NaN }, RangeError],
      [{ threshold: '10' }, RangeError],
      [{ level: 0 }, RangeError],
      [{ level: 10 }, RangeError],
      [{ level: 1.5 }, RangeError],
      [{ engine: 'gzip' }, TypeError],
      [{ synchronous: 1 }, TypeError],
      [{ budget: 1000 }, TypeError],
      [{ budget: null }, TypeError],
      [{ serverMaxWindowBits: 7 }, RangeError],
      [{ clientMaxWindowBits: 16 }, RangeError],
      [{ serverNoContextTakeover: 'yes' }, TypeError],
    ];
    for (const [compression, error] of wrong) {
      expect(() => new WebSocketServer({}, { compression }), JSON.stringify(compression)).toThrow(error);
      await expect(connect('ws://127.0.0.1:1/', { compression })).rejects.toThrow(error);
    }
    for (const compression of ['yes', null, 1] as unknown as boolean[]) {
      expect(() => new WebSocketServer({}, { compression })).toThrow(TypeError);
    }
    expect(
      () => new Compression({ threshold: 0, level: 9, engine: 'zlib', synchronous: true }),
    ).not.toThrow();
  });
});

describe('A36: compression is off by default', () => {
  test('A36, P32: the documentation of the option compression names the attack on secrets that compression makes possible', () => {
    const options = readFileSync(new URL('../../src/api/options.ts', import.meta.url), 'utf8');
    const end = options.indexOf('  readonly compression?');
    const text = options.slice(options.lastIndexOf('/**', end), end);
    expect(text).toMatch(/secret/);
    expect(text).toMatch(/attacker/);
    expect(text).toMatch(/CRIME/);
    expect(text).toMatch(/@default false/);
  });

  test.each([undefined, false])(
    'A36, P3, F22: a server with the option compression: %s accepts no offer of compression',
    async (compression) => {
      const { port, connections } = await serve(compression === undefined ? {} : { compression });
      const peer = await peerOf(port, 'permessage-deflate; client_max_window_bits');
      expect(peer.head.toLowerCase()).not.toContain('extensions');
      expect(connections[0]!.extensions).toEqual([]);
      peer.write(masked(Op.Text, deflated(Buffer.from('Hello'))));
      await peer.until(() => peer.frames.some(({ opcode }) => opcode === Op.Close));
      expect(sentTo(peer)[0]!.payload.readUInt16BE()).toBe(1002);
    },
  );

  test.each([undefined, false])(
    'A36: a client with the option compression: %s offers no extension',
    async (compression) => {
      const { url, peers } = await answering(null);
      const connection = await connect(url, compression === undefined ? {} : { compression });
      expect(peers[0]!.text.toLowerCase()).not.toContain('extensions');
      expect(connection.extensions).toEqual([]);
      connection.send('x'.repeat(5000));
      connection.terminate();
      await connection.closed;
    },
  );

  test('P3: if a client offers no known extension, a server with compression opens the connection uncompressed', async () => {
    const { port, connections } = await serve({ compression: { threshold: 0 } });
    for (const offer of [null, 'x-webkit-deflate-frame', 'permessage-deflate; server_max_window_bits=7']) {
      const peer = await peerOf(port, offer);
      expect(answerOf(peer)).toBe(null);
      const connection = connections.at(-1)!;
      expect(connection.extensions).toEqual([]);
      connection.send('x'.repeat(100));
      await peer.until(() => peer.frames.length > 0);
      expect(sentTo(peer)[0]).toMatchObject({ rsv: 0, opcode: 1 });
    }
  });
});

describe.each(engines)('compression with the engine %s', (engine) => {
  const answers: [
    string,
    object,
    string,
    { bits: number; takeover: boolean },
    { bits: number; takeover: boolean },
  ][] = [
    [
      'permessage-deflate',
      {},
      'permessage-deflate',
      { bits: 15, takeover: true },
      { bits: 15, takeover: true },
    ],
    [
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      {},
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      { bits: 15, takeover: false },
      { bits: 15, takeover: false },
    ],
    [
      'permessage-deflate; server_max_window_bits=8; client_max_window_bits=9',
      {},
      'permessage-deflate; server_max_window_bits=8; client_max_window_bits=9',
      { bits: 8, takeover: true },
      { bits: 9, takeover: true },
    ],
    [
      'permessage-deflate; client_max_window_bits',
      { clientMaxWindowBits: 10, serverMaxWindowBits: 11, serverNoContextTakeover: true },
      'permessage-deflate; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=10',
      { bits: 11, takeover: false },
      { bits: 10, takeover: true },
    ],
  ];
  test.each(answers)(
    'P6, P26, P27: a server compresses and decompresses with the negotiated parameters if the client offers %s',
    async (offer, config, answer, sends, receives) => {
      const { port, connections, log } = await serve({ compression: { threshold: 0, engine, ...config } });
      const peer = await peerOf(port, offer);
      expect(answerOf(peer)?.split('; ').sort()).toEqual(answer.split('; ').sort());
      const [connection] = connections;
      expect(formatExtensions(connection!.extensions)).toBe(answerOf(peer));
      const strict = new StrictInflate(sends.bits, sends.takeover);
      const messages = [1000, 1000, 5000, 20_000, 300].map((size) => jsonOf(size, 1));
      for (const message of messages) connection!.send(message);
      await peer.until(() => peer.frames.length === messages.length);
      for (const [index, { rsv, payload }] of sentTo(peer).entries()) {
        expect(rsv).toBe(4);
        expect(strict.message(payload).equals(messages[index]!)).toBe(true);
      }
      // The second of two equal messages is very small if the context contains the first message.
      const [first, second] = sentTo(peer);
      if (sends.takeover && sends.bits > 10)
        expect(second!.payload.length).toBeLessThan(first!.payload.length / 4);
      else expect(second!.payload.length).toBeGreaterThan(first!.payload.length / 2);

      const text = jsonOf(2 ** receives.bits - 300, 2);
      const dictionary = { dictionary: text, windowBits: Math.max(9, receives.bits) };
      peer.write(masked(Op.Text, deflated(text, { windowBits: Math.max(9, receives.bits) })));
      peer.write(masked(Op.Text, deflated(text, receives.takeover ? dictionary : {})));
      peer.write(closeFrame(1000));
      await until(() => log.some(([name]) => name === 'closing'));
      expect(log.slice(0, 2).map(([, message]) => message)).toEqual([`${text}`, `${text}`]);
    },
  );

  test('P14, P15, P16: a client accepts the parameters that the server adds to the answer although the client did not offer them', async () => {
    const { url, peers } = await answering(
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    );
    const received: string[] = [];
    const connection = await connect(url, {
      compression: { threshold: 0, engine },
      handlers: { message: (_, message) => void received.push(String(message)) },
    });
    const [peer] = peers as [RawPeer];
    const begin = peer.text.indexOf('\r\n\r\n') + 4;
    const message = jsonOf(1000, 1);
    connection.send(message);
    connection.send(message);
    await peer.until(() => framesOf(peer.received.subarray(begin)).length === 2);
    for (const { rsv, payload } of readFrames(peer.received.subarray(begin))) {
      expect(rsv).toBe(4);
      expect(new StrictInflate(15, false).message(payload).equals(message)).toBe(true);
    }
    peer.write(anyFrame({ opcode: 1, rsv: 4, payload: deflated(message) }));
    peer.write(anyFrame({ opcode: 1, rsv: 4, payload: deflated(message, { dictionary: message }) }));
    // The second message refers to the first message, although the server has promised to keep no context. So the client fails with 1007.
    await peer.until(() => framesOf(peer.received.subarray(begin)).length === 3);
    expect(received).toEqual([`${message}`]);
    expect(readFrames(peer.received.subarray(begin))[2]!.payload.readUInt16BE()).toBe(1007);
    peer.destroy();
    await connection.closed;
  });

  test('P6, P25: a client compresses with a window that is not larger than the server requests', async () => {
    for (const bits of [8, 9, 12]) {
      const { url, peers } = await answering(`permessage-deflate; client_max_window_bits=${bits}`);
      const connection = await connect(url, {
        compression: { threshold: 0, engine, clientMaxWindowBits: 12 },
      });
      const [peer] = peers as [RawPeer];
      const begin = peer.text.indexOf('\r\n\r\n') + 4;
      const strict = new StrictInflate(bits, true);
      const messages = [400, 6000, 400, 30_000, 700].map((size) => jsonOf(size, 3));
      for (const message of messages) connection.send(message);
      await peer.until(() => framesOf(peer.received.subarray(begin)).length === messages.length);
      for (const [index, { payload }] of readFrames(peer.received.subarray(begin)).entries()) {
        expect(strict.message(payload).equals(messages[index]!)).toBe(true);
      }
      connection.terminate();
      await connection.closed;
    }
  });

  test('P7, P10: lastWireSize is the size on the wire, or -1 during compression; with synchronous: true it is never -1', async () => {
    for (const synchronous of [false, true]) {
      const { port, connections } = await serve({ compression: { engine, synchronous } });
      const peer = await peerOf(port);
      const [connection] = connections as [Connection];
      const sizes: number[] = [];
      const sends: (() => void)[] = [
        () => connection.send('short'),
        () => connection.send(`${jsonOf(1500, 1)}`),
        () => connection.send(jsonOf(5000, 1)),
        () => connection.send(jsonOf(5000, 1), { compress: false }),
        () => connection.send(jsonOf(3000, 2), { fragmentSize: 100 }),
        () => connection.sendText(jsonOf(1400, 2)),
        () => connection.send(noiseOf(2000, 1)),
        () => connection.send(jsonOf(50_000, 3)),
        () => connection.send('after it'),
      ];
      for (const send of sends) {
        send();
        sizes.push(connection.lastWireSize);
      }
      const messages = (): number => peer.frames.filter(({ fin }) => fin).length;
      await peer.until(() => messages() === sends.length);
      let size = 0;
      const wire: number[] = [];
      for (const { fin, payload } of sentTo(peer)) {
        size += payload.length;
        if (!fin) continue;
        wire.push(size);
        size = 0;
      }
      expect(sizes.slice(0, 7)).toEqual(wire.slice(0, 7));
      if (synchronous) expect(sizes).toEqual(wire);
      else expect(sizes.slice(7)).toEqual([-1, -1]);
    }
  });

  test('F24, A23: a connection does not read its socket while it inflates a message asynchronously, and reads again afterwards', async () => {
    const { port, log } = await serve({ compression: { engine } });
    const peer = await peerOf(port);
    const large = jsonOf(500_000, 1);
    const wire = Buffer.concat([
      masked(Op.Text, deflated(large)),
      anyFrame({ opcode: 9, payload: 'ping', key: rfcKey }),
      masked(Op.Binary, deflated(Buffer.alloc(400_000))),
      anyFrame({ opcode: 1, payload: 'small', key: rfcKey }),
    ]);
    for (let n = 0; n < 3; n++) peer.write(wire);
    peer.write(closeFrame(1000));
    await until(() => log.some(([name]) => name === 'closing'));
    const one = ['message 500000', 'ping', 'message 400000', 'message 5'];
    expect(
      log.map(([name, message]) => (name === 'message' ? `message ${(message as string).length}` : name)),
    ).toEqual([...one, ...one, ...one, 'closing']);
  });

  test('F24: if the application pauses during the inflation of a message, the message is delivered after resume', async () => {
    const { port, log, connections } = await serve({ compression: { engine } });
    const peer = await peerOf(port);
    const [connection] = connections as [Connection];
    peer.write(masked(Op.Text, deflated(jsonOf(500_000, 1))));
    peer.write(anyFrame({ opcode: 1, payload: 'behind', key: rfcKey }));
    // The application pauses while the message is decompressed, or before the message arrives. In both cases, no message is delivered.
    for (let n = 0; n < 3; n++) await nextTurn();
    connection.pause();
    const before = log.length;
    for (let n = 0; n < 100; n++) await nextTurn();
    expect(log.length).toBe(before);
    connection.resume();
    await until(() => log.length === 2);
    expect(log.map(([, message]) => (message as string).length)).toEqual([500_000, 6]);
  });

  test('A48, C16: if the handler throws for an asynchronously inflated message, the connection closes with 1011, and the exception is reported once', async () => {
    const { port, log } = await serve(
      { compression: { engine } },
      {
        message: () => {
          throw new Error('inside');
        },
      },
    );
    const peer = await peerOf(port);
    peer.write(masked(Op.Text, deflated(jsonOf(500_000, 1))));
    await peer.until(() => peer.frames.length > 0);
    expect(sentTo(peer)[0]!.payload.readUInt16BE()).toBe(1011);
    peer.destroy();
    await peer.gone();
    while (!log.some(([name]) => name === 'close')) await nextTurn();
    expect(log).toEqual([
      ['error', 'inside'],
      ['close', 1006],
    ]);
  });

  test('C13, A35: if a peer ends TCP during compression and inflation, the connection releases all memory of the budget', async () => {
    for (const leave of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const budget = new CompressionBudget();
      const memoryBudget = new MemoryBudget();
      const { port, log, connections } = await serve({ compression: { engine, budget }, memoryBudget });
      const peer = await peerOf(port);
      const [connection] = connections as [Connection];
      connection.send(jsonOf(500_000, 1));
      connection.send(jsonOf(5000, 1));
      expect(memoryBudget.used).toBe(505_000);
      expect(budget.used).toBeGreaterThan(60_000);
      peer.write(masked(Op.Text, deflated(jsonOf(500_000, 1))));
      await nextTurn();
      peer.socket[leave]();
      const { code } = await connection.closed;
      expect(code).toBe(1006);
      expect(log.filter(([name]) => name === 'close').length).toBe(1);
      expect(budget.used).toBe(0);
      // The input of zlib's thread stays in memory until the thread has finished.
      await until(() => memoryBudget.used === 0);
    }
  });

  test('C9, C10: after close(), messages that are being compressed leave before the Close frame, and a ping does not wait for these messages', async () => {
    const { port, connections } = await serve({ compression: { engine } });
    const peer = await peerOf(port);
    const [connection] = connections as [Connection];
    const messages = [jsonOf(300_000, 1), jsonOf(2000, 2), jsonOf(200_000, 3)];
    for (const message of messages) connection.send(message);
    connection.ping('overtakes');
    const closed = connection.close(3000, 'done');
    expect(connection.send('too late')).toBe(false);
    // The peer sends its Close frame and FIN before it has received all messages. The messages arrive nevertheless.
    peer.write(closeFrame(3001));
    peer.socket.end();
    await peer.answer();
    const frames = sentTo(peer);
    expect(frames.map(({ opcode }) => opcode)).toEqual([9, 2, 2, 2, 8]);
    const strict = new StrictInflate(15, true);
    for (const [index, message] of messages.entries()) {
      expect(strict.message(frames[index + 1]!.payload).equals(message)).toBe(true);
    }
    expect(frames[4]!.payload.toString('utf8', 2)).toBe('done');
    expect(await closed).toMatchObject({ code: 3001, wasClean: true });
  });

  test('messages that wait for compression count in bufferedAmount, and the drain event follows when they have left', async () => {
    const memoryBudget = new MemoryBudget();
    let drains = 0;
    const { port, connections } = await serve(
      { compression: { engine }, memoryBudget },
      { drain: () => void drains++ },
    );
    const peer = await peerOf(port);
    const [connection] = connections as [Connection];
    expect(connection.send(jsonOf(50_000, 1))).toBe(true);
    expect(connection.bufferedAmount).toBe(50_000);
    expect(connection.send(jsonOf(20_000, 1))).toBe(false);
    expect(connection.bufferedAmount).toBe(70_000);
    expect(memoryBudget.used).toBe(70_000);
    while (drains === 0) await nextTurn();
    expect([connection.bufferedAmount, memoryBudget.used]).toEqual([0, 0]);
    await peer.until(() => peer.frames.length === 2);
    for (let n = 0; n < 10; n++) await nextTurn();
    expect(drains).toBe(1);
  });

  test('A32: messages that are being compressed count towards the send cap, and a message beyond the cap ends the connection', async () => {
    const { port, log, connections } = await serve({ compression: { engine }, sendCap: 100_000 });
    const peer = await peerOf(port);
    const [connection] = connections as [Connection];
    connection.send(jsonOf(500_000, 1));
    expect(connection.state).toBe('open');
    connection.send('more');
    expect((await connection.closed).code).toBe(1006);
    expect(log).toEqual([
      ['error', 'WS_SEND_CAP'],
      ['close', 1006],
    ]);
    await peer.answer();
    expect(peer.frames).toEqual([]);
  });

  test('A32: a server that echoes large compressed messages stops reading if the peer does not read the echoes', async () => {
    let received = 0;
    const { port, connections } = await serve(
      { compression: { engine, threshold: 1024 } },
      {
        message: (connection, message) => {
          received++;
          connection.send(message, { compress: false });
        },
      },
    );
    const { socket } = await peerOf(port);
    socket.removeAllListeners('data').pause();
    const bomb = masked(Op.Binary, deflated(Buffer.alloc(1_000_000)));
    for (let n = 0; n < 60; n++) socket.write(bomb);
    const [connection] = connections as [Connection];
    await until(() => received > 1);
    // The loop waits until no more bytes move. Then the buffers of the kernel are full, and only a little more data waits in the process.
    for (let last = -1; received !== last; ) {
      last = received;
      await setTimeout(200);
    }
    expect(received).toBeLessThan(30);
    expect(connection.bufferedAmount).toBeLessThan(3_000_000);
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.resume();
    await until(() => bytes >= 60_000_000);
    expect(received).toBe(60);
  });

  test('`for await` stops reading when the decompressed messages that wait are larger than the high-water mark', async () => {
    const { port, connections } = await serve({ compression: { engine } }, { message: undefined } as never);
    const peer = await peerOf(port);
    const [connection] = connections as [Connection];
    const message = deflated(Buffer.alloc(40_000));
    for (let n = 0; n < 10; n++) peer.write(masked(Op.Binary, message));
    const seen: number[] = [];
    for (let n = 0; n < 50; n++) await nextTurn();
    // 80,000 bytes wait, so the connection has stopped reading. Therefore it does not answer a later ping.
    peer.write(anyFrame({ opcode: 9, payload: 'there?', key: rfcKey }));
    for (let n = 0; n < 50; n++) await nextTurn();
    expect(peer.frames).toEqual([]);
    for await (const each of connection) {
      seen.push(each.length);
      if (seen.length === 10) break;
    }
    expect(seen).toEqual(new Array(10).fill(40_000));
  });
});

describe('A35: the compression budget', () => {
  const context = 32_768 + 4096;

  test('A35, P16: a server requests client_no_context_takeover only while the budget is used up', async () => {
    const budget = new CompressionBudget(2 * context);
    const compression = new Compression({ budget });
    const [a, b] = [
      compression.accept(offersOf('permessage-deflate'))!,
      compression.accept(offersOf('permessage-deflate'))!,
    ];
    expect(budget.used).toBe(2 * context);
    expect(a.answer.parameters).toEqual([]);
    const third = compression.accept(offersOf('permessage-deflate; server_max_window_bits=10'))!;
    expect(formatExtensions([third.answer])).toMatch(/client_no_context_takeover/);
    expect(formatExtensions([third.answer])).toMatch(/server_max_window_bits=10/);
    expect(budget.used).toBe(2 * context);
    a.codec.close();
    third.codec.close();
    expect(budget.used).toBe(context);
    expect(compression.accept(offersOf('permessage-deflate'))!.answer.parameters).toEqual([]);
    b.codec.close();
    // If the client promises to keep no context, the server reserves no memory for the client's messages.
    const before = budget.used;
    compression.accept(offersOf('permessage-deflate; client_no_context_takeover'));
    expect(budget.used).toBe(before);
  });

  test('A35: if the budget has no room, a client offers server_no_context_takeover, and reserves only what was negotiated', async () => {
    const budget = new CompressionBudget(context);
    const compression = new Compression({ budget });
    const first = compression.offer();
    expect(budget.used).toBe(context);
    expect(formatExtensions(first.offers)).not.toMatch(/server_no_context_takeover/);
    const second = compression.offer();
    expect(formatExtensions(second.offers)).toMatch(/server_no_context_takeover/);
    expect(budget.used).toBe(context);
    // If the server agrees to a smaller window, the client releases the memory that it does not need.
    first.confirm(offersOf('permessage-deflate; server_max_window_bits=9'));
    expect(budget.used).toBe(512 + 512);
    first.codec!.close();
    second.confirm(offersOf('permessage-deflate; server_no_context_takeover'));
    second.codec!.close();
    expect(budget.used).toBe(0);
    const third = compression.offer();
    third.confirm([]);
    expect(third.codec).toBe(null);
    third.abandon();
    const fourth = compression.offer();
    fourth.confirm(offersOf('permessage-deflate'));
    fourth.abandon();
    expect(fourth.codec).toBe(null);
    expect(budget.used).toBe(0);
  });

  test('A35: 2,000 connections with a window of 15 bits use at most 64 MiB and release all of it', async () => {
    const budget = new CompressionBudget();
    const { port, connections, log } = await serve({ compression: { budget, threshold: 0 } });
    const peers: RawPeer[] = [];
    let without = 0;
    for (let n = 0; n < 2000; n += 50) {
      const batch = await Promise.all(Array.from({ length: 50 }, () => peerOf(port)));
      peers.push(...batch);
      for (const peer of batch) if (answerOf(peer)!.includes('client_no_context_takeover')) without++;
      expect(budget.used).toBeLessThanOrEqual(budget.limit);
    }
    expect(connections.length).toBe(2000);
    expect(2000 - without).toBe(Math.floor(budget.limit / context));
    // The memory for a sending context is reserved at the first message. The budget has almost no room left.
    const message = jsonOf(600, 1);
    for (const connection of connections) {
      connection.send(message);
      connection.send(message);
    }
    expect(budget.used).toBeLessThanOrEqual(budget.limit);
    for (const at of [0, 1000, 1999]) {
      const peer = peers[at]!;
      await peer.until(() => peer.frames.length === 2);
      const strict = new StrictInflate(15, true);
      for (const { payload } of sentTo(peer)) expect(strict.message(payload).equals(message)).toBe(true);
      peer.write(masked(Op.Text, deflated(message)));
      await until(() => log.some(([name, text]) => name === 'message' && text === `${message}`));
      log.length = 0;
    }
    for (const peer of peers) peer.destroy();
    await Promise.all(connections.map(({ closed }) => closed));
    expect(budget.used).toBe(0);
  }, 60_000);

  test('A35: if a handshake fails, a server and a client release the memory that they reserved for compression', async () => {
    const budget = new CompressionBudget();
    const compression = { budget };
    // The handshakes fail for three reasons: the application refuses the request, the application throws, or the answer is invalid.
    const server = new WebSocketServer(
      {
        upgrade: ({ path }) => {
          if (path === '/reject') return reject(403);
          if (path === '/throw') throw new Error('upgrade');
          if (path === '/subprotocol') return { subprotocol: 'never offered' };
          return { headers: { 'X-Bad': 'a\r\nb' } };
        },
      },
      { compression },
    );
    const { port } = await server.listen();
    closing.push(() => server.shutdown());
    for (const path of ['/reject', '/throw', '/subprotocol', '/headers']) {
      const peer = RawPeer.to(port);
      closing.push(() => peer.destroy());
      peer.write(requestHead({ [header]: 'permessage-deflate' }, `GET ${path} HTTP/1.1`));
      await peer.answer();
      expect(peer.status).toBeGreaterThan(399);
      expect(budget.used).toBe(0);
    }
    // The handshakes of a client fail for every possible reason.
    const ends: [string | null, string][] = [
      ['permessage-deflate; unknown', '101 Switching Protocols'],
      ['permessage-deflate, permessage-deflate', '101 Switching Protocols'],
      ['something-else', '101 Switching Protocols'],
      ['permessage-deflate', '403 Forbidden'],
      [null, '302 Found'],
    ];
    for (const [answer, status] of ends) {
      const { url } = await answering(answer, status);
      await expect(connect(url, { compression })).rejects.toThrow(HandshakeError);
      expect(budget.used).toBe(0);
    }
    await expect(connect('ws://127.0.0.1:1/', { compression })).rejects.toThrow(HandshakeError);
    const abort = new AbortController();
    const silent = createServer((socket) => {
      socket.on('data', () => abort.abort(new Error('no more')));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closing.push(() => silent.close());
    const silentUrl = `ws://127.0.0.1:${(silent.address() as { port: number }).port}/`;
    await expect(connect(silentUrl, { compression, signal: abort.signal })).rejects.toThrow('no more');
    expect(budget.used).toBe(0);
    // If the server declines compression, the connection opens without compression, and no memory stays reserved.
    const { url } = await answering(null);
    const connection = await connect(url, { compression });
    expect(budget.used).toBe(0);
    connection.terminate();
    await connection.closed;
    expect(budget.used).toBe(0);
  });

  test('A35: a client releases the memory of its compression contexts when the connection is closed', async () => {
    const budget = new CompressionBudget();
    const { port } = await serve({ compression: { budget: new CompressionBudget() } });
    const connection = await connect(`ws://127.0.0.1:${port}/`, { compression: { budget } });
    expect(connection.extensions.map(({ name }) => name)).toEqual(['permessage-deflate']);
    expect(budget.used).toBe(context);
    connection.send(jsonOf(2000, 1));
    expect(budget.used).toBeGreaterThan(2 * context);
    await connection.close();
    expect(budget.used).toBe(0);
  });
});
