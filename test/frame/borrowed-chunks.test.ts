/**
 * Tests `receive` with borrowed chunks. All connections receive their chunks in the same memory, one chunk after the other. The memory is
 * overwritten as soon as a chunk is processed. The test compares the result with chunks that have separate memory.
 */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Endpoint } from '../../src/frame/endpoint.ts';
import type { EndpointOptions } from '../../src/frame/endpoint-options.ts';
import type { Role } from '../../src/frame/parser.ts';
import {
  type Bench,
  bench,
  cut,
  FakeCodec,
  type FrameSpec,
  MemorySink,
  peerFrame,
  roles,
} from './harness.ts';

const READ_SIZE = 65_536;

/** Passes chunks to endpoints. All chunks are in the same memory. */
class Lender {
  readonly #memory = Buffer.alloc(READ_SIZE);
  /** True if all chunks use the same Buffer object. Otherwise each chunk is a new view of the memory. */
  readonly #isSame: boolean;

  constructor(isSame = false) {
    this.#isSame = isSame;
  }

  lend(endpoint: Endpoint, bytes: Buffer): boolean {
    if (bytes.length > READ_SIZE) throw new Error('the chunk is larger than the memory');
    const chunk =
      this.#isSame && bytes.length === READ_SIZE ? this.#memory : this.#memory.subarray(0, bytes.length);
    bytes.copy(chunk);
    const goesOn = endpoint.receive(chunk, true);
    this.#memory.fill(0xee);
    return goesOn;
  }
}

/** Keeps the objects that the events deliver, and reads their contents only at the end. */
function keeper(role: Role, options: Partial<EndpointOptions>) {
  const kept: (readonly [string, string | Uint8Array])[] = [];
  const keep = (name: string) => (value: string | Uint8Array) => void kept.push([name, value]);
  const sink = new MemorySink();
  const control = { act: (_name: string): void => {} };
  const on =
    (name: string) =>
    (value: string | Uint8Array): void => {
      keep(name)(value);
      control.act(name);
    };
  const events = {
    ...{ onText: on('text'), onBinary: on('binary'), onPing: on('ping'), onPong: on('pong') },
    ...{ onMessagePart: on('part'), onMessageStart: () => {}, onMessageEnd: () => on('end')('') },
    ...{ onFragment: () => {}, onClosing: () => {} },
    onClose: ({ code, reason }: { code: number; reason: string }) => on('close')(`${code} ${reason}`),
    onError: (error: Error) => on('error')(error.message),
  };
  const endpoint = new Endpoint(sink, events, { maxMessageSize: 1_048_576, ...options, role });
  sink.endpoint = endpoint;
  const seen = () =>
    kept.map(([name, value]) => [
      name,
      typeof value === 'string' ? value : Buffer.from(value).toString('latin1'),
    ]);
  return { endpoint, sink, control, seen };
}

const payload = fc.oneof({ weight: 4, arbitrary: fc.nat(200) }, { weight: 2, arbitrary: fc.nat(70_000) });

const message: fc.Arbitrary<FrameSpec[]> = fc.oneof(
  payload.map((size) => [{ opcode: 2, payload: Buffer.alloc(size, `<${size}>`) }]),
  payload.map((size) => [{ opcode: 1, payload: 'text '.repeat(size / 5) }]),
  fc.nat(40).map((size) => Array<FrameSpec>(9).fill({ opcode: 1, payload: 'short'.repeat(size / 2) })),
  fc.nat(100).map((size) => [{ opcode: 1, payload: Buffer.from('é'.repeat(size / 2)) }]),
  fc.tuple(payload, payload).map(([one, two]) => [
    { opcode: 2, fin: false, payload: Buffer.alloc(one, 'one') },
    { opcode: 9, payload: `ping ${one}` },
    { opcode: 0, payload: Buffer.alloc(two, 'two') },
  ]),
  fc.nat(100).map((size) => [{ opcode: 9 + (size % 2), payload: 'p'.repeat(size) }]),
);

const forms: Record<string, Partial<EndpointOptions>> = {
  'as strings': {},
  'as bytes': { text: 'bytes' },
  'in parts': { maxStreamSize: 10_000_000 },
  'with each text decoded separately': { text: 'own-string' },
};

describe.each(roles)('a %s receives chunks in memory that the transport reuses', (role) => {
  test.each(Object.keys(forms))(
    'F24: messages that the application receives %s do not change later, with any pauses and any chunks',
    (form) => {
      fc.assert(
        fc.property(
          fc.array(message, { minLength: 1, maxLength: 8 }),
          fc.infiniteStream(fc.integer({ min: 1, max: READ_SIZE })),
          fc.array(fc.nat(12), { maxLength: 3 }),
          (messages, sizes, pausedAt) => {
            const bytes = Buffer.concat([
              ...messages.flat().map((spec) => peerFrame(role, spec)),
              peerFrame(role, { opcode: 8, payload: '\x03\xe8bye' }),
            ]);
            const run = (receive: (endpoint: Endpoint, chunk: Buffer) => boolean, chunks: Buffer[]) => {
              const { endpoint, sink, control, seen } = keeper(role, forms[form]!);
              let events = 0;
              control.act = () => {
                if (pausedAt.includes(events++)) endpoint.pause();
              };
              for (const chunk of chunks) {
                // The transport may have read data before the pause. So data also arrives during a pause.
                receive(endpoint, Buffer.from(chunk));
              }
              while (endpoint.isPausedByUser) endpoint.resume();
              return {
                seen: seen(),
                sent: sink.frames.map(({ opcode, payload: sent }) => [opcode, sent.length]),
              };
            };
            const chunks: Buffer[] = [];
            for (let at = 0; at < bytes.length; ) {
              const size = sizes.next().value as number;
              chunks.push(bytes.subarray(at, at + size));
              at += size;
            }
            const lender = new Lender();
            expect(run((endpoint, chunk) => lender.lend(endpoint, chunk), chunks)).toEqual(
              run((endpoint, chunk) => endpoint.receive(chunk), chunks),
            );
          },
        ),
        { numRuns: 150 },
      );
    },
  );

  test('F6: a codec that decompresses asynchronously receives a copy of the payload', async () => {
    const codec = new FakeCodec();
    codec.decompress = async (payload) => {
      await Promise.resolve();
      return Buffer.from(payload);
    };
    const { endpoint, events } = bench(role, { codec });
    const frames = ['one', 'two'].map((text) => peerFrame(role, { opcode: 1, rsv: 4, payload: text }));
    new Lender().lend(endpoint, Buffer.concat(frames));
    await vi.waitFor(() => expect(events.of('onText')).toHaveLength(2));
    expect(events.of('onText').map(([text]) => text)).toEqual(['one', 'two']);
  });

  test('the endpoint keeps only the part of a chunk that still waits', () => {
    const { endpoint, events } = bench(role);
    events.act = () => endpoint.pause();
    const lender = new Lender();
    const [first, second] = ['a', 'b'].map((text) => peerFrame(role, { opcode: 1, payload: text }));
    lender.lend(endpoint, Buffer.concat([first!, second!]));
    expect(endpoint.keepsChunk).toBe(true);
    endpoint.resume();
    expect(events.of('onText').map(([text]) => text)).toEqual(['a', 'b']);
  });

  test('if a callback passes a chunk with separate memory to receive(), the message of this chunk is correct', () => {
    const { endpoint, events }: Bench = bench(role);
    const inner = peerFrame(role, { opcode: 2, payload: Buffer.alloc(60_000, 'inner') });
    const lender = new Lender();
    let isFirst = true;
    events.act = () => {
      if (isFirst) endpoint.receive(inner);
      isFirst = false;
    };
    lender.lend(endpoint, peerFrame(role, { opcode: 1, payload: 'outer' }));
    expect(events.of('onBinary')).toEqual([[Buffer.alloc(60_000, 'inner').toString('hex'), 60_000]]);
  });

  test('the transport may use the same Buffer for every chunk, even after a handler has thrown during a chunk', () => {
    const lender = new Lender(true);
    const texts = (text: string): Buffer => {
      const one = peerFrame(role, { opcode: 1, payload: text });
      const all = Buffer.concat(Array<Buffer>(Math.ceil(READ_SIZE / one.length)).fill(one));
      return cut(all, READ_SIZE)[0]!;
    };
    const failing = bench(role);
    failing.events.act = (name) => {
      if (name === 'onText') throw new Error('the handler failed');
    };
    lender.lend(failing.endpoint, texts('before'));
    expect(failing.sentCloseCode()).toBe(1011);
    const next = bench(role);
    lender.lend(next.endpoint, texts('beyond'));
    expect(new Set(next.events.of('onText').map(([text]) => text))).toEqual(new Set(['beyond']));
  });
});
