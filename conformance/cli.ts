/**
 * Implements `rfc6455 conform`, the command line of the judge (this test program). The exit code is 0 if all cases passed or agree with the
 * baseline, and otherwise 1. With invalid arguments, the exit code is 2.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Role } from './case/model.ts';
import { allCases } from './cases.ts';
import { casesNamed, explained, listed } from './cli/explain.ts';
import {
  addressOf,
  commonOptions,
  help,
  Misuse,
  parse,
  reachOf,
  reporterOf,
  toNumber,
  type Values,
} from './cli/options.ts';
import { casesFor, type RunOptions, runClientCases, runServerCases } from './judge.ts';
import { type Baseline, baselineOf, differences, parseBaseline } from './report/baseline.ts';
import { enduranceText } from './report/endurance.ts';
import { Progress, type Screen } from './report/progress.ts';
import { formats, writeReports } from './report/write.ts';
import { startCommand } from './run/command.ts';
import { readUrl, serverOf } from './run/connect.ts';
import { endure } from './run/endurance.ts';
import type { CaseResult } from './run/result.ts';
import { serveClients } from './serve-clients.ts';
import { vectors } from './vectors.ts';

export interface ConformStreams {
  readonly stdout: Screen;
  readonly stderr: Screen;
}

/** Runs the subcommand that the arguments name. @returns the exit code */
export async function conform(args: readonly string[], { stdout, stderr }: ConformStreams): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    if (values.help) {
      stdout.write(help);
      return 0;
    }
    const [what, ...rest] = positionals;
    if (what === 'list' || what === 'explain' || what === 'vectors') return tell(what, rest, values, stdout);
    if (what !== 'server' && what !== 'client') throw new Misuse('what is tested: server or client?');
    const [url, ...further] = rest;
    if (further.length > 0 || (what === 'client' && url !== undefined))
      throw new Misuse(`'${further[0] ?? url}' is too much`);
    return await run(what, url, values, { stdout, stderr });
  } catch (error) {
    if (error instanceof Misuse) stderr.write(`rfc6455: ${error.message}; see rfc6455 conform --help\n`);
    else stderr.write(`rfc6455: ${(error as Error).message || String(error)}\n`);
    return error instanceof Misuse ? 2 : 1;
  }
}

/** Runs a command that needs no peer. */
function tell(
  what: 'list' | 'explain' | 'vectors',
  ids: readonly string[],
  values: Values,
  stdout: Screen,
): 0 {
  if (what === 'explain') {
    if (ids.length === 0) throw new Misuse('which case is to be explained?');
    const cases = casesNamed(ids);
    if (typeof cases === 'string') throw new Misuse(`there is no case ${cases}`);
    stdout.write(cases.map(explained).join('\n'));
    return 0;
  }
  if (ids.length > 0) throw new Misuse(`'${ids[0]}' is too much`);
  const { cases = [], exclude = [] } = commonOptions(values, null);
  if (what === 'vectors') {
    stdout.write(`${JSON.stringify(vectors({ cases, exclude }), null, 1)}\n`);
    return 0;
  }
  const wanted = new Set(
    (['server', 'client'] as const).flatMap((peer) => casesFor(peer, commonOptions(values, null))),
  );
  stdout.write(listed(allCases.filter((one) => wanted.has(one))));
  return 0;
}

async function run(
  peer: Role,
  url: string | undefined,
  values: Values,
  { stdout, stderr }: ConformStreams,
): Promise<number> {
  const known = values.baseline === undefined ? null : parseBaseline(readFileSync(values.baseline, 'utf8'));
  const common = commonOptions(values, known);
  const reporter = reporterOf(values);
  if (values.list) {
    stdout.write(listed(casesFor(peer, common)));
    return 0;
  }
  if (casesFor(peer, common).length === 0) throw new Misuse('no case fits');
  // With --reporter, stdout has only the report. Everything else goes to stderr.
  const screen = reporter === null ? stdout : stderr;
  if (values.profile === 'endurance') {
    if (peer === 'client') throw new Misuse('--profile endurance is for servers');
    return enduring(checkedUrl(url), values, common, stdout, screen);
  }
  const results = await (peer === 'server'
    ? server(checkedUrl(url), values, common, screen)
    : client(values, common, screen));
  if (reporter !== null) stdout.write(formats[reporter].write(results));
  return conclude(peer, results, values, known, screen);
}

/** Returns the URL. @throws {Misuse} if the URL is missing, or is not the URL of a WebSocket */
function checkedUrl(url: string | undefined): string {
  if (url === undefined) throw new Misuse('the URL is missing');
  try {
    readUrl(url);
  } catch (error) {
    throw new Misuse(`'${url}' cannot be connected to: ${(error as Error).message}`);
  }
  return url;
}

async function server(
  url: string,
  values: Values,
  common: RunOptions,
  screen: Screen,
): Promise<CaseResult[]> {
  const progress = new Progress(screen, casesFor('server', common).length);
  const results = await runServerCases({
    ...common,
    ...reachOf(values),
    url,
    // The command in the reports has the URL without user name and password, so that no report contains a password.
    commandOf: (id) => command(`server ${quoted(readUrl(url).url.href)}`, id, common),
    onResult: (result) => progress.add(result),
  });
  progress.end(results);
  return results;
}

async function enduring(
  url: string,
  values: Values,
  common: RunOptions,
  stdout: Screen,
  screen: Screen,
): Promise<number> {
  const { pid, 'max-growth': most } = values;
  const outcome = await endure({
    ...serverOf(url, reachOf(values)),
    cases: casesFor('server', common),
    seconds: 60 * toNumber('minutes', values.minutes),
    parallel: common.parallel ?? 8,
    timeFactor: common.timeFactor ?? 1,
    pid: pid === undefined ? null : toNumber('pid', pid),
    onMinute: (line) => screen.write(`${line}\n`),
  });
  stdout.write(values.reporter === 'json' ? `${JSON.stringify(outcome, null, 2)}\n` : enduranceText(outcome));
  if (values.out !== undefined)
    writeReports(values.out, [], { 'endurance.json': JSON.stringify(outcome, null, 2) });
  const grown = most !== undefined && (outcome.memory?.grown ?? 0) > toNumber('max-growth', most) * 1_048_576;
  return outcome.faults.length > 0 || grown ? 1 : 0;
}

async function client(values: Values, common: RunOptions, screen: Screen): Promise<CaseResult[]> {
  const { run } = values;
  const listen = addressOf(values);
  const commandOf = (id: string): string =>
    command(`client${run === undefined ? '' : ` --run ${quoted(run)}`}`, id, common);
  if (run === undefined) {
    return serveClients(listen, { ...common, commandOf }, screen, (some) => report(some, values));
  }
  const progress = new Progress(screen, casesFor('client', common).length);
  const start = (url: string, agent: string, signal: AbortSignal): Promise<void> =>
    startCommand(run, { url, agent }, signal);
  const onResult = (result: CaseResult): void => progress.add(result);
  const results = await runClientCases({ ...common, listen, start, commandOf, onResult });
  progress.end(results);
  return results;
}

/** Quotes a word for a shell if necessary. */
function quoted(word: string): string {
  return /^[\w.:/=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function command(what: string, id: string, { profile }: RunOptions): string {
  return `npx rfc6455 conform ${what} --cases ${id}${profile === 'full' ? ' --profile full' : ''}`;
}

function report(results: readonly CaseResult[], { out }: Values): void {
  if (out !== undefined) writeReports(out, results);
}

/** Writes the reports, and returns the exit code. */
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
    // Keeps the reasons that a maintainer has written into the file.
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
