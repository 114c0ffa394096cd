/**
 * Writes docs/structure.md. The page lists every file of src/ with its number of lines and its purpose (the first sentence of its first
 * comment). For each folder, a picture shows the imports between its files, including imports of types. With --check, the script writes
 * nothing, and fails if the page is out of date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { importsOf } from './source-scan.js';

const root = new URL('../src/', import.meta.url);
const page = new URL('../docs/structure.md', import.meta.url);

/** The folders with a picture, in the order of the layers. */
const folders = ['frame', 'handshake', 'deflate', 'transport', 'api', 'cli'];

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .sort();
const sources = new Map(files.map((file) => [file, readFileSync(new URL(file, root), 'utf8')]));

/**
 * Returns the first sentence of the comment at the beginning of a file. A line that begins with `#!` may come before the comment.
 * @param {string} source
 */
export function jobOf(source) {
  const comment = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  const text = comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .trim();
  const end = text.search(/\.(?: |$)/);
  const sentence = end === -1 ? text : text.slice(0, end + 1);
  return sentence.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

/** @param {string} file @returns {string[]} the files of src/ that this file imports */
function targetsOf(file) {
  return [
    ...new Set(
      importsOf(/** @type {string} */ (sources.get(file)))
        .filter(({ specifier }) => specifier.startsWith('.'))
        .map(({ specifier }) => posix.join(posix.dirname(file), specifier))
        .filter((target) => sources.has(target)),
    ),
  ];
}

/** Draws the imports between the files of a folder. Each subfolder is one box. @param {string} folder */
function picture(folder) {
  const own = files.filter((file) => posix.dirname(file) === folder);
  const name = (/** @type {string} */ file) => posix.basename(file, '.ts');
  const arrows = own.flatMap((file) =>
    targetsOf(file)
      .filter((target) => own.includes(target))
      .map((target) => `  ${name(file)} --> ${name(target)}`),
  );
  return ['```mermaid', 'graph LR', ...arrows.sort(), '```'].join('\n');
}

/** @param {string} folder '' means the entry points */
function table(folder) {
  const rows = files
    .filter((file) => (folder === '' ? !file.includes('/') : file.startsWith(`${folder}/`)))
    .map((file) => {
      const source = /** @type {string} */ (sources.get(file));
      const lines = source.split('\n').length - 1;
      return `| [${file.slice(folder === '' ? 0 : folder.length + 1)}](../src/${file}) | ${lines} | ${jobOf(source)} |`;
    });
  return ['| file | lines | purpose |', '|---|---|---|', ...rows].join('\n');
}

const text = [
  '# Structure',
  '',
  'This page lists every file of `src/`, folder by folder. The first folder is the lowest layer. After each table, a picture shows which',
  'files of the folder import each other (also for types). `node scripts/structure.js` writes this page from the comments and imports of',
  'the files. [test/structure.test.ts](../test/structure.test.ts) checks the sizes of files. [test/layers.test.ts](../test/layers.test.ts)',
  'checks that each layer imports only from lower layers, and that imports have no circles. [architecture.md](architecture.md) explains why',
  'the source is built like this.',
  '',
  ...folders.flatMap((folder) => [`## ${folder}/`, '', table(folder), '', picture(folder), '']),
  '## Entry points',
  '',
  table(''),
  '',
].join('\n');

if (!process.argv.includes('--check')) {
  writeFileSync(page, text);
  console.log(`${files.length} files`);
} else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/structure.md is not up to date: run node scripts/structure.js');
  process.exitCode = 1;
}
