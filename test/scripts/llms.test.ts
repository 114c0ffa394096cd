import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { build, sectionsOf, withoutComments } from '../../scripts/llms.js';

const root = new URL('../../', import.meta.url);

test('scripts/llms.js reads the name, the path and the question of each page in an index', () => {
  const index =
    '# Docs\n\n## Guides\n\n| guide | answers |\n|---|---|\n| [TLS](guides/tls.md), [a `b`](../c.md) | why |\n';
  expect(sectionsOf(index)).toEqual([
    {
      title: 'Guides',
      rows: [
        {
          pages: [
            { name: 'TLS', path: 'docs/guides/tls.md' },
            { name: 'a `b`', path: 'c.md' },
          ],
          says: 'why',
        },
      ],
    },
  ]);
});

test('scripts/llms.js removes comments that only the tests read', () => {
  expect(withoutComments('```js\ncode\n```\n\n<!-- test\nappend:\nmore\n-->\n\nText\n')).toBe(
    '```js\ncode\n```\n\nText\n',
  );
});

test('every link of llms.txt leads to a page, and llms-full.txt contains each guide without comments for tests', () => {
  const { 'llms.txt': list = '', 'llms-full.txt': whole = '' } = build();
  const paths = [...list.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path);
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => path !== 'docs/requirements.md' && !existsSync(new URL(path, root)))).toEqual(
    [],
  );
  for (const path of paths.filter((path) => path.startsWith('docs/guides/'))) {
    const [title = ''] = readFileSync(new URL(path, root), 'utf8').split('\n');
    expect(whole).toContain(`<!-- ${path} -->\n\n${title}\n`);
  }
  expect(whole).not.toContain('<!-- test');
  expect(list.startsWith('# rfc6455\n\n> ')).toBe(true);
});
