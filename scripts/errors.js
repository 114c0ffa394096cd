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
      'These codes belong to a `ProtocolError`. The `error` handler receives this error, and the connection fails (RFC 6455 §7.1.7). This side sends a Close frame with the close code that is listed under the error code. The reason in the Close frame is the text of the error.',
  },
  {
    module: 'dist/handshake/error.js',
    name: 'refusals',
    title: 'The opening handshake failed',
    intro:
      "These codes belong to a `HandshakeError`. Its `stage` names the step that failed. A server answers with the HTTP status that is listed under the code, and drops the connection. On a client, `connect()` rejects with this error. The `status` of the error is then the status of the server's answer, or 0 if there was no answer.",
  },
  {
    module: 'dist/transport/dial-failure.js',
    name: 'dialFailures',
    title: 'A client reached no server',
    intro:
      'These codes belong to a `HandshakeError` of a client. `connect()` rejects with this error. The message ends with the URL or the proxy, without credentials and query. If Node.js or the operating system reported an error, such as `ECONNREFUSED`, `ENOTFOUND` or `CERT_HAS_EXPIRED`, the `HandshakeError` has the code of that error, and its `cause` is that error.',
  },
  {
    module: 'dist/deflate/refusal.js',
    name: 'deflateRefusals',
    title: 'The answer to permessage-deflate is wrong',
    intro:
      'These codes belong to a `HandshakeError` of a client (RFC 7692 §7). `connect()` rejects with this error. The message names the parameter, and `value` is the parameter as the server sent it. These errors do not occur on a server. If an offer is invalid, a server declines the offer, and the connection opens without compression.',
  },
  {
    module: 'dist/frame/connection-error.js',
    name: 'connectionFaults',
    title: 'The connection was lost or given up',
    intro:
      'These codes belong to a `ConnectionError`. This side or the network ended the connection without a closing handshake, so the close code is 1006. In two cases, this side sends a Close frame with 1011: for WS_STREAM_CUT, and if the peer did not answer a ping of the option `pings`. If the socket had an error, `cause` is the error of the socket.',
  },
  {
    module: 'dist/api/topics/topic-error.js',
    name: 'topicFaults',
    title: 'A topic is refused, or the bus failed',
    intro:
      'These codes belong to a `TopicError` of `rfc6455/topics`. `subscribe`, `publish` and `presence` throw errors with `WS_TOPIC_…`, and `presence` also throws `WS_PRESENCE_FULL`. The handler `error` of `Topics` receives errors with `WS_PRESENCE_INFO` and `WS_BUS…`. If Redis, NATS or another bus had an error, `cause` is the error of the bus. See [topics.md](topics.md).',
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
    'Every error of this package has a `code`, which is the same in all versions. The text of an error can change.',
    'If the arguments of a call are invalid, the call throws a `TypeError` or `RangeError` without a stable code.',
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
