/**
 * Finds the code and the tests of each requirement. Reads docs/requirements.txt and the titles of the tests, and writes
 * docs/requirements.md. With --check, the script writes nothing, and fails in these cases:
 * - a requirement has no test
 * - the code of a requirement does not exist
 * - a test names an unknown id
 * - a comment cites a section that the RFC does not have
 * - docs/requirements.md is out of date
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { idsOf, lineOf, scan, titlesOf } from './source-scan.js';

/**
 * @typedef {{ id: string, role: string, level: string, sections: string[], what: string, code: string[],
 *   reason: { status: string, why: string } | null, group: string }} Requirement
 * @typedef {{ file: string, title: string, kind: string, tests: number }} NamedTest
 */

/** The number of requirements for each first letter of the id. The check fails if a requirement is missing. */
const series = { U: 4, O: 9, H: 11, V: 8, S: 22, F: 26, C: 25, P: 32 };
const roles = ['client', 'server', 'both'];
const levels = ['MUST', 'step', 'SHOULD', 'MAY'];

/** The numbers of all sections of each RFC. With them, the script checks citations without the text of the RFC. */
const sections = {
  6455: sectionNumbers(`1 1.1-1.9 2 2.1-2.2 3 4 4.1-4.4 4.2.1-4.2.2 5 5.1-5.8 5.5.1-5.5.3 6 6.1-6.2 7 7.1-7.4
    7.1.1-7.1.7 7.2.1-7.2.3 7.4.1-7.4.2 8 8.1-8.2 9 9.1-9.2 10 10.1-10.8 11 11.1-11.8 11.1.1-11.1.2 11.3.1-11.3.5
    12 13 14 14.1-14.2`),
  7692: sectionNumbers(`1 2 3 4 5 5.1-5.2 6 6.1-6.2 7 7.1-7.3 7.1.1-7.1.3 7.1.1.1-7.1.1.2 7.1.2.1-7.1.2.2 7.2.1-7.2.3
    7.2.3.1-7.2.3.6 8 9 9.1-9.2 10 10.1-10.2 11 11.1-11.2`),
};

/**
 * Returns true if an RFC has a section. If the sections of a document are not listed here, returns true.
 * @param {string} rfc
 * @param {string} number
 * @returns {boolean}
 */
export function sectionExists(rfc, number) {
  if (rfc === '6455') return sections[6455].has(number);
  return rfc === '7692' ? sections[7692].has(number) : true;
}

/** @param {string} ranges for example, "4.1-4.4" means 4.1, 4.2, 4.3 and 4.4 */
function sectionNumbers(ranges) {
  const all = new Set();
  for (const range of ranges.trim().split(/\s+/)) {
    const [from = '', to = from] = range.split('-');
    const stem = from.slice(0, from.lastIndexOf('.') + 1);
    const [first, last] = [from, to].map((n) => Number(n.slice(stem.length)));
    for (let n = first ?? 0; n <= (last ?? 0); n++) all.add(stem + n);
  }
  return all;
}

/**
 * Reads the requirements.
 * @param {string} text
 * @returns {{ requirements: Requirement[], problems: string[] }}
 */
export function parseTable(text) {
  /** @type {Requirement[]} */
  const requirements = [];
  /** @type {string[]} */
  const problems = [];
  const start = text.indexOf('\n## ') + 1;
  let group = '';
  for (const block of text.slice(start).split(/\n\s*\n/)) {
    const [head = '', ...body] = block.trim().split('\n');
    if (head.startsWith('## ')) {
      group = head.slice(3);
      continue;
    }
    const m = /^([A-Z]\d+) (\w+) (\w+) ((?:7692 )?§[\d.]+(?:, (?:7692 )?§[\d.]+)*)$/.exec(head);
    if (m === null) {
      problems.push(`not an entry: "${head}"`);
      continue;
    }
    const [, id = '', role = '', level = '', cited = ''] = m;
    const lines = body.map((line) => line.trim());
    /** @type {Requirement} */
    const entry = {
      ...{ id, role, level, group, what: '', code: [], reason: null },
      sections: cited.split(', ').map((s) => s.replace('§', '')),
    };
    for (const line of lines) {
      const field = /^(code|deviation|documented|not an endpoint): (.*)$/.exec(line);
      if (field === null) entry.what = `${entry.what} ${line}`.trim();
      else if (field[1] === 'code') entry.code = (field[2] ?? '').split(', ');
      else entry.reason = { status: field[1] ?? '', why: field[2] ?? '' };
    }
    if (!roles.includes(role)) problems.push(`${id}: role "${role}"`);
    if (!levels.includes(level)) problems.push(`${id}: level "${level}"`);
    if (entry.what === '') problems.push(`${id}: no wording`);
    if (requirements.some((other) => other.id === id)) problems.push(`${id}: listed twice`);
    if (entry.code.length === 0 && entry.reason === null) problems.push(`${id}: no code`);
    for (const section of entry.sections) {
      const [number = '', rfc = '6455'] = section.split(' ').reverse();
      if (!sectionExists(rfc, number)) problems.push(`${id}: RFC ${rfc} has no §${number}`);
    }
    requirements.push(entry);
  }
  for (const [letter, count] of Object.entries(series)) {
    for (let n = 1; n <= count; n++)
      if (!requirements.some(({ id }) => id === letter + n))
        problems.push(`${letter}${n} is not in the table`);
  }
  return { requirements, problems };
}

/**
 * Finds the tests that name each id.
 * @param {Requirement[]} requirements
 * @param {Map<string, string>} testFiles path → source
 * @returns {{ tests: Map<string, NamedTest[]>, problems: string[] }}
 */
export function trace(requirements, testFiles) {
  /** @type {Map<string, NamedTest[]>} */
  const tests = new Map(requirements.map(({ id }) => [id, []]));
  /** @type {string[]} */
  const problems = [];
  /** @type {Map<string, string>} the places of the ids that do not count as a test, by id */
  const near = new Map();
  for (const [file, source] of testFiles) {
    for (const { title, line, kind, tests: count, skipped } of titlesOf(source)) {
      const here = `${file}:${line} "${title}"`;
      for (const [id] of title.matchAll(/\b[A-Z]\d+\b/g))
        near.set(id, `${here} mentions it, not as "${id}: …"`);
      for (const id of new Set(idsOf(title))) {
        // This id is not a requirement. It is an attack (scripts/attacks.js), or a row of docs/4d-rows.md (scripts/fourd.js).
        if (!((id[0] ?? '') in series) || /^C[6-9]\d$/.test(id)) continue;
        const found = tests.get(id);
        if (found === undefined) problems.push(`${file}:${line} names ${id}, which is not in the table`);
        else if (skipped || count === 0) near.set(id, `${here} is skipped or empty`);
        else found.push({ file, title, kind, tests: count });
      }
    }
  }
  for (const { id, level, reason } of requirements) {
    if (reason !== null || (tests.get(id)?.length ?? 0) > 0) continue;
    const hint = near.has(id) ? ` (${near.get(id)})` : '';
    problems.push(`${id} (${level}) has no test${hint}`);
  }
  return { tests, problems };
}

/**
 * Checks that the code of each requirement exists: `file#symbol` or `file#Class.member`.
 * @param {Requirement[]} requirements
 * @param {(file: string) => string | null} read
 * @returns {string[]}
 */
export function missingCode(requirements, read) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Map<string, string | null>} */
  const known = new Map();
  for (const { id, code } of requirements) {
    for (const place of code) {
      if (!known.has(place)) known.set(place, misplaced(place, read));
      const problem = known.get(place);
      if (problem) problems.push(`${id}: ${problem}`);
    }
  }
  return problems;
}

/**
 * @param {string} place
 * @param {(file: string) => string | null} read
 */
function misplaced(place, read) {
  const [, file = '', symbol = '', member] = /^([^#]+)#(\w+)(?:\.(\w+))?$/.exec(place) ?? [];
  if (file === '') return `"${place}" is not file#symbol`;
  const source = read(file);
  if (source === null) return `${file} does not exist`;
  const { code } = scan(source);
  const declaration = new RegExp(
    String.raw`\b(?:function\*?|class|const|let|interface|type)\s+${symbol}\b`,
  ).exec(code);
  if (declaration === null) return `${file} declares no ${symbol}`;
  if (member === undefined) return null;
  const modifiers = '(?:(?:public|private|protected|static|async|override|readonly|get|set)\\s+)*';
  const found = new RegExp(String.raw`^\s+${modifiers}\*?${member}\??\s*[(<:=]`, 'm').test(
    code.slice(declaration.index),
  );
  return found ? null : `${file}: ${symbol} has no ${member}`;
}

/**
 * Checks that each cited section exists in the RFC. A § after "7692" belongs to RFC 7692. A § without a number before it belongs to RFC
 * 6455. A § after another number is not checked.
 * @param {Map<string, string>} sources path → source
 * @returns {string[]}
 */
export function wrongCitations(sources) {
  /** @type {string[]} */
  const problems = [];
  for (const [file, source] of sources) {
    for (const { start, value } of scan(source).comments) {
      // In "7692 §7.1, §7.2", the number 7692 applies to all sections of the list.
      for (const m of value.matchAll(/(?:\b(\d{4}) )?(§[\d.]*\d(?:(?:, | and | to |–)§[\d.]*\d)*|§)/g)) {
        const rfc = m[1] ?? '6455';
        for (const section of (m[2] ?? '').match(/§[\d.]*/g) ?? []) {
          const number = section.slice(1).replace(/\.$/, '');
          if (!sectionExists(rfc, number))
            problems.push(`${file}:${lineOf(source, start + 2 + m.index)}: RFC ${rfc} has no §${number}`);
        }
      }
    }
  }
  return problems;
}

/** Returns the text of a role for the pages. @param {string} role @returns {string} */
export const roleOf = (role) => (role === 'both' ? 'client and server' : role);

/** Returns the text of a level for the pages. @param {string} level @returns {string} */
export const levelOf = (level) => (level === 'step' ? 'MUST (step)' : level);

/**
 * @param {Requirement[]} requirements
 * @param {Map<string, NamedTest[]>} tests
 * @returns {string}
 */
export function render(requirements, tests) {
  const counted = requirements.filter(({ reason }) => reason === null).length;
  const others = requirements.filter(({ reason }) => reason !== null);
  const out = [
    '# Requirements',
    '',
    '<!-- Written by scripts/requirements.js from docs/requirements.txt and the titles of test/. Do not edit. -->',
    '',
    'This page lists what RFC 6455 and RFC 7692 require of an endpoint. For each requirement, it names the code that implements the',
    'requirement, and the tests that verify it. We wrote the requirements in our own words. Only the RFCs are authoritative.',
    '',
    'MUST includes MUST NOT, and SHOULD includes SHOULD NOT. MUST (step) is an instruction inside an algorithm that MUST be followed. MAY is',
    'a permission that we use. A section number without "7692" is a section of RFC 6455.',
    '',
    `There are ${requirements.length} requirements. ${counted} have tests, and ${others.length} have no test. These are the reasons why they have no test:`,
    '',
    ...others.map(
      ({ id, what, reason }) =>
        `- **${id}** (${reason?.status ?? ''}): ${what} *Why there is no test:* ${reason?.why ?? ''}`,
    ),
  ];
  let group = '';
  for (const entry of requirements) {
    if (entry.group !== group) {
      group = entry.group;
      out.push('', `## ${group}`, '', '| id | role | level | section | requirement | code | tests |');
      out.push('|---|---|---|---|---|---|---|');
    }
    const { id, role, level, what, code, reason } = entry;
    const places = code.map((place) => {
      const [file = '', symbol = ''] = place.split('#');
      return `[\`${symbol}\`](../${file})`;
    });
    const named = (tests.get(id) ?? []).map(({ file, title, kind, tests: count }) => {
      const group = kind === 'describe' ? ` (${count} ${count === 1 ? 'test' : 'tests'})` : '';
      return `[${file.replace(/^test\//, '').replace(/\.test\.ts$/, '')}](../${file}): ${cell(title)}${group}`;
    });
    if (reason !== null) named.unshift(`*${reason.status}*`);
    out.push(
      `| ${id} | ${roleOf(role)} | ${levelOf(level)} | ${entry.sections.map((one) => one.replace(/\S+$/, '§$&')).join(', ')} | ${cell(what)} | ${places.join('<br>')} | ${named.join('<br>')} |`,
    );
  }
  return `${out.join('\n')}\n`;
}

/** @param {string} text */
function cell(text) {
  return text.replace(/[\\|`*_<>[\]]/g, '\\$&').replace(/\s*\n\s*/g, ' ');
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {string} ending
 * @returns {Map<string, string>} path below root, with slashes → source
 */
export function readSources(root, folder, ending) {
  const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder), { recursive: true }) : [];
  const paths = names
    .map((name) => `${folder}/${String(name).replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(ending));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** @param {boolean} check */
function main(check) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const page = join(root, 'docs', 'requirements.md');
  const table = parseTable(readFileSync(join(root, 'docs', 'requirements.txt'), 'utf8'));
  const testFiles = readSources(root, 'test', '.test.ts');
  // Tests in test/scripts/ are skipped: they quote titles of other tests, and do not test the protocol.
  for (const file of testFiles.keys()) if (file.startsWith('test/scripts/')) testFiles.delete(file);
  const { tests, problems } = trace(table.requirements, testFiles);
  const text = render(table.requirements, tests);
  const all = [
    ...table.problems,
    ...missingCode(table.requirements, (file) =>
      existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : null,
    ),
    ...problems,
    ...wrongCitations(readSources(root, 'src', '.ts')),
  ];
  if (check) {
    if (!existsSync(page) || readFileSync(page, 'utf8') !== text)
      all.push('docs/requirements.md is out of date: run "npm run docs"');
  } else {
    writeFileSync(page, text);
  }
  const titles = [...tests.values()].reduce((sum, named) => sum + named.length, 0);
  console.log(`${table.requirements.length} requirements, named ${titles} times by tests`);
  for (const problem of all) console.error(problem);
  if (all.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
