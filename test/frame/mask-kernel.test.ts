/** Compares the masking kernel (WebAssembly) with masking in JavaScript, and tests the library without WebAssembly. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyMask, applyMaskWordwise, copyMaskedPart } from '../../src/frame/mask.ts';
import { maskKernel } from '../../src/frame/mask-kernel.ts';

const content = Uint8Array.from({ length: 200_100 }, (_, i) => (i * 167 + (i >> 8)) & 255);
const key = 0x7c_f3_02_81;

/** Masks `content[start, end)` in JavaScript, and returns the result. */
function reference(start: number, end: number, maskingKey = key): Buffer {
  const bytes = Buffer.from(content.subarray(start, end));
  applyMaskWordwise(bytes, 0, bytes.length, maskingKey);
  return bytes;
}

describe('the masking kernel (WebAssembly) compared with masking in JavaScript', () => {
  test('this platform supports the masking kernel', () => {
    expect(maskKernel).not.toBeNull();
  });

  test('F13: the kernel masks every length up to 700 correctly at every alignment, and changes no byte around the copy', () => {
    for (let length = 0; length <= 700; length++) {
      for (let from = 0; from < 4; from++) {
        const at = (length + from) % 7;
        const target = Buffer.alloc(at + length + 70, 0x55);
        maskKernel!.copy(content, from, from + length, target, at, key);
        const where = `${length} bytes from ${from} to ${at}`;
        if (!target.subarray(at, at + length).equals(reference(from, from + length))) expect.fail(where);
        if (target.subarray(0, at).some((byte) => byte !== 0x55)) expect.fail(`${where}: before`);
        if (target.subarray(at + length).some((byte) => byte !== 0x55)) expect.fail(`${where}: after`);
      }
    }
  });

  test('F13: the kernel masks correctly for lengths around each piece of 64 KiB', () => {
    for (const pieces of [1, 2, 3]) {
      for (let more = -70; more <= 70; more++) {
        const length = pieces * 65_536 + more;
        const target = Buffer.alloc(length);
        maskKernel!.copy(content, 3, 3 + length, target, 0, key);
        if (!target.equals(reference(3, 3 + length))) expect.fail(`${length} bytes`);
      }
    }
  });

  test('F13: if the kernel masks in place, or in two parts, the result is the same as with JavaScript', () => {
    fc.assert(
      fc.property(
        fc.nat(150_000),
        fc.nat(40),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (length, from, maskingKey, share) => {
          const expected = reference(from, from + length, maskingKey);
          const inPlace = Buffer.from(content.subarray(from, from + length));
          const cut = Math.floor(length * share);
          applyMask(inPlace, cut, length, applyMask(inPlace, 0, cut, maskingKey));
          expect(inPlace.equals(expected)).toBe(true);
          const target = Buffer.alloc(length);
          const next = copyMaskedPart(content, from, from + cut, target, 0, maskingKey);
          copyMaskedPart(content, from + cut, from + length, target, cut, next);
          expect(target.equals(expected)).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});

test.each([
  ['is missing', 'delete globalThis.WebAssembly;'],
  ['may not compile', "WebAssembly.Module = class { constructor() { throw new Error('forbidden'); } };"],
  [
    'cannot allocate memory',
    "WebAssembly.Instance = class { constructor() { throw new RangeError('memory'); } };",
  ],
])('if WebAssembly %s, JavaScript masks the payload', (_, code) => {
  const mask = new URL('../../dist/frame/mask.js', import.meta.url).href;
  const kernel = new URL('../../dist/frame/mask-kernel.js', import.meta.url).href;
  const program = `
    ${code}
    const { applyMask } = await import(${JSON.stringify(mask)});
    const { maskKernel } = await import(${JSON.stringify(kernel)});
    const bytes = Buffer.alloc(5000, 1);
    applyMask(bytes, 0, 5000, 0x01010101);
    console.log(maskKernel === null, bytes.every((byte) => byte === 0));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
  });
  expect(stdout).toBe('true true\n');
});
