/**
 * Writes all reports of a run as files of a folder. Also lists the formats that can be written as one text.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult } from '../run/result.ts';
import { html } from './html.ts';
import { caseJson, indexJson, reportFile } from './index-json.ts';
import { json, junit, markdown, tap } from './texts.ts';

/** A report that is one text. */
export type ReportFormat = 'junit' | 'tap' | 'json' | 'md';

/**
 * The reports that are one text, each with the name of its file. `json` has no file, because index.json and the files of the cases contain
 * more.
 */
export const formats: Readonly<
  Record<
    ReportFormat,
    { readonly write: (results: readonly CaseResult[]) => string; readonly file: string | null }
  >
> = {
  junit: { write: junit, file: 'junit.xml' },
  tap: { write: tap, file: 'report.tap' },
  json: { write: json, file: null },
  md: { write: markdown, file: 'report.md' },
};

/**
 * Writes index.json, one JSON file for each case, junit.xml, report.tap, report.md and report.html.
 * @param more maps the names of further files to their contents
 */
export function writeReports(
  folder: string,
  results: readonly CaseResult[],
  more: Readonly<Record<string, string>> = {},
): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(more)) writeFileSync(join(folder, name), text);
  if (results.length === 0 && Object.keys(more).length > 0) return;
  for (const [i, result] of results.entries()) {
    writeFileSync(join(folder, reportFile(result.agent, result.id)), caseJson(result, i + 1));
  }
  writeFileSync(join(folder, 'index.json'), indexJson(results));
  for (const { write, file } of Object.values(formats))
    if (file !== null) writeFileSync(join(folder, file), write(results));
  writeFileSync(join(folder, 'report.html'), html(results));
}
