/** Tests the body of a refusal, complete or incomplete, in any number of pieces. At most 64 KiB of the body are kept. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HttpResponseHead } from '../../src/handshake/http-head.ts';
import { ResponseBody } from '../../src/transport/response-body.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function head(headers: readonly string[] = [], status = 401): HttpResponseHead {
  return { kind: 'response', status, statusText: '', httpVersion: '1.1', headers };
}

const chunked = head(['Transfer-Encoding', 'chunked']);

function read(response: HttpResponseHead, pieces: readonly (string | Buffer)[]): [string, boolean] {
  const body = new ResponseBody(response);
  for (const piece of pieces) body.push(Buffer.from(piece));
  return [body.bytes.toString('latin1'), body.isComplete];
}

/** Returns a body in chunks of these sizes (9112 §7.1). */
function inChunks(body: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (let index = 0; at < body.length; index++) {
    const size = Math.min(Math.max(1, sizes[index % sizes.length] ?? 1), body.length - at);
    parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'));
    at += size;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

describe('V1: the body of a refusal', () => {
  test.each<[string, HttpResponseHead, string, string, boolean]>([
    ['with a length', head(['Content-Length', '5']), 'noway!!', 'noway', true],
    ['shorter than its length', head(['Content-Length', '50']), 'noway', 'noway', false],
    ['with a length that is not a number', head(['Content-Length', '5x']), 'noway!!', 'noway!!', false],
    ['empty', head(['Content-Length', '0']), '', '', true],
    ['without a length', head(), 'noway', 'noway', false],
    ['with a status that has no body', head([], 304), 'noway', '', true],
    ['in chunks', chunked, '3;x=y\r\nnow\r\n2\r\nay\r\n0\r\n\r\n', 'noway', true],
    [
      'in chunks after another coding',
      head(['Transfer-Encoding', 'gzip, chunked']),
      '1\r\nx\r\n0\r\n',
      'x',
      true,
    ],
    ['in chunks that end early', chunked, '5\r\nno', 'no', false],
    ['in invalid chunks', chunked, '2\r\nno\r\nzzz\r\nway', 'no', true],
    ['in a chunk with a negative size', chunked, '-5\r\nnoway', '', true],
    ['in chunks with a size line that never ends', chunked, 'x'.repeat(2_000), '', true],
  ])(
    'a body %s is read correctly, wherever the response is split into two pieces',
    (_name, response, bytes, body, isComplete) => {
      expect(read(response, [bytes])).toEqual([body, isComplete]);
      // The result is the same, wherever the bytes are split.
      for (let at = 0; at <= bytes.length; at += Math.ceil((bytes.length + 1) / 40)) {
        expect(read(response, [bytes.slice(0, at), bytes.slice(at)])).toEqual([body, isComplete]);
      }
    },
  );

  test('the body is read correctly for every size of the HTTP chunks and of the received pieces', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
        (bytes, sizes, cuts) => {
          const body = Buffer.from(bytes);
          const wire = inChunks(body, sizes);
          const pieces: Buffer[] = [];
          for (let at = 0, index = 0; at < wire.length; index++) {
            const end = at + cuts[index % cuts.length]!;
            pieces.push(wire.subarray(at, end));
            at = end;
          }
          expect(read(chunked, pieces)).toEqual([body.toString('latin1'), true]);
        },
      ),
    );
  });

  test('for any received bytes, no exception is thrown, and at most 64 KiB are kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }),
        fc.boolean(),
        (pieces, isChunked) => {
          const body = new ResponseBody(isChunked ? chunked : head());
          for (const piece of pieces) body.push(Buffer.from(piece));
          expect(body.bytes.length).toBeLessThanOrEqual(65_536);
        },
      ),
    );
    for (const size of [65_535, 65_536, 65_537, 1_000_000]) {
      const bytes = Buffer.alloc(size, 'x');
      for (const [response, wire] of [
        [head(), bytes],
        [chunked, inChunks(bytes, [40_000])],
      ] as const) {
        const body = new ResponseBody(response);
        // Without a length, the body is complete when the connection ends, or when 64 KiB have arrived.
        expect(body.push(wire)).toBe(response === chunked || size >= 65_536);
        expect(body.bytes.length).toBe(Math.min(size, 65_536));
      }
    }
  });

  test('FAULT-10: a body of 64 KiB that arrives in chunks of one byte uses less than 256 KiB of memory', () => {
    const pieces = [...inChunks(Buffer.alloc(65_535, 'x'), [1])].map((byte) => Buffer.from([byte]));
    const held = (): number => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const body = new ResponseBody(chunked);
    const before = held();
    for (const piece of pieces) body.push(piece);
    const growth = held() - before;
    expect(body.bytes.length).toBe(65_535);
    expect(growth).toBeLessThan(4 * 65_536);
  });
});
