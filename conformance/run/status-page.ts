/**
 * The page that a browser gets from the driver. The page explains the driver, and shows the results so far.
 */

import type { CaseResult } from './result.ts';

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!);

/** Returns a page with one line for each agent. */
export function statusPage(results: ReadonlyMap<string, ReadonlyMap<string, CaseResult>>): string {
  const lines = [...results].map(([agent, list]) => {
    const passed = [...list.values()].filter((result) => result.passed).length;
    return `<li>${escapeHtml(agent)}: ${passed} of ${list.size} cases passed</li>`;
  });
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>WebSocket conformance</title></head>
<body><h1>WebSocket conformance</h1>
<p>Clients under test connect to /getCaseCount, /runCase?case=N&amp;agent=NAME and /updateReports?agent=NAME.</p>
<ul>${lines.join('')}</ul></body></html>`;
}
