/**
 * All reports of a run, as files of a folder.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult } from '../run/result.ts';
import { html } from './html.ts';
import { caseJson, indexJson, reportFile } from './index-json.ts';
import { junit, markdown, tap } from './texts.ts';

/** Writes index.json, a JSON file per case, junit.xml, report.tap, report.md and report.html. */
export function writeReports(folder: string, results: readonly CaseResult[]): void {
  mkdirSync(folder, { recursive: true });
  for (const [i, result] of results.entries()) {
    writeFileSync(join(folder, reportFile(result.agent, result.id)), caseJson(result, i + 1));
  }
  writeFileSync(join(folder, 'index.json'), indexJson(results));
  writeFileSync(join(folder, 'junit.xml'), junit(results));
  writeFileSync(join(folder, 'report.tap'), tap(results));
  writeFileSync(join(folder, 'report.md'), markdown(results));
  writeFileSync(join(folder, 'report.html'), html(results));
}
