/**
 * Writes one case of the HTML report with its details: its rule, what was expected, what arrived, and its timeline. Markup in the data of a
 * peer has no effect, because all data are escaped.
 */

import { titles } from '../cases.ts';
import type { CaseResult, ShownClose, ShownEvent } from '../run/result.ts';
import type { TimelineEntry } from '../run/timeline.ts';
import { isNotApplicable } from './texts.ts';

/** The numbers of entries that are shown from the start and from the end of a long timeline. */
const SHOWN: readonly [first: number, last: number] = [40, 15];

/** The number of characters of a head that are shown. */
const LONGEST = 1500;

/** The verdict under which a case is listed. */
export type Mark = 'failed' | 'non-strict' | 'informational' | 'not-applicable' | 'ok';

/** The verdicts, from the worst to the best. */
export const marks: Readonly<Record<Mark, { readonly sign: string; readonly name: string }>> = {
  failed: { sign: '✗', name: 'Failed' },
  'non-strict': { sign: '≈', name: 'Non-strict' },
  informational: { sign: 'i', name: 'Informational' },
  'not-applicable': { sign: '∅', name: 'Not applicable' },
  ok: { sign: '✓', name: 'OK' },
};

export function markOf(one: CaseResult): Mark {
  if (!one.passed) return 'failed';
  if (isNotApplicable(one)) return 'not-applicable';
  if (one.behavior === 'NON-STRICT') return 'non-strict';
  return one.behavior === 'INFORMATIONAL' ? 'informational' : 'ok';
}

/**
 * Escapes a text for a page, so that markup in the text has no effect. Invisible characters, and characters that change the writing
 * direction, become the numbers of their code points.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
    .replace(/[^\P{C}\n]|[\u2028\u2029]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}

const text = escapeHtml;
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
/** Writes hex digits in pairs. */
const hexOf = (digits: string): string => (digits.match(/../g) ?? []).join(' ');

/** Writes a section such as `6455 §5.2` as a link to the RFC. A reader without a network needs no link to understand the page. */
export function sectionLink(section: string): string {
  const [, rfc, number] = /^(\d{4}) §([\d.]+)$/.exec(section) ?? [];
  if (rfc === undefined) return text(section);
  return `<a href="https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number}" rel="noreferrer">RFC ${text(section)}</a>`;
}

/** Explains the verdict of a case in one or two sentences. */
export function reasonOf({ behavior, result, resultClose, behaviorClose, violation }: CaseResult): string {
  // `resultClose` would repeat the same fact.
  if (violation !== null) return result;
  const fine = behavior === 'OK' || result === resultClose;
  const closeFine = behaviorClose === 'OK' || behaviorClose === 'INFORMATIONAL';
  if (fine) return closeFine && behavior === 'OK' ? result : resultClose;
  return closeFine ? result : `${result} ${resultClose}`;
}

/** Writes a case as a row. A click on the row opens the details. */
export function caseDetails(one: CaseResult, anchor: string): string {
  const mark = markOf(one);
  const subgroup = titles[one.id.split('.').slice(0, 2).join('.')];
  const flags = [
    ...(one.flaky ? ['changed when run again'] : one.rerun ? ['run again, with more time'] : []),
    ...(one.omitted > 0 ? [`${plural(one.omitted, 'entry').replace('entrys', 'entries')} not kept`] : []),
  ];
  return `<details class="case ${mark}" id="${anchor}">
<summary><span class="id">${text(one.id)}</span><span class="why">${text(reasonOf(one))}</span><span class="rule">${text(one.section)} ${text(one.level)}</span><span class="what">${text(one.description)}</span></summary>
<div class="body">
<dl>
${row('Rule', `${sectionLink(one.section)}, ${text(one.level)}${one.covers.length === 0 ? '' : `; ${text(one.covers.join(', '))}`}${subgroup === undefined ? '' : `. ${text(subgroup)}`}`)}
${row('Expected', text(one.expectation))}
${row('Behavior', `<b>${text(one.behavior)}</b> ${text(one.result)}`)}
${row('Close', `<b>${text(one.behaviorClose)}</b>${one.resultClose === one.result ? '' : ` ${text(one.resultClose)}`}`)}
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
  const [first, last] = SHOWN;
  const skipped = `<tr><td colspan="4" class="skipped">${entries.length - first - last} entries more are in the JSON report</td></tr>`;
  const rows =
    entries.length > first + last
      ? [...entries.slice(0, first).map(entryRow), skipped, ...entries.slice(-last).map(entryRow)]
      : entries.map(entryRow);
  return `<div class="wide" tabindex="0" role="region" aria-label="Timeline of case ${text(id)}"><table class="timeline">
<caption>Timeline</caption>
<thead><tr><th scope="col">ms</th><th scope="col">by</th><th scope="col">what</th><th scope="col">bytes in hex</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

function entryRow(entry: TimelineEntry): string {
  const { at, by, kind } = entry;
  const arrow = by === 'judge' ? 'judge →' : '← peer';
  const bytes = entry.hex === undefined || entry.hex === '' ? '' : `<code>${hexOf(entry.hex)}</code>`;
  const more =
    entry.hex !== undefined && entry.length !== undefined && entry.length > entry.hex.length / 2
      ? ` <small>… ${entry.length} in all</small>`
      : '';
  return `<tr class="${kind} by-${by}"><td class="at">${at.toFixed(2)}</td><td class="by">${arrow}</td><td>${whatOf(entry)}</td><td>${bytes}${more}</td></tr>`;
}

function whatOf({ kind, text: words, length, frame }: TimelineEntry): string {
  if (kind === 'http') {
    const head = words.replaceAll('\r\n', '\n').trimEnd();
    const rest = head.length > LONGEST ? `<small>… ${head.length} characters in all</small>` : '';
    return `<pre>${text(head.slice(0, LONGEST))}</pre>${rest}`;
  }
  if (kind === 'bytes') return `${text(words)} ${plural(length ?? 0, 'byte')}`;
  if (frame === undefined) return text(words);
  const key = frame.key === null ? 'not masked' : `masked with ${hexOf(frame.key)}`;
  const fin = frame.fin ? 'FIN, ' : '';
  return `<b>frame</b> ${text(words)} <small>${fin}${key}</small>`;
}
