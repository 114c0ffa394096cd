/** Tests a message that is sent in parts: its order relative to other messages, control frames and the Close frame. RFC 6455 §5.4, §5.5. */
import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/frame/endpoint.ts';
import { Opcode } from '../../src/frame/opcode.ts';
import type { OutgoingStream } from '../../src/frame/outgoing-stream.ts';
import { type Bench, bench, FakeCodec, peerFrame, roles } from './harness.ts';

/** Returns the sent frames as texts of FIN, RSV1, opcode and payload. */
function sent({ sink }: Bench): string[] {
  return sink.frames.map(({ fin, rsv, opcode, payload }) => {
    const flags = `${fin ? '' : '-'}${rsv === 4 ? '*' : ''}`;
    return `${flags}${opcode} ${opcode === 8 ? payload.toString('hex') : payload.toString('latin1')}`;
  });
}

interface Opened {
  readonly stream: OutgoingStream;
  readonly log: string[];
  write(text: string, opcode?: number): void | Promise<void>;
  end(opcode?: number): void;
}

function open(endpoint: Endpoint, compress = false, name = ''): Opened {
  const log: string[] = [];
  const stream = endpoint.openStream(compress, {
    onTurn: () => void log.push(`${name}turn`),
    onStopped: (reason) => void log.push(`${name}stopped ${reason?.message ?? ''}`),
  })!;
  return {
    stream,
    log,
    write: (text, opcode = Opcode.Text) => stream.write(opcode, Buffer.from(text)),
    end: (opcode = Opcode.Text) =>
      stream.end(opcode, (error) => void log.push(`${name}done ${error?.message ?? ''}`)),
  };
}

describe.each(roles)('a %s sends a message in parts', (role) => {
  test('F23: each part of a message is sent as a frame, the first frame has the opcode, and an empty last frame ends the message', async () => {
    const connection = bench(role);
    const { write, end, log, stream } = open(connection.endpoint);
    expect(log).toEqual(['turn']);
    expect(stream.isBegun).toBe(false);
    write('one');
    expect(stream.isBegun).toBe(true);
    write('two');
    end();
    expect(sent(connection)).toEqual(['-1 one', '-0 two', '0 ']);
    await Promise.resolve();
    expect(log).toEqual(['turn', 'done ']);
    expect(connection.sink.frames.every(({ masked }) => masked === (role === 'client'))).toBe(true);
  });

  test('a message that ends without parts is sent as one empty frame', () => {
    const connection = bench(role);
    open(connection.endpoint).end(Opcode.Binary);
    expect(sent(connection)).toEqual(['2 ']);
  });

  test('C3, F23: pings and pongs are sent between the parts of a message, but other messages and the Close frame wait until all parts are sent', async () => {
    const connection = bench(role);
    const { endpoint, sink } = connection;
    const { write, end } = open(endpoint);
    write('one');
    const outcomes: unknown[] = [];
    expect(endpoint.sendText('behind')).toBe(6);
    expect(endpoint.sendBinary(Buffer.from('bytes'), null, (error) => void outcomes.push(error))).toBe(5);
    expect(endpoint.canSendSerialized).toBe(false);
    endpoint.ping(Buffer.from('ping'));
    endpoint.receive(peerFrame(role, { opcode: 9, payload: 'theirs' }));
    expect(sink.held).toBe(11);
    endpoint.close(1000);
    write('two');
    expect(sent(connection)).toEqual(['-1 one', '9 ping', '10 theirs', '-0 two']);
    end();
    expect(sent(connection).slice(4)).toEqual(['0 ', '1 behind', '2 bytes', '8 03e8']);
    expect(sink.held).toBe(0);
    await Promise.resolve();
    expect(outcomes).toEqual([null]);
  });

  test('messages in parts are sent one after the other, and a message that is cancelled before its first frame is not sent', () => {
    const connection = bench(role);
    const { endpoint } = connection;
    const first = open(endpoint);
    const second = open(endpoint);
    const third = open(endpoint);
    endpoint.sendText('last');
    first.write('1');
    expect([first.log, second.log, third.log]).toEqual([['turn'], [], []]);
    second.stream.cancel();
    first.end();
    expect(third.log).toEqual(['turn']);
    third.stream.cancel();
    expect(sent(connection)).toEqual(['-1 1', '0 ', '1 last']);
    expect(second.log).toEqual([]);
    // No message waits now, so the next message leaves immediately.
    endpoint.sendText('next');
    expect(sent(connection).at(-1)).toBe('1 next');
  });

  test('if whenSent() is called during a message in parts, it calls its callback after the end of this message', async () => {
    const { endpoint } = bench(role);
    const { write, end } = open(endpoint);
    write('part');
    const outcomes: unknown[] = [];
    endpoint.whenSent((error) => void outcomes.push(error));
    await Promise.resolve();
    expect(outcomes).toEqual([]);
    end();
    await Promise.resolve();
    expect(outcomes).toEqual([null]);
  });

  test("C4: the peer's Close frame aborts the message in parts and all messages that wait", async () => {
    const connection = bench(role);
    const { endpoint } = connection;
    const { write, log, stream, end } = open(endpoint);
    write('one');
    const outcomes: unknown[] = [];
    endpoint.sendText('behind', null, (error) => void outcomes.push((error as { code?: string }).code));
    endpoint.receive(peerFrame(role, { opcode: 8, payload: Buffer.from([0x03, 0xe8]) }));
    expect(sent(connection)).toEqual(['-1 one', '8 03e8']);
    expect(log).toEqual(['turn', 'stopped ']);
    expect(stream.isOver).toBe(true);
    write('two');
    end();
    await Promise.resolve();
    expect(sent(connection)).toHaveLength(2);
    expect(log.at(-1)).toMatch(/^done the message was not sent/);
    expect(outcomes).toEqual(['WS_NOT_SENT']);
  });

  test('if the connection fails between two parts, the Close frame is sent, and no further part is sent', () => {
    const connection = bench(role);
    const { endpoint } = connection;
    const waiting = open(endpoint);
    const behind = open(endpoint);
    waiting.write('one');
    endpoint.fail(new Error('fault'));
    expect(sent(connection)).toEqual(['-1 one', '8 03f3']);
    expect(waiting.log).toEqual(['turn', 'stopped fault']);
    expect(behind.log).toEqual(['stopped fault']);
    expect(endpoint.openStream(true, { onTurn() {}, onStopped() {} })).toBe(null);
  });

  test('F6, F22: only the first frame of a compressed message in parts has RSV1, and later messages are compressed after the end of this message', async () => {
    const codec = new FakeParts();
    codec.waits = false;
    const connection = bench(role, { codec });
    const { endpoint } = connection;
    const { write, end } = open(endpoint, true);
    write('one');
    endpoint.sendText('behind');
    await write('two, later');
    end();
    expect(sent(connection)).toEqual(['-*1 p:one', '-0 p:two, later', '0 .', '*1 z:behind']);
  });

  test('the parts are sent uncompressed if the codec has no compressPart, or if the caller does not want compression', () => {
    const connection = bench(role, { codec: new FakeCodec() });
    const plain = open(connection.endpoint, true);
    plain.write('one');
    plain.end();
    const unwanted = bench(role, { codec: new FakeParts() });
    const { write, end } = open(unwanted.endpoint, false);
    write('one');
    end();
    expect([sent(connection), sent(unwanted)]).toEqual([
      ['-1 one', '0 '],
      ['-1 one', '0 '],
    ]);
  });

  test('if the codec returns a part after the end of the connection, the part is not sent', async () => {
    const connection = bench(role, { codec: new FakeParts() });
    const { write, log } = open(connection.endpoint, true);
    const written = write('later');
    connection.endpoint.terminate();
    await written;
    expect(sent(connection)).toEqual([]);
    expect(log).toEqual(['turn', 'stopped ']);
  });
});

/** A fake codec that also compresses parts by adding `p:` before a part. If the part contains "later", the codec returns a Promise. */
class FakeParts extends FakeCodec {
  readonly endOfParts = Buffer.from('.');

  compressPart(payload: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const part = Buffer.concat([Buffer.from('p:'), payload]);
    return part.includes('later') ? Promise.resolve(part) : part;
  }
}
