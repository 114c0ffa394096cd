/** Tests an endpoint with permessage-deflate, and the frames that it sends: RFC 7692 §6, §7.2; RFC 6455 §5.2. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CompressionBudget } from '../../src/deflate/budget.ts';
import { DeflateCodec } from '../../src/deflate/codec.ts';
import { Endpoint } from '../../src/frame/endpoint.ts';
import type { EndpointEvents } from '../../src/frame/endpoint-events.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import {
  type Bench,
  bench,
  cut,
  type FrameSpec,
  MemorySink,
  peerFrame,
  random,
  roles,
  sendFragmented,
} from '../frame/harness.ts';
import { codecOf, engines, full, hex, jsonOf, noiseOf, settings } from './harness.ts';
import { StrictInflate } from './strict-inflate.ts';

function peerDeflate(message: Uint8Array, options: object = {}): Buffer {
  return deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH, ...options }).subarray(0, -4);
}

/** Waits until zlib's threads have made the condition true. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

describe.each(engines)('with the compression engine "%s"', (engine) => {
  describe.each(roles)('a %s with permessage-deflate', (role) => {
    const connect = (options: object = {}, rest: object = {}): Bench =>
      bench(role, { codec: codecOf(full, { engine, ...rest }), ...options });
    const compressed = (payload: Uint8Array, rest: Partial<FrameSpec> = {}): Buffer =>
      peerFrame(role, { opcode: 1, rsv: 4, payload, ...rest });

    test('P7, P10, P23, P27: an endpoint receives the "Hello" of RFC 7692 §7.2.3.1 in one frame and in fragments, masked and unmasked [F11]', () => {
      const { endpoint, events } = connect();
      endpoint.receive(compressed(hex('f2 48 cd c9 c9 07 00')));
      endpoint.receive(compressed(hex('f2 00'), { fin: false }));
      endpoint.receive(peerFrame(role, { opcode: 9, payload: 'between' }));
      endpoint.receive(peerFrame(role, { opcode: 0, payload: hex('11 00 00') }));
      endpoint.receive(compressed(hex('00')));
      endpoint.receive(compressed(hex('')));
      expect(events.of('onText')).toEqual([
        ['Hello', 7],
        ['Hello', 5],
        ['', 1],
        ['', 0],
      ]);
      // This is the frame of the RFC.
      const wire = role === 'client' ? hex('41 03 f2 48 cd 80 04 c9 c9 07 00') : null;
      if (wire !== null) {
        const other = connect();
        other.endpoint.receive(wire);
        expect(other.events.of('onText')).toEqual([['Hello', 7]]);
      }
    });

    test('P7, P10: compressed and uncompressed messages may alternate, and only compressed messages become part of the context', async () => {
      const { endpoint, events, sink } = connect();
      const text = jsonOf(1000, 1);
      endpoint.receive(compressed(peerDeflate(text)));
      endpoint.receive(peerFrame(role, { opcode: 1, payload: 'in between' }));
      endpoint.receive(compressed(peerDeflate(text, { dictionary: text })));
      expect(events.of('onText').map(([message]) => message)).toEqual([`${text}`, 'in between', `${text}`]);

      const peer = new StrictInflate(15, true);
      const messages: [string, boolean][] = [
        [`${text}`, true],
        ['not this one'.repeat(100), false],
        [`${text}`, true],
        ['short', true],
        [`${text}`, true],
      ];
      const sizes = messages.map(([message, compress]) => endpoint.sendText(message, { compress }));
      for (const [index, { rsv, opcode, payload }] of sink.frames.entries()) {
        const [message, compress] = messages[index]!;
        expect(opcode).toBe(1);
        expect(rsv).toBe(compress && message !== 'short' ? 4 : 0);
        expect(payload.length).toBe(sizes[index]);
        expect((rsv === 4 ? peer.message(payload) : payload).toString()).toBe(message);
      }
      expect(sizes[2]).toBeLessThan(sizes[0]! / 4);
    });

    test('P7, P23: only the first frame of a compressed message has RSV1, and 00 00 ff ff is removed only at the end of the message', () => {
      for (const fragmentSize of [1, 7, 100]) {
        const { endpoint, sink } = connect();
        const message = jsonOf(1500, fragmentSize);
        expect(sendFragmented(endpoint, message, fragmentSize)).toBeLessThan(1500);
        const { frames } = sink;
        expect(frames.length).toBeGreaterThan(2);
        expect(frames.map(({ rsv }) => rsv)).toEqual(frames.map((_, index) => (index === 0 ? 4 : 0)));
        expect(frames.map(({ opcode }) => opcode)).toEqual(frames.map((_, index) => (index === 0 ? 2 : 0)));
        const payload = Buffer.concat(frames.map((frame) => frame.payload));
        expect(new StrictInflate(15, true).message(payload).equals(message)).toBe(true);
      }
    });

    test('P7: an endpoint sends messages shorter than the threshold uncompressed', () => {
      const { endpoint, sink } = connect({}, { threshold: 1024 });
      endpoint.sendText('x'.repeat(1023));
      endpoint.sendText('x'.repeat(1024));
      endpoint.sendText('€'.repeat(342));
      endpoint.sendText('€'.repeat(341));
      endpoint.sendBinary(Buffer.alloc(1023));
      endpoint.sendBinary(Buffer.alloc(1024));
      endpoint.sendTextBytes(Buffer.alloc(1024, 'x'));
      expect(sink.frames.map(({ rsv }) => rsv)).toEqual([0, 4, 4, 0, 0, 4, 4]);
    });

    test('P9: an endpoint checks the UTF-8 of a text after decompression, both with synchronous and with asynchronous decompression', async () => {
      const bad = Buffer.concat([jsonOf(200, 1), hex('c3 28')]);
      const good = Buffer.from('é'.repeat(100));
      for (const size of [0, 500, 40_000, 300_000]) {
        const { endpoint, events, sentCloseCode } = connect();
        endpoint.receive(compressed(peerDeflate(Buffer.concat([good, jsonOf(size, 1)]))));
        await until(() => events.log.length > 0);
        expect(events.of('onText').length).toBe(1);
        endpoint.receive(compressed(peerDeflate(bad), { opcode: 2 }));
        await until(() => events.log.length > 1);
        expect(events.of('onBinary').length).toBe(1);
        endpoint.receive(compressed(peerDeflate(Buffer.concat([jsonOf(size, 1), bad]))));
        await until(() => events.log.length > 2);
        expect(events.of('onError')).toEqual([['WS_INVALID_UTF8']]);
        expect(sentCloseCode()).toBe(1007);
      }
    });

    test('P8: if a continuation or control frame has RSV1, the connection fails with 1002 [A17]', () => {
      for (const opcode of [0, 8, 9, 10]) {
        const { endpoint, feed, sentCloseCode } = connect();
        endpoint.receive(compressed(hex('f2 48 cd'), { fin: false }));
        feed({ opcode, rsv: 4, payload: opcode === 0 ? hex('c9 c9 07 00') : '' });
        expect(sentCloseCode()).toBe(1002);
      }
    });

    test('P7, F22: an endpoint without a codec refuses RSV1, and never sends it', () => {
      const { endpoint, sink, sentCloseCode } = bench(role);
      endpoint.sendText('x'.repeat(5000));
      expect(sink.frames[0]?.rsv).toBe(0);
      endpoint.receive(compressed(hex('f2 48 cd c9 c9 07 00')));
      expect(sentCloseCode()).toBe(1002);
    });

    test('P31: an endpoint refuses a corrupt message with 1007 and delivers no part, with synchronous and asynchronous decompression', async () => {
      for (const size of [50, 900, 5000, 100_000, 900_000]) {
        const payload = peerDeflate(Buffer.concat([jsonOf(size, 1), noiseOf(size >> 3, 1)]));
        for (const broken of [
          payload.subarray(0, -2),
          Buffer.concat([payload.subarray(0, -5), noiseOf(50, 9)]),
        ]) {
          const { endpoint, events, sentCloseCode, sink } = connect();
          endpoint.receive(Buffer.concat([compressed(broken), compressed(hex('00'))]));
          await until(() => events.log.length > 0);
          expect(events.log).toEqual([['onError', 'WS_INVALID_DEFLATE']]);
          expect(sentCloseCode()).toBe(1007);
          expect(sink.calls).toEqual(['closing', 'end']);
          endpoint.receive(compressed(hex('f2 48 cd c9 c9 07 00')));
          expect(events.log.length).toBe(1);
        }
      }
    });

    test('P10, F25: a message of exactly the limit is accepted, and one byte more is refused, with and without fragments [A22, A33]', async () => {
      for (const maxMessageSize of [10, 700, 20_000, 300_000]) {
        for (const over of [0, 1]) {
          for (const parts of [1, 3]) {
            const payload = peerDeflate(jsonOf(maxMessageSize + over, 1));
            const { endpoint, events, sentCloseCode } = connect({ maxMessageSize });
            const third = Math.ceil(payload.length / parts);
            for (let n = 0; n < parts; n++) {
              const piece = payload.subarray(n * third, n * third + third);
              const first = { rsv: 4, opcode: 1 };
              const rest = { rsv: 0, opcode: 0 };
              endpoint.receive(compressed(piece, { ...(n === 0 ? first : rest), fin: n === parts - 1 }));
            }
            await until(() => events.of('onText').length + events.of('onError').length > 0);
            expect(sentCloseCode()).toBe(over === 0 ? null : 1009);
          }
        }
      }
    });

    test('F25: an endpoint fails with 1009 if a frame header announces more than 17/16 of the limit + 1 KiB of compressed bytes', () => {
      for (const maxMessageSize of [1000, 1_048_576]) {
        const most = Math.floor((maxMessageSize * 17) / 16) + 1024;
        const exact = connect({ maxMessageSize });
        exact.endpoint.receive(compressed(hex(''), { length: BigInt(most) }));
        expect(exact.sentCloseCode()).toBe(null);
        const over = connect({ maxMessageSize });
        over.endpoint.receive(compressed(hex(''), { length: BigInt(most + 1) }));
        expect(over.sentCloseCode()).toBe(1009);
        const sum = connect({ maxMessageSize });
        sum.endpoint.receive(compressed(Buffer.alloc(600), { fin: false }));
        sum.endpoint.receive(peerFrame(role, { opcode: 0, length: BigInt(most - 599) }));
        expect(sum.sentCloseCode()).toBe(1009);
      }
    });

    test('F24, P10: while a large message is decompressed, later messages wait in order, and the endpoint stops reading', async () => {
      const { endpoint, events, sink } = connect();
      const large = jsonOf(200_000, 1);
      const noise = noiseOf(50_000, 1);
      const wire = Buffer.concat([
        compressed(peerDeflate(large)),
        peerFrame(role, { opcode: 9, payload: 'one' }),
        compressed(peerDeflate(noise), { opcode: 2 }),
        peerFrame(role, { opcode: 1, payload: 'small' }),
        peerFrame(role, { opcode: 10, payload: 'two' }),
        compressed(peerDeflate(large, { dictionary: noise.subarray(-32_768) })),
        peerFrame(role, { opcode: 8, payload: hex('03 e8') }),
      ]);
      let goOn = true;
      for (const chunk of cut(wire, 10, 5000, 30_000, 60_000)) goOn = endpoint.receive(chunk);
      endpoint.receiveEnd();
      expect(goOn).toBe(false);
      expect(endpoint.isPaused).toBe(true);
      await until(() => events.of('onClosing').length > 0);
      expect(events.log.map(([name]) => name)).toEqual([
        ...['onText', 'onPing', 'onBinary', 'onText', 'onPong', 'onText', 'onClosing'],
      ]);
      expect(events.of('onText').map(([text]) => (text as string).length)).toEqual([200_000, 5, 200_000]);
      endpoint.transportClosed();
      expect(events.of('onClose')).toEqual([[1000, '', true, true]]);
      expect(sink.frames.map(({ opcode }) => opcode)).toEqual([10, 8]);
    });

    test("FAULT-4: the input and the output of zlib's threads count in the memory budget until the message is delivered or dropped", async () => {
      for (const ends of [false, true]) {
        const memoryBudget = new MemoryBudget();
        const { endpoint, events } = connect({ memoryBudget, maxMessageSize: 8_000_000 });
        const payload = peerDeflate(Buffer.alloc(4_000_000));
        endpoint.receive(compressed(payload, { opcode: 2 }));
        expect(memoryBudget.used).toBeGreaterThanOrEqual(payload.length);
        await until(() => memoryBudget.used > 500_000 || events.of('onBinary').length === 1);
        expect(events.of('onBinary').length).toBe(0);
        if (ends) endpoint.transportClosed();
        else await until(() => events.of('onBinary').length === 1);
        await until(() => memoryBudget.used === 0);
      }
    });

    test('C13, P10: if a connection ends in any way during compression or decompression, all resources are released', async () => {
      for (const end of ['terminate', 'transportClosed', 'receiveEnd', 'close', 'fail'] as const) {
        const budget = new CompressionBudget();
        const codec = new DeflateCodec(full, full, settings({ engine, budget }), 0);
        const { endpoint, events, sink } = bench(role, { codec });
        endpoint.sendBinary(jsonOf(50_000, 1));
        endpoint.receive(compressed(peerDeflate(jsonOf(300_000, 1))));
        if (end === 'fail') endpoint.fail(new Error('elsewhere'));
        else endpoint[end]();
        if (end === 'receiveEnd') endpoint.terminate();
        if (end === 'close') {
          // Our Close frame waits for the message before it. Messages that have already arrived are still delivered.
          await until(() => sink.frames.length === 2 && events.of('onText').length === 1);
          expect(sink.frames.map(({ opcode }) => opcode)).toEqual([2, 8]);
        }
        endpoint.transportClosed();
        // This waits until compression and decompression have ended.
        await until(() => sink.held === 0);
        await codecOf(full, { engine }).decompress(peerDeflate(jsonOf(300_000, 1)), 300_000);
        expect(events.of('onClose').length).toBe(1);
        expect(events.log.at(-1)?.[0]).toBe('onClose');
        if (end !== 'close') expect(events.of('onText')).toEqual([]);
        expect(budget.used).toBe(0);
      }
    });

    test('C4, C9: if the peer closes and ends TCP during compression, our message, Close and end are sent in order', async () => {
      const { endpoint, feed, sink } = connect();
      const message = jsonOf(50_000, 1);
      expect(endpoint.sendBinary(message)).toBe(-1);
      feed({ opcode: 8, payload: hex('03 e8') });
      endpoint.receiveEnd();
      expect(sink.calls).not.toContain('end');
      await until(() => sink.calls.includes('end'));
      expect(sink.frames.map(({ opcode, rsv }) => [opcode, rsv])).toEqual([
        [2, 4],
        [8, 0],
      ]);
      expect(new StrictInflate(15, true).message(sink.frames[0]!.payload).equals(message)).toBe(true);
    });

    test('F13: an endpoint does not change the payload of a message; on a client, the program may reuse the memory immediately', async () => {
      const { endpoint, sink } = connect();
      const buffer = jsonOf(50_000, 1);
      const before = Buffer.from(buffer);
      endpoint.sendBinary(buffer);
      endpoint.sendBinary(buffer, { compress: false });
      await until(() => sink.frames.length === 2);
      expect(buffer.equals(before)).toBe(true);
      endpoint.sendBinary(buffer);
      endpoint.sendBinary(buffer, { compress: false });
      if (role === 'client') buffer.fill(0);
      await until(() => sink.frames.length === 4);
      const peer = new StrictInflate(15, true);
      for (const { rsv, payload } of sink.frames) {
        expect((rsv === 4 ? peer.message(payload) : payload).equals(before)).toBe(true);
      }
    });

    test('A32: a server that has sent many replies after an asynchronous decompression stops reading, and a client does not', async () => {
      const { endpoint, events, sink } = connect({ highWaterMark: 50 });
      events.act = (name) => {
        if (name !== 'onText') return;
        sink.blocked = true;
        for (let n = 0; n < 2; n++) endpoint.sendBinary(Buffer.alloc(100), { compress: false });
      };
      endpoint.receive(
        Buffer.concat([compressed(peerDeflate(jsonOf(300_000, 1))), peerFrame(role, { opcode: 9 })]),
      );
      await until(() => events.of('onText').length === 1);
      expect(endpoint.isPaused).toBe(role === 'server');
      expect(events.of('onPing').length).toBe(role === 'server' ? 0 : 1);
      sink.blocked = false;
      endpoint.transportDrained();
      expect(events.of('onPing').length).toBe(1);
    });
  });

  test('P6, P7, P10, P23, P26, P27: messages of any size arrive unchanged, compressed or not, in any fragments and chunks', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const size = fc.oneof(
      { weight: 6, arbitrary: fc.nat(300) },
      { weight: 4, arbitrary: fc.nat(3000) },
      { weight: 2, arbitrary: fc.nat(20_000) },
      { weight: 1, arbitrary: fc.nat(200_000) },
    );
    const message = fc.record({
      size,
      kind: fc.constantFrom('json', 'noise', 'same', 'both'),
      seed: fc.nat(4),
      text: fc.boolean(),
      compress: fc.boolean().map((no) => !no),
      fragmentSize: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5000 })),
      ping: fc.boolean(),
    });
    const direction = fc.record({ windowBits: fc.integer({ min: 8, max: 15 }), takeover: fc.boolean() });
    await fc
      .assert(
        fc.asyncProperty(
          fc.array(message, { minLength: 1, maxLength: 12 }),
          direction,
          direction,
          fc.record({
            level: fc.integer({ min: 1, max: 9 }),
            threshold: fc.constantFrom(0, 100, 1024),
            synchronous: fc.boolean(),
          }),
          fc.nat(),
          async (messages, toServer, toClient, rest, chunkSeed) => {
            const budget = new CompressionBudget(Infinity);
            const common = settings({ engine, budget, ...rest });
            const other = settings({ ...common, engine: chunkSeed % 2 === 0 ? engine : 'auto' });
            const client = new Party('client', new DeflateCodec(toServer, toClient, common, 0));
            const server = new Party('server', new DeflateCodec(toClient, toServer, other, 0));
            const wire = new Wire(client, server, random(chunkSeed));
            for (const [index, each] of messages.entries()) {
              for (const party of index % 3 === 0 ? [client, server] : [index % 2 === 0 ? client : server]) {
                party.send(each);
              }
              if (index % 2 === 0) wire.carry();
            }
            client.endpoint.close(1000);
            await until(() => {
              wire.carry();
              return client.closing && server.closing;
            });
            for (const [from, to] of [
              [client, server],
              [server, client],
            ] as const) {
              // The server processes the end of the client only after all messages. The client may have closed earlier.
              expect(to.received.length).toBe(from.sent.length);
              for (const [at, each] of from.sent.entries()) expect(to.received[at]!.equals(each)).toBe(true);
              expect(to.errors).toEqual([]);
            }
            client.endpoint.transportClosed();
            server.endpoint.transportClosed();
            expect(budget.used).toBe(0);
          },
        ),
        { seed, numRuns: 40 },
      )
      .catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
  });
});

interface Sending {
  readonly size: number;
  readonly kind: string;
  readonly seed: number;
  readonly text: boolean;
  readonly compress: boolean;
  readonly fragmentSize: number;
  readonly ping: boolean;
}

function contentOf({ size, kind, seed }: Sending): Buffer {
  if (kind === 'noise') return noiseOf(Math.min(size, 30_000), seed);
  if (kind === 'same') return Buffer.alloc(size, 65 + seed);
  return kind === 'both' ? Buffer.concat([noiseOf(size >> 4, seed), jsonOf(size, seed)]) : jsonOf(size, seed);
}

/** One side of a connection in memory. It records the messages that it sends and receives. */
class Party implements EndpointEvents {
  readonly sink: MemorySink = new MemorySink();
  readonly endpoint: Endpoint;
  readonly sent: Buffer[] = [];
  readonly received: Buffer[] = [];
  readonly errors: Error[] = [];
  closing = false;

  constructor(role: 'client' | 'server', codec: DeflateCodec) {
    this.endpoint = new Endpoint(this.sink, this, {
      ...{ role, codec, maxMessageSize: 1_048_576, memoryBudget: new MemoryBudget() },
    });
  }

  send(message: Sending): void {
    const content = contentOf(message);
    const { compress, fragmentSize, text, ping } = message;
    // Each of these Latin-1 letters has two bytes in UTF-8.
    const data = text ? content.toString('latin1') : content;
    this.sent.push(Buffer.from(data as string));
    if (fragmentSize > 0) sendFragmented(this.endpoint, data, fragmentSize, compress);
    else if (typeof data === 'string') this.endpoint.sendText(data, { compress });
    else this.endpoint.sendBinary(data, { compress });
    if (ping) this.endpoint.ping();
  }

  onText(text: string | Buffer): void {
    this.received.push(Buffer.from(text as string));
  }
  onBinary(payload: Buffer): void {
    this.received.push(payload);
  }
  onFragment(): void {}
  onPing(): void {}
  onPong(): void {}
  onClosing(byPeer: boolean): void {
    // All data that the peer sent before its Close frame has arrived.
    if (byPeer) this.closing = true;
  }
  onClose(): void {}
  onError(error: Error): void {
    this.errors.push(error);
  }
}

/** Passes bytes between the two sides of a connection, in chunks of any size. */
class Wire {
  readonly #parties: readonly Party[];
  readonly #pick: (limit: number) => number;
  readonly #carried = [0, 0];

  constructor(client: Party, server: Party, pick: (limit: number) => number) {
    this.#parties = [client, server];
    this.#pick = pick;
  }

  carry(): void {
    for (const [index, from] of this.#parties.entries()) {
      const to = this.#parties[1 - index]!;
      const bytes = from.sink.bytes.subarray(this.#carried[index]);
      this.#carried[index]! += bytes.length;
      const step = [3, 100, 5000, 70_000][this.#pick(4)]!;
      // Chunks of a few bytes would take too long for much data.
      const least = bytes.length > 20_000 ? 5000 : 1;
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + Math.max(least, 1 + this.#pick(step)));
        to.endpoint.receive(Buffer.from(bytes.subarray(at, end)));
        at = end;
      }
    }
    // The server has answered the Close frame of the client when it received that frame. The client does not have to answer.
    const [client, server] = this.#parties as [Party, Party];
    if (server.closing && client.endpoint.state >= 2) client.closing = true;
  }
}
