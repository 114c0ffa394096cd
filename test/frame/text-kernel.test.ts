/**
 * The endpoint decodes a run together. A run is a sequence of small texts that follow each other in one chunk. The test compares the result
 * with texts that are decoded one by one. It also tests the library without WebAssembly.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Role } from '../../src/frame/parser.ts';
import { MAX_RUN_SIZE, textKernel } from '../../src/frame/text-kernel.ts';
import { allCuts, bench, cut, type FrameSpec, peerFrame, roles } from './harness.ts';

/** Builds text frames. Each frame is masked with a different key. */
const texts = (role: Role, list: readonly string[]): Buffer =>
  Buffer.concat(list.map((payload, index) => textFrame(role, payload, index)));

function textFrame(role: Role, payload: string, index: number): Buffer {
  const key = role === 'server' ? [index & 255, 0xfa, (index * 7) & 255, 0x80] : null;
  return peerFrame(role, { opcode: 1, payload, key });
}

/** Returns the events and the answers of an endpoint that receives the chunks. If `own` is true, it decodes each text separately. */
function outcome(role: Role, chunks: readonly Buffer[], own: boolean): unknown {
  const { endpoint, events, sink } = bench(role, {
    text: own ? 'own-string' : 'string',
    maxMessageSize: 3000,
  });
  for (const chunk of chunks) endpoint.receive(Buffer.from(chunk));
  const { state, dataPieces, insideMessage } = endpoint;
  return {
    log: events.log,
    sent: sink.frames.map(({ opcode, payload }) => [opcode, payload.length]),
    state,
    dataPieces,
    insideMessage,
  };
}

test('this platform supports the text kernel', () => {
  expect(textKernel).not.toBeNull();
});

describe.each(roles)('a %s that receives a run (small texts that follow each other in one chunk)', (role) => {
  test('an endpoint reports the texts of a run correctly for every length from 0 to 130', () => {
    const content = 'The quick brown fox jumps over the lazy dog. '.repeat(4);
    for (let length = 0; length <= 130; length++) {
      const list = [
        content.slice(0, length),
        content.slice(1, 1 + ((length * 37) % 126)),
        content.slice(2, 2 + length),
      ];
      const { endpoint, events } = bench(role);
      endpoint.receive(texts(role, list));
      expect(events.of('onText')).toEqual(list.map((text) => [text, text.length]));
    }
  });

  test('an endpoint reports the texts of a run correctly if one text has a character beyond ASCII, at any position', () => {
    for (let place = 0; place < 70; place++) {
      const list = ['first', `${'a'.repeat(place)}é${'b'.repeat(69 - place)}`, 'x'.repeat(40), 'last'];
      const { endpoint, events } = bench(role);
      endpoint.receive(texts(role, list));
      expect(events.of('onText')).toEqual(list.map((text) => [text, Buffer.byteLength(text)]));
    }
  });

  test('an endpoint reports all texts of a chunk, even if the chunk needs several runs', () => {
    const list = Array.from({ length: 4500 }, (_, index) => `${index} ${'.'.repeat(index % 60)}`);
    list.push(...Array.from({ length: 700 }, () => ''), ...Array.from({ length: 700 }, () => 'x'));
    const { endpoint, events } = bench(role);
    const chunk = texts(role, list);
    expect(chunk.length).toBeGreaterThan(2 * 65_536);
    endpoint.receive(chunk);
    expect(events.of('onText')).toEqual(list.map((text) => [text, text.length]));
    expect(endpoint.dataPieces).toBe(list.length);
  });

  test('an endpoint reports the texts of a run correctly, wherever the input is cut', () => {
    const list = ['one', 'two and some more', '', 'trois é', 'four', 'five'];
    for (const chunks of allCuts(texts(role, list))) {
      const { endpoint, events } = bench(role);
      for (const chunk of chunks) endpoint.receive(chunk);
      expect(events.of('onText').map(([text]) => text)).toEqual(list);
    }
  });

  test('an endpoint reports runs of any frames, valid or invalid, in any chunks, in the same way as single frames', () => {
    const spec: fc.Arbitrary<FrameSpec> = fc.record(
      {
        opcode: fc.constantFrom(1, 1, 1, 1, 1, 0, 2, 8, 9, 10, 3),
        fin: fc.constantFrom(true, true, true, true, false),
        rsv: fc.constantFrom(0, 0, 0, 0, 0, 0, 4),
        payload: fc.oneof(
          { weight: 6, arbitrary: fc.string({ maxLength: 130, unit: 'grapheme-ascii' }) },
          fc.string({ maxLength: 60 }),
          fc.uint8Array({ maxLength: 40 }),
          fc.constant('x'.repeat(1000)),
        ),
        key: fc.constantFrom(
          ...(role === 'server'
            ? [
                [0, 0, 0, 0],
                [1, 2, 3, 4],
                [255, 129, 128, 127],
              ]
            : [null]),
        ),
        form: fc.constantFrom(...([7, 7, 7, 7, 7, 7, 7, 16] as const)),
      },
      { requiredKeys: ['opcode', 'payload', 'key', 'fin', 'rsv'] },
    );
    fc.assert(
      fc.property(
        fc.array(spec, { maxLength: 40 }),
        fc.array(fc.nat(6000), { maxLength: 6 }),
        (specs, places) => {
          const bytes = Buffer.concat(
            specs.map((one) => {
              const { length } = Buffer.from(one.payload as Uint8Array);
              const isControl = one.opcode >= 8;
              const payload = isControl
                ? Buffer.from(one.payload as Uint8Array).subarray(0, 100)
                : one.payload!;
              // This length does not fit into the chosen form of the length field, so the shortest form is used.
              const { form, ...rest } = one;
              return peerFrame(role, {
                ...rest,
                payload,
                ...(form === 16 && length < 126 ? { form } : null),
              });
            }),
          );
          const sorted = places.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b);
          const chunks = cut(bytes, ...sorted);
          expect(outcome(role, chunks, false)).toEqual(outcome(role, chunks, true));
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe.each(roles)(
  'a handler of a %s acts inside a run (small texts that follow each other in one chunk)',
  (role) => {
    const list = Array.from({ length: 30 }, (_, index) => `message ${index}`);

    /** Receives `list`, and calls `act` in the handler of the tenth message. */
    function actInTenth(act: (one: ReturnType<typeof bench>) => void): ReturnType<typeof bench> {
      const one = bench(role);
      one.events.act = (name) => {
        if (name === 'onText' && one.events.of('onText').length === 10) act(one);
      };
      one.endpoint.receive(texts(role, list));
      return one;
    }
    const received = ({ events }: ReturnType<typeof bench>): unknown[] =>
      events.of('onText').map(([text]) => text);

    test('if the handler pauses inside a run, later messages wait and arrive in order', () => {
      const one = actInTenth(({ endpoint }) => endpoint.pause());
      expect(received(one)).toEqual(list.slice(0, 10));
      one.endpoint.receive(texts(role, ['later', 'and later']));
      one.endpoint.resume();
      expect(received(one)).toEqual([...list, 'later', 'and later']);
    });

    test('if the handler pauses and resumes inside a run, the messages keep their order', () => {
      const one = actInTenth(({ endpoint }) => {
        endpoint.pause();
        endpoint.resume();
      });
      expect(received(one)).toEqual(list);
    });

    test('if the handler terminates or throws inside a run, no further message is delivered', () => {
      expect(received(actInTenth(({ endpoint }) => endpoint.terminate()))).toEqual(list.slice(0, 10));
      const failed = actInTenth(() => {
        throw new Error('of the application');
      });
      expect(received(failed)).toEqual(list.slice(0, 10));
      expect(failed.sentCloseCode()).toBe(1011);
    });

    test("if the handler closes inside a run without a pause, the messages before the peer's Close are delivered", () => {
      expect(received(actInTenth(({ endpoint }) => endpoint.close(1000)))).toEqual(list);
      const paused = actInTenth(({ endpoint }) => {
        endpoint.pause();
        endpoint.close(1000);
      });
      expect(received(paused)).toEqual(list.slice(0, 10));
    });

    test('if the handler passes chunks to receive() of another endpoint or of its own endpoint, all messages arrive in order', () => {
      const other = bench(role);
      const one = actInTenth(({ endpoint }) => {
        other.endpoint.receive(texts(role, ['of another', 'endpoint', 'é', 'and more', 'of it']));
        endpoint.receive(texts(role, ['handed in', 'from inside']));
      });
      expect(received(one)).toEqual([...list, 'handed in', 'from inside']);
      expect(received(other)).toEqual(['of another', 'endpoint', 'é', 'and more', 'of it']);
    });
  },
);

test('a size limit of 20 bytes applies to each small text of a chunk', () => {
  const { endpoint, events, sentCloseCode } = bench('server', { maxMessageSize: 20 });
  endpoint.receive(texts('server', ['short', 'also short', 'x'.repeat(21), 'never']));
  expect(events.of('onText').map(([text]) => text)).toEqual(['short', 'also short']);
  expect(sentCloseCode()).toBe(1009);
});

test('if the application pauses between small texts of one chunk, the endpoint leaves the chunk unchanged, and unmasks the rest later', () => {
  const { endpoint, events } = bench('server');
  events.act = (name) => {
    if (name === 'onText' && events.log.length === 1) endpoint.pause();
  };
  const chunk = texts('server', ['one', 'two', 'three']);
  const before = Buffer.from(chunk);
  endpoint.receive(chunk);
  expect(chunk.equals(before)).toBe(true);
});

// The measurement runs in another process, because the heap of that process contains nothing else.
test('if the application keeps one of many small texts that arrived together, at most 1.2 KiB of memory stays alive', () => {
  const endpoint = new URL('../../dist/frame/endpoint.js', import.meta.url).href;
  const program = `
    const { Endpoint } = await import(${JSON.stringify(endpoint)});
    const sink = { blocked: false, bufferedAmount: 0, reserve() {}, commit() {}, append() {}, closing() {}, end() {}, destroy() {},
      resumeReading() {}, whenSent() {} };
    const kept = [];
    let count = 0;
    // A run has 16 messages. So at least one message of each run is kept.
    const events = { onText(text) { if (count++ % 15 === 0) kept.push(text); } };
    const one = new Endpoint(sink, events, { role: 'server', maxMessageSize: 1000 });
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | 64, 0, 0, 0, 0]), Buffer.alloc(64, 'x')]);
    const fill = (rounds) => { for (let n = 0; n < rounds; n++) one.receive(Buffer.concat(Array.from({ length: 900 }, () => frame))); };
    fill(20);
    kept.length = 0;
    kept.push(...Array(6000).fill(null));
    kept.length = 0;
    gc();
    const before = process.memoryUsage().heapUsed;
    fill(100);
    gc();
    console.log(kept.length, Math.round((process.memoryUsage().heapUsed - before) / kept.length));`;
  const { stdout } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
  });
  const [count, bytes] = stdout.trim().split(' ').map(Number);
  expect(count).toBe(6000);
  // The kept memory consists of the memory of the run, a small header of the text, and its place in the list.
  expect(bytes).toBeLessThan(MAX_RUN_SIZE * 1.2);
});

test('without WebAssembly, an endpoint decodes each text frame separately', () => {
  const endpoint = new URL('../../dist/frame/endpoint.js', import.meta.url).href;
  const program = `
    delete globalThis.WebAssembly;
    const { Endpoint } = await import(${JSON.stringify(endpoint)});
    const texts = [];
    const one = new Endpoint({ blocked: false, bufferedAmount: 0 }, { onText(text) { texts.push(text); } }, { role: 'client', maxMessageSize: 1000 });
    one.receive(Buffer.from([0x81, 1, 97, 0x81, 2, 98, 99, 0x81, 1, 100]));
    console.log(texts.join());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
  });
  expect(stdout).toBe('a,bc,d\n');
});
