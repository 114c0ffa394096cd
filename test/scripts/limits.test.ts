/** Tests scripts/limits.js: how it writes docs/limits.md and the tables of docs/api.md, and which faults it reports. */
import { expect, test } from 'vitest';
import { defaultComment, defaultOf, fillApi, fillRegions, render } from '../../scripts/limits.js';
import { flag, group, limit, oneOf } from '../../src/api/option-spec.ts';

const table = {
  module: 'a.ts',
  name: 'specs',
  interfaces: {},
  title: 'Title',
  intro: 'Intro.',
  roles: true,
};

const size = limit('bytes', { default: 65_536, client: 2_097_152, text: 'A size.' });

test('scripts/limits.js writes a row for each option, with the default for a server and for a client. The options of a group come after the row of the group', () => {
  const inner = { isOn: flag({ default: true, text: 'A flag.' }) };
  const specs = { size, inner: group<object, typeof inner>(inner, 'A group.') };
  const { text, problems } = render([{ table, specs }]);
  expect(problems).toEqual([]);
  expect(text).toContain('## Title\n\nIntro.\n\n| option | server | client | valid values |');
  expect(text).toContain(
    '| `size` | 65,536 | 2,097,152 | bytes, above 0; `Infinity` disables it | A size. |',
  );
  expect(text).toContain('| `inner` |  |  | an object | A group. |\n| `inner.isOn` | `true` | `true` |');
});

test('a table of options without roles has one column of defaults', () => {
  const { text } = render([{ table: { ...table, roles: false }, specs: { size } }]);
  expect(text).toContain('| `size` | 65,536 | bytes, above 0');
});

test('scripts/limits.js reports an empty table, and an option with a text that is not a sentence', () => {
  const specs = { isOn: flag({ text: 'a flag' }) };
  expect(render([{ table, specs }]).problems).toEqual(['specs.isOn: the text is not a sentence: a flag']);
  expect(render([{ table, specs: {} }]).problems).toEqual(['specs is empty']);
});

test('scripts/limits.js writes a default in one form for a table cell, and in another form for a doc comment', () => {
  const mode = oneOf(['a'], { default: 'a', text: 'A mode.' });
  const endless = limit('ms', { default: Number.POSITIVE_INFINITY, text: 'A limit.' });
  const own = limit('ms', { defaultText: '`interval`', text: 'A limit.' });
  const none = flag({ text: 'A flag.' });
  const time = limit('ms', { default: 1024, text: 'A time.' });
  const specs = [size, mode, endless, own, none, time];
  expect(specs.map((spec) => defaultOf(spec, 'server'))).toEqual([
    '65,536',
    "`'a'`",
    '`Infinity`',
    '`interval`',
    'none',
    '1,024',
  ]);
  expect(specs.map(defaultComment)).toEqual([
    '64 KiB on a server, 2 MiB on a client',
    "'a'",
    '`Infinity`',
    '`interval`',
    'none',
    '1024',
  ]);
});

test('on a page with two marker comments, scripts/limits.js replaces the table between the comments', () => {
  const region = { of: 'Things', module: 'a.ts', name: 'specs' };
  const start = '<!-- options of Things: written by scripts/limits.js -->';
  const page = `before\n\n${start}\nold\n<!-- end -->\n\nafter\n`;
  const once = fillRegions(page, [{ region, specs: { size } }]);
  expect(once.problems).toEqual([]);
  expect(once.text).toContain(`before\n\n${start}\n\n| option | default | valid values |`);
  expect(once.text).toMatch(/\| `size` \| 65,536 \| .* \|\n\n<!-- end -->\n\nafter\n$/);
  expect(once.text).not.toContain('old');
  expect(fillRegions(once.text, [{ region, specs: { size } }]).text).toBe(once.text);
  expect(fillRegions('no table', [{ region, specs: { size } }]).problems).toEqual([
    'the page has no table of Things',
  ]);
});

test('the table of `connect` does not repeat the options of the table for every connection', async () => {
  const [connect, reconnect] = await fillApi();
  expect(Object.keys(connect!.specs)).toContain('handlers');
  expect(Object.keys(connect!.specs)).toContain('redirects');
  expect(Object.keys(connect!.specs)).not.toContain('heartbeat');
  expect(Object.keys(reconnect!.specs)).toContain('shouldReconnect');
});
