// Writes the tables of docs/conformance.md. One table lists the test cases for each requirement of docs/requirements.txt (RFC 6455 from §4
// on, and RFC 7692). Another table shows the results of each implementation, from conformance/expected/. --check fails if the page is out
// of date, if an observable requirement has no case, if a case names an unknown requirement, or if a file names an unknown case. Usage: npm
// run build && node scripts/conformance-docs.js [--check]
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { levelOf, roleOf } from './requirements.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const page = join(root, 'docs', 'conformance.md');

/**
 * The requirements that the judge (the test program) cannot observe from the other end of a connection, and the reasons. @type
 * {Record<string, string>}
 */
export const unobservable = {
  H6: 'Only a browser has to send Origin, and the judge cannot know whether a client is a browser.',
  S9: 'Give the judge a wss: URL to test a server over TLS. Then every case runs over TLS.',
  S10: 'This is a permission: the configuration of the server decides which requests need credentials.',
  S11: 'This is a permission: the configuration of the server decides which requests are redirected.',
  F20: 'This concerns intermediaries. A peer cannot observe how much an endpoint buffers.',
  C2: 'This concerns texts that a program shows to its users.',
  C12: 'An endpoint reports this only to its application.',
  C13: 'An endpoint reports this only to its application.',
  C21: 'The judge can observe these waits only if the application of the client connects again.',
  C25: 'A client closes with 1010 only if its application requires an extension.',
  P4: 'This needs a server with a second extension that uses RSV1, and we know no extension of this kind.',
  P20: 'A client decides which parameters it offers, and we know no client that offers server_max_window_bits by default.',
  P30: 'This is a hint about efficiency.',
  P32: 'This concerns the texts that an application compresses together.',
};

/**
 * Reads the requirements, in order.
 * @param {string} text the content of docs/requirements.txt @returns {{ id: string, title: string, says: string }[]}
 */
export function rowsOf(text) {
  const rows = [];
  for (const entry of text.split(/\n\n+/)) {
    const [head = '', says = ''] = entry.split('\n');
    const [, id, title] = /^([HVSFCP]\d+) (.*)$/.exec(head) ?? [];
    if (id !== undefined && title !== undefined) rows.push({ id, title, says: says.trim() });
  }
  return rows;
}

/**
 * Returns a short text for a list of ids. For example, all ids of the subgroup 22.1 become `22.1.*`.
 * @param {string[]} ids @param {string[]} all @returns {string}
 */
export function inShort(ids, all) {
  const wanted = new Set(ids);
  const groups = [...new Set(ids.map((id) => id.replace(/\.\d+$/, '')))];
  const inGroup = (/** @type {string} */ group) => (/** @type {string} */ id) =>
    id.replace(/\.\d+$/, '') === group;
  return groups
    .map((group) => {
      const of = all.filter(inGroup(group));
      if (of.length > 1 && of.every((id) => wanted.has(id))) return `${group}.*`;
      const numbers = ids.filter(inGroup(group)).map((id) => Number(id.split('.').at(-1)));
      /** @type {number[][]} */
      const runs = [];
      for (const number of numbers) {
        const last = runs.at(-1);
        if (last !== undefined && number === (last.at(-1) ?? 0) + 1) last.push(number);
        else runs.push([number]);
      }
      return runs
        .map((run) =>
          run.length > 2
            ? `${group}.${run[0]}–${group}.${run.at(-1)}`
            : run.map((one) => `${group}.${one}`).join(', '),
        )
        .join(', ');
    })
    .join(', ');
}

/**
 * Returns the table of requirements and cases, and a list of faults.
 * @param {{ id: string, title: string, says: string }[]} rows
 * @param {readonly { readonly id: string, readonly covers?: readonly string[] }[]} cases
 * @returns {{ text: string, faults: string[] }}
 */
export function tableOf(rows, cases) {
  const faults = [];
  const known = new Set(rows.map(({ id }) => id));
  for (const { id, covers = [] } of cases)
    for (const row of covers) if (!known.has(row)) faults.push(`case ${id} names ${row}, which is no row`);
  const all = cases.map(({ id }) => id);
  const lines = ['| id | role | level | section | requirement | cases |', '|---|---|---|---|---|---|'];
  const rest = [
    '| id | role | level | section | requirement | why the judge cannot observe this |',
    '|---|---|---|---|---|---|',
  ];
  for (const { id, title, says } of rows) {
    const ids = cases.filter(({ covers = [] }) => covers.includes(id)).map((one) => one.id);
    const reason = unobservable[id];
    const [role = '', level = '', ...sections] = title.split(' ');
    const cells = `| ${[id, roleOf(role), levelOf(level), sections.join(' '), says.replaceAll('|', '\\|')].join(' | ')} |`;
    if (ids.length > 0) lines.push(`${cells} ${inShort(ids, all)} |`);
    else if (reason !== undefined) rest.push(`${cells} ${reason} |`);
    else faults.push(`${id} has neither a case nor a reason why no peer can observe it`);
    if (ids.length > 0 && reason !== undefined) faults.push(`${id} has cases, and a reason why not`);
  }
  return { text: `${[...lines, '', ...rest].join('\n')}\n`, faults };
}

/**
 * Returns a table of the groups of cases. It shows the number of cases for servers, for clients and for each level.
 * @param {readonly { readonly id: string, readonly level: string, readonly against?: string }[]} cases
 * @param {Readonly<Record<string, string>>} titles @returns {string}
 */
export function groupsOf(cases, titles) {
  const lines = [
    '| group | subject | cases for servers | cases for clients | MUST cases | SHOULD cases | MAY cases |',
    '|---|---|---|---|---|---|---|',
  ];
  const row = (/** @type {string} */ group, /** @type {string} */ title, /** @type {typeof cases} */ of) => {
    const count = (/** @type {(one: (typeof cases)[number]) => boolean} */ is) => of.filter(is).length;
    const numbers = [
      count(({ against }) => against !== 'client'),
      count(({ against }) => against !== 'server'),
      ...['MUST', 'SHOULD', 'MAY'].map((level) => count((one) => one.level === level)),
    ];
    lines.push(`| ${group} | ${title} | ${numbers.join(' | ')} |`);
  };
  const groupOf = (/** @type {{ id: string }} */ { id }) => Number(id.split('.')[0]);
  row(
    '1 to 13',
    'the cases of the Autobahn test suite',
    cases.filter((one) => groupOf(one) < 20),
  );
  for (const group of [...new Set(cases.map(groupOf))].filter((one) => one >= 20))
    row(
      String(group),
      titles[group] ?? '',
      cases.filter((one) => groupOf(one) === group),
    );
  row('all', '', cases);
  return `${lines.join('\n')}\n`;
}

/**
 * `Expected` is the content of a file of conformance/expected/: the expected verdicts for one implementation.
 * @typedef {{ agent: string, peer: 'server' | 'client', cases: Record<string, string>, open?: Record<string, string> }} Expected
 * @typedef {{ readonly id: string, readonly level: string, readonly section: string, readonly description: string,
 *   readonly expectation: string, readonly against?: string }} CaseData
 */

/** Returns the meaning of a verdict. @param {string | undefined} verdict undefined if the file does not list the case */
export function standingOf(verdict = 'OK') {
  const [behavior = '', close = 'OK'] = verdict.split(', close ');
  if (behavior === 'UNIMPLEMENTED' && close === 'OK') return 'not applicable';
  if (behavior === 'UNIMPLEMENTED') return 'failed';
  if (behavior === 'FAILED' || !['OK', 'INFORMATIONAL'].includes(close)) return 'failed';
  return behavior === 'OK' && close === 'OK'
    ? 'OK'
    : behavior === 'NON-STRICT'
      ? 'non-strict'
      : 'informational';
}

/** @param {CaseData} one @param {Expected} of @returns {boolean} whether the case applies to this implementation (a server or a client) */
const concerns = ({ against }, { peer }) => against === undefined || against === peer;

/** @param {readonly CaseData[]} cases the cases of one group @param {Expected} expected @returns {string} a cell of the table */
function cellOf(cases, expected) {
  const of = cases.filter((one) => concerns(one, expected));
  if (of.length === 0) return '';
  const count = (/** @type {string} */ standing) =>
    of.filter(({ id }) => (expected.open?.[id] ? 'open' : standingOf(expected.cases[id])) === standing)
      .length;
  const bad = count('failed');
  const parts = ['failed', 'non-strict', 'informational', 'not applicable', 'open']
    .map((standing) => [count(standing), standing])
    .filter(([number]) => number !== 0)
    .map((part) => part.join(' '));
  // A case that is open, or that does not apply, is not counted.
  const counted = of.length - count('open') - count('not applicable');
  return [bad > 0 ? `**${counted - bad} of ${counted}**` : `${counted}`, ...parts].join('<br>');
}

/** @param {string} text @returns {string} the text, escaped for a cell of a Markdown table */
const plain = (text) =>
  text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');

/**
 * Returns a table with the result of each implementation in each group. Below the table, lists the cases in which the verdict is not OK.
 * @param {readonly Expected[]} all
 * @param {readonly CaseData[]} cases
 * @param {Readonly<Record<string, string>>} titles
 * @param {Readonly<Record<string, string>>} versions the version of each other implementation
 * @returns {{ text: string, faults: string[] }}
 */
export function matrixOf(all, cases, titles, versions) {
  const faults = all.flatMap((expected) =>
    Object.keys({ ...expected.cases, ...expected.open })
      .filter((id) => !cases.some((one) => one.id === id && concerns(one, expected)))
      .map((id) => `${expected.agent}-${expected.peer}.json names ${id}, which is no case for it`),
  );
  const nameOf = (/** @type {Expected} */ { agent }) =>
    versions[agent] === undefined ? agent : `${agent} ${versions[agent]}`;
  const groupOf = (/** @type {CaseData} */ { id }) => id.split('.')[0] ?? '';
  const lines = [
    `| group | subject | ${all.map((one) => `${nameOf(one)} as a ${one.peer}: passed cases`).join(' | ')} |`,
    `|---|---|${'---|'.repeat(all.length)}`,
  ];
  const row = (
    /** @type {string} */ name,
    /** @type {string} */ title,
    /** @type {readonly CaseData[]} */ of,
  ) => lines.push(`| ${name} | ${title} | ${all.map((one) => cellOf(of, one)).join(' | ')} |`);
  for (const group of new Set(cases.map(groupOf)))
    row(
      group,
      titles[group] ?? '',
      cases.filter((one) => groupOf(one) === group),
    );
  row('all', '', cases);
  for (const expected of all) {
    const notable = cases.filter((one) => concerns(one, expected) && expected.cases[one.id] !== undefined);
    const silent = notable.filter(({ id }) => standingOf(expected.cases[id]) === 'informational');
    const told = notable.filter((one) => !silent.includes(one));
    lines.push('', `### ${nameOf(expected)} as a ${expected.peer}`, '');
    if (told.length > 0)
      lines.push(
        '| case | section | what the judge does, and what it expects | verdict |',
        '|---|---|---|---|',
        ...told.map(
          ({ id, section, description, expectation }) =>
            `| ${id} | ${section} | ${plain(description)} ${plain(expectation)} | ${expected.cases[id]?.replace(', close ', '; closing: ')} |`,
        ),
        '',
      );
    const rest = told.length === 0 ? 'All cases' : 'All other cases';
    const ids = silent.map(({ id }) => id).join(', ');
    lines.push(
      silent.length === 0
        ? `${rest} are OK.`
        : `${rest} are OK, except the following cases, which have no verdict: ${ids}.`,
    );
    for (const [id, why] of Object.entries(expected.open ?? {}))
      lines.push('', `Case ${id} is not compared: ${plain(why)}.`);
  }
  return { text: `${lines.join('\n')}\n`, faults };
}

/** @returns {Expected[]} ours first */
function readExpected() {
  const folder = join(root, 'conformance', 'expected');
  const order = ['rfc6455', 'ws', 'undici'];
  return readdirSync(folder)
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
    .sort((a, b) => order.indexOf(a.agent) - order.indexOf(b.agent) || (a.peer > b.peer ? -1 : 1));
}

/** @returns {Record<string, string>} the versions of the other implementations that `npm ci` installs */
function installedVersions() {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.fromEntries(
    ['ws', 'undici'].map((name) => [name, lock.packages[`node_modules/${name}`].version]),
  );
}

async function main() {
  const { allCases, titles } = await import(
    pathToFileURL(join(root, 'dist', 'conformance', 'cases.js')).href
  );
  const rows = rowsOf(readFileSync(join(root, 'docs', 'requirements.txt'), 'utf8'));
  const { text, faults } = tableOf(rows, allCases);
  const before = readFileSync(page, 'utf8');
  const fill = (/** @type {string} */ whole, /** @type {string} */ name, /** @type {string} */ table) => {
    const [start, end] = [
      `<!-- ${name}: written by scripts/conformance-docs.js -->\n`,
      `\n<!-- end of ${name} -->`,
    ];
    const [from, to] = [whole.indexOf(start), whole.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/conformance.md has no place for ${name}`);
    return `${whole.slice(0, from + start.length)}\n${table}${whole.slice(to)}`;
  };
  const matrix = matrixOf(readExpected(), allCases, titles, installedVersions());
  faults.push(...matrix.faults);
  let after = fill(before, 'groups', groupsOf(allCases, titles));
  after = fill(after, 'matrix', matrix.text);
  after = fill(after, 'rows', text);
  if (process.argv.includes('--check')) {
    if (after !== before)
      faults.push('docs/conformance.md is not up to date: run node scripts/conformance-docs.js');
  } else {
    writeFileSync(page, after);
  }
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
