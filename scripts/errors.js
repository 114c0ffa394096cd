/**
 * Writes docs/errors.md from the error tables of the compiled package. Each error code has a heading, so that a reader can look up a code
 * from a log. With --check, the script writes nothing, and fails if the page is out of date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { sectionExists } from './requirements.js';

/**
 * @typedef {{ closeCode?: number | null, status?: number | null, stage?: string, section?: string, text: string }} Row
 * @typedef {{ module: string, name: string, title: string, intro: string }} Table
 */

/** The error tables: the compiled module and the name of the export. @type {Table[]} */
const tables = [
  {
    module: 'dist/frame/violation.js',
    name: 'violations',
    title: 'The peer broke the protocol',
    intro:
      'These codes belong to a `ProtocolError`, which is passed to the `error` handler. The connection fails (RFC 6455 §7.1.7): this side sends a Close frame with the close code below, and with the text as its reason, and then ends the connection.',
  },
  {
    module: 'dist/handshake/error.js',
    name: 'refusals',
    title: 'The opening handshake failed',
    intro:
      "These codes belong to a `HandshakeError`. A server answers with the status below and drops the connection. On a client, `connect()` rejects, and `status` is the status of the server's answer, or 0 if there was no answer. `stage` names the step that failed.",
  },
  {
    module: 'dist/transport/dial-failure.js',
    name: 'dialFailures',
    title: 'A client reached no server',
    intro:
      'These codes belong to a `HandshakeError` of a client, with which `connect()` rejects. Its message ends with the URL or the proxy, without credentials and query. If the cause is an error of the system, such as `ECONNREFUSED`, `ENOTFOUND` or `CERT_HAS_EXPIRED`, the `HandshakeError` has the same code, and its `cause` is the error of the system.',
  },
  {
    module: 'dist/deflate/refusal.js',
    name: 'deflateRefusals',
    title: 'The answer to permessage-deflate is wrong',
    intro:
      'These codes belong to a `HandshakeError` of a client, with which `connect()` rejects (RFC 7692 §7). The message names the parameter, and `value` is the parameter as the server sent it. A server never has these errors: it declines an invalid offer, and the connection opens without compression.',
  },
  {
    module: 'dist/frame/connection-error.js',
    name: 'connectionFaults',
    title: 'The connection was lost or given up',
    intro:
      'These codes belong to a `ConnectionError`. This side or the network ended the connection without a closing handshake, so the close code is 1006. In two cases, this side sends a Close frame with 1011: after WS_STREAM_CUT, and if a ping of the option `pings` had no answer. If the socket had an error, `cause` is this error.',
  },
  {
    module: 'dist/api/topics/topic-error.js',
    name: 'topicFaults',
    title: 'A topic is refused, or the bus failed',
    intro:
      'These codes belong to a `TopicError` of `rfc6455/topics`. `subscribe`, `publish` and `presence` throw errors with `WS_TOPIC_…`, and `presence` also throws `WS_PRESENCE_FULL`. Errors with `WS_PRESENCE_INFO` and `WS_BUS…` are passed to the handler `error` of `Topics`; if Redis, NATS or another bus had an error, `cause` is this error. See [topics.md](topics.md).',
  },
];

/**
 * @param {{ table: Table, rows: Record<string, Row> }[]} filled
 * @returns {{ text: string, problems: string[] }}
 */
export function render(filled) {
  /** @type {string[]} */
  const problems = [];
  const seen = new Set();
  const out = [
    '# Errors',
    '',
    "<!-- Written by scripts/errors.js from the package's own tables. Do not edit. -->",
    '',
    'Every error of this package has a `code`, which stays the same between versions; the text of the error may be reworded.',
    'A call with invalid arguments throws a `TypeError` or `RangeError` without such a code.',
  ];
  for (const { table, rows } of filled) {
    out.push('', `## ${table.title}`, '', table.intro);
    const codes = Object.entries(rows);
    if (codes.length === 0) problems.push(`${table.name} is empty`);
    for (const [code, row] of codes) {
      if (!/^[A-Z][A-Z0-9_]+$/.test(code)) problems.push(`${code}: not in capitals`);
      if (seen.has(code)) problems.push(`${code} is in two tables`);
      seen.add(code);
      if (typeof row.text !== 'string' || row.text === '') problems.push(`${code}: no text`);
      const facts = [
        row.closeCode ? `close code ${row.closeCode}` : '',
        row.status ? `status ${row.status}` : '',
        row.stage ? `stage \`${row.stage}\`` : '',
        row.section ? cite(code, row.section, problems) : '',
      ].filter((fact) => fact !== '');
      const sentence = `${row.text.charAt(0).toUpperCase()}${row.text.slice(1)}`;
      out.push('', `### ${code}`, '', `${sentence.replace(/[`*_<>[\]\\]/g, '\\$&')}.`);
      if (facts.length > 0) out.push('', `${facts.join(' · ')}`);
    }
  }
  return { text: `${out.join('\n')}\n`, problems };
}

/**
 * Converts "6455 §5.5" to "RFC 6455 §5.5". Any other text, such as "design", is returned unchanged.
 * @param {string} code
 * @param {string} section
 * @param {string[]} problems
 */
function cite(code, section, problems) {
  const m = /^(\d{4}) §([\d.]+)$/.exec(section);
  if (m === null) return section;
  const [, rfc = '', number = ''] = m;
  if (!sectionExists(rfc, number)) problems.push(`${code}: RFC ${rfc} has no §${number}`);
  return `RFC ${rfc} §${number}`;
}

/** @param {boolean} check */
async function main(check) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const page = join(root, 'docs', 'errors.md');
  const filled = [];
  for (const table of tables) {
    const module = await import(pathToFileURL(join(root, table.module)).href);
    const rows = module[table.name];
    if (rows === undefined) throw new Error(`${table.module} exports no ${table.name}`);
    filled.push({ table, rows });
  }
  const { text, problems } = render(filled);
  if (check && (!existsSync(page) || readFileSync(page, 'utf8') !== text))
    problems.push('docs/errors.md is out of date: run "npm run docs"');
  if (!check) writeFileSync(page, text);
  console.log(`${filled.reduce((sum, { rows }) => sum + Object.keys(rows).length, 0)} error codes`);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.includes('--check'));
