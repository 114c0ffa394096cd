/**
 * Tests servers that agree to parameters of compression and then break them. The cases of group 25 must find each of these faults, and must
 * pass a server that follows the parameters.
 */

import type { Duplex } from 'node:stream';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { runServerCases } from '../../conformance/index.ts';
import { encodeFrame, type Frame, FrameReader } from '../../conformance/wire/frame.ts';
import { acceptOf, parseHead, valuesOf } from '../../conformance/wire/head.ts';
import { duplexPair } from './pair.ts';

/** How the server compresses. This does not depend on the parameters to which it has agreed. */
interface Habits {
  /** Returns the answer to an offer, or null if the server declines the offer. */
  readonly answer: (offer: string) => string | null;
  readonly windowBits: number;
  readonly keepsContext: boolean;
}

const windowOf = (a: Buffer, b: Buffer): Buffer => Buffer.concat([a, b]).subarray(-32_768);

function compress(plain: Buffer, { windowBits, keepsContext }: Habits, context: Buffer): Buffer {
  const dictionary = keepsContext && context.length > 0 ? { dictionary: context } : {};
  const options = { windowBits, finishFlush: constants.Z_SYNC_FLUSH, ...dictionary };
  return deflateRawSync(plain, options).subarray(0, -4);
}

/** Echoes compressed messages that have only one frame. */
function serve(socket: Duplex, habits: Habits): void {
  let [received, sent]: Buffer[] = [Buffer.alloc(0), Buffer.alloc(0)];
  const send = (opcode: number, rsv: number, payload: Buffer): void => {
    socket.write(encodeFrame({ opcode, payload, fin: true, rsv, key: null }));
  };
  const take = ({ opcode, payload }: Frame): void => {
    if (opcode === 8) {
      send(8, 0, payload);
      socket.end();
      return;
    }
    const data = Buffer.concat([payload, Buffer.from('0000ffff', 'hex')]);
    const dictionary = received!.length > 0 ? { dictionary: received! } : {};
    const plain = inflateRawSync(data, { ...dictionary, finishFlush: constants.Z_SYNC_FLUSH });
    received = windowOf(received!, plain);
    send(opcode, 4, compress(plain, habits, sent!));
    sent = windowOf(sent!, plain);
  };
  const reader = new FrameReader(() => {}, take);
  socket.once('data', (chunk: Buffer) => {
    const request = parseHead(chunk.toString('latin1'));
    const extension = habits.answer(valuesOf(request, 'Sec-WebSocket-Extensions').join());
    const accept = acceptOf(valuesOf(request, 'Sec-WebSocket-Key')[0] ?? '');
    const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    if (extension !== null) fields.push(`Sec-WebSocket-Extensions: ${extension}`);
    socket.on('data', (bytes: Buffer) => reader.read(bytes));
    socket.write(['HTTP/1.1 101 Switching Protocols', ...fields, '', ''].join('\r\n'));
  });
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
}

const agree = (offer: string): string => offer.replace(/; client_no_context_takeover/, '');
const honest: Habits = { answer: agree, windowBits: 15, keepsContext: true };

async function verdictsOf(habits: Habits, ...cases: string[]): Promise<string[]> {
  const connect = (): Duplex => {
    const [mine, yours] = duplexPair();
    serve(yours, habits);
    return mine;
  };
  const results = await runServerCases({ connect, agent: 'raw', cases });
  return results.map((one) => `${one.behavior} ${one.behaviorClose}`);
}

const noTakeover = '25.4.1';
const takeover = '25.4.2';
const window9 = '25.4.6';

describe('the conformance judge tests a server that agrees to parameters of compression', () => {
  test('a server passes if it agrees to context takeover and the full window, and uses these parameters', async () => {
    expect(await verdictsOf(honest, takeover)).toEqual(['OK OK']);
  });

  test('a server passes if it agrees to no context takeover or to a smaller window, and obeys this agreement', async () => {
    expect(await verdictsOf({ ...honest, keepsContext: false }, noTakeover)).toEqual(['OK OK']);
    expect(await verdictsOf({ ...honest, windowBits: 9 }, window9)).toEqual(['OK OK']);
  });

  test('a server fails if it agrees to "no context takeover" but refers to the previous message', async () => {
    expect((await verdictsOf(honest, noTakeover))[0]).toMatch(/^FAILED/);
  });

  test('a server fails if the client requests "no context takeover" and the server does not agree to this parameter', async () => {
    const silent: Habits = { ...honest, keepsContext: false, answer: () => 'permessage-deflate' };
    expect((await verdictsOf(silent, noTakeover))[0]).toMatch(/^FAILED/);
  });

  test('a server fails if it agrees to a window of 2^9 bytes but refers farther back', async () => {
    expect((await verdictsOf(honest, window9))[0]).toMatch(/^FAILED/);
  });

  test('a server fails if it answers with a larger window than the client requested', async () => {
    const larger: Habits = { ...honest, answer: () => 'permessage-deflate; server_max_window_bits=12' };
    expect((await verdictsOf({ ...larger, windowBits: 12 }, window9))[0]).toMatch(/^FAILED/);
  });

  test('a server that does not agree to compression gets the verdict UNIMPLEMENTED, and this verdict does not count as passed', async () => {
    expect((await verdictsOf({ ...honest, answer: () => null }, noTakeover))[0]).toMatch(/^UNIMPLEMENTED/);
  });
});
