/**
 * Writes llms.txt and llms-full.txt, for programs that read documentation (https://llmstxt.org/). llms.txt lists the pages of
 * docs/README.md, with the questions that each page answers. llms-full.txt contains the README, the guides and the reference. With --check,
 * the script writes nothing, and fails if a file is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
/** @param {string} path */
const read = (path) => readFileSync(new URL(path, root), 'utf8');

/**
 * Returns the sections of the index page, with the pages that each section lists.
 * @param {string} index the content of docs/README.md
 * @returns {{ title: string, rows: { pages: { name: string, path: string }[], says: string }[] }[]}
 */
export function sectionsOf(index) {
  return index
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...lines] = section.split('\n');
      const rows = lines.flatMap((line) => {
        const [, names = '', says = ''] = /^\| (.*\]\(.*) \| (.*) \|$/.exec(line) ?? [];
        const pages = [...names.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, name = '', target = '']) => ({
          name,
          path: posix.join('docs', target),
        }));
        return pages.length === 0 ? [] : [{ pages, says }];
      });
      return { title, rows };
    });
}

/** Removes the comments of a page: only tests read them. @param {string} page */
export const withoutComments = (page) => page.replace(/\n*<!--[\s\S]*?-->\n?/g, '\n');

/** @returns {Record<string, string>} file → content */
export function build() {
  const sections = sectionsOf(read('docs/README.md'));
  const [, summary = ''] = /^# .*\n\n([\s\S]*?)\n\n/.exec(read('README.md')) ?? [];
  const quote = summary
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n');
  const lists = sections.map(({ title, rows }) => {
    const entries = rows.flatMap(({ pages, says }) =>
      pages.map(({ name, path }) => `- [${name.replaceAll('`', '')}](${path}): ${says}`),
    );
    return `## ${title}\n\n${entries.join('\n')}`;
  });
  const examples = '## Examples\n\n- [examples](examples): whole programs, each of which runs in a test';
  const list = ['# rfc6455', quote, ...lists, examples].join('\n\n');
  // The pages for auditors are omitted. They are long, and do not help to use the package.
  const paths = sections
    .filter(({ title }) => title === 'Guides' || title === 'Reference')
    .flatMap(({ rows }) => rows.flatMap(({ pages }) => pages.map(({ path }) => path)))
    .filter((path) => path !== 'CHANGELOG.md' && path !== 'docs/conformance.md');
  const whole = ['README.md', ...paths, 'SECURITY.md'].map(
    (path) => `<!-- ${path} -->\n\n${withoutComments(read(path)).trim()}`,
  );
  return { 'llms.txt': `${list}\n`, 'llms-full.txt': `${whole.join('\n\n')}\n` };
}

function main() {
  const isCheck = process.argv.includes('--check');
  for (const [file, text] of Object.entries(build())) {
    if (!isCheck) {
      writeFileSync(new URL(file, root), text);
    } else if (read(file) !== text) {
      console.error(`${file} is not up to date: run node scripts/llms.js`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
