/**
 * Writes the report as one HTML page: the verdict, the failed cases, the groups, and a list of all cases. The page needs no network and no
 * mouse. It also works without its script, which only searches and sorts. The rows are details elements, and the filter is made of radio
 * buttons and CSS.
 */

import { groupOf, titles } from '../cases.ts';
import type { CaseResult } from '../run/result.ts';
import { caseDetails, escapeHtml, type Mark, markOf, marks, plural, reasonOf } from './html-case.ts';
import { script, scriptHash } from './html-script.ts';
import { style } from './html-style.ts';
import { reportFile } from './index-json.ts';
import { countsOf } from './texts.ts';

export { escapeHtml } from './html-case.ts';

const text = escapeHtml;
/** Separates thousands: 1052 → 1,052. */
const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const order = Object.keys(marks) as Mark[];

/** Returns the whole page. @param results the results of any number of agents, in order */
export function html(results: readonly CaseResult[]): string {
  const agents = [...new Set(results.map(({ agent }) => agent))];
  const of = (agent: string): CaseResult[] => results.filter((one) => one.agent === agent);
  const started = results.map((one) => one.started).sort()[0] ?? '';
  const when =
    started === ''
      ? ''
      : ` <time datetime="${text(started)}">${text(started.replace('T', ' ').slice(0, 16))} UTC</time>`;
  const failed = countsOf(results).failed;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src '${scriptHash}'">
<title>${failed === 0 ? 'Passed' : `${grouped(failed)} failed`}: WebSocket conformance</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Skip"><a class="skip" href="#cases">To all cases</a> <a class="skip" href="#groups">To the groups</a></nav>
<header><h1>WebSocket conformance</h1>${when}</header>
<main>
${agents.length === 0 ? '<p>No case ran.</p>' : agents.map((agent) => verdict(agent, of(agent))).join('\n')}
${agents.map((agent, i) => findings(of(agent), i, agents.length > 1)).join('\n')}
${agents.length === 0 ? '' : `${allCases(results, agents)}\n${matrix(results, agents)}`}
</main>
${script}
</body>
</html>
`;
}

/** Writes the headline and a bar. */
function verdict(agent: string, own: readonly CaseResult[]): string {
  const { failed, applicable } = countsOf(own);
  const figure =
    failed > 0
      ? `<strong>${grouped(failed)} failed</strong> of ${plural(applicable, 'case').replace(String(applicable), grouped(applicable))}`
      : applicable === 0
        ? '<strong>Nothing applies</strong>'
        : `<strong>${applicable === 1 ? 'The one case' : `All ${grouped(applicable)}`} passed</strong>`;
  const counts = order
    .map((mark) => [mark, own.filter((one) => markOf(one) === mark).length] as const)
    .filter(([, count]) => count > 0);
  const wording: Readonly<Record<Mark, string>> = {
    failed: 'failed',
    'non-strict': 'non-strict',
    informational: 'informational',
    'not-applicable': 'not applicable',
    ok: 'OK',
  };
  const segments = [...counts]
    .reverse()
    .map(([mark, count]) => `<span class="${mark}" style="flex-grow:${count}"></span>`);
  const legend = [...counts]
    .reverse()
    .map(
      ([mark, count]) =>
        `<li class="${mark}"><span class="sign" aria-hidden="true">${marks[mark].sign}</span> ${grouped(count)} ${wording[mark]}</li>`,
    );
  return `<section class="verdict ${failed > 0 ? 'failed' : 'ok'}">
<h2><bdi>${text(agent)}</bdi> <small>as a ${own[0]!.peer}</small></h2>
<p class="figure">${figure}</p>
<div class="bar" aria-hidden="true">${segments.join('')}</div>
<ul class="legend">${legend.join('')}</ul>
</section>`;
}

/** Writes the failed cases with their reasons. Then writes lists of the other cases that are not OK. A click opens a list. */
function findings(own: readonly CaseResult[], index: number, named: boolean): string {
  const agent = named ? ` <small><bdi>${text(own[0]!.agent)}</bdi></small>` : '';
  const of = (mark: Mark): CaseResult[] => own.filter((one) => markOf(one) === mark);
  const rows = (list: readonly CaseResult[]): string =>
    list.map((one) => caseDetails(one, `a${index}-d${one.id}`)).join('\n');
  const failed = of('failed');
  const groups = [...new Set(failed.map(({ id }) => groupOf(id)))].map((group) => {
    const list = failed.filter(({ id }) => groupOf(id) === group);
    return `<h3><span class="id">${text(group)}</span> ${text(titles[group] ?? '')} <small>${list.length}</small></h3>\n${rows(list)}`;
  });
  const told =
    failed.length === 0
      ? ''
      : `<section class="failures"><h2>What failed${agent}</h2>\n${groups.join('\n')}\n</section>`;
  const notes = (['non-strict', 'informational', 'not-applicable'] as const)
    .filter((mark) => of(mark).length > 0)
    .map((mark) => {
      const list = of(mark);
      // Cases that do not apply say nothing about the behaviour of the peer. So they have one line for each reason, and no details.
      const inside = mark === 'not-applicable' ? notApplicable(list) : rows(list);
      return `<details class="notes"><summary>${text(marks[mark].name)}: ${plural(list.length, 'case')}${agent}</summary>\n${inside}\n</details>`;
    });
  return [told, ...notes].join('\n');
}

/** Writes each reason why cases do not apply, with these cases. */
function notApplicable(list: readonly CaseResult[]): string {
  const reasons = [...new Set(list.map(({ result }) => result))];
  return reasons
    .map((reason) => {
      const ids = list.filter(({ result }) => result === reason).map(({ id }) => id);
      return `<p>${text(reason)} ${text(ids.join(', '))}</p>`;
    })
    .join('\n');
}

function matrix(results: readonly CaseResult[], agents: readonly string[]): string {
  const groups = [...new Set(results.map(({ id }) => groupOf(id)))];
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
  return `<section id="groups" tabindex="-1" aria-labelledby="groups-title">
<h2 id="groups-title">Groups</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="groups-title">
<table class="matrix">
<thead><tr><th scope="col">Group</th>${head}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</div>
</section>`;
}

/** Writes how many of the applicable cases of a group have passed. The worst verdict of the group determines the sign. */
function cell(list: readonly CaseResult[], anchor: string): string {
  if (list.length === 0) return '<td class="none">not run</td>';
  const count = (mark: Mark): number => list.filter((one) => markOf(one) === mark).length;
  const { passed, applicable } = countsOf(list);
  const worst =
    applicable === 0
      ? 'not-applicable'
      : (order.find((mark) => count(mark) > 0 && !['informational', 'not-applicable'].includes(mark)) ??
        'ok');
  const notes = order
    .filter((mark) => mark !== 'ok' && count(mark) > 0)
    .map((mark) => `<small>${count(mark)} ${marks[mark].name.toLowerCase()}</small>`);
  const score = passed === applicable ? `${passed}` : `${passed} of ${applicable}`;
  const link = `<a href="#${anchor}"><span class="sign" aria-hidden="true">${marks[worst].sign}</span>${applicable === 0 ? '' : score}</a>`;
  return `<td class="${worst}">${link}${notes.join('')}</td>`;
}

/** Writes the list of all cases. A click opens the list. */
function allCases(results: readonly CaseResult[], agents: readonly string[]): string {
  const named = agents.length > 1;
  const rows = agents.flatMap((agent, index) => {
    const own = results.filter((one) => one.agent === agent);
    const groups = [...new Set(own.map(({ id }) => groupOf(id)))];
    return groups.flatMap((group) => {
      const name = `a${index}-g${group}`;
      const list = own.filter(({ id }) => groupOf(id) === group);
      const there = [...new Set(list.flatMap(classesOf))].map((mark) => `has-${mark}`).join(' ');
      const title = `<span class="id">${text(group)}</span> ${text(titles[group] ?? '')}${named ? ` <small><bdi>${text(agent)}</bdi></small>` : ''}`;
      return [
        `<tr class="group ${there}" data-g="${name}" id="${name}"><th colspan="5" scope="rowgroup">${title}</th></tr>`,
        ...list.map((one) => tableRow(one, index, name)),
      ];
    });
  });
  return `<details id="cases">
<summary>All ${grouped(results.length)} ${results.length === 1 ? 'case' : 'cases'}</summary>
${filter(results)}
<div id="tools" hidden><label>Search <input type="search" id="search" placeholder="id, words, §"></label> <output id="count"></output></div>
<div class="wide" tabindex="0" role="region" aria-label="All cases"><table class="all" id="table">
<thead><tr><th scope="col" data-k="v">Verdict</th><th scope="col" data-k="id">Case</th><th scope="col">What is sent, and expected</th><th scope="col" data-k="rule">Rule</th><th scope="col" data-k="ms">ms</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>
</details>`;
}

function classesOf(one: CaseResult): string[] {
  return [markOf(one), ...(one.flaky ? ['flaky'] : [])];
}

function tableRow(one: CaseResult, index: number, group: string): string {
  const mark = markOf(one);
  const isTold = mark !== 'ok' && mark !== 'not-applicable';
  const link = isTold ? `#a${index}-d${one.id}` : reportFile(one.agent, one.id);
  const why = mark === 'ok' ? '' : `<small class="why">${text(reasonOf(one))}</small>`;
  return `<tr class="row ${classesOf(one).join(' ')}" data-g="${group}" data-v="${order.indexOf(mark)}"><td class="v">${marks[mark].sign} ${marks[mark].name}</td><td class="id"><a href="${text(link)}">${text(one.id)}</a></td><td>${text(one.description)}${why}<small>${text(one.expectation)}</small></td><td class="rule">${text(one.section)}</td><td class="ms">${one.duration}</td></tr>`;
}

function filter(results: readonly CaseResult[]): string {
  const choices: readonly (readonly [string, string, number])[] = [
    ['all', 'All', results.length],
    ...order.map((mark): [string, string, number] => [
      mark,
      marks[mark].name,
      results.filter((one) => markOf(one) === mark).length,
    ]),
    ['flaky', 'Changed when run again', results.filter(({ flaky }) => flaky).length],
  ];
  const radios = choices
    .filter(([value, , count]) => count > 0 || value === 'all')
    .map(
      ([value, name, count]) =>
        `<label><input type="radio" name="show" value="${value}" id="show-${value}"${value === 'all' ? ' checked' : ''}> ${name} <small>${grouped(count)}</small></label>`,
    );
  return `<form id="filter"><fieldset><legend>Show</legend>${radios.join('\n')}</fieldset></form>`;
}
