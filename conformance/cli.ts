/**
 * `rfc6455 conform`: the judge on the command line. The exit code is 0 where everything passed (or is as the baseline
 * says), 1 where not, 2 where it was called the wrong way.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Role } from './case/model.ts';
import { casesFor, type RunOptions, runClientCases, runServerCases } from './judge.ts';
import { type Baseline, baselineOf, differences, isAsIn, parseBaseline } from './report/baseline.ts';
import { Progress, type Screen } from './report/progress.ts';
import { writeReports } from './report/write.ts';
import { startCommand } from './run/command.ts';
import type { DriverAddress } from './run/driver.ts';
import type { CaseResult } from './run/result.ts';
import { serveClients } from './serve-clients.ts';

const help = `usage: rfc6455 conform server <url> [options]
       rfc6455 conform client [options]

Tests a WebSocket implementation, in any language: Autobahn's 517 cases, and those beyond. A server has to
echo every message. A client has to follow Autobahn's driver protocol: /getCaseCount, then /runCase?case=N&agent=NAME
for each case as an echo, then /updateReports?agent=NAME.

  --agent NAME          the implementation's name in reports (default: a server's Server field)
  --out DIR             write reports: index.json, a JSON file per case, junit.xml, report.tap, report.md, report.html
  --cases PATTERN       only these cases, as 5.* or 9.3.1,9.3.2; may be repeated
  --exclude PATTERN     not these; may be repeated
  --suite NAME          autobahn, beyond, or all (default all)
  --profile quick|full  few messages in groups 9, 12 and 13 (default), or a thousand each
  --time-factor X       multiply all time limits, for slow machines (default 1)
  --strict              fail on NON-STRICT too
  --baseline FILE       fail on every verdict that differs from this file's, either way
  --write-baseline FILE write that file
  --parallel N          connections to a server at a time (default 8), or how often --run's command
                        runs at once, each with its share of the cases (default 4; 1 with --port)
  --list                show the cases, and run none
  --help                show this

conform server:
  --header 'Name: value'  one more header field for every request; may be repeated
  --ca FILE             trust certificates of this CA (PEM)
  --insecure            take any certificate

conform client:
  --port PORT           where to listen (default 9001, with --run any free port)
  --host HOST           which address to listen on (default 127.0.0.1)
  --run COMMAND         start this client, {url} and {agent} replaced, test it and end;
                        without it, serve every client that connects until SIGINT or /stopServer
  --tls-cert FILE, --tls-key FILE  speak wss

Exit codes: 0 everything passed, or is as the baseline says; 1 it did not; 2 called the wrong way.
`;

/** The streams that are used. */
export interface ConformStreams {
  readonly stdout: Screen;
  readonly stderr: Screen;
}

class Misuse extends Error {}

const options = {
  agent: { type: 'string' },
  out: { type: 'string' },
  cases: { type: 'string', multiple: true, default: [] as string[] },
  exclude: { type: 'string', multiple: true, default: [] as string[] },
  suite: { type: 'string', default: 'all' },
  profile: { type: 'string', default: 'quick' },
  'time-factor': { type: 'string', default: '1' },
  strict: { type: 'boolean', default: false },
  baseline: { type: 'string' },
  'write-baseline': { type: 'string' },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  parallel: { type: 'string' },
  header: { type: 'string', multiple: true, default: [] as string[] },
  ca: { type: 'string' },
  insecure: { type: 'boolean', default: false },
  port: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  run: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new Misuse((error as Error).message.split('\n')[0]);
  }
}

type Values = ReturnType<typeof parse>['values'];

/** The subcommand. @returns the exit code */
export async function conform(args: readonly string[], { stdout, stderr }: ConformStreams): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      stdout.write(help);
      return 0;
    }
    const [peer, url, ...rest] = positionals;
    if (peer !== 'server' && peer !== 'client') throw new Misuse('what is tested: server or client?');
    if (rest.length > 0 || (peer === 'client' && url !== undefined))
      throw new Misuse(`'${rest[0] ?? url}' is too much`);
    const known = values.baseline === undefined ? null : parseBaseline(readFileSync(values.baseline, 'utf8'));
    const common = commonOptions(values, known);
    if (values.list) {
      for (const { id, section, level, description } of casesFor(peer, common))
        stdout.write(`${id}\t${section}\t${level}\t${description}\n`);
      return 0;
    }
    if (casesFor(peer, common).length === 0) throw new Misuse('no case fits');
    const results = await (peer === 'server'
      ? server(url, values, common, stdout)
      : client(values, common, stdout));
    return conclude(peer, results, values, known, stdout);
  } catch (error) {
    if (error instanceof Misuse) stderr.write(`rfc6455: ${error.message}; see rfc6455 conform --help\n`);
    else stderr.write(`rfc6455: ${(error as Error).message || String(error)}\n`);
    return error instanceof Misuse ? 2 : 1;
  }
}

function commonOptions(values: Values, known: Baseline | null): RunOptions {
  const { suite, profile } = values;
  if (suite !== 'all' && suite !== 'autobahn' && suite !== 'beyond')
    throw new Misuse(`--suite ${suite} is not known`);
  if (profile !== 'quick' && profile !== 'full')
    throw new Misuse(`--profile is quick or full, not ${profile}`);
  const lists = (patterns: readonly string[]): string[] =>
    patterns.flatMap((one) => one.split(',')).filter((one) => one !== '');
  return {
    suite,
    profile,
    cases: lists(values.cases),
    exclude: lists(values.exclude),
    timeFactor: toNumber('time-factor', values['time-factor']),
    ...(values.parallel !== undefined && { parallel: Math.ceil(toNumber('parallel', values.parallel)) }),
    ...(values.agent !== undefined && { agent: values.agent }),
    ...(known !== null && { isKnown: (result: CaseResult) => isAsIn(known, result) }),
  };
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value))
    throw new Misuse(`--${name} is a number above 0, not '${text}'`);
  return value;
}

function toField(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw new Misuse(`--header is 'Name: value', not '${text}'`);
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

async function server(
  url: string | undefined,
  values: Values,
  common: RunOptions,
  stdout: Screen,
): Promise<CaseResult[]> {
  if (url === undefined) throw new Misuse('the URL is missing');
  if (!/^wss?:\/\//i.test(url) || !URL.canParse(url)) throw new Misuse(`'${url}' is no ws: or wss: URL`);
  const progress = new Progress(stdout, casesFor('server', common).length);
  const results = await runServerCases({
    ...common,
    url,
    fields: values.header.map(toField),
    insecure: values.insecure,
    ...(values.ca !== undefined && { ca: readFileSync(values.ca) }),
    commandOf: (id) => command(`server ${quoted(url)}`, id, common),
    onResult: (result) => progress.add(result),
  });
  progress.end(results);
  return results;
}

async function client(values: Values, common: RunOptions, stdout: Screen): Promise<CaseResult[]> {
  const { run } = values;
  const listen = addressOf(values);
  const commandOf = (id: string): string =>
    command(`client${run === undefined ? '' : ` --run ${quoted(run)}`}`, id, common);
  if (run === undefined) {
    return serveClients(listen, { ...common, commandOf }, stdout, (some) => report(some, values));
  }
  const progress = new Progress(stdout, casesFor('client', common).length);
  const start = (url: string, agent: string, signal: AbortSignal): Promise<void> =>
    startCommand(run, { url, agent }, signal);
  const onResult = (result: CaseResult): void => progress.add(result);
  const results = await runClientCases({ ...common, listen, start, commandOf, onResult });
  progress.end(results);
  return results;
}

function addressOf(values: Values): DriverAddress {
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

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w.:/=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function command(what: string, id: string, { profile }: RunOptions): string {
  return `npx rfc6455 conform ${what} --cases ${id}${profile === 'full' ? ' --profile full' : ''}`;
}

function report(results: readonly CaseResult[], { out }: Values): void {
  if (out !== undefined) writeReports(out, results);
}

/** Reports, and the exit code. */
function conclude(
  peer: Role,
  results: readonly CaseResult[],
  values: Values,
  known: Baseline | null,
  stdout: Screen,
): number {
  report(results, values);
  const file = values['write-baseline'];
  if (file !== undefined) {
    const agent = results[0]?.agent ?? '';
    // What a person wrote into the file stays.
    const { open } = existsSync(file) ? parseBaseline(readFileSync(file, 'utf8')) : {};
    writeFileSync(file, `${JSON.stringify(baselineOf(agent, peer, results, open), null, 2)}\n`);
  }
  const fine = ({ passed, behavior }: CaseResult): boolean =>
    passed && (behavior !== 'NON-STRICT' || !values.strict);
  if (known === null) return results.length > 0 && results.every(fine) ? 0 : 1;
  const differing = differences(known, results);
  for (const one of differing) stdout.write(`${one}\n`);
  stdout.write(
    differing.length === 0
      ? `as ${values.baseline} says\n`
      : `${differing.length} differ from ${values.baseline}\n`,
  );
  return differing.length === 0 && results.length > 0 ? 0 : 1;
}
