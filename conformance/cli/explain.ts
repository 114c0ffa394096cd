/**
 * Implements `conform list` and `conform explain`, which describe cases in words.
 */

import { describeSteps } from '../case/describe.ts';
import type { Case, CloseExpectation } from '../case/model.ts';
import { allCases, groupOf, isAutobahn, titles } from '../cases.ts';
import { describeEvents } from '../run/verdict.ts';

/** Which kind of peer the case tests. */
const whom = ({ against }: Case): string => (against === undefined ? 'both' : `${against}s`);

/** Returns one line for each case. */
export function listed(cases: readonly Case[]): string {
  return cases
    .map((one) => `${[one.id, one.section, one.level, whom(one), one.description].join('\t')}\n`)
    .join('');
}

const failures: Readonly<Record<Case['level'], string>> = {
  MUST: 'FAILED',
  SHOULD: 'NON-STRICT: the case passes, with this mark',
  MAY: 'INFORMATIONAL: the case passes, and the report says what the peer did',
};

/** Returns the address of a section such as `6455 §5.2`, or '' if the text is not a section. */
function addressOf(section: string): string {
  const [, rfc, number] = /^(\d{4}) §([\d.]+)$/.exec(section) ?? [];
  return rfc === undefined ? '' : ` https://www.rfc-editor.org/rfc/rfc${rfc}#section-${number}`;
}

function closeWords({ by, codes, clean }: CloseExpectation): string {
  const who = by === 'any' ? 'either side closes first' : `the ${by} closes first`;
  const what = codes === 'any' ? 'with any code' : `with ${codes.join(' or ')}, or without a code`;
  return `${who}; the peer closes ${what}${clean ? '; the closing handshake is complete, and the server ends TCP' : ', or ends TCP'}`;
}

/** Describes one case, in several lines. */
export function explained(one: Case): string {
  const { id, section, level, steps, expect, deflate, request, response } = one;
  const subgroup = titles[id.split('.').slice(0, 2).join('.')];
  const title = [titles[groupOf(id)], subgroup].filter((part) => part !== undefined).join(': ');
  const second = expect.events?.['NON-STRICT'];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['rule', `RFC ${section}, ${level}.${addressOf(section)}`],
    ['for', `${whom(one)}${isAutobahn(id) ? "; one of Autobahn's 517 cases" : ''}`],
    ['does', one.description],
    ['expects', one.expectation],
    ['request', request && JSON.stringify(request)],
    ['answer', response && JSON.stringify(response)],
    ['offers', deflate && (deflate.answer ?? deflate.offer)],
    ['sends', steps.length === 0 ? undefined : describeSteps(steps)],
    ['events', expect.events && describeEvents(expect.events.OK)],
    ['tolerated', second && `${describeEvents(second)}, as NON-STRICT`],
    ['close', expect.answer === undefined ? closeWords(expect.close) : undefined],
    [
      'otherwise',
      one.informational === true ? 'no verdict: the case only reports what the peer does' : failures[level],
    ],
    [
      'applies',
      deflate === undefined || deflate.optional === false
        ? undefined
        : `to peers that agree to permessage-deflate${deflate.needs === 'takeover' ? ' with context takeover' : ''}; for other peers, the case is not applicable`,
    ],
    ['touches', one.covers === undefined ? undefined : `${one.covers.join(', ')} of the requirements`],
    [
      'run it',
      `npx rfc6455 conform ${one.against === 'client' ? "client --run '<command>'" : 'server <url>'} --cases ${id}`,
    ],
  ];
  const lines = rows.flatMap(([name, words]) =>
    words === undefined ? [] : [`  ${name.padEnd(10)} ${words}\n`],
  );
  return `${id}  ${title}\n${lines.join('')}`;
}

/** Returns the cases with these ids, in this order, or the first id for which there is no case. */
export function casesNamed(ids: readonly string[]): readonly Case[] | string {
  const found = ids.map((id) => allCases.find((one) => one.id === id) ?? id);
  return found.find((one): one is string => typeof one === 'string') ?? (found as Case[]);
}
