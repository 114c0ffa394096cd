/**
 * Autobahn's group 7: the closing handshake, RFC 6455 §5.5.1 and §7.
 */

import type { Case, Step } from '../case/model.ts';
import { hex, repeated } from '../case/payload.ts';
import { close, continuation, failAfter, frame, messageEvent, ping, text } from '../case/steps.ts';
import { type Common, closes, expects, tells } from './build.ts';

const order: Common = { section: '6455 §5.5.1', covers: ['C3', 'C4', 'C5', 'C10', 'C11', 'C17', 'F5'] };
const payloads: Common = { section: '6455 §5.5.1', covers: ['C1'] };
const codes: Common = { section: '6455 §7.4', covers: ['C4', 'C22', 'C24'] };
const badCodes: Common = { section: '6455 §7.4', covers: ['C23', 'C24'] };
const hello = 'Hello World!';
const end = failAfter(1);

/** Options of a case in which the peer may fail the connection. So the closing handshake need not be complete. */
const refused = (...allowed: number[]): { codes: number[]; clean: boolean } => ({
  codes: allowed,
  clean: false,
});

function orderOfFrames(): Case[] {
  const greeting = messageEvent('text', hello);
  // 7.1.1 is the only case of this subgroup in which the peer echoes a message.
  const first = expects('7.1.1', order, [text(hello), end], greeting);
  const behind = (id: string, ...steps: Step[]): Case => closes(id, order, [...steps, end]);
  return [
    { ...first, expect: { ...first.expect, wrongCodeFails: true } },
    behind('7.1.2', close(1000), frame(8)),
    behind('7.1.3', close(1000), ping()),
    behind('7.1.4', close(1000), text(hello)),
    behind('7.1.5', text('fragment1', { fin: false }), close(1000), continuation('fragment2')),
    tells(
      '7.1.6',
      order,
      [text(repeated('BAsd7&jh23', 262_144)), text(hello), close(1000), ping(), end],
      [greeting],
    ),
  ];
}

function closePayloads(): Case[] {
  const bad = hex('cebae1bdb9cf83cebcceb5eda080656469746564');
  return [
    closes('7.3.1', payloads, [close(), end]),
    closes('7.3.2', payloads, [close(Buffer.from('a')), end], refused(1002)),
    closes('7.3.3', payloads, [close(1000), end]),
    closes('7.3.4', payloads, [close(1000, 'Hello World!'), end]),
    closes('7.3.5', payloads, [close(1000, '*'.repeat(123)), end]),
    closes('7.3.6', payloads, [close(1000, '*'.repeat(124)), end], refused(1002)),
    closes('7.5.1', payloads, [close(1000, bad), end], refused(1002, 1007)),
  ];
}

/** The cases of group 7, in order. */
export const closingCases: readonly Case[] = [
  ...orderOfFrames(),
  ...closePayloads(),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code, i) =>
    closes(`7.7.${i + 1}`, codes, [close(code), end], { codes: [...new Set([1000, code])] }),
  ),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code, i) =>
    closes(`7.9.${i + 1}`, badCodes, [close(code), end], refused(1002)),
  ),
  ...[5000, 65_535].map((code, i) =>
    tells(`7.13.${i + 1}`, badCodes, [close(code), end], [], refused(1000, code, 1002)),
  ),
];
