/**
 * Writes the reports in the format of Autobahn: index.json, and one JSON file for each case. Scripts that read Autobahn's reports can read
 * these files.
 */

import { autobahnIds } from '../cases.ts';
import type { CaseResult } from '../run/result.ts';
import { wirelog } from './wirelog.ts';

/** Returns the name of a report file. For the agent `ws` and the case 12.1.1, the name is `ws_case_12_1_1.json`. */
export function reportFile(agent: string, id: string): string {
  const name = agent
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '_');
  return `${name}_case_${id.replaceAll('.', '_')}.json`;
}

/** Writes JSON with sorted keys and an indentation of three spaces. */
export function sortedJson(value: unknown): string {
  const sort = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(sort);
    if (typeof one !== 'object' || one === null) return one;
    const entries = Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(entries.map(([key, inner]) => [key, sort(inner)]));
  };
  return `${write(sort(value), '')}\n`;
}

// JavaScript puts keys that look like numbers before all other keys of an object. So this function writes the sorted entries of a Map
// itself.
function write(value: unknown, indent: string): string {
  const inner = `${indent}   `;
  if (value instanceof Map) {
    const lines = [...value].map(([key, one]) => `${inner}${JSON.stringify(key)}: ${write(one, inner)}`);
    return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`;
  }
  if (Array.isArray(value)) {
    const lines = value.map((one) => `${inner}${write(one, inner)}`);
    return lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n${indent}]`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Writes index.json, which has a verdict for each case of each agent. */
export function indexJson(results: readonly CaseResult[]): string {
  const index: Record<string, Record<string, unknown>> = {};
  for (const { agent, id, behavior, behaviorClose, duration, close } of results) {
    index[agent] ??= {};
    const remoteCloseCode = close.received?.code ?? null;
    index[agent][id] = {
      behavior,
      behaviorClose,
      duration,
      remoteCloseCode,
      reportfile: reportFile(agent, id),
    };
  }
  return sortedJson(index);
}

/** Writes the report of one case. @param number the position of the case among the selected cases */
export function caseJson(result: CaseResult, number: number): string {
  const { close, expectedClose, peer, id } = result;
  const isServer = peer === 'client';
  const payloadPhase = /^(?:9|12|13)\./.test(id);
  return sortedJson({
    agent: result.agent,
    id,
    case: isServer ? number : (autobahnIds.get(id) ?? number),
    description: result.description,
    expectation: result.expectation,
    section: result.section,
    level: result.level,
    started: result.started,
    duration: result.duration,
    reportTime: payloadPhase,
    reportCompressionRatio: /^1[23]\./.test(id),
    behavior: result.behavior,
    behaviorClose: result.behaviorClose,
    result: result.result,
    resultClose: result.resultClose,
    expected: result.expected,
    received: result.received,
    expectedClose: {
      closedByMe: expectedClose.by === 'judge',
      closeCode: expectedClose.codes === 'any' ? [] : expectedClose.codes,
      requireClean: expectedClose.clean,
    },
    closedByMe: close.first === 'judge',
    failedByMe: result.violation !== null || result.expired.includes('limit'),
    droppedByMe: close.dropped,
    wasClean: close.clean,
    wasNotCleanReason: close.uncleanReason,
    wasServerConnectionDropTimeout: !isServer && result.expired.includes("TCP's end"),
    wasOpenHandshakeTimeout: result.expired.includes('opening handshake'),
    wasCloseHandshakeTimeout: result.expired.includes('closing handshake'),
    localCloseCode: close.sent?.code ?? null,
    localCloseReason: close.sent?.reason ?? null,
    remoteCloseCode: close.received?.code ?? null,
    remoteCloseReason: close.received?.reason ?? null,
    isServer,
    httpRequest: result.request || '?',
    httpResponse: result.answer || '?',
    createStats: true,
    rxOctetStats: result.got.bytes,
    txOctetStats: result.sent.bytes,
    rxFrameStats: result.got.frames,
    txFrameStats: result.sent.frames,
    trafficStats: null,
    createWirelog: !payloadPhase,
    wirelog: wirelog(result.timeline),
    // The following fields are not in Autobahn's files.
    timeline: result.timeline,
    timelineOmitted: result.omitted,
    rerun: result.rerun,
    flaky: result.flaky,
    command: result.command,
  });
}
