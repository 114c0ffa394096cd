import { expect, test } from 'vitest';
import { findIn } from '../../scripts/words.js';

test.each([
  '// Behind the handler has returned.',
  "options that can't be",
  'a URL that is none',
  'memory of our own',
  'nobody listens',
  'the peer hears of it',
  'Of a server, the first.',
  'Where no connection comes about',
  'five octets',
  'const COPY_UP_TO = 1;',
])('scripts/words.js reports the wording %j', (line) => {
  expect(findIn('file.ts', `fine\n  ${line}\n`)).toMatchObject([{ file: 'file.ts', line: 2, text: line }]);
});

test.each(['a server behind a proxy', 'after the handler has returned', 'five bytes', 'memory of its own'])(
  'scripts/words.js accepts the wording %j',
  (line) => {
    expect(findIn('file.ts', line)).toEqual([]);
  },
);
