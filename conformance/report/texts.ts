/**
 * Writes reports in formats that other tools and readers know: JSON, JUnit, TAP and Markdown.
 */

import { groupOf, titles } from '../cases.ts';
import type { CaseResult } from '../run/result.ts';

/** Returns one line that explains why a result is not OK. */
export function complaint({ result, resultClose, behavior, behaviorClose }: CaseResult): string {
  const parts = [
    ...(behavior === 'OK' ? [] : [`${behavior}: ${result}`]),
    ...(behaviorClose === 'OK' || resultClose === result ? [] : [`close ${behaviorClose}: ${resultClose}`]),
  ];
  return parts.join(' ');
}

const escapeXml = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 does not allow these characters, even if they are escaped
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
    .replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!);

function groupBy(results: readonly CaseResult[]): Map<string, CaseResult[]> {
  const groups = new Map<string, CaseResult[]>();
  for (const result of results) {
    const name = `${result.agent} ${groupOf(result.id)}`;
    groups.set(name, [...(groups.get(name) ?? []), result]);
  }
  return groups;
}

/** The numbers of cases by result. */
export interface Counts {
  readonly cases: number;
  /** The number of cases that apply to the peer: all cases without the verdict UNIMPLEMENTED. */
  readonly applicable: number;
  readonly passed: number;
  readonly failed: number;
  readonly nonStrict: number;
  readonly informational: number;
  readonly notApplicable: number;
  readonly flaky: number;
}

/** Counts the results. A case that does not apply counts neither as passed nor as failed. */
export function countsOf(results: readonly CaseResult[]): Counts {
  const count = (is: (one: CaseResult) => boolean): number => results.filter(is).length;
  const notApplicable = count(isNotApplicable);
  const failed = count(({ passed }) => !passed);
  return {
    cases: results.length,
    applicable: results.length - notApplicable,
    passed: results.length - notApplicable - failed,
    failed,
    nonStrict: count(({ passed, behavior }) => passed && behavior === 'NON-STRICT'),
    informational: count(({ passed, behavior }) => passed && behavior === 'INFORMATIONAL'),
    notApplicable,
    flaky: count(({ flaky }) => flaky),
  };
}

/** Returns true if a case did not apply, because the peer did not agree to an extension that the case needs. */
export function isNotApplicable({ passed, behavior }: CaseResult): boolean {
  return passed && behavior === 'UNIMPLEMENTED';
}

/** Writes one JSON text with the counts of the run and an entry for each case. Timelines are only in the files of the single cases. */
export function json(results: readonly CaseResult[]): string {
  const rows = results.map((one) => ({
    ...{ agent: one.agent, peer: one.peer, id: one.id, section: one.section, level: one.level },
    ...{ behavior: one.behavior, behaviorClose: one.behaviorClose, passed: one.passed, flaky: one.flaky },
    ...{ result: one.result, resultClose: one.resultClose, description: one.description },
    ...{ duration: one.duration, command: one.command },
  }));
  return `${JSON.stringify({ counts: countsOf(results), cases: rows }, null, 1)}\n`;
}

/** Writes a JUnit report with one suite for each group. A case that is INFORMATIONAL or does not apply is a skipped test. */
export function junit(results: readonly CaseResult[]): string {
  const suites = [...groupBy(results)].map(([name, list]) => {
    const failed = list.filter(({ passed }) => !passed).length;
    const cases = list.map((one) => {
      const title = escapeXml(`${one.id} ${one.description}`);
      const time = (one.duration / 1000).toFixed(3);
      const detail = escapeXml(`${complaint(one)} (${one.section}) again: ${one.command}`);
      const inner = !one.passed
        ? `<failure message="${escapeXml(complaint(one))}">${detail}</failure>`
        : one.behavior === 'INFORMATIONAL' || isNotApplicable(one)
          ? `<skipped message="${escapeXml(isNotApplicable(one) ? one.result : one.resultClose)}"/>`
          : '';
      return `    <testcase classname="${escapeXml(name)}" name="${title}" time="${time}">${inner}</testcase>`;
    });
    const title = escapeXml(`${name} ${titles[groupOf(list[0]!.id)] ?? ''}`);
    const skipped = list.filter((one) => one.behavior === 'INFORMATIONAL' || isNotApplicable(one)).length;
    return `  <testsuite name="${title}" tests="${list.length}" failures="${failed}" skipped="${skipped}">\n${cases.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

/** Writes the results in TAP 13. */
export function tap(results: readonly CaseResult[]): string {
  const lines = results.map((one, i) => {
    const mark = isNotApplicable(one)
      ? ' # SKIP not applicable'
      : one.behavior === 'INFORMATIONAL'
        ? ' # SKIP informational'
        : '';
    // In TAP, a number sign would start a directive.
    const title = `${one.agent} ${one.id} ${one.description}`.replaceAll('#', '\\#').replace(/\s+/g, ' ');
    const line = `${one.passed ? 'ok' : 'not ok'} ${i + 1} - ${title}${mark}`;
    if (one.passed) return line;
    return `${line}\n  ---\n  message: ${JSON.stringify(complaint(one))}\n  section: ${JSON.stringify(one.section)}\n  again: ${JSON.stringify(one.command)}\n  ...`;
  });
  return `TAP version 13\n1..${results.length}\n${lines.join('\n')}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

/** Writes Markdown: a matrix of agents and groups, and below it a list of all cases that are not OK. */
export function markdown(results: readonly CaseResult[]): string {
  const agents = [...new Set(results.map(({ agent }) => agent))];
  const groups = [...new Set(results.map(({ id }) => groupOf(id)))];
  const score = (agent: string, group: string): string => {
    const list = results.filter((one) => one.agent === agent && groupOf(one.id) === group);
    if (list.length === 0) return '';
    const { passed, applicable, notApplicable } = countsOf(list);
    const rest = notApplicable === 0 ? '' : `, ${notApplicable} not applicable`;
    return `${passed === applicable ? `${passed}` : `**${passed} of ${applicable}**`}${rest}`;
  };
  const rows = groups.map(
    (group) =>
      `| ${group} ${titles[group] ?? ''} | ${agents.map((agent) => score(agent, group)).join(' | ')} |`,
  );
  const noted = results.filter((one) => one.behavior !== 'OK' || one.behaviorClose !== 'OK' || one.flaky);
  const notes = noted.map(
    (one) =>
      `| ${one.agent} | ${one.id} | ${one.section} | ${one.behavior} | ${one.behaviorClose}${one.flaky ? ' (flaky)' : ''} | ${cell(complaint(one))} |`,
  );
  return [
    '# WebSocket conformance',
    '',
    `| group | ${agents.map(cell).join(' | ')} |`,
    `|---|${agents.map(() => '---').join('|')}|`,
    ...rows,
    '',
    ...(notes.length === 0
      ? ['Everything is OK.']
      : ['| agent | case | section | behavior | close | what |', '|---|---|---|---|---|---|', ...notes]),
    '',
  ].join('\n');
}
