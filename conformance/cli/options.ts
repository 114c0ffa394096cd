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

Tests a WebSocket implementation, in any language: Autobahn's 517 cases, and those beyond. A server has to
echo every message. A client has to follow Autobahn's driver protocol: /getCaseCount, then /runCase?case=N&agent=NAME
for each case as an echo, then /updateReports?agent=NAME.

  list                  show all cases: id, section, level, for whom, description
  explain CASE...       tell of a case: its rule, what is sent, what is expected, what else is fine
  vectors               write the cases that are a matter of bytes as JSON, for unit tests: bytes in, events out

  --agent NAME          the implementation's name in reports (default: a server's Server field)
  --out DIR             write reports: index.json, a JSON file per case, junit.xml, report.tap, report.md, report.html
  --reporter NAME       write a report to standard output, and all else to standard error: junit, tap, json or md
  --cases PATTERN       only these cases, as 5.* or 9.3.1,9.3.2; may be repeated
  --exclude PATTERN     not these; may be repeated
  --suite NAME          autobahn, beyond, or all (default all)
  --shard K/N           only the K-th of N parts of the cases, for several machines
  --profile NAME        quick: few messages in groups 9, 12 and 13 (default); full: a thousand each;
                        endurance: the cases again and again, beside connections that stay
  --time-factor X       multiply all time limits, for slow machines (default 1)
  --strict              fail on NON-STRICT too
  --baseline FILE       fail on every verdict that differs from this file's, either way
  --write-baseline FILE write that file
  --parallel N          connections to a server at a time (default 8), or how often --run's command
                        runs at once, each with its share of the cases (default 4; 1 with --port)
  --list                show the cases that would run, and run none
  --help                show this

conform server: the URL is ws:, wss:, http: or https:
  --header 'Name: value'  one more header field for every request, as a token; may be repeated.
                        Reports do not show the values of Authorization and Cookie
  --subprotocol NAME    offer a subprotocol with every request; may be repeated
  --ca FILE             trust certificates of this CA (PEM)
  --cert FILE, --key FILE  the judge's own certificate and key (PEM), for servers that ask for one
  --insecure            take any certificate
  --minutes N           how long the endurance profile runs (default 10)
  --pid PID             the server's process: the endurance profile reports how its memory grows
  --max-growth MIB      and fails where it grew by more

conform client:
  --port PORT           where to listen (default 9001, with --run any free port)
  --host HOST           which address to listen on (default 127.0.0.1)
  --run COMMAND         start this client, {url} and {agent} replaced, test it and end;
                        without it, serve every client that connects until SIGINT or /stopServer
  --tls-cert FILE, --tls-key FILE  speak wss

Exit codes: 0 everything that applies passed, or is as the baseline says; 1 it did not; 2 called the wrong way.
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

/** Reads the number of an option. @throws {Misuse} if it is not a number above 0 */
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
