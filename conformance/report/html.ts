/**
 * The report as one HTML page: a matrix of agents and groups, and every case with its timeline. It needs no script, no
 * network and no mouse: cases are details elements, the filter is radio buttons and CSS. What a peer sent is text here,
 * whatever it holds.
 */

import { groupOf, titles } from '../cases.ts';
import type { CaseResult, ShownClose, ShownEvent } from '../run/result.ts';
import type { TimelineEntry } from '../run/timeline.ts';
import { style } from './html-style.ts';

/** Entries of a timeline that are shown at its start, and at its end; fewer of a case that has nothing to explain. */
const shownEntries = (mark: Mark): readonly [first: number, last: number] =>
  mark === 'ok' ? [14, 6] : [60, 20];

/** Characters of a head that are shown. */
const LONGEST = 1500;

/** Which verdict a case is listed under. */
type Mark = 'failed' | 'non-strict' | 'informational' | 'unimplemented' | 'ok';

const marks: Readonly<Record<Mark, { readonly sign: string; readonly name: string }>> = {
  failed: { sign: '✗', name: 'Failed' },
  'non-strict': { sign: '≈', name: 'Non-strict' },
  unimplemented: { sign: '∅', name: 'Unimplemented' },
  informational: { sign: 'i', name: 'Informational' },
  ok: { sign: '✓', name: 'OK' },
};

function markOf({ passed, behavior }: CaseResult): Mark {
  if (behavior === 'UNIMPLEMENTED') return 'unimplemented';
  if (!passed) return 'failed';
  if (behavior === 'NON-STRICT') return 'non-strict';
  return behavior === 'INFORMATIONAL' ? 'informational' : 'ok';
}

/**
 * Text of anybody as text of a page: markup has no effect, and characters that cannot be seen or that turn the direction
 * of what follows are written as their numbers.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
    .replace(/[^\P{C}\n]|[\u2028\u2029]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}

const text = escapeHtml;
const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
/** Octets in pairs of digits. */
const hexOf = (digits: string): string => (digits.match(/../g) ?? []).join(' ');

/** `6455 §5.2` as a link into the RFC; the page is complete without it. */
function sectionLink(section: string): string {
  const [, rfc, number] = /^(\d{4}) §([\d.]+)$/.exec(section) ?? [];
  if (rfc === undefined) return text(section);
  return `<a href="https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number}" rel="noreferrer">RFC ${text(section)}</a>`;
}

/** The whole page. @param results of any number of agents, in order */
export function html(results: readonly CaseResult[]): string {
  const agents = [...new Set(results.map(({ agent }) => agent))];
  const groups = [...new Set(results.map(({ id }) => groupOf(id)))];
  const failed = results.filter((one) => ['failed', 'unimplemented'].includes(markOf(one))).length;
  const summary =
    results.length === 0
      ? 'No case ran.'
      : `${plural(results.length, 'result')} of ${plural(agents.length, 'implementation')}: ${
          failed === 0 ? 'all passed' : `${failed} not passed`
        }.`;
  const started = results.map((one) => one.started).sort()[0] ?? '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>WebSocket conformance</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Skip"><a class="skip" href="#matrix">To the matrix</a> <a class="skip" href="#filter">To the filter</a> <a class="skip" href="#cases">To the cases</a></nav>
<header>
<h1>WebSocket conformance</h1>
<p>${text(summary)}${started === '' ? '' : ` Begun <time datetime="${text(started)}">${text(started.replace('T', ' ').slice(0, 16))} UTC</time>.`}</p>
</header>
<main>
${matrix(results, agents, groups)}
${filter(results)}
<section id="cases" tabindex="-1" aria-labelledby="cases-title">
<h2 id="cases-title">Cases</h2>
${agents.map((agent, i) => agentSection(agent, i, results)).join('\n')}
</section>
</main>
</body>
</html>
`;
}

function matrix(
  results: readonly CaseResult[],
  agents: readonly string[],
  groups: readonly string[],
): string {
  const head = agents.map((agent) => `<th scope="col"><bdi>${text(agent)}</bdi></th>`).join('');
  const rows = groups.map((group) => {
    const cells = agents.map((agent, i) =>
      cell(
        results.filter((one) => one.agent === agent && groupOf(one.id) === group),
        `a${i}-g${group}`,
      ),
    );
    return `<tr><th scope="row"><span class="id">${text(group)}</span> ${text(titles[group] ?? '')}</th>${cells.join('')}</tr>`;
  });
  const sums = agents.map((agent) => {
    const own = results.filter((one) => one.agent === agent);
    return `<td>${own.filter((one) => one.passed).length} of ${own.length}</td>`;
  });
  return `<section id="matrix" tabindex="-1" aria-labelledby="matrix-title">
<h2 id="matrix-title">Implementations and groups</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="matrix-title">
<table class="matrix">
<thead><tr><th scope="col">Group</th>${head}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
<tfoot><tr><th scope="row">Passed</th>${sums.join('')}</tr></tfoot>
</table>
</div>
</section>`;
}

/** Passed of all; what is worst gives it its sign. */
function cell(list: readonly CaseResult[], anchor: string): string {
  if (list.length === 0) return '<td class="none">not run</td>';
  const count = (mark: Mark): number => list.filter((one) => markOf(one) === mark).length;
  const worst =
    (Object.keys(marks) as Mark[]).find((mark) => count(mark) > 0 && mark !== 'informational') ?? 'ok';
  const passed = list.filter((one) => one.passed).length;
  const notes = (['failed', 'unimplemented', 'non-strict', 'informational'] as const)
    .filter((mark) => count(mark) > 0)
    .map((mark) => `<small>${count(mark)} ${marks[mark].name.toLowerCase()}</small>`);
  const score = passed === list.length ? `${passed}` : `${passed} of ${list.length}`;
  return `<td class="${worst}"><a href="#${anchor}"><span class="sign" aria-hidden="true">${marks[worst].sign}</span>${score}</a>${notes.join('')}</td>`;
}

function filter(results: readonly CaseResult[]): string {
  const choices: (readonly [string, string, number])[] = [
    ['all', 'All', results.length],
    ['noted', 'All but OK', results.filter((one) => markOf(one) !== 'ok').length],
    ...(Object.keys(marks) as Mark[]).map((mark): [string, string, number] => [
      mark,
      marks[mark].name,
      results.filter((one) => markOf(one) === mark).length,
    ]),
    ['flaky', 'Changed when run again', results.filter(({ flaky }) => flaky).length],
  ];
  const radios = choices.map(
    ([value, name, count], i) =>
      `<label><input type="radio" name="show" value="${value}" id="show-${value}"${i === 0 ? ' checked' : ''}> ${name} <small>${count}</small></label>`,
  );
  return `<form id="filter" tabindex="-1" aria-labelledby="filter-title">
<fieldset><legend id="filter-title">Show cases</legend>${radios.join('\n')}</fieldset>
</form>`;
}

function agentSection(agent: string, index: number, results: readonly CaseResult[]): string {
  const own = results.filter((one) => one.agent === agent);
  const groups = [...new Set(own.map(({ id }) => groupOf(id)))];
  const sections = groups.map((group) => {
    const list = own.filter(({ id }) => groupOf(id) === group);
    const there = [...new Set(list.flatMap((one) => classesOf(one)))].map((name) => `has-${name}`).join(' ');
    return `<section class="group ${there}" aria-labelledby="a${index}-g${group}">
<h4 id="a${index}-g${group}" tabindex="-1"><span class="id">${text(group)}</span> ${text(titles[group] ?? '')} <small><bdi>${text(agent)}</bdi></small></h4>
${list.map((one) => caseDetails(one, `a${index}-c${one.id}`)).join('\n')}
</section>`;
  });
  return `<section class="agent"><h3><bdi>${text(agent)}</bdi> <small>as ${own[0]!.peer}</small></h3>
${sections.join('\n')}
</section>`;
}

function classesOf(one: CaseResult): string[] {
  const mark = markOf(one);
  return [mark, ...(mark === 'ok' ? [] : ['noted']), ...(one.flaky ? ['flaky'] : [])];
}

function caseDetails(one: CaseResult, anchor: string): string {
  const mark = markOf(one);
  const subgroup = titles[one.id.split('.').slice(0, 2).join('.')];
  const flags = [
    ...(one.flaky ? ['changed when run again'] : one.rerun ? ['run again, with more time'] : []),
    ...(one.omitted > 0 ? [`${plural(one.omitted, 'entry').replace('entrys', 'entries')} not kept`] : []),
  ];
  return `<details class="case ${classesOf(one).join(' ')}" id="${anchor}">
<summary><span class="badge ${mark}"><span aria-hidden="true">${marks[mark].sign}</span> ${marks[mark].name}</span> <span class="id">${text(one.id)}</span> ${text(one.description)}</summary>
<div class="body">
<dl>
${row('Rule', `${sectionLink(one.section)}, ${text(one.level)}${one.covers.length === 0 ? '' : `; ${text(one.covers.join(', '))}`}${subgroup === undefined ? '' : `. ${text(subgroup)}`}`)}
${row('Expected', text(one.expectation))}
${row('Behavior', `<b>${text(one.behavior)}</b> ${text(one.result)}`)}
${row('Close', `<b>${text(one.behaviorClose)}</b> ${text(one.resultClose)}`)}
${flags.length === 0 ? '' : row('Note', text(flags.join('; ')))}
${row('Run it again', `<code>${text(one.command)}</code>`)}
</dl>
${comparison(one)}
${timeline(one)}
</div>
</details>`;
}

const row = (name: string, value: string): string => `<dt>${name}</dt><dd>${value}</dd>`;

function comparison(one: CaseResult): string {
  const wanted = Object.entries(one.expected).map(
    ([name, events]) =>
      `${name === 'OK' ? '' : `<p><b>${text(name)}</b>, tolerated:</p>`}${eventList(events)}`,
  );
  const { by, codes, clean } = one.expectedClose;
  const { close } = one;
  const asked = `${by === 'any' ? 'Either side' : `The ${by}`} closes first, with ${
    codes === 'any' ? 'any code' : `${codes.join(' or ')}, or none`
  }${clean ? '; the closing handshake is complete' : ''}.`;
  const came = [
    close.first === null ? 'No Close frame came or went' : `The ${close.first} closed first`,
    ...(close.sent === null ? [] : [`the judge sent ${closeText(close.sent)}`]),
    ...(close.received === null ? [] : [`the peer sent ${closeText(close.received)}`]),
    ...(close.endedBy === null ? [] : [`the ${close.endedBy} ended TCP first`]),
    ...(close.uncleanReason === null ? [] : [`not clean: ${close.uncleanReason}`]),
  ];
  return `<div class="wide" tabindex="0" role="region" aria-label="Expected and actual, case ${text(one.id)}"><table class="compare">
<thead><tr><th></th><th scope="col">Expected</th><th scope="col">Actual</th></tr></thead>
<tbody><tr><th scope="row">Events</th><td>${wanted.length === 0 ? 'not compared one by one' : wanted.join('')}</td><td>${eventList(one.received)}</td></tr>
<tr><th scope="row">Close</th><td>${text(asked)}</td><td>${text(`${came.join('; ')}.`)}</td></tr></tbody>
</table></div>`;
}

function closeText({ code, reason }: ShownClose): string {
  return `${code ?? 'no code'}${reason === '' ? '' : ` "${reason}"`}`;
}

function eventList(events: readonly ShownEvent[]): string {
  if (events.length === 0) return '<p>none</p>';
  const shown = events.slice(0, 12).map((event) => {
    const name = event[0] === 'message' ? (event[2] ? 'binary message' : 'text message') : event[0];
    return `<li>${name} <code>${text(event[1])}</code></li>`;
  });
  const rest = events.length > 12 ? `<li>and ${events.length - 12} more</li>` : '';
  return `<ol>${shown.join('')}${rest}</ol>`;
}

function timeline(one: CaseResult): string {
  const { id, timeline: entries } = one;
  const [first, last] = shownEntries(markOf(one));
  const skipped = `<tr><td colspan="4" class="skipped">${entries.length - first - last} entries more are in the JSON report</td></tr>`;
  const rows =
    entries.length > first + last
      ? [...entries.slice(0, first).map(entryRow), skipped, ...entries.slice(-last).map(entryRow)]
      : entries.map(entryRow);
  return `<div class="wide" tabindex="0" role="region" aria-label="Timeline of case ${text(id)}"><table class="timeline">
<caption>Timeline</caption>
<thead><tr><th scope="col">ms</th><th scope="col">by</th><th scope="col">what</th><th scope="col">octets in hex</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

function entryRow(entry: TimelineEntry): string {
  const { at, by, kind } = entry;
  const arrow = by === 'judge' ? 'judge →' : '← peer';
  const octets = entry.hex === undefined || entry.hex === '' ? '' : `<code>${hexOf(entry.hex)}</code>`;
  const more =
    entry.hex !== undefined && entry.length !== undefined && entry.length > entry.hex.length / 2
      ? ` <small>… ${entry.length} in all</small>`
      : '';
  return `<tr class="${kind} by-${by}"><td class="at">${at.toFixed(2)}</td><td class="by">${arrow}</td><td>${whatOf(entry)}</td><td>${octets}${more}</td></tr>`;
}

function whatOf({ kind, text: words, length, frame }: TimelineEntry): string {
  if (kind === 'http') {
    const head = words.replaceAll('\r\n', '\n').trimEnd();
    const rest = head.length > LONGEST ? `<small>… ${head.length} characters in all</small>` : '';
    return `<pre>${text(head.slice(0, LONGEST))}</pre>${rest}`;
  }
  if (kind === 'octets') return `${text(words)} ${plural(length ?? 0, 'octet')}`;
  if (frame === undefined) return text(words);
  const key = frame.key === null ? 'not masked' : `masked with ${hexOf(frame.key)}`;
  const fin = frame.fin ? 'FIN, ' : '';
  return `<b>frame</b> ${text(words)} <small>${fin}${key}</small>`;
}
