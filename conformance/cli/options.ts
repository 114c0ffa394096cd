/**
 * The options of `rfc6455 conform`.
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { RunOptions } from '../judge.ts';
import { type Baseline, isAsIn } from '../report/baseline.ts';
import { formats, type ReportFormat } from '../report/write.ts';
import type { UrlOptions } from '../run/connect.ts';
import type { DriverAddress } from '../run/driver.ts';
import type { CaseResult } from '../run/result.ts';

export const help = `usage: rfc6455 conform server <url> [options]
       rfc6455 conform client [options]
       rfc6455 conform list | explain <case>... | vectors

Tests a WebSocket implementation in any language, with Autobahn's 517 cases and with cases that Autobahn does
not have. A server has to echo every message. A client has to follow Autobahn's driver protocol: it requests
/getCaseCount, then /runCase?case=N&agent=NAME for each case (and echoes every message), then
/updateReports?agent=NAME.

  list                  show all cases: id, section, level, kind of peer, description
  explain CASE...       show the details of a case: the rule, what is sent, what is expected, what is tolerated
  vectors               write test vectors as JSON for unit tests: the received bytes, and the expected events

  --agent NAME          the name of the implementation in reports (default: the Server field of a server)
  --out DIR             write reports: index.json, a JSON file per case, junit.xml, report.tap, report.md, report.html
  --reporter NAME       write a report to standard output, and all other output to standard error: junit, tap,
                        json or md
  --cases PATTERN       run only these cases, such as 5.* or 9.3.1,9.3.2; may be repeated
  --exclude PATTERN     do not run these cases; may be repeated
  --suite NAME          autobahn, beyond (cases that Autobahn does not have), or all (default all)
  --shard K/N           run only part K of N parts of the cases, to use several machines
  --profile NAME        quick: few messages in groups 9, 12 and 13 (default)
                        full: a thousand messages in each case of these groups
                        endurance: repeat the cases for some minutes, with other connections that stay open
  --time-factor X       multiply all time limits, for slow machines (default 1)
  --strict              fail on NON-STRICT too
  --baseline FILE       fail if a verdict is better or worse than in this file
  --write-baseline FILE write the verdicts to this file
  --parallel N          for a server: the number of connections at the same time (default 8); with --run: the
                        number of clients at the same time, which share the cases (default 4, or 1 with --port)
  --list                show the selected cases, and run no case
  --help                show this help

conform server: the URL is ws:, wss:, http: or https:
  --header 'Name: value'  add a header field to every request, for example a token; may be repeated.
                        Reports do not show the values of Authorization and Cookie
  --subprotocol NAME    offer a subprotocol with every request; may be repeated
  --ca FILE             trust the certificates of this CA (PEM)
  --cert FILE, --key FILE  the certificate and the key (PEM) of the judge, for servers that request a certificate
  --insecure            accept any certificate
  --minutes N           the duration of the endurance profile (default 10)
  --pid PID             the process of the server; the endurance profile reports how its memory grows
  --max-growth MIB      with --pid: fail if the memory grows by more than this

conform client:
  --port PORT           the port to listen on (default 9001, or any free port with --run)
  --host HOST           the address to listen on (default 127.0.0.1)
  --run COMMAND         start this client, test it, and end; {url} and {agent} in COMMAND are replaced.
                        Without --run, serve every client that connects, until SIGINT or /stopServer
  --tls-cert FILE, --tls-key FILE  use wss

Exit codes: 0 all applicable cases passed or agree with the baseline, 1 some did not, 2 invalid arguments.
`;

/** Thrown for invalid arguments. */
export class Misuse extends Error {}

const options = {
  agent: { type: 'string' },
  out: { type: 'string' },
  reporter: { type: 'string' },
  cases: { type: 'string', multiple: true, default: [] as string[] },
  exclude: { type: 'string', multiple: true, default: [] as string[] },
  suite: { type: 'string', default: 'all' },
  shard: { type: 'string' },
  profile: { type: 'string', default: 'quick' },
  'time-factor': { type: 'string', default: '1' },
  strict: { type: 'boolean', default: false },
  baseline: { type: 'string' },
  'write-baseline': { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  parallel: { type: 'string' },
  header: { type: 'string', multiple: true, default: [] as string[] },
  subprotocol: { type: 'string', multiple: true, default: [] as string[] },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean', default: false },
  minutes: { type: 'string', default: '10' },
  pid: { type: 'string' },
  'max-growth': { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  run: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
} as const;

type Parsed = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
export type Values = Parsed['values'];

/** Parses the arguments. @throws {Misuse} if an option does not exist or has no value */
export function parse(args: readonly string[]): Parsed {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new Misuse((error as Error).message.split('\n')[0]);
  }
}

const lists = (patterns: readonly string[]): string[] =>
  patterns.flatMap((one) => one.split(',')).filter((one) => one !== '');

/** Reads the options that the commands for servers and for clients have in common. @throws {Misuse} for an invalid value */
export function commonOptions(values: Values, known: Baseline | null): RunOptions {
  const { suite, profile } = values;
  if (suite !== 'all' && suite !== 'autobahn' && suite !== 'beyond')
    throw new Misuse(`--suite ${suite} is not known`);
  if (profile !== 'quick' && profile !== 'full' && profile !== 'endurance')
    throw new Misuse(`--profile is quick, full or endurance, not ${profile}`);
  return {
    suite,
    profile: profile === 'full' ? 'full' : 'quick',
    cases: lists(values.cases),
    exclude: lists(values.exclude),
    timeFactor: toNumber('time-factor', values['time-factor']),
    ...(values.shard !== undefined && { shard: toShard(values.shard) }),
    ...(values.parallel !== undefined && { parallel: Math.ceil(toNumber('parallel', values.parallel)) }),
    ...(values.agent !== undefined && { agent: values.agent }),
    ...(known !== null && { isKnown: (result: CaseResult) => isAsIn(known, result) }),
  };
}

/** Reads the number of an option. @throws {Misuse} if the text is not a number above 0 */
export function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value))
    throw new Misuse(`--${name} is a number above 0, not '${text}'`);
  return value;
}

function toShard(text: string): readonly [number, number] {
  const [, part = '', parts = ''] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(text) ?? [];
  if (part === '' || Number(part) > Number(parts)) throw new Misuse(`--shard is K/N, as 2/5, not '${text}'`);
  return [Number(part), Number(parts)];
}

/** Returns the report that --reporter names, or null without this option. @throws {Misuse} if there is no such report */
export function reporterOf({ reporter }: Values): ReportFormat | null {
  if (reporter === undefined) return null;
  if (!(reporter in formats))
    throw new Misuse(`--reporter is ${Object.keys(formats).join(', ')}, not ${reporter}`);
  return reporter as ReportFormat;
}

function toField(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new Misuse(`--header is 'Name: value', not '${text}'`);
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

/** Reads the options for connecting to a server. @throws {Misuse} if --cert is given without --key, or --key without --cert */
export function reachOf(values: Values): UrlOptions {
  const { ca, cert, key, insecure, header, subprotocol } = values;
  if ((cert === undefined) !== (key === undefined)) throw new Misuse('--cert and --key need each other');
  const offered =
    subprotocol.length === 0 ? [] : [['Sec-WebSocket-Protocol', subprotocol.join(', ')] as const];
  return {
    fields: [...header.map(toField), ...offered],
    insecure,
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(cert !== undefined && key !== undefined && { cert: readFileSync(cert), key: readFileSync(key) }),
  };
}

/**
 * Reads the address on which the judge listens for clients.
 * @throws {Misuse} if the port is invalid, or only one of certificate and key is given
 */
export function addressOf(values: Values): DriverAddress {
  const port = Number(values.port ?? (values.run === undefined ? 9001 : 0));
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Misuse(`--port is a number from 0 to 65535`);
  const { 'tls-cert': cert, 'tls-key': key } = values;
  if ((cert === undefined) !== (key === undefined))
    throw new Misuse('--tls-cert and --tls-key need each other');
  const tls =
    cert === undefined || key === undefined
      ? {}
      : { tls: { cert: readFileSync(cert), key: readFileSync(key) } };
  return { port, host: values.host, ...tls };
}
