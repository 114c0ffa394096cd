/**
 * Uses the test vectors of `conform vectors` in a unit test, as other implementations can do. Our endpoint receives the bytes of every
 * vector, once as one chunk and once byte by byte.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Vector, type VectorEvent, vectors } from '../../conformance/vectors.ts';
import { paramsOf, parseExtensionField } from '../../conformance/wire/deflate.ts';
import { DeflateCodec } from '../../src/deflate/codec.ts';
import { settings } from '../deflate/harness.ts';
import { type Bench, bench, cut } from '../frame/harness.ts';

const all = vectors();

/** Returns the codec of our endpoint for the extension of a vector, or null if the vector has no extension. */
function codecFor({ extensions, role }: Vector): DeflateCodec | null {
  const [element] = extensions === null ? [] : parseExtensionField(extensions);
  if (element === undefined) return null;
  const params = paramsOf(element);
  if (typeof params === 'string') throw new Error(params);
  const client = { windowBits: params.clientMaxWindowBits, takeover: !params.clientNoContextTakeover };
  const server = { windowBits: params.serverMaxWindowBits, takeover: !params.serverNoContextTakeover };
  const [sending, receiving] = role === 'server' ? [server, client] : [client, server];
  return new DeflateCodec(sending, receiving, settings(), 0);
}

/** Returns the messages that the endpoint received and the pongs that it sent, in order. */
function eventsOf({ events, sink }: Bench): VectorEvent[] {
  const pongs = sink.frames
    .filter(({ opcode }) => opcode === 10)
    .map(({ payload }) => payload.toString('hex'));
  return events.log.flatMap(([name, value]): VectorEvent[] => {
    const text = (): string => Buffer.from(String(value)).toString('hex');
    if (name === 'onText') return [{ type: 'message', kind: 'text', hex: text() }];
    if (name === 'onBinary') return [{ type: 'message', kind: 'binary', hex: String(value) }];
    return name === 'onPing' ? [{ type: 'pong', hex: pongs.shift() ?? 'not sent' }] : [];
  });
}

interface Outcome {
  readonly events: readonly VectorEvent[];
  readonly outcome: Vector['outcome'];
  readonly code: number | null;
}

/**
 * Passes the chunks to a new endpoint and returns the outcome. Because zlib works in threads, the function waits for the expected outcome.
 * It waits at most a thousand turns of the event loop.
 */
async function outcomeOf(vector: Vector, chunks: readonly Buffer[]): Promise<Outcome> {
  const own = bench(vector.role, { codec: codecFor(vector) });
  const look = (): Outcome => {
    const code = own.sentCloseCode();
    const { errors } = own.events;
    return {
      events: eventsOf(own),
      outcome: errors.length > 0 ? 'failed' : code === null ? 'open' : 'closed',
      code,
    };
  };
  for (const chunk of chunks) own.endpoint.receive(chunk);
  for (let turn = 0; turn < 1000 && !isRight(vector, look()); turn++) await nextTurn();
  const outcome = look();
  own.endpoint.transportClosed();
  return outcome;
}

function isRight({ events, outcome, codes }: Vector, seen: Outcome): boolean {
  const allowed = seen.code === null || seen.code === 1005 || codes.includes(seen.code);
  const ended = outcome === 'closed' && seen.outcome === 'failed';
  return (
    (ended || seen.outcome === outcome) && allowed && JSON.stringify(seen.events) === JSON.stringify(events)
  );
}

const expectRight = (vector: Vector, seen: Outcome): void => {
  expect(seen.events, vector.id).toEqual(vector.events);
  expect(vector.outcome === 'closed' ? ['closed', 'failed'] : [vector.outcome], vector.id).toContain(
    seen.outcome,
  );
  if (vector.outcome !== 'open') expect([null, 1005, ...vector.codes], vector.id).toContain(seen.code);
};

describe.each(['server', 'client'] as const)(
  'the outcome of our endpoint for the test vectors for a %s',
  (role) => {
    const own = all.filter((one) => one.role === role);

    test('our endpoint has the expected outcome if the bytes of a vector arrive as one chunk', async () => {
      expect(own.length).toBeGreaterThan(300);
      for (const one of own) expectRight(one, await outcomeOf(one, [Buffer.from(one.input, 'hex')]));
    });

    test('our endpoint has the expected outcome if the bytes of a vector arrive one at a time', async () => {
      const short = own.filter(({ input }) => input.length <= 4096);
      expect(short.length).toBeGreaterThan(250);
      for (const one of short) {
        const bytes = Buffer.from(one.input, 'hex');
        const places = Array.from({ length: Math.max(0, bytes.length - 1) }, (_, i) => i + 1);
        expectRight(one, await outcomeOf(one, cut(bytes, ...places)));
      }
    });
  },
);

describe('the contents of the test vectors', () => {
  test('each call returns the same vectors as plain JSON of less than 8 MB', () => {
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
    expect(vectors()).toEqual(all);
    expect(JSON.stringify(all).length).toBeLessThan(8_000_000);
  });

  test('6455 §5.7: the vector of "Hello" is masked for a server and unmasked for a client', () => {
    const [server, client] = vectors({ cases: ['26.2.1'] });
    expect(server).toMatchObject({
      role: 'server',
      extensions: 'permessage-deflate',
      outcome: 'open',
      codes: [],
    });
    expect(client!.input).toBe('c107f248cdc9c90700');
    expect(server!.input).toBe(
      `c18737fa213d${'f248cdc9c90700'
        .match(/../g)!
        .map((one, i) =>
          (Number.parseInt(one, 16) ^ [0x37, 0xfa, 0x21, 0x3d][i % 4]!).toString(16).padStart(2, '0'),
        )
        .join('')}`,
    );
    expect(server!.events).toEqual([{ type: 'message', kind: 'text', hex: '48656c6c6f' }]);
  });

  test('a vector states whether the connection fails or closes, and which other outcome is tolerated', () => {
    const of = (id: string): Vector => all.find((one) => one.id === id)!;
    expect(of('3.1')).toMatchObject({ outcome: 'failed', codes: [1002], events: [] });
    expect(of('3.2')).toMatchObject({ outcome: 'failed', tolerated: [], level: 'MUST' });
    expect(of('7.7.1')).toMatchObject({ outcome: 'closed', codes: [1000] });
    expect(of('2.2').events).toEqual([{ type: 'pong', hex: Buffer.from('Hello, world!').toString('hex') }]);
  });

  test('no vector needs the opening handshake, time, TCP or masking keys', () => {
    const groups = new Set(all.map(({ id }) => id.split('.')[0]));
    for (const group of ['20', '21', '27', '29']) expect(groups).not.toContain(group);
    for (const id of ['6.4.1', '28.4.1', '9.1.6', '22.2.1', '22.4.4'])
      expect(all.map((one) => one.id)).not.toContain(id);
  });
});
