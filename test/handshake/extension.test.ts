import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ExtensionOffer,
  extensionLimits,
  findUnoffered,
  formatExtensions,
  parseExtensions,
} from '../../src/handshake/extension.ts';
import { leastCpu, prototypeKeys, refusalOf } from './samples.ts';

function extension(name: string, ...parameters: [string, string | null][]): ExtensionOffer {
  return { name, parameters };
}

describe('parsing the field Sec-WebSocket-Extensions', () => {
  test.each<[string, ExtensionOffer[]]>([
    ['foo', [extension('foo')]],
    ['foo, bar', [extension('foo'), extension('bar')]],
    ['bar; baz=2', [extension('bar', ['baz', '2'])]],
    ['foo, bar; baz=2', [extension('foo'), extension('bar', ['baz', '2'])]],
    ['foo;a;b', [extension('foo', ['a', null], ['b', null])]],
    ['foo;a=1;a=2;a', [extension('foo', ['a', '1'], ['a', '2'], ['a', null])]],
    ['foo; a="1"', [extension('foo', ['a', '1'])]],
    ['foo; a="\\1\\2"', [extension('foo', ['a', '12'])]],
    [' \tfoo\t ;\t a\t =\t "b"\t , bar ', [extension('foo', ['a', 'b']), extension('bar')]],
    [',, foo ,,bar,', [extension('foo'), extension('bar')]],
    ['Foo, foo', [extension('Foo'), extension('foo')]],
    [
      'permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate',
      [
        extension('permessage-deflate', ['client_max_window_bits', null], ['server_max_window_bits', '10']),
        extension('permessage-deflate'),
      ],
    ],
  ])('H9, S8: parseExtensions reads the field %j', (value, expected) => {
    expect(parseExtensions([value])).toEqual(expected);
  });

  test('S8: without the field, parseExtensions returns no extensions', () => {
    expect(parseExtensions([])).toEqual([]);
  });

  test('S20: if the field is divided into several lines, parseExtensions merges the lines in order', () => {
    const merged = [extension('a', ['x', '1']), extension('b'), extension('c', ['y', null])];
    expect(parseExtensions(['a; x=1, b, c; y'])).toEqual(merged);
    expect(parseExtensions(['a; x=1', 'b', 'c; y'])).toEqual(merged);
    expect(parseExtensions(['a; x=1, b', '', 'c; y'])).toEqual(merged);
    expect(parseExtensions(['a; x=1,', ', b, c; y'])).toEqual(merged);
  });

  test.each([
    [';'],
    ['foo;'],
    ['foo; ;a'],
    ['foo;,bar'],
    ['foo bar'],
    ['foo a=1'],
    ['foo=1'],
    ['foo; a b'],
    ['foo; a=1 b'],
    ['foo; a='],
    ['foo; a=,bar'],
    ['foo; =1'],
    ['foo; a==1'],
    ['foo; "a"=1'],
    ['"foo"'],
    ['foo; a="'],
    ['foo; a="b'],
    ['foo; a="b\\"'],
    ['foo; a="b"c'],
    ['foo; a="b" c'],
    ['foo/1'],
    ['foo; a=1/2'],
    ['f\u00f6o'],
    ['foo; a=\u00f6'],
    ['foo\u00a0'],
    ['foo\0'],
    ["foo; a='b c'"],
  ])('S19, S1: parseExtensions refuses the malformed field %j with 400', (value) => {
    const error = refusalOf(() => parseExtensions([value]));
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_EXTENSIONS', status: 400, stage: 'extensions', value });
    // One invalid line makes the whole field invalid.
    expect(refusalOf(() => parseExtensions(['x', value])).code).toBe('WS_HANDSHAKE_EXTENSIONS');
  });

  test.each(['', ' ', ',', ' , ,'])(
    'FAULT-0, S19: parseExtensions reads the field %j as an empty list, because it has no elements',
    (value) => {
      expect(parseExtensions([value])).toEqual([]);
      expect(parseExtensions([value, value])).toEqual([]);
      expect(parseExtensions(['x', value])).toEqual([extension('x')]);
    },
  );

  test.each(['""', '" "', '"a b"', '"a,b"', '"a;b"', '"a\\"b"', '"\\\\"', '"\u00e4"', '"\t"'])(
    'S18: parseExtensions refuses the quoted value %s with 400, because the text between the quotation marks is not a token',
    (value) => {
      expect(refusalOf(() => parseExtensions([`foo; a=${value}`]))).toMatchObject({
        code: 'WS_HANDSHAKE_EXTENSIONS',
        status: 400,
      });
    },
  );

  test('A11: names of Object.prototype are ordinary names of extensions and parameters', () => {
    const value = prototypeKeys.map((key) => `${key}; ${key}=${key}`).join(', ');
    expect(parseExtensions([value])).toEqual(prototypeKeys.map((key) => extension(key, [key, key])));
  });
});

describe('the limits of the field Sec-WebSocket-Extensions', () => {
  test('A12: parseExtensions accepts 16 extensions and refuses 17 with 400, however they are divided into lines', () => {
    const names = (count: number) => Array.from({ length: count }, (_, at) => `e${at}`);
    expect(parseExtensions(names(16))).toHaveLength(16);
    expect(parseExtensions([names(16).join()])).toHaveLength(16);
    for (const values of [names(17), [names(17).join()]]) {
      expect(refusalOf(() => parseExtensions(values))).toMatchObject({
        code: 'WS_HANDSHAKE_EXTENSION_COUNT',
        status: 400,
      });
    }
  });

  test('A12: parseExtensions accepts 16 parameters of an extension, and refuses 17 with 400', () => {
    const offer = (count: number) => `foo${'; a=1'.repeat(count)}`;
    expect(
      parseExtensions([`${offer(16)}, ${offer(16)}`]).map(({ parameters }) => parameters.length),
    ).toEqual([16, 16]);
    expect(refusalOf(() => parseExtensions([offer(17)]))).toMatchObject({
      code: 'WS_HANDSHAKE_EXTENSION_COUNT',
      status: 400,
    });
  });

  test('A12, A10: parseExtensions accepts 8 KiB, and refuses one more character with 431, however the field is divided into lines', () => {
    expect(parseExtensions(['a'.repeat(8_192)])).toHaveLength(1);
    for (const values of [['a'.repeat(8_193)], ['a'.repeat(4_096), 'b'.repeat(4_096)]]) {
      expect(refusalOf(() => parseExtensions(values))).toMatchObject({
        code: 'WS_HANDSHAKE_FIELD_SIZE',
        status: 431,
      });
    }
    expect(extensionLimits).toEqual({ offers: 16, parameters: 16, fieldSize: 8_192 });
  });

  test.each<[string, (size: number) => string]>([
    ['spaces', (size) => `foo${' '.repeat(size - 4)}x`],
    [
      'spaces around an equals sign',
      (size) => `foo;a${' '.repeat(size / 2 - 4)}=${' '.repeat(size / 2 - 4)};`,
    ],
    ['commas', (size) => `${','.repeat(size - 2)};`],
    ['an open quoted-string of backslashes', (size) => `foo;a="${'\\'.repeat(size - 8)}`],
    ['a long quoted-string', (size) => `foo;a="${'\\b'.repeat((size - 8) / 2)}"`],
  ])('A10: if a field of %s is 8 times as long, parsing takes less than 24 times the CPU time', (_, make) => {
    // A field has a maximum size. So each measurement parses the field many times.
    const run = (value: string) => () => {
      for (let times = 0; times < 200; times++) {
        try {
          parseExtensions([value]);
        } catch {
          // The field is malformed. Only the CPU time matters here.
        }
      }
    };
    const [short, long] = leastCpu([run(make(1_024)), run(make(8_192))]);
    // If the cost is proportional to the length, the factor is 8. If each character costs as much as all earlier characters, it is 64.
    expect(long! / short!).toBeLessThan(24);
  });
});

describe('writing the field Sec-WebSocket-Extensions', () => {
  const token = fc.string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09azAZ"), minLength: 1, maxLength: 8 });
  const offer = fc.record({
    name: token,
    parameters: fc.array(fc.tuple(token, fc.option(token)), { maxLength: 4 }),
  });

  test('H9, S16: parseExtensions reads the output of formatExtensions back unchanged', () => {
    fc.assert(
      fc.property(fc.array(offer, { minLength: 1, maxLength: 16 }), (extensions) => {
        expect(parseExtensions([formatExtensions(extensions)])).toEqual(extensions);
        expect(parseExtensions(extensions.map((one) => formatExtensions([one])))).toEqual(extensions);
      }),
    );
  });

  test('H9: formatExtensions writes the example of RFC 6455 §9.1 as in the RFC', () => {
    expect(formatExtensions([extension('foo'), extension('bar', ['baz', '2'], ['x', null])])).toBe(
      'foo, bar; baz=2; x',
    );
  });

  test.each(['', 'a b', 'a\r\n', 'a\0', 'a;b', '"a"', '\u010d\u010a', 1 as unknown as string])(
    'A9: formatExtensions refuses %j as the name of an extension, as the name of a parameter and as a value',
    (text) => {
      expect(() => formatExtensions([extension(text)])).toThrow(TypeError);
      expect(() => formatExtensions([extension('foo', [text, null])])).toThrow(TypeError);
      expect(() => formatExtensions([extension('foo', ['a', text])])).toThrow(TypeError);
    },
  );

  test('S1: parseExtensions reads any text, or refuses it with a rule of this field', () => {
    const piece = fc.constantFrom(
      'a',
      'foo',
      ';',
      ',',
      '=',
      '"',
      '\\',
      ' ',
      '\t',
      '\0',
      '\u00e4',
      'b=1',
      '; c="d"',
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.array(piece, { maxLength: 20 }).map((parts) => parts.join('')),
          { maxLength: 3 },
        ),
        (lines) => {
          let extensions: ExtensionOffer[];
          try {
            extensions = parseExtensions(lines);
          } catch (error) {
            expect(
              refusalOf(() => {
                throw error;
              }).code,
            ).toMatch(/^WS_HANDSHAKE_EXTENSION(S|_COUNT)$/);
            return;
          }
          // All parts of the result are tokens. So the test can write the result and read it back, and the result is equal.
          if (extensions.length > 0)
            expect(parseExtensions([formatExtensions(extensions)])).toEqual(extensions);
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('S16, V5: findUnoffered finds an extension in the answer that the client did not offer, or offered fewer times', () => {
  const offers = [extension('a'), extension('b', ['x', null]), extension('a', ['y', null])];
  expect(findUnoffered([], offers)).toBeNull();
  expect(findUnoffered([], [])).toBeNull();
  expect(findUnoffered([extension('b'), extension('a', ['z', '1']), extension('a')], offers)).toBeNull();
  expect(findUnoffered([extension('c')], offers)).toEqual(extension('c'));
  expect(findUnoffered([extension('A')], offers)).toEqual(extension('A'));
  expect(findUnoffered([extension('b'), extension('b', ['x', '1'])], offers)).toEqual(
    extension('b', ['x', '1']),
  );
  for (const key of prototypeKeys) expect(findUnoffered([extension(key)], offers)).toEqual(extension(key));
});
