/**
 * The specification of options. These tests check which values each kind of option accepts. They also check that the tables of options,
 * the interfaces and the doc comments agree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { defaultComment, fill, flatten } from '../../scripts/limits.js';
import {
  amount,
  callback,
  custom,
  flag,
  group,
  integer,
  limit,
  type OptionSpec,
  oneOf,
  optionalGroup,
  positive,
  readOptions,
  readValues,
  type SpecsOf,
  type ValuesOf,
} from '../../src/api/option-spec.ts';

interface Inner {
  readonly size?: number | undefined;
}

interface Sample {
  readonly limit?: number | undefined;
  readonly amount?: number | undefined;
  readonly level?: number | undefined;
  readonly isOn?: boolean | undefined;
  readonly mode?: 'a' | 'b' | undefined;
  readonly done?: (() => void) | undefined;
  readonly other?: object | undefined;
  readonly inner?: Inner | undefined;
  readonly rare?: Inner | undefined;
}

interface SampleValues extends Omit<ValuesOf<Sample, 'done' | 'other'>, 'inner' | 'rare'> {
  readonly inner: ValuesOf<Inner>;
  readonly rare: ValuesOf<Inner> | undefined;
}

const innerSpecs: SpecsOf<Inner> = { size: limit('bytes', { default: 4, text: 'A size.' }) };

const specs: SpecsOf<Sample, SampleValues> = {
  limit: limit('ms', { default: 1, client: 2, text: 'A limit.' }),
  amount: amount('ms', 0, ' of milliseconds', { default: 0, text: 'An amount.' }),
  level: integer(1, 9, { default: 6, text: 'A level.' }),
  isOn: flag({ default: false, text: 'A flag.' }),
  mode: oneOf(['a', 'b'], { default: 'a', text: 'A mode.' }),
  done: callback<() => void>('() => void', { text: 'A callback.' }),
  other: custom<object>('an object', { text: 'Another value.' }, (value, name) => {
    if (typeof value !== 'object') throw new TypeError(`${name} is wrong`);
  }),
  inner: group<Inner, typeof innerSpecs>(innerSpecs, 'A group.', '; Infinity disables it'),
  rare: optionalGroup<Inner, typeof innerSpecs>(innerSpecs, 'A group that may be absent.'),
};

// biome-ignore lint/suspicious/noExplicitAny: these tests pass values that the compiler refuses.
type Anything = any;
const read = (options: Anything) => readOptions('sample', options, specs);

test('an option that is absent or undefined has its default value for a server or for a client', () => {
  const defaults = { amount: 0, level: 6, isOn: false, mode: 'a', inner: { size: 4 } };
  expect(read({})).toEqual({ ...defaults, limit: 1 });
  expect(readOptions('sample', { limit: undefined, inner: { size: undefined } }, specs, 'client')).toEqual({
    ...defaults,
    limit: 2,
  });
  expect(readValues({ unknown: 1 } as Anything, specs, 'client')).toMatchObject({ limit: 2 });
});

test('the value that an application gives replaces the default of an option', () => {
  const options = {
    limit: Number.POSITIVE_INFINITY,
    amount: 0.5,
    level: 9,
    isOn: true,
    mode: 'b',
    done: () => {},
    other: {},
    inner: { size: 1 },
    rare: {},
  };
  expect(read(options)).toEqual({ ...options, rare: { size: 4 } });
});

test.each<[object, string, ErrorConstructor]>([
  [{ limit: 0 }, 'limit is 0, not a positive number (Infinity switches it off)', RangeError],
  [{ limit: -1 }, 'limit is -1, not a positive number', RangeError],
  [{ limit: Number.NaN }, 'limit is NaN, not a positive number', RangeError],
  [{ limit: '5' }, "limit is '5', not a positive number", RangeError],
  [{ limit: null }, 'limit is null, not a positive number', RangeError],
  [{ limit: 5n }, 'limit is a bigint, not a positive number', RangeError],
  [{ limit: 'a secret: 1234' }, 'limit is a string, not a positive number', RangeError],
  [{ amount: -1 }, 'amount is -1, not a number of milliseconds', RangeError],
  [{ amount: Number.NaN }, 'amount is NaN, not a number of milliseconds', RangeError],
  [{ level: 0 }, 'level is 0, not an integer from 1 to 9', RangeError],
  [{ level: 1.5 }, 'level is 1.5, not an integer from 1 to 9', RangeError],
  [{ level: 10 }, 'level is 10, not an integer from 1 to 9', RangeError],
  [{ level: '6' }, "level is '6', not an integer from 1 to 9", RangeError],
  [{ isOn: 1 }, 'isOn is 1, not true or false', TypeError],
  [{ mode: 'c' }, "mode is 'c', not 'a' or 'b'", TypeError],
  [{ mode: {} }, "mode is an object, not 'a' or 'b'", TypeError],
  [{ done: true }, 'done is true, not a function', TypeError],
  [{ other: 5 }, 'other is wrong', TypeError],
  [{ inner: false }, 'inner is false, not { size }; Infinity disables it', TypeError],
  [{ inner: null }, 'inner is null, not { size }; Infinity disables it', TypeError],
  [{ inner: [] }, 'inner is an array, not { size }', TypeError],
  [{ inner: { size: 0 } }, 'inner.size is 0, not a positive number', RangeError],
  [{ inner: { sise: 1 } }, 'inner has no option "sise": did you mean "size"?', TypeError],
  [{ rare: 5 }, 'rare is 5, not { size }', TypeError],
  [{ limits: 5 }, 'sample has no option "limits": did you mean "limit"?', TypeError],
])(
  'invalid options are refused, and the error names the option and the valid values: %o',
  (options, message, kind) => {
    expect(() => read(options)).toThrow(kind);
    expect(() => read(options)).toThrow(message);
  },
);

test('`positive` checks a single value in the same way as an option, without a table of options', () => {
  expect(positive('grace', undefined, 5)).toBe(5);
  expect(positive('grace', 1, 5)).toBe(1);
  expect(() => positive('grace', 0, 5)).toThrow('grace is 0, not a positive number');
});

test('the compiler refuses a table of options that does not agree with the interface of the options', () => {
  expectTypeOf(read({}).mode).toEqualTypeOf<'a' | 'b'>();
  expectTypeOf(read({}).inner.size).toBeNumber();
  expectTypeOf(read({}).done).toEqualTypeOf<(() => void) | undefined>();
  // @ts-expect-error An option has no specification.
  const missing: SpecsOf<Inner> = {};
  // @ts-expect-error A specification has no option.
  const extra: SpecsOf<Inner> = { ...innerSpecs, more: flag({ text: '' }) };
  // @ts-expect-error The interface has a number, and the specification has a flag.
  const other: OptionSpec<number, number> = flag({ default: true, text: '' });
  // @ts-expect-error The table has a value that is missing in the interface.
  const wider: OptionSpec<'a', 'a'> = oneOf(['a', 'b'], { default: 'a', text: '' });
  // @ts-expect-error The interface has a value that is missing in the table.
  const narrower: OptionSpec<'a' | 'b', 'a' | 'b'> = oneOf(['a'], { default: 'a', text: '' });
  expect([missing, extra, other, wider, narrower]).toHaveLength(5);
});

// ---- the tables of the package ----

const source = fileURLToPath(new URL('../../src/', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/plugin/.test(name))
  .map((name) => ({ name: name.replaceAll('\\', '/'), text: readFileSync(join(source, name), 'utf8') }));

/** Returns the members that an interface declares itself. The value of each member is the `@default` of its doc comment, or ''. */
function membersOf(name: string): Map<string, string> {
  const [body] = files.flatMap(({ text }) => {
    const start = text.search(new RegExp(`^export interface ${name}\\b`, 'm'));
    return start === -1 ? [] : [text.slice(start, text.indexOf('\n}', start))];
  });
  if (body === undefined) throw new Error(`there is no interface ${name}`);
  const members = [...body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:readonly )?(\w+)\??[:(<]/g)];
  return new Map(
    members.map(([, comment = '', member = '']) => {
      const text = comment.replace(/\s*\n\s*\*?\s*/g, ' ').trim();
      return [member, /@default (.*)$/.exec(text)?.[1] ?? ''];
    }),
  );
}

const tables = await fill();

describe.each(tables)('$table.name', ({ table, specs: rows }) => {
  const all = flatten(rows);

  test('the `@default` in each doc comment equals the default in the table', () => {
    const wrong = Object.entries(table.interfaces).flatMap(([name, inside]) =>
      [...membersOf(name)].flatMap(([member, text]) => {
        const spec = all.find((row) => row.name === (inside === '' ? member : `${inside}.${member}`))?.spec;
        if (spec === undefined) return [`${name}.${member} has no specification`];
        const expected = defaultComment(spec);
        return text === expected || (text === '' && expected === 'none')
          ? []
          : [`${name}.${member}: @default ${text}, not ${expected}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('each option of a table has a doc comment in an interface of the table', () => {
    const documented = Object.entries(table.interfaces).flatMap(([name, inside]) =>
      [...membersOf(name).keys()].map((member) => (inside === '' ? member : `${inside}.${member}`)),
    );
    expect(all.map(({ name }) => name).filter((name) => !documented.includes(name))).toEqual([]);
  });
});

test('docs/limits.md shows each table of options that the modules export', () => {
  const exported = files
    .filter(({ name }) => name.startsWith('api/'))
    .flatMap(({ name, text }) =>
      [...text.matchAll(/^export const (\w+): SpecsOf</gm)].map(([, table]) => `${name} ${table}`),
    );
  const shown = tables.map(({ table }) => `${table.module} ${table.name}`);
  // The page does not show these tables alone. Four of them are parts of other tables, and one joins two other tables.
  expect(exported.filter((name) => !shown.includes(name)).sort()).toEqual([
    'api/backoff.ts backoffSpecs',
    'api/compression-options.ts compressionSpecs',
    'api/connect-options.ts connectSpecs',
    'api/topics/bus-options.ts busSpecs',
    'api/topics/presence-options.ts presenceSpecs',
  ]);
});
